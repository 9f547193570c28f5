"""What a fresh snapshot says against the book that was kept until the socket went down. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from trading.sync.days import trading_day
from trading.sync.mirror import Mirror, is_older
from trading.sync.rows import UNKNOWN, Row
from trading.tradovate.entities import (
    Account,
    CashBalance,
    Command,
    Entity,
    Fill,
    FillFee,
    MarginSnapshot,
    Order,
    OrderVersion,
    Position,
)

# What Tradovate serves of the current day and never takes back.
_OF_THE_DAY = (Command, Fill, FillFee, Order, OrderVersion)
_COMPARED = (Account, CashBalance, MarginSnapshot, Position, *_OF_THE_DAY)
_ROWS = ("position:", "order:", "done:", "fill:")
_MOVING = ("mark", "mark_source", "open_pnl", "cash_at")


@dataclass(frozen=True)
class Differences:
    """`missed`: new or newer at Tradovate, which a socket that was down explains. `wrong`: the book had what Tradovate
    does not have, or something newer than that. Both by kind."""

    missed: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)

    @property
    def words(self) -> str:
        """Both in words; empty when there are none."""
        parts = (("missed", self.missed), ("wrong", self.wrong))
        return "; ".join(
            f"{what}: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
            for what, counts in parts
            if counts
        )


def compare(kept: Mirror, fresh: Mirror) -> Differences:
    """The differences of what was kept to a fresh snapshot of the same user."""
    found = Differences()
    same_day = kept.today == fresh.today
    for kind in _COMPARED:
        before, after = kept.table(kind), fresh.table(kind)
        for key, entity in after.items():
            old = before.get(key)
            if old is None:
                found.missed[kind.__name__] += 1
            elif _bare(old) != _bare(entity):
                (found.wrong if is_older(entity, old) else found.missed)[kind.__name__] += 1
        if kind in _OF_THE_DAY and same_day:
            found.wrong[kind.__name__] += len(before.keys() - after.keys())
    return Differences(+found.missed, +found.wrong)


def compare_rows(shown: Mapping[str, Row], fresh: Mapping[str, Row], now: datetime) -> Differences:
    """The same for rows that another process has shown, whose book is gone; `now` is the fresh ones' time.

    Of the same trading day Tradovate takes no order and no fill back, and finishes an order once: what is otherwise was
    wrong. So is a cash figure as late as Tradovate's, or later, that is not Tradovate's.
    """
    found = Differences()
    same_day = _is_of_day(shown.get("upstream", {}).get("last_message_at", UNKNOWN), now)
    for key in sorted(differing(shown, fresh)):
        kind, _, number = key.partition(":")
        if kind == "account":
            if (is_late := _cash_is_late(shown.get(key, {}), fresh.get(key, {}))) is not None:
                (found.missed if is_late else found.wrong)["cash"] += 1
        elif not key.startswith(_ROWS) or (kind == "order" and f"done:{number}" in shown):
            continue  # for the latter: its being finished is what was wrong
        elif key in shown and same_day and _was_made_up(kind, number, fresh):
            found.wrong[kind] += 1
        else:
            found.missed[kind] += 1
    return found


def _is_of_day(moment: str, now: datetime) -> bool:
    """Whether a moment, as rows tell it, is of the trading day of `now`."""
    return moment != UNKNOWN and trading_day(datetime.fromisoformat(moment)) == trading_day(now)


def _was_made_up(kind: str, number: str, fresh: Mapping[str, Row]) -> bool:
    """Whether what was shown cannot have been so, as the fresh rows of the same day do not have it."""
    if kind == "order":
        return not {f"order:{number}", f"done:{number}"} & fresh.keys()
    return kind in ("done", "fill") and f"{kind}:{number}" not in fresh


def _cash_is_late(shown: Row, fresh: Row) -> bool | None:
    """Whether the cash shown is one of before; None when it is right, or an account has come or gone."""
    if not shown or not fresh or shown["cash"] == fresh["cash"]:
        return None
    before, after = shown.get("cash_at", UNKNOWN), fresh.get("cash_at", UNKNOWN)
    return UNKNOWN in (before, after) or before < after


def differing(shown: Mapping[str, Row], fresh: Mapping[str, Row]) -> set[str]:
    """The keys of rows that differ by more than what moves with the market."""
    return {key for key in shown.keys() | fresh.keys() if _unmarked(shown, key) != _unmarked(fresh, key)}


def _bare(entity: Entity) -> Entity:
    """Without the time at which Tradovate looked at it."""
    return msgspec.structs.replace(entity, timestamp=None) if hasattr(entity, "timestamp") else entity


def _unmarked(rows: Mapping[str, Row], key: str) -> Row:
    """A row without what moves with the market, and without the time at which Tradovate looked at it."""
    return {name: text for name, text in rows.get(key, {}).items() if name not in _MOVING}
