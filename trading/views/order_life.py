"""What became of an order and of its terms, step by step, as its pages tell it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from trading.models import OrderIntent, OrderVersion
from trading.orders import intents
from trading.orders.in_force import newest
from trading.orders.spec import OrderSpec
from trading.orders.wishes import Modification
from trading.sync import rows as formatter


class Happened(NamedTuple):
    """One thing of an order's life; `change` is the intent (pk) that asked for it, where one did."""

    name: str
    at: dt.datetime
    detail: str
    change: int | None = None


@dataclass(frozen=True)
class Step:
    """One step of an order's life: what happened, when, and how long after the step before."""

    happened: Happened
    iso: str
    after: str


def timeline(happened: Iterable[Happened]) -> list[Step]:
    """The steps of what happened, by their time; what happened at the same time stays in its order."""
    found = []
    before: dt.datetime | None = None
    for one in sorted(happened, key=lambda one: one.at):
        found.append(Step(one, formatter.moment(one.at), _after(before, one.at)))
        before = one.at
    return found


def versions(connection_id: int, order_ids: Collection[int]) -> defaultdict[int, list[OrderVersion]]:
    """The terms that orders (Tradovate's ids) have had or were to have, the oldest first, by order."""
    found: defaultdict[int, list[OrderVersion]] = defaultdict(list)
    kept = OrderVersion.objects.filter(connection=connection_id, order_id_at_broker__in=order_ids)
    for version in kept.order_by("tradovate_id"):
        found[version.order_id_at_broker].append(version)
    return found


def in_force(versions: Sequence[OrderVersion], *, is_rejected: bool) -> OrderVersion | None:
    """The terms that an order stands on, or ended with (trading.orders.in_force)."""
    return newest(reversed(versions), lambda version: version.refused, is_rejected=is_rejected)


def now(versions: Sequence[OrderVersion], version: OrderVersion | None, tick_size: Decimal | None = None) -> str:
    """The terms of now, `version`, in words; empty for an order that has those that it was placed with."""
    return "" if version is None or version is versions[0] else terms(version, tick_size)


def asked(connection_id: int, order_id: int) -> list[OrderIntent]:
    """The changes of an order (Tradovate's id) that were asked for here, the oldest first."""
    found = OrderIntent.objects.filter(connection=connection_id, target_order_id=order_id)
    return list(found.filter(kind=OrderIntent.Kind.MODIFY).order_by("pk"))


def changes(
    asked: Sequence[OrderIntent], versions: Sequence[OrderVersion], tick_size: Decimal | None = None
) -> Iterator[Happened]:
    """The changes of an order, wherever they were asked for: those that brought terms, and those `asked` for here that
    have not, or not yet."""
    # A version has the id of the command that made it (guide, OrderVersion).
    by_command = {change.command_id_at_broker: change for change in asked}
    for version in versions[1:]:
        change = by_command.get(version.tradovate_id)
        said = terms(version, tick_size) + (f". {change.reason}" if change and change.reason else "")
        name = "change refused" if version.refused else "changed"
        yield Happened(name, version.at, said, change.pk if change else None)
    told = {version.tradovate_id for version in versions}
    for change in asked:
        wish = intents.wish_of(change)
        if change.command_id_at_broker not in told and isinstance(wish, Modification):
            said = f"{terms(wish.becomes, tick_size)}: {change.get_state_display()}. {change.reason}".strip()
            yield Happened("change", change.created_at, said, change.pk)


def terms(of: OrderVersion | OrderSpec, tick_size: Decimal | None = None) -> str:
    """ "2 Limit at 5000.25, shows 1, GTC"."""
    price = "" if of.price is None else f" at {formatter.price(of.price, tick_size)}"
    stop = "" if of.stop_price is None else f"stop {formatter.price(of.stop_price, tick_size)}"
    more = formatter.more_terms(of.limit_if_touched_price, of.peg_difference, of.max_show, tick_size)
    until = f"until {of.expire_time:%Y-%m-%d %H:%M} UTC" if of.expire_time else ""
    first = f"{of.order_qty} {of.order_type}{price}"
    return ", ".join(filter(None, (first, stop, more, of.time_in_force, until, of.text)))


def _after(before: dt.datetime | None, at: dt.datetime) -> str:
    if before is None:
        return ""
    milliseconds = (at - before).total_seconds() * 1000
    if milliseconds < 10_000:
        return f"+{milliseconds:,.1f} ms" if milliseconds < 100 else f"+{milliseconds:,.0f} ms"
    return f"+{milliseconds / 1000:,.0f} s"
