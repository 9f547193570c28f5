"""Ways out of the market: cancel every order, close one position or all. Each order and position has its own intent.

What is there is read from Tradovate's own lists, so that nothing is missed that was placed elsewhere. The source keys
of the intents derive from the one that was asked with: pressed twice, nothing is sent twice.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from django.utils import timezone

from accounts.models import Connection, User
from trading.models import Account, Fill, OrderIntent
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
from trading.orders.states import Kind, State
from trading.orders.wishes import Cancellation, Liquidation
from trading.tradovate.entities import Order, OrdStatus

# Seconds to see that orders have ended, then that those have which end with them, and between two looks.
WAIT_FOR_END: Final = 5.0
_FOLLOWS_WITHIN: Final = 0.5
_BETWEEN_LOOKS: Final = 0.25
# Looks for what came while everything was closed and cancelled, before its trader has to see to it.
_LOOKS: Final = 5
_MORE: Final = "More traded while this was done. Look at your positions and orders."
# Account and contract, by Tradovate's ids.
_Place = tuple[int, int]


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
    said: list[str] = []
    left: list[str] = []
    flattenings = [
        _Flattening(connection, own, source_key, received_at) for connection, own in _by_connection(accounts)
    ]
    for one in flattenings:
        one.run()
    for one in flattenings:
        made += one.made
        said += one.said
        left += [*one.left, *one.doubts()]
    if not made and not left:
        return Outcome(words="There is no position and no working order.")
    return told(made, note=" ".join([*said, *left]), complete=not left)


@dataclass(frozen=True)
class _Cancelled:
    """Orders (by id) that were cancelled, what came of it, and the question what they have filled meanwhile."""

    orders: Mapping[int, Order]
    ended: Mapping[int, str]
    fills: looks.Asked[dict[int, int]] | None

    def traded(self, *, patiently: bool) -> dict[_Place, str]:
        """Where one of the orders has traded meanwhile, or may have, in words; the answer is waited for `patiently`."""
        found = {number: f"Order {number} may have traded while it was cancelled." for number in self.orders}
        if self.fills is not None and (patiently or self.fills.future.done()):
            with contextlib.suppress(looks.CannotAsk):
                found = traded(self.ended, dict.fromkeys(self.orders, 0), self.fills.answer())
        places = {number: (order.account_id, order.contract_id or 0) for number, order in self.orders.items()}
        return {places[number]: words for number, words in found.items()}


class _Flattening:
    """All that some accounts of one connection hold is closed, and what works is cancelled, by one press: `made` are
    its intents, `said` is what it was told of other presses, `left` what is not done, in words."""

    def __init__(
        self, connection: Connection, own: Collection[Account], source_key: str, received_at: dt.datetime
    ) -> None:
        self._connection = connection
        self._accounts = {account.tradovate_id: account for account in own}
        self._key = source_key
        self._received_at = received_at
        # Account and contract of what was closed, and the orders that were cancelled.
        self._closed: set[_Place] = set()
        self._cleared: set[int] = set()
        self._cancelled: list[_Cancelled] = []
        # Why Tradovate could not be asked, and what the last look leaves in doubt, but for fills.
        self._trouble = ""
        self._unclear: list[str] = []
        self.made: list[int] = []
        self.said: list[str] = []
        self.left: list[str] = []

    def run(self) -> None:
        """Act on what is there until a look finds no more and leaves nothing in doubt."""
        try:
            self._act()
        except looks.CannotAsk as trouble:
            self._trouble = _unasked(self._connection, trouble, begun=bool(self.made))

    def doubts(self) -> list[str]:
        """What is in doubt after `run`, in words. Only here is an answer waited for that nothing else hangs on."""
        return [self._trouble] if self._trouble else [*self._unseen(patiently=True), *self._unclear]

    def _act(self) -> None:
        self._close(self._positions())
        # A closing may have to wait for the market: it is no order to be cancelled.
        self._clear(self._orders())
        for _ in range(_LOOKS):
            # Orders first: what fills in between is a position. What is told of both may be some moments apart.
            orders, positions = self._orders(), self._positions()
            found = self._close(positions)
            found |= self._clear(orders)
            self._unclear = [_MORE] if found else self._open_again(orders, positions)
            if not self._unclear and not self._unseen(patiently=False):
                return
            if not found:
                time.sleep(_BETWEEN_LOOKS)

    def _orders(self) -> list[Order]:
        return looks.open_orders(self._connection, self._accounts.keys())

    def _positions(self) -> list[_Place]:
        positions = looks.open_positions(self._connection, self._accounts.keys())
        return [(one.account_id, one.contract_id) for one in positions]

    def _close(self, positions: Collection[_Place]) -> bool:
        """Close those that were not closed yet; whether there were any. A position that is told of once more, though
        it was closed, may be gone already: closed again it would be the opposite one."""
        wishes = []
        for number, contract_id in positions:
            if (number, contract_id) in self._closed:
                continue
            account = self._accounts[number]
            wish = _liquidation(account, contract_id, self._key)
            wishes.append((account, wish, f"{self._key}:flatten:{account.pk}:{contract_id}"))
        self._closed.update(positions)
        closings = closing.close_all(wishes, self._received_at)
        self.made += [one.intent_id for one in closings]
        self.said += [one.words for one in closings if one.words]
        return bool(wishes)

    def _clear(self, orders: Sequence[Order]) -> bool:
        """Cancel those that were not cancelled yet and close no position; whether there were any."""
        others = closing.but_for_closings(self._connection.pk, orders)
        new = {order.id: order for order in others if order.id not in self._cleared}
        if not new:
            return False
        self._cleared |= new.keys()
        # Those that the journal has: no order has to wait for an answer of Tradovate's.
        known = Fill.objects.filter(connection=self._connection, order_id_at_broker__in=new)
        before = set(known.values_list("tradovate_id", flat=True))
        cleared = clear(self._accounts.values(), list(new.values()), self._key, self._received_at)
        self.made += cleared.intent_ids
        self.left += [cleared.words] if cleared.left else []
        fills = None
        with contextlib.suppress(looks.CannotAsk):
            fills = looks.ask_filled(self._connection, new, but=before)
        self._cancelled.append(_Cancelled(new, cleared.ended, fills))
        return True

    def _unseen(self, *, patiently: bool) -> list[str]:
        """Which orders have traded, or may have, whose position does not show yet, in words."""
        found = {place: words for one in self._cancelled for place, words in one.traded(patiently=patiently).items()}
        unseen = [words for place, words in found.items() if place not in self._closed]
        return [f"{words} No position shows: look at it before you go on." for words in unseen]

    def _open_again(self, orders: Collection[Order], positions: Collection[_Place]) -> list[str]:
        """Which positions show again, or still, though their closing is over, in words."""
        working = {order.id for order in orders}
        taken = [State.ACCEPTED, State.WORKING, State.FILLED, State.DONE]
        closings = OrderIntent.objects.filter(pk__in=self.made, kind=Kind.LIQUIDATE, state__in=taken)
        found = []
        for one in closings.select_related("account"):
            number, place = one.order_id_at_broker, (one.account.tradovate_id, one.spec["contract_id"])
            is_over = one.state == State.DONE if number is None else number not in working
            if is_over and place in positions:
                found.append(f"There is a position in {one.symbol} though it was closed. Look at it before you go on.")
        return found


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


def traded(ended: Mapping[int, str], before: Mapping[int, int], now: Mapping[int, int]) -> dict[int, str]:
    """Which of the orders that were cancelled, `ended` so, has traded since it had filled `before`, or may have, in
    words by its id. The list of positions need not show it yet."""
    found: dict[int, str] = {}
    for order_id, filled in before.items():
        status = ended.get(order_id)
        if status == OrdStatus.FILLED or now[order_id] != filled:
            found[order_id] = f"Order {order_id} traded while it was cancelled."
        elif status == OrdStatus.COMPLETED:
            # It does not say how the order ended, and its fills may be told later.
            found[order_id] = f"Order {order_id} has ended and may have traded."
    return found


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
    return looks.name(account.connection, contract_id) if contract_id is not None else ""


def _by_connection(accounts: Collection[Account]) -> Iterator[tuple[Connection, list[Account]]]:
    ordered = sorted(accounts, key=lambda account: account.connection_id)
    for _, group in groupby(ordered, key=lambda account: account.connection_id):
        own = list(group)
        yield own[0].connection, own


def _unasked(connection: Connection, trouble: looks.CannotAsk, *, begun: bool = False) -> str:
    could_not = "what is left is not known" if begun else "nothing could be done"
    return f"{connection.get_environment_display()}: {could_not}. {trouble}"
