"""What every front calls: a click, a signal or the API ask for something here, and are told in words what came of it.

The same source key ("click:...", "signal:...") always means the same wish: asked again, also by two processes at the
same time, it sends nothing twice and returns what the first one came to. A refusal is an Outcome, too. Functions are
for threads without a running event loop, outside a transaction. Account ids are primary keys of trading.models.Account,
order and contract ids are Tradovate's; for a user only their own accounts exist. `received_at` is when the wish
reached the portal.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import Connection, User
from trading.models import Account, Order, OrderIntent
from trading.orders import checks, intents, looks, pretrade, sole
from trading.orders.exits import Cleared, cancel_all, clear, flatten, flatten_all, traded
from trading.orders.outcomes import (
    REUSED,
    Outcome,
    begun,
    carry_out,
    derived,
    first,
    is_automated,
    own_account,
    refused,
    told,
)
from trading.orders.spec import InvalidSpec, OrderSpec, prices_taken
from trading.orders.states import Kind, State
from trading.orders.wishes import Cancellation, Modification
from trading.tradovate.entities import OrdStatus

__all__ = ["NewTerms", "Outcome", "cancel", "cancel_all", "flatten", "flatten_all", "modify", "place", "reverse"]


@dataclass(frozen=True, kw_only=True)
class NewTerms:
    """What is to be other than it is in a working order; None leaves it. Prices are in points. With another
    `order_type` none of the old prices stays."""

    order_qty: int | None = None
    order_type: str | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    limit_if_touched_price: Decimal | None = None
    peg_difference: Decimal | None = None
    max_show: int | None = None

    def given(self) -> dict[str, object]:
        """What is not None, by field."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


def place(
    user: User,
    spec: OrderSpec,
    source_key: str,
    *,
    received_at: dt.datetime | None = None,
    alone: sole.Alone | None = None,
) -> Outcome:
    """Check an order with all that hangs on it, and send it; with `alone` only if that has nothing to say."""
    received_at = received_at or timezone.now()
    account = own_account(user, spec.account_id, source_key)
    if isinstance(account, Outcome):
        return account
    spec = dataclasses.replace(spec, is_automated=is_automated(source_key))
    return first(account, source_key, spec) or _check_and_send(account, spec, source_key, received_at, alone)


def modify(
    user: User,
    account_id: int,
    order_id: int,
    terms: NewTerms,
    source_key: str,
    *,
    received_at: dt.datetime | None = None,
) -> Outcome:
    """Change a working order, wherever it was placed. What `terms` leave out is repeated as Tradovate has it now."""
    received_at = received_at or timezone.now()
    account = own_account(user, account_id, source_key)
    if isinstance(account, Outcome):
        return account
    if earlier := first(account, source_key):
        return _changed_before(account, earlier, order_id, terms) or refused(REUSED)
    looked_at = timezone.now()
    try:
        standing = looks.standing(account.connection, order_id)
        symbol = looks.symbol(account.connection, standing.order.contract_id or 0)
    except looks.CannotAsk as trouble:
        return refused(checks.error("order_id", f"Order {order_id} was not changed. {trouble}"))
    if standing.order.account_id != account.tradovate_id:
        return refused(checks.error("order_id", f"Order {order_id} is none of account {account}."))
    if standing.order.finished:
        words = f"Order {order_id} is {standing.order.ord_status.lower()}: it cannot be changed any more."
        return refused(checks.error("order_id", words))
    try:
        becomes = _changed(account, symbol, standing, terms, source_key)
    except InvalidSpec as trouble:
        return refused(*(checks.error(problem.field, problem.message) for problem in trouble.problems))
    vetted = pretrade.vet_change(standing, becomes)
    if vetted.refuses:
        earlier = first(account, source_key)
        before = _changed_before(account, earlier, order_id, terms) if earlier else None
        return before or refused(*vetted.findings)
    wish = Modification(order_id=order_id, becomes=becomes)
    gate = dataclasses.replace(vetted.gate, alone=sole.only_change_since(looked_at))
    outcome = carry_out(account, wish, source_key, received_at, vetted.findings, gate)
    return outcome if terms.order_qty is not None else with_what_was_put_back(account, outcome, standing.version.id)


