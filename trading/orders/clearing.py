"""What a thrown kill switch does at Tradovate: it cancels the working orders of a connection, and closes its positions
where that was asked for.

In rounds, each of which looks at Tradovate's own lists and acts on what it finds there. Only a round that finds
nothing, while no order of ours is still under way, is the last one: an order that was sent before the throw may show up
after it. The row of the action is the truth: a round whose worker was killed is taken up again, and what it sent has
source keys ("kill:SWITCH:CONNECTION:ROUND") under which nothing is sent twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from trading.models import Account, KillSwitch, KillSwitchAction, OrderIntent
from trading.orders import closing, exits, looks, reports
from trading.orders.states import UNANSWERED, Kind, State
from trading.orders.trading_days import calendar_day
from trading.orders.wishes import Liquidation
from trading.tradovate.entities import Position

ActionState = KillSwitchAction.State

# A round that lasts longer has lost its worker; nothing is put off for longer.
LEASE: Final = dt.timedelta(seconds=90)
# Between two rounds: the longer it has been going on, the longer.
SOONEST: Final = dt.timedelta(seconds=2)
LATEST: Final = dt.timedelta(seconds=60)
# Then somebody has to look at Tradovate.
PATIENCE: Final = dt.timedelta(minutes=10)
LONGEST_WORDS: Final = 255
_RELEASED: Final = "Ended: the kill switch was released."


def due() -> list[int]:
    """The actions (primary keys) that have a round to do now."""
    return list(_due(timezone.now()).values_list("pk", flat=True))


def _due(now: dt.datetime) -> QuerySet[KillSwitchAction]:
    # What waits for longer than anything is put off was put off before the clock was set back. Twice as long, as those
    # of two machines differ.
    is_time = Q(look_at__lte=now) | Q(look_at__gt=now + 2 * LEASE)
    return KillSwitchAction.objects.filter(is_time, state=ActionState.WORKING)


def carry_out(action_id: int) -> int | None:
    """Do one round of an action; the connection whose pages are to hear of it, None when there was nothing to do.

    Safe to run twice, or in two workers at the same time. For threads without a running event loop, outside a
    transaction.
    """
    now = timezone.now()
    if not _due(now).filter(pk=action_id).update(look_at=now + LEASE):
        return None
    action = KillSwitchAction.objects.select_related("switch", "connection").get(pk=action_id)
    if not action.switch.is_thrown:
        # Released between being wanted and being done.
        _write(action, ActionState.ENDED, _RELEASED)
        return action.connection_id
    try:
        left = _Round(action).run()
    except looks.CannotAsk as trouble:
        left = f"Tradovate could not be asked. {trouble}"
    if not left:
        _write(action, ActionState.DONE, f"Done: {_achieved(action) or 'There was nothing to do.'}")
    elif (going_on_for := timezone.now() - action.wanted_at) > PATIENCE:
        _write(action, ActionState.ENDED, f"Given up, look at Tradovate. {left} {_achieved(action)}")
    else:
        look_at = timezone.now() + min(LATEST, max(SOONEST, going_on_for))
        _write(action, ActionState.WORKING, f"{left} {_achieved(action)}", look_at)
    return action.connection_id


class _Round:
    """One look at a connection, and what is done about what it finds while the switch is thrown."""

    def __init__(self, action: KillSwitchAction) -> None:
        self._action = action
        self._connection = action.connection
        self._accounts = {account.tradovate_id: account for account in action.connection.accounts.filter(closed=False)}
        self._closings = closing.going(action.connection_id)
        # The orders (Tradovate's ids) of closings that still work there.
        self._closing_now: set[int] = set()
        self._key = f"{_keys(action)}{action.round}"

    def run(self) -> str:
        """Act on what is there; what is left, in words, "" when nothing was found."""
        # Before any look: what is answered during the looks may be in none of them.
        under_way = self._under_way()
        self._settle_closings()
        found = []
        if positions := self._to_close():
            self._close(positions)
            found.append(_counted(len(positions), "open position"))
        orders = looks.open_orders(self._connection, self._accounts.keys())
        orders = closing.but_for_closings(self._connection.pk, orders)
        if orders:
            if self._is_released():
                return _RELEASED
            exits.clear(list(self._accounts.values()), orders, self._key, timezone.now())
            found.append(_counted(len(orders), "working order"))
        if under_way:
            found.append(_counted(under_way, "order") + " still unanswered")
        if not found and (filled := self._to_close()):
            # What still worked when the positions were read has filled before the orders were.
            found.append(_counted(len(filled), "open position"))
        if not found and (untold := looks.accounts(self._connection) - self._accounts.keys()):
            # Of a first sign-in, or opened since: what is in them is found once the stream has told of them.
            found.append(_counted(len(untold), "account") + " not told here yet")
        return f"Found {', '.join(found)}." if found else ""

    def _is_released(self) -> bool:
        """Asked after each look: what is there since the release is not the kill switch's."""
        return not KillSwitch.objects.thrown().filter(pk=self._action.switch_id).exists()

    def _to_close(self) -> list[Position]:
        """The open positions, where they are to be closed."""
        return looks.open_positions(self._connection, self._accounts.keys()) if self._action.flatten else []

    def _close(self, positions: Collection[Position]) -> None:
        # Whoever closes the same position twice may end up with the opposite one.
        going = self._being_closed()
        wishes = []
        for position in positions:
            account = self._accounts[position.account_id]
            if (account.pk, position.contract_id) not in going:
                wish = self._liquidation(account, position.contract_id)
                wishes.append((account, wish, self._closing_key(account, position)))
        if not self._is_released():
            closing.close_all(wishes, timezone.now())

    def _being_closed(self) -> set[tuple[int, int]]:
        """Account and contract of the positions that are being closed already.

        One of an earlier day whose end nobody learnt closes nothing any more: Tradovate has no such order, or cannot be
        asked about it; nor does one that nobody has sent. What began within seconds is `closing.close_all`'s to see.
        """
        today = calendar_day(timezone.now())
        sent = self._closings.exclude(state=State.CREATED)
        rows = sent.values_list("account_id", "spec__contract_id", "order_id_at_broker", "changed_at")
        return {
            (account, contract)
            for account, contract, number, changed in rows
            if (calendar_day(changed) == today if number is None else number in self._closing_now)
        }

    def _closing_key(self, account: Account, position: Position) -> str:
        return f"{self._key}:flatten:{account.pk}:{position.contract_id}"

    def _liquidation(self, account: Account, contract_id: int) -> Liquidation:
        symbol = looks.name(self._connection, contract_id)
        return Liquidation(account_id=account.pk, contract_id=contract_id, symbol=symbol)

    def _settle_closings(self) -> None:
        """Learn which closings have ended: nobody else may be listening to Tradovate just now."""
        numbers = {number for number in self._closings.values_list("order_id_at_broker", flat=True) if number}
        for order in looks.orders(self._connection, numbers) if numbers else []:
            if order.finished:
                reports.observe_order(self._connection.pk, order.id, order.ord_status)
            else:
                self._closing_now.add(order.id)

    def _under_way(self) -> int:
        """How many orders of ours Tradovate may still take, or place for a strategy that it has taken; older ones do
        not keep an action going."""
        without_entry = Q(kind=Kind.BRACKET, state=State.ACCEPTED, order_id_at_broker=None)
        ours = self._connection.intents.filter(changed_at__gte=timezone.now() - PATIENCE)
        may_come = ours.filter(Q(state__in=UNANSWERED) | without_entry)
        return may_come.exclude(kind__in=[Kind.CANCEL, Kind.LEG]).count()


