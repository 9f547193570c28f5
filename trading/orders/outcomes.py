"""A wish is carried out once, and what came of it is told in words: also to whoever asks for the same wish again."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Q
from django.utils import timezone

from accounts.models import Connection, User
from trading.models import Account, OrderIntent
from trading.orders import checks, compiled, gateway, intents, turns, warm
from trading.orders.checks import Finding
from trading.orders.drafts import LEG_MARK, LONGEST_OUTSIDE_KEY
from trading.orders.states import NAMEABLE, Kind, State
from trading.orders.wishes import Wish

# A human clicked this very order; everything else counts as automated (official Conventions text, Automated Orders).
CLICK: Final = "click"
# How long a repeat waits for the answer to the first one, in seconds.
WAIT_FOR_FIRST: Final = warm.TIMEOUT
_POLL: Final = 0.05
# What was to go out at once and did not within this time does not go out any more.
_FRESH: Final = gateway.LATEST
_FAILED: Final = frozenset({*NAMEABLE, State.REJECTED, State.CANCELLED, State.INEFFECTIVE})
# What has no legs, and of which nothing is asked once it was accepted.
_ALONE: Final = frozenset({Kind.ORDER, Kind.MODIFY, Kind.CANCEL, Kind.LIQUIDATE})
_OF_ACCOUNT: Final = compiled.columns(Account)
_OWN: Final = compiled.Read(
    lambda account, user: (
        Account.objects.visible_to(user)
        .filter(pk=account)
        .values_list(*_OF_ACCOUNT, *compiled.columns(Connection, "connection__"))
    ),
    account=int,
    user=int,
)
_OF_KEY: Final = compiled.Read(
    lambda source_key: OrderIntent.objects.filter(source_key=source_key).values_list("pk"), source_key=str
)
# An intent, and the legs that travel with it.
_WITH_LEGS: Final = compiled.Read(
    lambda intent: (
        OrderIntent.objects.filter(Q(pk=intent) | Q(lead=intent))
        .order_by("pk")
        .values_list(*compiled.columns(OrderIntent))
    ),
    intent=int,
)
REUSED: Final = checks.error("source_key", "This was sent before with other contents. Look at it, then begin anew.")


@dataclass(frozen=True)
class Outcome:
    """What came of a wish: its intents in their present states (none when it was refused before), what the checks
    found, and all of it in words for the trader. `complete` is false when something was left undone."""

    intents: tuple[OrderIntent, ...] = ()
    findings: tuple[Finding, ...] = ()
    words: str = ""
    complete: bool = True

    @property
    def refused(self) -> bool:
        """Whether nothing was sent because of an error that the checks found."""
        return not self.intents and any(finding.is_error for finding in self.findings)

    @property
    def succeeded(self) -> bool:
        """Whether Tradovate has taken all of it."""
        return self.complete and not self.refused and not any(intent.state in _FAILED for intent in self.intents)


def refused(*findings: Finding) -> Outcome:
    """Nothing was sent, for these errors."""
    return Outcome((), findings, " ".join(finding.message for finding in findings if finding.is_error))


def own_accounts(
    user: User, account_id: int | None, source_key: str, connection_id: int | None = None
) -> list[Account] | Outcome:
    """The user's account, or with None all that are open (of one connection, where that is named); a refusal when
    it is somebody else's. Replays have none to trade in."""
    if not 0 < len(source_key) <= LONGEST_OUTSIDE_KEY or LEG_MARK in source_key:
        words = f"A source key has 1 to {LONGEST_OUTSIDE_KEY} characters, and no {LEG_MARK!r} among them."
        return refused(checks.error("source_key", words))
    if account_id is not None:
        account = _own_account(user, account_id)
        if account is None or connection_id not in (None, account.connection_id):
            return refused(checks.error("account", "This is not one of your accounts."))
        if account.connection.is_replay:
            return refused(checks.error("account", checks.WATCHING_ONLY))
        return [account]
    own = Account.objects.visible_to(user).filter(connection__source=None).select_related("connection").order_by("pk")
    if connection_id is not None:
        own = own.filter(connection=connection_id)
    return list(own.filter(closed=False))


def own_account(user: User, account_id: int, source_key: str) -> Account | Outcome:
    """The user's account; a refusal as `own_accounts` has it."""
    found = own_accounts(user, account_id, source_key)
    return found if isinstance(found, Outcome) else found[0]


def _own_account(user: User, account_id: int) -> Account | None:
    """The user's account with its connection."""
    row = _OWN.first(account=account_id, user=user.pk)
    if row is None:
        return None
    account = compiled.instance(Account, row[: len(_OF_ACCOUNT)])
    account.connection = compiled.instance(Connection, row[len(_OF_ACCOUNT) :])
    return account