def cancel(
    user: User, account_id: int, order_id: int, source_key: str, *, received_at: dt.datetime | None = None
) -> Outcome:
    """Take an order out of the market, wherever it was placed, and say which contracts that leaves without exits."""
    received_at = received_at or timezone.now()
    account = own_account(user, account_id, source_key)
    if isinstance(account, Outcome):
        return account
    earlier = first(account, source_key)
    if earlier and not _is_about(earlier, order_id, Kind.CANCEL):
        return refused(REUSED)
    known = Order.objects.filter(connection=account.connection_id, tradovate_id=order_id).first()
    # What hangs on an order is younger. Asked once more, it has ended with it.
    younger = Order.objects.filter(connection=account.connection_id, tradovate_id__gt=order_id)
    statuses = [OrdStatus.SUSPENDED, OrdStatus.CANCELED] if earlier else [OrdStatus.SUSPENDED]
    has_exits = younger.filter(parent_id_at_broker=order_id, status__in=statuses).exists()
    wish = Cancellation(
        account_id=account.pk,
        order_id=order_id,
        symbol=known.symbol if known else "",
        is_automated=is_automated(source_key),
    )
    outcome = earlier or carry_out(account, wish, source_key, received_at)
    if not has_exits or not outcome.succeeded:
        return outcome
    lost = _exits_lost(account.connection, order_id, known.order_qty if known else None)
    return told([intent.pk for intent in outcome.intents], lost)


def _exits_lost(connection: Connection, order_id: int, order_qty: int | None) -> list[checks.Finding]:
    """That the exits of an order that is being cancelled end with it, if some of its `order_qty` contracts have filled:
    they wait for all of them, and work once all have."""
    try:
        filled = looks.filled_qty(connection, order_id)
    except looks.CannotAsk as trouble:
        words = f"Its exits end with it. Whether some of its contracts have filled is not known. {trouble}"
        return [checks.warning("order_id", words)]
    if not filled or (order_qty is not None and filled >= order_qty):
        return []
    words = "1 contract has filled and is" if filled == 1 else f"{filled} contracts have filled and are"
    return [checks.warning("order_id", f"Its exits end with it: {words} left without.")]


def reverse(
    user: User,
    account_id: int,
    contract_id: int,
    source_key: str,
    *,
    shown: int | None = None,
    received_at: dt.datetime | None = None,
) -> Outcome:
    """Turn a position around: cancel the contract's working orders and, when none is left, none has come and the
    position is still what it was, trade twice as many contracts the other way at the market. Another position than the
    one of `shown` contracts (negative when short; None for any), of which its trader decided, is left as it is.

    Begun once for a source key: when it could not be finished, nothing of it is done later.
    """
    received_at = received_at or timezone.now()
    account = own_account(user, account_id, source_key)
    if isinstance(account, Outcome):
        return account
    if earlier := derived([account], source_key):
        return begun(earlier, f"{source_key}{sole.OF_REVERSAL}", "nothing is reversed")
    looked_at = timezone.now()
    try:
        # First what may trade, then the position: what is read together may be from different moments.
        orders = looks.orders_in(account, contract_id)
        working = [one for one in orders if not one.finished]
        filled = looks.filled_today(account.connection, [order.id for order in working])
        net = looks.net_position(account, contract_id)
        symbol = looks.symbol(account.connection, contract_id)
    except looks.CannotAsk as trouble:
        return refused(checks.error("contract_id", f"Nothing was reversed. {trouble}"))
    if not net:
        return refused(checks.error("contract_id", f"There is no position in {symbol} to reverse."))
    if shown is not None and shown != net:
        words = f"It is {_held(net)} by now, not {_held(shown)}: look, then decide anew. Nothing was reversed."
        return refused(checks.error("contract_id", words))
    spec = OrderSpec(
        account_id=account.pk,
        symbol=symbol,
        action="Sell" if net > 0 else "Buy",
        order_qty=2 * abs(net),
        is_automated=is_automated(source_key),
    )
    vetted = pretrade.vet(spec, without=filled.keys())
    if vetted.refuses:
        return refused(*vetted.findings)
    cleared = clear([account], working, source_key, received_at)
    obstacle = (
        cleared.words
        or _traded(account, cleared, filled)
        or _moved(account, contract_id, net)
        or _joined(account, contract_id, {order.id for order in orders})
    )
    if not obstacle:
        gate = dataclasses.replace(vetted.gate, alone=sole.unchanged_since(looked_at, but=filled.keys()))
        outcome = carry_out(account, spec, f"{source_key}{sole.OF_REVERSAL}", received_at, vetted.findings, gate)
        if not outcome.refused:
            made = [intent.pk for intent in outcome.intents]
            return told([*cleared.intent_ids, *made], vetted.findings)
        obstacle = outcome.words
    return told(cleared.intent_ids, note=f"Nothing was reversed. {obstacle}", complete=False)


def is_reversal(source_key: str) -> bool:
    """Whether an order of this key was to turn a position around."""
    return source_key.endswith(sole.OF_REVERSAL)


def _held(net: int) -> str:
    return f"{'Long' if net > 0 else 'Short'} {abs(net)}"


def _traded(account: Account, cleared: Cleared, before: Mapping[int, int]) -> str:
    """Which of the orders that were cancelled has traded since it had filled `before`, or may have, in words; "" when
    none has."""
    try:
        found = traded(cleared.ended, before, looks.filled_today(account.connection, before.keys()))
    except looks.CannotAsk as trouble:
        return str(trouble)
    return f"{next(iter(found.values()))} Look at your position, then decide anew." if found else ""


