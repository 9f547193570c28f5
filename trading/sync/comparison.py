"""What a fresh snapshot says against the book that was kept until the socket went down. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from trading.orders.trading_days import calendar_day
from trading.sync.book import Book
from trading.sync.mirror import Mirror, is_older
from trading.sync.rows import UNKNOWN, Row
from trading.tradovate.entities import (
    Account,
    AccountRiskStatus,
    CashBalance,
    Command,
    Entity,
    Fill,
    FillFee,
    MarginSnapshot,
    Order,
    OrderVersion,
    Position,
    UserAccountAutoLiq,
)

# What Tradovate serves of the current day and never takes back.
_OF_THE_DAY = (Command, Fill, FillFee, Order, OrderVersion)
_OF_AN_ACCOUNT = (AccountRiskStatus, CashBalance, MarginSnapshot, Position, UserAccountAutoLiq)
_COMPARED = (Account, *_OF_AN_ACCOUNT, *_OF_THE_DAY)
_ROWS = ("position:", "order:", "done:", "fill:")
_MOVING = ("mark", "mark_source", "open_pnl", "cash_at")


@dataclass(frozen=True)
class Differences:
    """`missed`: new, newer or open no longer at Tradovate, which a socket that was down explains. `wrong`: the book had
    what Tradovate does not have, or something newer than that. Both by kind. Of an account that has been taken away
    nothing but itself is counted."""

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
    taken_away = kept.accounts.keys() - fresh.accounts.keys()
    found.missed[Account.__name__] += len(taken_away)
    for kind in _COMPARED:
        before, after = kept.table(kind), fresh.table(kind)
        for key, entity in after.items():
            old = before.get(key)
            if old is None:
                found.missed[kind.__name__] += 1
            elif _bare(old) != _bare(entity):
                (found.wrong if is_older(entity, old) else found.missed)[kind.__name__] += 1
        for entity in (before[key] for key in before.keys() - after.keys()):
            if _account_id(entity, kept) in taken_away:
                continue
            if kind in _OF_THE_DAY and same_day and not _was_asked_for(entity, fresh):
                found.wrong[kind.__name__] += 1
            elif _is_open(entity):
                found.missed[kind.__name__] += 1
    return Differences(+found.missed, +found.wrong)


def compare_rows(shown: Mapping[str, Row], book: Book, now: datetime) -> Differences:
    """The same for rows that another process has shown, whose book is gone; `now` is the fresh book's time.

    What is of the same trading day, by its own time, Tradovate does not take back, and it finishes an order once: what
    is otherwise was wrong. So is a cash figure as late as Tradovate's, or later, that is not Tradovate's.
    """
    found = Differences()
    fresh = book.rows
    differ = differing(shown, fresh)
    taken_away = {key.partition(":")[2] for key in differ if key.startswith("account:") and key not in fresh}
    for key in sorted(differ):
        kind, _, number = key.partition(":")
        if kind == "account":
            if key not in shown or key not in fresh:
                found.missed[kind] += 1
            elif (is_late := _cash_is_late(shown[key], fresh[key])) is not None:
                (found.missed if is_late else found.wrong)["cash"] += 1
        elif not key.startswith(_ROWS) or (kind == "order" and f"done:{number}" in shown):
            continue  # for the latter: its being finished is what was wrong
        elif key in shown and (
            shown[key].get("account_id") in taken_away or _lacks_earlier_fills(shown[key], fresh.get(key, {}))
        ):
            continue
        elif (
            key in shown
            and _is_of_day(shown[key].get("at", UNKNOWN), now)
            and _was_made_up(kind, int(number), book.mirror)
        ):
            found.wrong[kind] += 1
        else:
            found.missed[kind] += 1
    return found


def _is_of_day(moment: str, now: datetime) -> bool:
    """Whether a moment, as rows tell it, is of the trading day of `now`."""
    return moment != UNKNOWN and calendar_day(datetime.fromisoformat(moment)) == calendar_day(now)


def _lacks_earlier_fills(shown: Row, fresh: Row) -> bool:
    """Whether an order's rows differ by what it filled on earlier days alone, which a fresh book learns later."""
    others = {name for name in shown.keys() | fresh.keys() if shown.get(name) != fresh.get(name)} - {"average"}
    return others == {"filled"} and int(shown["filled"]) > int(fresh["filled"])


def _was_made_up(kind: str, key: int, fresh: Mirror) -> bool:
    """Whether what was shown cannot have been so, as Tradovate has none such on the same day."""
    if kind == "fill":
        return key not in fresh.fills
    order = fresh.orders.get(key)
    return kind in ("order", "done") and (order is None or (kind == "done" and not order.finished))


def _cash_is_late(shown: Row, fresh: Row) -> bool | None:
    """Whether the cash shown is one of before; None when it is right."""
    if shown["cash"] == fresh["cash"]:
        return None
    before, after = shown.get("cash_at", UNKNOWN), fresh.get("cash_at", UNKNOWN)
    return UNKNOWN in (before, after) or before < after


def differing(shown: Mapping[str, Row], fresh: Mapping[str, Row]) -> set[str]:
    """The keys of rows that differ by more than what moves with the market."""
    return {key for key in shown.keys() | fresh.keys() if _unmarked(shown, key) != _unmarked(fresh, key)}


def _account_id(entity: Entity, kept: Mirror) -> int | None:
    """The account to which an entity belongs, as far as the book knows it."""
    match entity:
        case Account():
            return entity.id
        case FillFee():
            fill = kept.fills.get(entity.id)
            return None if fill is None else _account_id(fill, kept)
        case Command() | Fill() | OrderVersion():
            order = kept.orders.get(entity.order_id)
            return None if order is None else order.account_id
        case Order() | AccountRiskStatus() | CashBalance() | MarginSnapshot() | Position():
            return entity.account_id
    return None


def _was_asked_for(entity: Entity, fresh: Mirror) -> bool:
    """Whether these are terms of an order, from before all those that the snapshot tells (enquiries.keep_terms)."""
    if not isinstance(entity, OrderVersion) or entity.order_id not in fresh.orders:
        return False
    told = fresh.part_ids(OrderVersion, entity.order_id)
    return fresh.version(entity.order_id) is None or entity.id < told[0]


def _is_open(entity: Entity) -> bool:
    """Whether something would have had to happen to this for it to be gone."""
    if isinstance(entity, Order):
        return not entity.finished
    return isinstance(entity, Position) and entity.net_pos != 0


def _bare(entity: Entity) -> Entity:
    """Without the time at which Tradovate looked at it."""
    return msgspec.structs.replace(entity, timestamp=None) if hasattr(entity, "timestamp") else entity


def _unmarked(rows: Mapping[str, Row], key: str) -> Row:
    """A row without what moves with the market, and without the time at which Tradovate looked at it."""
    return {name: text for name, text in rows.get(key, {}).items() if name not in _MOVING}