def is_automated(source_key: str) -> bool:
    """True for all but a human's click."""
    return source_key.partition(":")[0] != CLICK


def first(account: Account, source_key: str, wish: Wish | None = None) -> Outcome | None:
    """What a key has come to already; None when it is new, or when it was received just now and can still be sent.

    With `wish`, a key of another wish is refused.
    """
    known = _OF_KEY.first(source_key=source_key)
    if known is None:
        return None
    intent = OrderIntent.objects.get(pk=known[0])
    if intent.account_id != account.pk or (wish is not None and intents.wish_of(intent) != wish):
        return refused(REUSED)
    if intent.state == State.CREATED:
        if timezone.now() - intent.created_at < _FRESH:
            return None
        intents.give_up(intent.pk, "It was held up for too long and nothing was sent. Look at the market first.")
    return told([intent.pk])


def derived(accounts: Collection[Account], source_key: str) -> list[int]:
    """The intents that were made for these accounts under keys that begin with this one."""
    ours = OrderIntent.objects.filter(account__in=accounts, lead=None, source_key__startswith=f"{source_key}:")
    return list(ours.order_by("pk").values_list("pk", flat=True))


def begun(intent_ids: list[int], order_key: str, left_undone: str) -> Outcome:
    """What a wish of several steps has come to that was begun before: its last one, the order of `order_key`, is never
    taken later."""
    if OrderIntent.objects.filter(source_key=order_key).exists():
        return told(intent_ids)
    words = f"This was begun before and {left_undone} yet. Look at your orders and position, then decide anew."
    return told(intent_ids, note=words, complete=False)


def carry_out(
    account: Account,
    wish: Wish,
    source_key: str,
    received_at: dt.datetime,
    findings: Sequence[Finding] = (),
    gate: turns.Gate | None = None,
) -> Outcome:
    """Send a wish that has passed its checks, and passes the gate; tell what came of it."""
    times = {"received_at": received_at, "checked_at": timezone.now()}
    try:
        made = gateway.submit_new(account, wish, source_key, **times, gate=gate)
    except intents.SourceKeyReused:
        return refused(REUSED)
    except turns.Refused as late:
        # What refuses it may be its own twin, which was made first and counts by now.
        return first(account, source_key, wish) or refused(*late.findings)
    if made.kind in _ALONE and made.state == State.ACCEPTED:
        # Written by this very thread.
        return _outcome((made,), findings)
    return told([made.pk], findings)


def carry_out_all(wishes: Iterable[tuple[Wish, str]], received_at: dt.datetime) -> list[int]:
    """Send wishes, with their source keys, at the same time; the ids of their intents. A key that has become
    something else is left out."""
    made: list[int] = []
    try:
        for wish, source_key in wishes:
            with contextlib.suppress(intents.SourceKeyReused):
                made.append(intents.create(wish, source_key, received_at=received_at, checked_at=timezone.now()).pk)
    finally:
        # A fault with one keeps no other one back.
        gateway.submit_all(made)
    return made


def told(
    intent_ids: Collection[int], findings: Sequence[Finding] = (), note: str = "", *, complete: bool = True
) -> Outcome:
    """The outcome of intents, and of their legs, once they have been answered."""
    give_up_at = time.monotonic() + WAIT_FOR_FIRST
    all_of_it = _with_legs(intent_ids)
    while any(one.state == State.SUBMITTING for one in all_of_it) and time.monotonic() < give_up_at:
        time.sleep(_POLL)
        all_of_it = _with_legs(intent_ids)
    return _outcome(all_of_it, findings, note, complete=complete)


def _outcome(
    all_of_it: tuple[OrderIntent, ...], findings: Sequence[Finding], note: str = "", *, complete: bool = True
) -> Outcome:
    warnings = [finding.message for finding in findings]
    words = [note, *(_words(intent) for intent in all_of_it), *warnings]
    return Outcome(all_of_it, tuple(findings), " ".join(word for word in words if word), complete)


def _with_legs(intent_ids: Collection[int]) -> tuple[OrderIntent, ...]:
    """Intents and their legs as they are now."""
    if len(intent_ids) == 1:
        [intent_id] = intent_ids
        return tuple(compiled.instance(OrderIntent, row) for row in _WITH_LEGS.rows(intent=intent_id))
    ours = OrderIntent.objects.filter(pk__in=intent_ids) | OrderIntent.objects.filter(lead__in=intent_ids)
    return tuple(ours.order_by("pk"))


def _words(intent: OrderIntent) -> str:
    return f"{intent}. {intent.reason}".strip()
