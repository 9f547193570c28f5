"""The fills that the journal has kept, by trade date, with what they cost."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Max, OuterRef, Q, Subquery, Sum

from accounts.models import Connection
from trading.models import Account, Contract, Fill, FillFee, Order
from trading.models.journal import FillQuerySet
from trading.orders.trading_days import begin_of, trade_date_of
from trading.tradovate.entities.terms import DOLLAR

ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True)
class Wanted:
    """Which fills: of trade dates from `since` to `until`, of an account or order (Tradovate ids), of a symbol."""

    since: dt.date | None = None
    until: dt.date | None = None
    account_id: int | None = None
    symbol: str = ""
    order_id: int | None = None


@dataclass(frozen=True)
class Line:
    """One fill. `value` is price x quantity x value per point in dollars at the rate of then, received for a sale and
    paid for a purchase; with what a round trip gained its values sum up to that, while the rate stays. None is not
    known. `label` is the account as its trader calls it."""

    fill: Fill
    trade_date: dt.date
    account: str
    label: str
    tick_size: Decimal | None
    value: Decimal | None
    fees: Decimal | None

    @property
    def net(self) -> Decimal | None:
        """The value after fees."""
        return None if self.value is None or self.fees is None else self.value - self.fees


@dataclass(frozen=True)
class Totals:
    """Sums of fills, busted ones left out. `gross` is what was gained by fills that close each other in every account
    and contract, in dollars at the rate of the last of them; None when some do not, as `open_qty` (contracts) says, or
    a contract or rate is not known. `unvalued` fills have no value in dollars for want of those."""

    fills: int = 0
    bought: int = 0
    sold: int = 0
    open_qty: int = 0
    gross: Decimal | None = None
    fees: Decimal | None = None
    unvalued: int = 0

    @property
    def net(self) -> Decimal | None:
        """What was gained after fees."""
        return None if self.gross is None or self.fees is None else self.gross - self.fees


@dataclass
class _Traded:
    """Of one contract in one account. `gain` is in its currency: at the rates of each fill, what was paid would gain
    too. `rate` is that of the newest one."""

    open_qty: int = 0
    gain: Decimal | None = ZERO
    rate: Decimal | None = None


def select(connection: Connection, wanted: Wanted) -> FillQuerySet:
    """The wanted fills of a connection, newest first, each with its `account_id`, `fee` and the contract's figures."""
    found = Fill.objects.filter(connection=connection)
    if wanted.since is not None:
        found = found.filter(Q(trade_date__gte=wanted.since) | Q(trade_date=None, at__gte=begin_of(wanted.since)))
    if wanted.until is not None:
        end = begin_of(wanted.until + dt.timedelta(days=1))
        found = found.filter(Q(trade_date__lte=wanted.until) | Q(trade_date=None, at__lt=end))
    if wanted.symbol:
        found = found.filter(symbol=wanted.symbol)
    if wanted.order_id is not None:
        found = found.filter(order_id_at_broker=wanted.order_id)
    if wanted.account_id is not None:
        orders = Order.objects.filter(connection=connection, account_id_at_broker=wanted.account_id)
        found = found.filter(order_id_at_broker__in=orders.values("tradovate_id"))
    # A symbol comes back every ten years; the contract seen last is the one that trades now.
    contract = Contract.objects.filter(environment=connection.environment, name=OuterRef("symbol")).order_by("-seen_at")
    order = Order.objects.filter(connection=OuterRef("connection"), tradovate_id=OuterRef("order_id_at_broker"))
    fee = FillFee.objects.filter(connection=OuterRef("connection"), tradovate_id=OuterRef("tradovate_id"))
    return found.annotate(
        account_id=Subquery(order.values("account_id_at_broker")[:1]),
        fee=Subquery(fee.values("total")[:1]),
        tick_size=Subquery(contract.values("product__tick_size")[:1]),
        value_per_point=Subquery(contract.values("product__value_per_point")[:1]),
        currency=Subquery(contract.values("product__currency")[:1]),
    )


def lines(connection: Connection, fills: Iterable[Any]) -> Iterator[Line]:
    """Fills of `select` as lines."""
    known = {account.tradovate_id: account for account in Account.objects.filter(connection=connection)}
    for fill in fills:
        account = known.get(fill.account_id)
        number = str(fill.account_id or "")
        value = _value(fill.action, fill.qty, fill.price, fill.value_per_point)
        yield Line(
            fill=fill,
            trade_date=fill.trade_date or trade_date_of(fill.at),
            account=account.name if account else number,
            label=account.label if account else number,
            tick_size=fill.tick_size,
            value=_times(value, _rate(fill.currency, fill.rate)) if fill.active else ZERO,
            fees=fill.fee,
        )


def totals(fills: FillQuerySet) -> Totals:
    """The sums of fills of `select`: added up exactly, of groups that the database has counted."""
    groups = (
        fills.filter(active=True)
        .order_by()
        .values("account_id", "symbol", "action", "price", "fee", "rate", "currency", per_point=F("value_per_point"))  # type: ignore[misc]  # annotations
        .annotate(fills=Count("pk"), contracts=Sum("qty"), newest=Max("at"))
        .order_by("newest")
    )
    count, bought, sold, unvalued = 0, 0, 0, 0
    gross: Decimal | None = ZERO
    fees: Decimal | None = ZERO
    by_contract: defaultdict[tuple[int | None, str], _Traded] = defaultdict(_Traded)
    for group in groups:
        qty, is_buy = group["contracts"], group["action"] == "Buy"
        count += group["fills"]
        bought, sold = (bought + qty, sold) if is_buy else (bought, sold + qty)
        fees = _plus(fees, None if group["fee"] is None else group["fee"] * group["fills"])
        value = _value(group["action"], qty, group["price"], group["per_point"])
        traded = by_contract[group["account_id"], group["symbol"]]
        traded.open_qty += qty if is_buy else -qty
        traded.gain = _plus(traded.gain, value)
        traded.rate = _rate(group["currency"], group["rate"])
        unvalued += group["fills"] if value is None or traded.rate is None else 0
    for traded in by_contract.values():
        gross = _plus(gross, _times(traded.gain, traded.rate))
    open_qty = sum(abs(traded.open_qty) for traded in by_contract.values())
    return Totals(count, bought, sold, open_qty, None if open_qty else gross, fees, unvalued)


def symbols(connection: Connection) -> list[str]:
    """The symbols of all kept fills of a connection."""
    found = Fill.objects.filter(connection=connection).order_by("symbol")
    return list(found.values_list("symbol", flat=True).distinct())


def _rate(currency: str | None, told: Decimal | None) -> Decimal | None:
    """Dollars for one unit of a product's currency: as was told with a fill, unless they are dollars."""
    return ONE if currency == DOLLAR else told


def _value(action: str, qty: int, price: Decimal, per_point: Decimal | None) -> Decimal | None:
    if per_point is None:
        return None
    # Adding zero turns a negative zero into a plain one.
    return price * qty * per_point * (-1 if action == "Buy" else 1) + 0


def _plus(total: Decimal | None, more: Decimal | None) -> Decimal | None:
    return None if total is None or more is None else total + more


def _times(amount: Decimal | None, rate: Decimal | None) -> Decimal | None:
    return None if amount is None or rate is None else amount * rate
