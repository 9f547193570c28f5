"""Ways out of the market: cancel every order, close one position or all. Each order and position has its own intent.

What is there is read from Tradovate's own lists, so that nothing is missed that was placed elsewhere. The source keys
of the intents derive from the one that was asked with: pressed twice, nothing is sent twice.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from django.utils import timezone

from accounts.models import Connection, User
from trading.models import Account
from trading.orders import closing, intents, looks, reports
from trading.orders.outcomes import (
    REUSED,
    Outcome,
    carry_out_all,
    first,
    is_automated,
    own_account,
    own_accounts,
    refused,
    told,
)
from trading.orders.wishes import Cancellation, Liquidation
from trading.tradovate.entities import Order

# Seconds to see that orders have ended, then that those have which end with them, and between two looks.
WAIT_FOR_END: Final = 5.0
_FOLLOWS_WITHIN: Final = 0.5
_BETWEEN_LOOKS: Final = 0.25


@dataclass(frozen=True)
class Cleared:
    """What came of cancelling orders: the intents' ids, the orders (Tradovate's ids) that have not ended, and how the
    others did (ordStatus by id)."""

    intent_ids: tuple[int, ...]
    left: tuple[int, ...]
    ended: Mapping[int, str]

    @property
    def words(self) -> str:
        """What is left, for the trader."""
        if not self.left:
            return ""
        numbers = ", ".join(str(number) for number in self.left)
        return f"Not cancelled yet: order {numbers}. Look at it before you go on."


def cancel_all(
    user: User,
    account_id: int | None,
    source_key: str,
    *,
    received_at: dt.datetime | None = None,
    connection_id: int | None = None,
) -> Outcome:
    """Cancel every working order of an account, or of all of the user's accounts with None: those of one connection,
    where it is named."""
    received_at = received_at or timezone.now()
    accounts = own_accounts(user, account_id, source_key, connection_id)
    if isinstance(accounts, Outcome):
        return accounts
    made: list[int] = []
    notes: list[str] = []
    found = 0
    for connection, own in _by_connection(accounts):
        try:
            orders = looks.open_orders(connection, {account.tradovate_id for account in own})
        except looks.CannotAsk as trouble:
            notes.append(_unasked(connection, trouble))
            continue
        found += len(orders)
        cleared = clear(own, orders, source_key, received_at)
        made += cleared.intent_ids
        notes += [cleared.words] if cleared.left else []
    summary = f"{found} working order{'' if found == 1 else 's'} found." if found else "There is no working order."
    return told(made, note=" ".join([*notes, summary] if not notes or found else notes), complete=not notes)


def flatten(
    user: User, account_id: int, contract_id: int, source_key: str, *, received_at: dt.datetime | None = None
) -> Outcome:
    """Cancel the working orders of a contract (Tradovate's id) in an account and close its position at the market."""
    received_at = received_at or timezone.now()
    account = own_account(user, account_id, source_key)
    if isinstance(account, Outcome):
        return account
    wish = _liquidation(account, contract_id, source_key)
    if earlier := first(account, source_key, wish):
        return earlier
    try:
        made = closing.close(account, wish, source_key, received_at)
    except intents.SourceKeyReused:
        return refused(REUSED)
    return told([made.intent_id], note=made.words)


def flatten_all(
    user: User,
    account_id: int | None,
    source_key: str,
    *,
    received_at: dt.datetime | None = None,
    connection_id: int | None = None,
) -> Outcome:
    """Close every position of an account, or of all of the user's accounts with None (those of one connection, where
    it is named), and cancel what still works.

    Positions first: closing one cancels its contract's orders, and a stop goes no sooner than what it protects.
    """
    received_at = received_at or timezone.now()
    accounts = own_accounts(user, account_id, source_key, connection_id)
    if isinstance(accounts, Outcome):
        return accounts
    made: list[int] = []
    notes: list[str] = []
    said: list[str] = []
    for connection, own in _by_connection(accounts):
        by_id = {account.tradovate_id: account for account in own}
        try:
            wishes = [
                (
                    by_id[position.account_id],
                    _liquidation(by_id[position.account_id], position.contract_id, source_key),
                    f"{source_key}:flatten:{by_id[position.account_id].pk}:{position.contract_id}",
                )
                for position in looks.open_positions(connection, by_id.keys())
            ]
            closings = closing.close_all(wishes, received_at)
            made += [one.intent_id for one in closings]
            said += [one.words for one in closings if one.words]
            # A closing may have to wait for the market: it is no order to be cancelled.
            orders = closing.but_for_closings(connection.pk, looks.open_orders(connection, by_id.keys()))
            cleared = clear(own, orders, source_key, received_at)
        except looks.CannotAsk as trouble:
            notes.append(_unasked(connection, trouble))
            continue
        made += cleared.intent_ids
        notes += [cleared.words] if cleared.left else []
    if not made and not notes:
        return Outcome(words="There is no position and no working order.")
    return told(made, note=" ".join([*said, *notes]), complete=not notes)


def clear(accounts: Collection[Account], orders: Sequence[Order], source_key: str, received_at: dt.datetime) -> Cleared:
    """Cancel these orders of accounts of one connection, and wait for some seconds until they have ended.

    Orders that end with another one (a child with its parent, the second of a pair) are left to it first, and
    cancelled by themselves only when they are still there.
    """
    if not orders:
        return Cleared((), (), {})
    by_id = {account.tradovate_id: account for account in accounts}
    known = {order.id: order for order in orders}
    heads = [order for order in orders if not _ends_with_another(order, known)]
    made = _cancel(by_id, heads, source_key, received_at)
    ended = _ended_of(accounts, known.keys(), {order.id for order in heads})
    if rest := [order for order in orders if order.id not in ended and order not in heads]:
        made += _cancel(by_id, rest, source_key, received_at)
        ended |= _ended_of(accounts, known.keys() - ended.keys())
    return Cleared(tuple(made), tuple(sorted(known.keys() - ended.keys())), ended)


def _ends_with_another(order: Order, among: dict[int, Order]) -> bool:
    return order.parent_id in among or (order.oco_id in among and (order.oco_id or 0) < order.id)


def _cancel(
    accounts: dict[int, Account], orders: Sequence[Order], source_key: str, received_at: dt.datetime
) -> list[int]:
    wishes = [
        (
            Cancellation(
                account_id=accounts[order.account_id].pk,
                order_id=order.id,
                symbol=_name(accounts[order.account_id], order.contract_id),
                is_automated=is_automated(source_key),
            ),
            f"{source_key}:cancel:{order.id}",
        )
        for order in orders
    ]
    return carry_out_all(wishes, received_at)


def _ended_of(accounts: Collection[Account], order_ids: Set[int], heads: Set[int] = frozenset()) -> dict[int, str]:
    """Those of the orders that have ended within WAIT_FOR_END, with their ordStatus; the ends are told to the
    intents. Once all `heads` have, what is linked to one of the orders still has a moment to end with it."""
    connection = next(iter(accounts)).connection
    ended: dict[int, str] = {}
    give_up_at = time.monotonic() + WAIT_FOR_END
    while True:
        try:
            now = looks.orders(connection, order_ids - ended.keys())
        except looks.CannotAsk:
            return ended
        for order in now:
            if order.finished:
                reports.observe_order(connection.pk, order.id, order.ord_status)
                ended[order.id] = order.ord_status
        if heads and heads <= ended.keys():
            # A strategy parts its exits when one of them is cancelled: the other one does not end by itself.
            is_linked = any({order.parent_id, order.oco_id} & order_ids for order in now if not order.finished)
            heads, give_up_at = frozenset(), time.monotonic() + (_FOLLOWS_WITHIN if is_linked else 0)
        if len(ended) == len(order_ids) or time.monotonic() >= give_up_at:
            return ended
        time.sleep(_BETWEEN_LOOKS)


def _liquidation(account: Account, contract_id: int, source_key: str) -> Liquidation:
    return Liquidation(
        account_id=account.pk,
        contract_id=contract_id,
        symbol=_name(account, contract_id),
        is_automated=is_automated(source_key),
    )


def _name(account: Account, contract_id: int | None) -> str:
    """A contract's symbol; what it is called must not keep anybody from closing it."""
    try:
        return looks.symbol(account.connection, contract_id) if contract_id is not None else ""
    except looks.CannotAsk:
        return f"contract {contract_id}"


def _by_connection(accounts: Collection[Account]) -> Iterator[tuple[Connection, list[Account]]]:
    ordered = sorted(accounts, key=lambda account: account.connection_id)
    for _, group in groupby(ordered, key=lambda account: account.connection_id):
        own = list(group)
        yield own[0].connection, own


def _unasked(connection: Connection, trouble: looks.CannotAsk) -> str:
    return f"{connection.get_environment_display()}: nothing could be done. {trouble}"