def _moved(account: Account, contract_id: int, net: int) -> str:
    """Why a position is not what it was any more; "" when it is."""
    try:
        now = looks.net_position(account, contract_id)
    except looks.CannotAsk as trouble:
        return str(trouble)
    if now == net:
        return ""
    return f"While its orders were cancelled the position went from {net} to {now} contracts. Look, then decide anew."


def _joined(account: Account, contract_id: int, before: Set[int]) -> str:
    """Which order of the contract there is that was not among these `before` (Tradovate's ids), wherever it was placed,
    in words; "" when none has come. It works beside a reversal, or has traded: positions need not show that yet."""
    try:
        new = {order.id for order in looks.orders_in(account, contract_id)} - before
    except looks.CannotAsk as trouble:
        return str(trouble)
    return f"Order {min(new)} was placed meanwhile. Look at your orders and position, then decide anew." if new else ""


def _check_and_send(
    account: Account, spec: OrderSpec, source_key: str, received_at: dt.datetime, alone: sole.Alone | None
) -> Outcome:
    vetted = pretrade.vet(spec, account)
    if vetted.refuses:
        # What refuses it may be its own twin, which arrived first and counts by now.
        return first(account, source_key, spec) or refused(*vetted.findings)
    gate = dataclasses.replace(vetted.gate, alone=alone) if alone else vetted.gate
    return carry_out(account, spec, source_key, received_at, vetted.findings, gate)


def _changed(account: Account, symbol: str, standing: looks.Standing, terms: NewTerms, source_key: str) -> OrderSpec:
    """The order as it is to be: all of it, for a modify says it anew. Raises InvalidSpec."""
    version = standing.version
    order_type = terms.order_type or version.order_type
    time_in_force = version.time_in_force or "Day"
    kept: dict[str, Any] = {"order_qty": version.order_qty, "max_show": version.max_show or None}
    if order_type == version.order_type:
        # Tradovate may keep prices beside those that a type has.
        kept |= {name: getattr(version, name) for name in prices_taken(order_type)}
    return OrderSpec(
        account_id=account.pk,
        symbol=symbol,
        action=standing.order.action,
        time_in_force=time_in_force,
        expire_time=version.expire_time if time_in_force == "GTD" else None,
        text=version.text or "",
        is_automated=is_automated(source_key),
        **(kept | {"order_type": order_type} | terms.given()),
    )


def with_what_was_put_back(account: Account, outcome: Outcome, since: int = 0) -> Outcome:
    """The outcome of changes that repeat how many contracts their orders had. Where one had got others before it (since
    the version that was looked at, where that is named), as a strategy's stop has whose target trades, the outcome says
    so: they may be more than are held now."""
    said = [words for change in outcome.intents if (words := _put_back(account, change, since))]
    if not said:
        return outcome
    warnings = [checks.warning("order_qty", f"{words} Look at it and at your position.") for words in said]
    return told([change.pk for change in outcome.intents], (*outcome.findings, *warnings), complete=False)


def _put_back(account: Account, change: OrderIntent, since: int) -> str:
    """Which contracts a change has given back to its order, in words; "" for none."""
    order_id, command = change.target_order_id, change.command_id_at_broker
    if change.state not in (State.ACCEPTED, State.DONE) or order_id is None or command is None:
        return ""
    try:
        others = looks.terms_since(account.connection, order_id, since, but=command)
    except looks.CannotAsk as trouble:
        return f"Whether order {order_id} had got another number of contracts meanwhile is not known. {trouble}"
    # After this change nothing was put back any more.
    if not others or others[-1].id > command or others[-1].order_qty == change.order_qty:
        return ""
    had = f"{others[-1].order_qty} contract{'' if others[-1].order_qty == 1 else 's'}"
    return f"Order {order_id} had been changed to {had} meanwhile, and is for {change.order_qty} again."


def _changed_before(account: Account, earlier: Outcome, order_id: int, terms: NewTerms) -> Outcome | None:
    """What a change came to that is asked for once more; None where the earlier wish was another one."""
    if not _is_change(earlier, order_id, terms):
        return None
    return earlier if terms.order_qty is not None else with_what_was_put_back(account, earlier)


def _is_about(outcome: Outcome, order_id: int, kind: Kind) -> bool:
    return all(intent.target_order_id == order_id and intent.kind == kind for intent in outcome.intents)


def _is_change(outcome: Outcome, order_id: int, terms: NewTerms) -> bool:
    """Whether an earlier outcome is that of the same change."""
    if outcome.refused or not _is_about(outcome, order_id, Kind.MODIFY):
        return False
    [wish] = [intents.wish_of(intent) for intent in outcome.intents]
    return isinstance(wish, Modification) and all(
        getattr(wish.becomes, name) == value for name, value in terms.given().items()
    )