def _keys(action: KillSwitchAction) -> str:
    """What the source keys of all rounds of an action begin with."""
    return f"kill:{action.switch_id}:{action.connection_id}:"


def _achieved(action: KillSwitchAction) -> str:
    """What the action has come to in all its rounds, in words, with the last refusal; "" when that is nothing."""
    ours = OrderIntent.objects.filter(source_key__startswith=_keys(action))
    cancelled = ours.filter(kind=Kind.CANCEL, state=State.DONE).values("target_order_id").distinct().count()
    closed = ours.filter(kind=Kind.LIQUIDATE, state__in=[State.FILLED, State.DONE]).count()
    # Closing a position takes its orders along, and nobody counts those.
    achieved = [_counted(closed, "position") + " closed"] if closed else []
    achieved += [_counted(cancelled, "order") + " cancelled"] if cancelled else []
    refusal = ours.exclude(reason="").exclude(state__in=[State.DONE, State.FILLED, State.INEFFECTIVE]).last()
    words = [", ".join(achieved).capitalize() + "."] if achieved else []
    words += [f"Last refusal: {refusal.described}: {refusal.reason}"] if refusal else []
    return " ".join(words)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _write(action: KillSwitchAction, state: ActionState, words: str, look_at: dt.datetime | None = None) -> None:
    """The end of a round, unless the action was wanted anew or ended meanwhile."""
    mine = KillSwitchAction.objects.filter(pk=action.pk, state=ActionState.WORKING, round=action.round)
    mine.update(
        state=state,
        words=words[:LONGEST_WORDS],
        round=action.round + 1,
        look_at=look_at or timezone.now(),
        changed_at=timezone.now(),
    )
