"""What is so at the broker, what the book and a page show, and what the journal keeps: facts that can be compared."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from trading.models import CashBalance, CashEntry, Fill, FillFee, Order, OrderVersion, Position
from trading.sync.rows import UNKNOWN

Fact = tuple[str | int | Decimal | None, ...]
# "fill:ID" -> (order, action, quantity, price, fee), "order:ID" -> (account, action, status, quantity, type, price),
# "version:ID" -> (order, quantity, type, price), which the journal alone keeps,
# "position:ID" -> (account, net, average price) where it is open, "cash:ACCOUNT" -> (amount,)
Facts = dict[str, Fact]

# Averages of prices are shown rounded, and money in cents.
TOLERANCE = Decimal("0.006")
# The entities of which a user socket tells one event at least.
EVENTS = ("command", "commandReport", "executionReport", "order", "orderVersion", "fill", "fillFee")


@dataclass
class Differences:
    """Keys by what is wrong with them: `missed` is not told of, `wrong` told otherwise, `made_up` not at the broker."""

    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    made_up: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missed or self.wrong or self.made_up)


def differences(truth: Facts, told: Facts) -> Differences:
    """Where what was told differs from what is so."""
    both = truth.keys() & told.keys()
    return Differences(
        missed=sorted(truth.keys() - told.keys()),
        wrong=sorted(key for key in both if not _same(truth[key], told[key])),
        made_up=sorted(told.keys() - truth.keys()),
    )


def shown(facts: Facts) -> Facts:
    """Of these facts, those that rows tell, too."""
    return {key: fact for key, fact in facts.items() if not key.startswith("version:")}


def absent_fills(truth: Facts, tellers: Iterable[Container[str]]) -> set[str]:
    """The fills that one of these does not tell of."""
    tellers = list(tellers)
    fills = {key for key in truth if key.startswith("fill:")}
    return {key for key in fills if not all(key in told for told in tellers)}


def _same(one: Fact, other: Fact) -> bool:
    for left, right in zip(one, other, strict=True):
        if isinstance(left, Decimal) and isinstance(right, Decimal):
            if abs(left - right) > TOLERANCE:
                return False
        elif left != right:
            return False
    return True


def of_ledger(entities: Mapping[str, list[dict[str, Any]]], accounts: set[int], since: int) -> Facts:
    """Of the simulator's ledger: these accounts' positions and cash, and orders, their versions and fills with an id
    above `since`."""
    versions = {one["orderId"]: one for one in sorted(entities["orderVersion"], key=lambda one: one["id"])}
    orders = {one["id"]: one for one in entities["order"] if one["accountId"] in accounts}
    fees = {one["id"]: one for one in entities["fillFee"]}
    facts: Facts = {}
    for key, order in orders.items():
        if key > since:
            version = versions[key]
            terms = (version["orderQty"], version["orderType"], _decimal(version.get("price")))
            facts[f"order:{key}"] = (order["accountId"], order["action"], order["ordStatus"], *terms)
    for one in entities["orderVersion"]:
        if one["id"] > since and one["orderId"] in orders:
            terms = (one["orderQty"], one["orderType"], _decimal(one.get("price")))
            facts[f"version:{one['id']}"] = (one["orderId"], *terms)
    for fill in entities["fill"]:
        if fill["id"] > since and fill["orderId"] in orders:
            fee = sum((_decimal(value) or Decimal(0) for name, value in fees[fill["id"]].items() if _is_fee(name)))
            price = _decimal(fill["price"])
            facts[f"fill:{fill['id']}"] = (fill["orderId"], fill["action"], fill["qty"], price, Decimal(fee))
    for one in entities["position"]:
        if one["accountId"] in accounts and one["netPos"]:
            facts[f"position:{one['id']}"] = (one["accountId"], one["netPos"], _decimal(one["netPrice"]))
    for one in entities["cashBalance"]:
        if one["accountId"] in accounts:
            facts[f"cash:{one['accountId']}"] = (_decimal(one["amount"]),)
    return facts


def cash_lines_of_ledger(entities: Mapping[str, list[dict[str, Any]]], accounts: set[int], since: int) -> Facts:
    """Of the simulator's ledger: "cash line:ID" -> (account, what changed it, change, cash after it)."""
    return {
        f"cash line:{one['id']}": (
            *(one["accountId"], one["cashChangeType"]),
            *(_decimal(one["delta"]), _decimal(one["amount"])),
        )
        for one in entities.get("cashBalanceLog", [])
        if one["id"] > since and one["accountId"] in accounts
    }


def cash_lines_of_journal(connection_id: int, since: int) -> Facts:
    """The same of the database."""
    lines = CashEntry.objects.filter(connection=connection_id, tradovate_id__gt=since)
    terms = ("account_id_at_broker", "change_type", "delta", "amount")
    return {f"cash line:{key}": tuple(line) for key, *line in lines.values_list("tradovate_id", *terms)}


def _is_fee(name: str) -> bool:
    return name.endswith("Fee") or name == "commission"


def _decimal(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def of_rows(rows: Mapping[str, Mapping[str, str]], since: int) -> Facts:
    """Of the rows that the stream holds or a page shows."""
    facts: Facts = {}
    for key, row in rows.items():
        kind, _, number = key.partition(":")
        if kind in ("order", "done") and int(number) > since:
            terms = (_whole(row["qty"]), row["type"], _shown(row["price"]))
            facts[f"order:{number}"] = (_whole(row["account_id"]), row["action"], row["status"], *terms)
        elif kind == "fill" and int(number) > since:
            terms = (row["action"], _whole(row["qty"]), _shown(row["price"]), _shown(row["fee"]))
            facts[key] = (int(row["order_id"]), *terms)
        elif kind == "position":
            net = int(row["qty"]) if row["side"] == "Long" else -int(row["qty"])
            facts[key] = (_whole(row["account_id"]), net, _shown(row["average"]))
        elif kind == "account":
            facts[f"cash:{number}"] = (_shown(row["cash"]),)
    return facts


def _shown(text: str) -> Decimal | None:
    return None if text == UNKNOWN else Decimal(text.replace(",", ""))


def _whole(text: str) -> int | None:
    return None if text == UNKNOWN else int(text)


def of_journal(connection_id: int, since: int) -> Facts:
    """Of the database."""
    mine = {"connection": connection_id}
    recent = mine | {"tradovate_id__gt": since}
    fees = dict(FillFee.objects.filter(**recent).values_list("tradovate_id", "total"))
    facts: Facts = {}
    terms = ("account_id_at_broker", "action", "status", "order_qty", "order_type", "price")
    for key, *order in Order.objects.filter(**recent).values_list("tradovate_id", *terms):
        facts[f"order:{key}"] = tuple(order)
    terms = ("order_id_at_broker", "order_qty", "order_type", "price")
    for key, *version in OrderVersion.objects.filter(**recent).values_list("tradovate_id", *terms):
        facts[f"version:{key}"] = tuple(version)
    terms = ("order_id_at_broker", "action", "qty", "price")
    for key, *fill in Fill.objects.filter(**recent).values_list("tradovate_id", *terms):
        facts[f"fill:{key}"] = (*fill, fees.get(key))
    latest = {one.tradovate_id: one for one in Position.objects.filter(**mine).order_by("trade_date")}
    for one in latest.values():
        if one.net_pos:
            facts[f"position:{one.tradovate_id}"] = (one.account_id_at_broker, one.net_pos, one.net_price)
    for balance in CashBalance.objects.filter(**mine).order_by("trade_date"):
        facts[f"cash:{balance.account_id_at_broker}"] = (balance.amount,)
    return facts
