"""Intents as pages show them: what became of each wish, told to every open page and read afresh for a new one.

The database is the truth. A row says its `version`: of two of the same intent the greater one is newer, so that news
may come in any order; what hangs on other rows, such as `decisions`, may change under one version. A page that was told
too little is told all of them again with its next snapshot.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import redis
from django.db.models import Q, prefetch_related_objects
from django.utils import timezone

from trading.orders.trading_days import day_began
from trading.sync import rows as formatter
from trading.sync import stream
from trading.sync.rows import UNKNOWN, YES, Row

if TYPE_CHECKING:
    from trading.models import OrderIntent

log = logging.getLogger(__name__)

# A page lists no more of a day's intents than these, the newest.
MOST: Final = 1000
# So long is told what Tradovate may have, or what nothing has been decided about, unless that comes earlier.
DOUBTFUL_FOR: Final = dt.timedelta(days=7)

_GROUPS: Final = {
    "filled": "filled",
    "done": "filled",
    "rejected": "ended",
    "cancelled": "ended",
    "expired": "ended",
    "ineffective": "ended",
}

_LEVELS: Final = {
    "created": "info",
    "submitting": "info",
    "rejected": "error",
    "cancelled": "warning",
    "expired": "warning",
    "ineffective": "warning",
    "unknown": "warning",
    "absent": "warning",
}
_WORDS: Final = {
    "created": "{what}: about to be sent.",
    "submitting": "{what}: sent, waiting for Tradovate's answer.",
    "accepted": "{what}: accepted by Tradovate. {reason}",
    "rejected": "{what}: rejected. {reason}",
    "unknown": "{what}: no readable answer came, so Tradovate may have it. It will not be sent again; Tradeport is "
    "looking for it in Tradovate's records and says here what it finds.",
    "ineffective": "{what}: accepted, and nothing changed. {reason}",
}


def intent_row(intent: OrderIntent, tick_size: Decimal | None = None) -> Row:
    """One intent, with the fields of rows.order_row that a table of orders shows; its account should be selected
    with it. `tick_size` is its contract's. `sweep` says that it cancels an order with all others."""
    from trading.orders.states import decisions

    return {
        "id": str(intent.pk),
        "version": str(intent.version),
        "kind": intent.kind,
        "described": intent.described,
        "state": intent.state,
        "group": _GROUPS.get(intent.state, "working"),
        "source": intent.source,
        "lead": str(intent.lead_id or ""),
        "decisions": decisions(intent),
        "order_id": str(intent.order_id_at_broker or ""),
        "strategy_id": str(intent.strategy_id_at_broker or ""),
        "target": str(intent.target_order_id or ""),
        "sweep": YES if _is_of_many(intent) else "",
        "account_id": str(intent.account.tradovate_id),
        "account": intent.account.label,
        "symbol": intent.symbol,
        "action": intent.action,
        "qty": str(intent.order_qty) if intent.order_qty else UNKNOWN,
        **formatter.filled(intent, tick_size),
        "type": intent.order_type or intent.get_kind_display(),
        "price": formatter.price(intent.price, tick_size),
        "stop": formatter.price(intent.stop_price, tick_size),
        "terms": _more_terms(intent, tick_size),
        "time_in_force": intent.time_in_force or UNKNOWN,
        "status": intent.get_state_display(),
        "reason": intent.reason,
        "level": level(intent),
        "words": words(intent),
        "at": formatter.moment(intent.created_at),
    }


def _is_of_many(intent: OrderIntent) -> bool:
    """Whether an order is cancelled with all others (trading.orders.exits.clear), and so with what hangs on it."""
    return intent.kind == "cancel" and intent.source_key.endswith(f":cancel:{intent.target_order_id}")


def _more_terms(intent: OrderIntent, tick_size: Decimal | None) -> str:
    said = intent.spec
    touch, trail = (
        None if said.get(name) is None else Decimal(said[name]) for name in ("limit_if_touched_price", "peg_difference")
    )
    return formatter.more_terms(touch, trail, said.get("max_show"), tick_size)


def level(intent: OrderIntent) -> str:
    """How a notice about an intent looks: success, info, warning or error."""
    # What is accepted gives a reason only where its trader is to look at it.
    is_doubtful = intent.state == "accepted" and intent.reason
    return "warning" if is_doubtful else _LEVELS.get(intent.state, "success")


