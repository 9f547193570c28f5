"""Each trade date's P&L and the curve of equity, as the journal has them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db.models import Count, DateTimeField, Max, QuerySet, Sum
from django.db.models.functions import Trunc

from accounts.models import Connection
from trading.history.figures import Day, summed, together
from trading.history.fills import Wanted, select
from trading.models import CashBalance, EquityPoint
from trading.orders.trading_days import trade_date_of

FOUR_PLACES = Decimal("0.0001")


class Span(StrEnum):
    """How far back a curve goes."""

    DAY = "1D"
    WEEK = "1W"
    MONTH = "1M"
    QUARTER = "3M"
    YEAR = "1Y"
    ALL = "all"

    @property
    def days(self) -> int | None:
        """None for all."""
        return {"1D": 1, "1W": 7, "1M": 31, "3M": 92, "1Y": 366}.get(self.value)

    @property
    def bucket(self) -> str:
        """Of each of these the last point is drawn, so that a curve has about a thousand at most."""
        return {"1D": "minute", "1W": "hour", "1M": "hour"}.get(self.value, "day")


def days(connection: Connection, account_id: int | None = None) -> list[Day]:
    """The trade dates that had fills or a result, in the order of time; of all accounts together, or of one."""
    results = CashBalance.objects.filter(connection=connection)
    if account_id is not None:
        results = results.filter(account_id_at_broker=account_id)
    gross: dict[dt.date, Decimal] = {}
    for date, realized in results.values_list("trade_date", "realized_pnl"):
        gross[date] = gross.get(date, Decimal(0)) + realized
    cost = {day.date: day for day in _costs(connection, account_id)}
    found = [
        Day(date, gross.get(date, Decimal(0)), *((cost[date].fees, cost[date].fills) if date in cost else (None, 0)))
        for date in sorted(gross.keys() | cost.keys())
    ]
    return [day for day in found if day.gross or day.fills]


def _costs(connection: Connection, account_id: int | None) -> list[Day]:
    """The fees and fills of each trade date, without a result."""
    fills = select(connection, Wanted(account_id=account_id)).filter(active=True).order_by()
    dated = fills.exclude(trade_date=None).values("trade_date")
    sums = dated.annotate(count=Count("pk"), known=Count("fee"), fees=Sum("fee", default=Decimal(0)))
    found = [
        Day(date, Decimal(0), fees.quantize(FOUR_PLACES) if known == count else None, count)
        for date, count, known, fees in sums.values_list("trade_date", "count", "known", "fees")
        if date is not None
    ]
    undated = fills.filter(trade_date=None).values_list("at", "fee")  # type: ignore[misc]  # an annotation
    return together([*found, *(Day(trade_date_of(at), Decimal(0), fee, 1) for at, fee in undated)])


def curve(
    connection: Connection, account_id: int | None, span: Span, now: dt.datetime
) -> list[tuple[dt.datetime, Decimal]]:
    """What an account, or all of them together, were worth: moments and dollars in the order of time."""
    points = EquityPoint.objects.filter(connection=connection).order_by()
    if account_id is not None:
        points = points.filter(account_id_at_broker=account_id)
    begin = None if span.days is None else now - dt.timedelta(days=span.days)
    inside = points if begin is None else points.filter(at__gte=begin)
    bucket = Trunc("at", span.bucket, output_field=DateTimeField(), tzinfo=dt.UTC)
    last = _rows(points, inside.annotate(bucket=bucket).values("account_id_at_broker", "bucket"))
    if begin is not None:
        # What an account was worth before stays what it is worth until that changes.
        before = _rows(points, points.filter(at__lt=begin).values("account_id_at_broker"))
        last = [(begin, account, worth) for _, account, worth in before] + last
    return summed(last)


def _rows(points: QuerySet[EquityPoint], groups: QuerySet[EquityPoint, Any]) -> list[tuple[dt.datetime, int, Decimal]]:
    """The last point of each group, in the order of time. Those of one bucket are of one moment, that of its newest:
    between them the accounts would add up to what they were never worth together."""
    newest: dict[Any, dt.datetime] = {}
    buckets: dict[tuple[int, dt.datetime], Any] = {}
    for row in groups.annotate(last=Max("at")).order_by("last"):
        bucket = row.get("bucket")
        newest[bucket] = row["last"]
        buckets[row["account_id_at_broker"], row["last"]] = bucket
    found = points.filter(at__in={at for _, at in buckets}).order_by("at", "account_id_at_broker")
    rows = found.values_list("at", "account_id_at_broker", "net_liq")
    return [(newest[buckets[account, at]], account, worth) for at, account, worth in rows if (account, at) in buckets]
