"""Orders of one account are made one after another, whatever the number of processes: what two that saw the same
position may not do both is decided here, in the transaction that makes the intent.

`Account.orders_made` counts them. Raising it locks the account's row until the commit, and an order that finds it as it
was before its checks knows, for one statement, that nothing it would have to count was made since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from django.db.models import F

from trading.models import Account, OrderIntent
from trading.orders import compiled
from trading.orders.checks import Finding


class Refused(Exception):
    """What was made since the checks forbids it; nothing is made. `findings` say what, to the trader."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(" ".join(finding.message for finding in self.findings if finding.is_error))


@dataclass(frozen=True)
class Gate:
    """What must still hold when an intent is made.

    `made` is Account.orders_made from before the checks, None when it was not asked for: when others were made since,
    `again` puts the order to its checks once more. `alone` looks, always, for what must not be under way beside it; it
    may raise Refused itself. Both run inside the transaction: they read the database and nothing else.
    """

    made: int | None = None
    again: Callable[[], Iterable[Finding]] = tuple
    alone: Callable[[OrderIntent], Iterable[Finding]] = lambda _: ()


def take(intent: OrderIntent, gate: Gate | None = None) -> None:
    """Wait for an intent's turn in its account, which lasts until the caller's transaction ends. Raises Refused."""
    gate = gate or Gate()
    as_checked = gate.made is not None and begin(intent.account_id, gate.made)
    if not as_checked:
        begin(intent.account_id)
    found = [] if as_checked or gate.made is None else list(gate.again())
    found += gate.alone(intent)
    if any(finding.is_error for finding in found):
        raise Refused(found)


_NEXT: Final = compiled.Change(
    lambda account: Account.objects.filter(pk=account), {"orders_made": F("orders_made") + 1}, account=int
)
_NEXT_AFTER: Final = compiled.Change(
    lambda account, made: Account.objects.filter(pk=account, orders_made=made),
    {"orders_made": F("orders_made") + 1},
    account=int,
    made=int,
)


def begin(account_id: int, made: int | None = None) -> bool:
    """Wait until nobody else makes an order for this account (pk) any more, and keep others waiting until the caller's
    transaction ends. With `made`, only if no more than these were made for it: otherwise False, and nobody waits."""
    if made is None:
        return bool(_NEXT.run(account=account_id))
    return bool(_NEXT_AFTER.run(account=account_id, made=made))
