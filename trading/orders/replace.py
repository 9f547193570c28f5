"""Cancel and replace: for a change that Tradovate accepted and that changed nothing.

A change that it refused, for margin, size or a lock, would most likely be refused as a new order, too, and the one that
works, a stop perhaps, be gone: it is not offered for that.

The order is cancelled, and only when it has really ended the new one is placed, for what the old one has not filled:
never do both work. Source keys and outcomes are those of `desk`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

from django.utils import timezone

from accounts.models import User
from trading.models import Account, OrderIntent
from trading.orders import checks, intents, kill_switch, looks, pretrade
from trading.orders.exits import Cleared, clear
from trading.orders.outcomes import Outcome, begun, carry_out, derived, is_automated, own_account, refused, told
from trading.orders.spec import OrderSpec
from trading.orders.states import Kind, State
from trading.orders.wishes import Modification
from trading.tradovate.entities import Order, OrdStatus


def offered(intent: OrderIntent) -> bool:
    """Whether an intent is a change that was taken and came to nothing: it can be had by cancelling and replacing."""
    return intent.kind == Kind.MODIFY and intent.state == State.INEFFECTIVE


def cancel_and_replace(
    user: User, intent_id: int, source_key: str, *, received_at: dt.datetime | None = None
) -> Outcome:
    """Cancel the order that a change was for and, when it has ended, place it anew with the terms of the change.

    Begun once for a source key: when it could not be finished, nothing of it is done later. Raises
    OrderIntent.DoesNotExist for what is not the user's.
    """
    received_at = received_at or timezone.now()
    change = OrderIntent.objects.select_related("account").get(pk=intent_id, connection__user=user)
    account = own_account(user, change.account_id, source_key)
    if isinstance(account, Outcome):
        return account
    # The same for everybody who replaces that order: of two presses at the same time only one places a new one.
    order_key = f"{source_key.partition(':')[0]}:replacement:{account.pk}:{change.target_order_id}"
    if earlier := derived([account], source_key):
        placed = OrderIntent.objects.filter(source_key=order_key).values_list("pk", flat=True)
        return begun([*earlier, *placed], order_key, "the new order is not placed")
    wish = intents.wish_of(change)
    if not isinstance(wish, Modification) or not offered(change):
        return refused(checks.error("intent", f"There is nothing to replace: {change}."))
    try:
        standing = looks.standing(account.connection, wish.order_id)
        in_group = looks.is_of_strategy(account.connection, wish.order_id) or any(
            one.parent_id == wish.order_id for one in looks.open_orders(account.connection, {account.tradovate_id})
        )
    except looks.CannotAsk as trouble:
        return refused(checks.error("intent", f"Nothing was cancelled. {trouble}"))
    order = standing.order
    if words := _keeps(account, order, in_group=in_group):
        return refused(checks.error("intent", words))
    if standing.version.id > (change.command_id_at_broker or standing.version.id):
        # A version has the id of the command that made it (guide, OrderVersion).
        words = f"Order {order.id} was changed since. Nothing was cancelled: look at it, then change it anew."
        return refused(checks.error("intent", words))
    becomes = dataclasses.replace(wish.becomes, is_automated=is_automated(source_key))
    vetted = pretrade.vet_change(standing, becomes)
    if vetted.refuses:
        return refused(*vetted.findings)
    cleared = clear([account], [order], source_key, received_at)
    left, words = _unfilled(account, order.id, cleared, becomes.order_qty)
    if words:
        return told(cleared.intent_ids, note=words, complete=False)
    outcome = carry_out(account, _of(becomes, left), order_key, received_at, vetted.findings, vetted.gate)
    if outcome.refused:
        words = f"Order {order.id} is cancelled, and nothing was placed. {outcome.words}"
        return told(cleared.intent_ids, note=words, complete=False)
    return told([*cleared.intent_ids, *(intent.pk for intent in outcome.intents)], vetted.findings)


def _keeps(account: Account, order: Order, *, in_group: bool) -> str:
    """Why an order is left as it is, to its trader; "" when it may be replaced."""
    if order.finished:
        return f"Order {order.id} is {order.ord_status.lower()}: there is nothing to replace any more."
    if in_group or order.parent_id or order.oco_id:
        return f"Order {order.id} belongs with others, which would end with it. Cancel it and place all of them anew."
    if stopped := kill_switch.stopped(account.connection_id):
        # Some changes go out all the same; a new order may not.
        return f"Nothing was cancelled. {stopped}"
    return ""


def _unfilled(account: Account, order_id: int, cleared: Cleared, wanted: int) -> tuple[int, str]:
    """How many of the `wanted` contracts an order has not filled that was cancelled; or why nothing may be placed."""
    if cleared.left:
        return 0, f"Nothing was placed. {cleared.words}"
    status = cleared.ended[order_id]
    if status == OrdStatus.COMPLETED:
        # It does not say how the order ended, and its fills may be told later.
        return 0, f"Order {order_id} has ended and may have traded: nothing was placed. Look at your position first."
    try:
        left = wanted - looks.filled_qty(account.connection, order_id)
    except looks.CannotAsk as trouble:
        return 0, f"Order {order_id} is cancelled, and nothing was placed: its fills could not be read. {trouble}"
    if left <= 0 or status == OrdStatus.FILLED:
        return 0, f"Order {order_id} had filled already: nothing was placed."
    return left, ""


def _of(spec: OrderSpec, qty: int) -> OrderSpec:
    shown = spec.max_show if spec.max_show is None else min(spec.max_show, qty)
    return dataclasses.replace(spec, order_qty=qty, max_show=shown)