def words(intent: OrderIntent) -> str:
    """How an intent stands, in a sentence for its trader, and what to do where there is something to do."""
    # Not above: loading them leads back to this module.
    from trading.orders.intents import FILE
    from trading.orders.reconcile import ANOTHER_DAY, DAY_IS_OVER

    what, reason = intent.described, intent.reason
    if intent.state == "created" and intent.source == FILE:
        return f"{what}: not sent; it waits in its order file."
    if intent.state == "unknown" and reason == ANOTHER_DAY:
        return f"{what}: nobody knows whether Tradovate has it, and it will not be sent again. {reason}"
    if intent.state == "cancelled" and intent.order_id_at_broker is None and not intent.is_command:
        return f"{what}: nothing was sent. {reason}".strip()
    if intent.state == "absent":
        known = reason if reason == DAY_IS_OVER else "Tradovate never got it."
        return f"{what}: {known} {_what_to_do(intent)}"
    said = _WORDS.get(intent.state, "{what}: {state}. {reason}")
    return said.format(what=what, state=intent.get_state_display(), reason=reason).strip()


def _what_to_do(intent: OrderIntent) -> str:
    """What can be done about an intent that Tradovate never got, in a sentence."""
    from trading.orders.states import decisions

    match decisions(intent), intent.lead_id:
        case "again give-up", _:
            return "Send it again, or give it up."
        case "give-up", None:
            return "Its order file went on without it: give it up, or place it anew."
        case "give-up", _:
            return "It went with another order: give it up, or place it anew."
        case _, None:
            return "Its order file says so: resume that, or give up there what was not sent."
        case _:
            return "It went with another order: decide about that one."


def todays(connection_id: int, shown: Mapping[str, Row]) -> dict[str, Row]:
    """The rows by key ("intent:12") of the trading day's intents, the newest MOST of them; of the earlier ones that the
    stream's rows, `shown`, are about: an order good till cancelled outlasts its day, and so does what became of
    changing it; and of the orders that are still doubtful after their day: nothing else tells of them."""
    from trading.models import OrderIntent

    began = day_began(timezone.now())
    ours = OrderIntent.objects.filter(connection_id=connection_id).select_related("account", "connection")
    found = list(ours.filter(created_at__gte=began).order_by("-pk")[:MOST])
    doubtful = ours.filter(state__in=["unknown", "absent"], created_at__range=(began - DOUBTFUL_FOR, began))
    found += doubtful.exclude(kind__in=[OrderIntent.Kind.MODIFY, OrderIntent.Kind.CANCEL]).order_by("-pk")[:MOST]
    if (about := _about_earlier_orders(shown, began)) is not None:
        found += ours.filter(about, created_at__lt=began).order_by("-pk")[:MOST]
    return rows_of(found)


def _about_earlier_orders(shown: Mapping[str, Row], began: dt.datetime) -> Q | None:
    """Finds the intents of these rows' orders that were placed before the day; None when there is no such order."""
    since = formatter.moment(began)
    orders = (row for key, row in shown.items() if key.startswith(("order:", "done:")))
    earlier = [row for row in orders if row["at"] == UNKNOWN or row["at"] < since]
    ids = {int(row["id"]) for row in earlier}
    strategies = {int(row["strategy_id"]) for row in earlier if row.get("strategy_id")}
    became = Q(order_id_at_broker__in=ids) | Q(strategy_id_at_broker__in=strategies)
    return became | Q(target_order_id__in=ids) if earlier else None


def rows_of(intents: Collection[OrderIntent]) -> dict[str, Row]:
    """The rows of these intents by key."""
    return {f"intent:{intent.pk}": row for intent, row in _rows(intents)}


def tell(intent_ids: Iterable[int]) -> None:
    """Tell every page how these intents (primary keys) stand now, and their legs: what may be decided about those hangs
    on their leads. Call it after the change is committed.

    Without Redis pages see it with their next snapshot.
    """
    from trading.models import OrderIntent

    wanted = set(intent_ids)
    if not wanted:
        return
    theirs = OrderIntent.objects.filter(Q(pk__in=wanted) | Q(lead__in=wanted))
    found = theirs.select_related("account", "connection").order_by("pk")
    try:
        with stream.client().pipeline(transaction=False) as pipeline:
            for intent, row in _rows(list(found)):
                frame = {"t": "intent", "key": f"intent:{intent.pk}", "row": row}
                pipeline.publish(stream.channel(intent.connection_id), stream.intent_message(frame))
            pipeline.execute()
    except redis.RedisError as error:
        log.warning("Redis does not answer; %d intents were not told: %s", len(wanted), type(error).__name__)


def _rows(intents: Collection[OrderIntent]) -> Iterator[tuple[OrderIntent, Row]]:
    ticks = tick_sizes(intents)
    # What may be decided hangs on these.
    prefetch_related_objects([one for one in intents if one.state == "absent"], "lead", "line__file")
    for intent in intents:
        yield intent, intent_row(intent, ticks.get((intent.connection.environment, intent.symbol)))


def tick_sizes(intents: Collection[OrderIntent]) -> dict[tuple[str, str], Decimal]:
    """The tick sizes of what these are about, as far as they are known, by environment and symbol."""
    from trading.models import Contract

    known = Contract.objects.named(*{intent.symbol for intent in intents})
    found = known.values_list("environment", "name", "product__tick_size")
    return {(environment, name): tick for environment, name, tick in found}
