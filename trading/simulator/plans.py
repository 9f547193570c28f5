"""What can be subscribed to: plans, scopes and entitlements. Names and prices are made up."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from .subscription_entities import (
    Entitlement,
    MarketDataSubscriptionExchangeScope,
    MarketDataSubscriptionPlan,
    TradovateSubscriptionPlan,
)

SCOPES = [
    MarketDataSubscriptionExchangeScope(id=1, name="CME"),
    MarketDataSubscriptionExchangeScope(id=2, name="CBOT"),
    MarketDataSubscriptionExchangeScope(id=3, name="NYMEX"),
    MarketDataSubscriptionExchangeScope(id=4, name="COMEX"),
    MarketDataSubscriptionExchangeScope(id=5, name="CME Bundle", bundle_of="CME,CBOT,NYMEX,COMEX"),
]

MARKET_DATA_PLANS = [
    MarketDataSubscriptionPlan(
        id=10 * scope.id + number,
        name=f"{scope.name} {data_type}",
        title=f"{scope.name}, {'depth of market' if data_type == 'DOM' else 'top of book'}",
        price=Decimal(price) * (3 if scope.bundle_of else 1),
        exchange_scope_id=scope.id,
        data_type=data_type,
        professional="NonProfessional",
    )
    for scope in SCOPES
    for number, (data_type, price) in enumerate((("Top", 3), ("DOM", 12)), start=1)
]


def _plan(number: int, name: str, price: int, units: str, *, trial: bool = False) -> TradovateSubscriptionPlan:
    return TradovateSubscriptionPlan(
        id=number,
        name=name,
        title=f"{name} membership",
        price=Decimal(price),
        category="Membership",
        trial=trial,
        duration=2 if trial else 1,
        duration_units=units,
        multiple_accounts=True,
        replay_sessions=0 if trial else 1,
    )


TRADOVATE_PLANS = [
    _plan(1, "Trial", 0, "Week", trial=True),
    _plan(2, "Monthly", 99, "Month"),
    _plan(3, "Yearly", 999, "Year"),
]

ENTITLEMENTS = [
    Entitlement(
        id=number,
        name=name,
        title=title,
        price=Decimal(price),
        duration=1,
        duration_units="Month",
        autorenewal=True,
    )
    for number, name, title, price in ((1, "marketReplay", "Market Replay", 25), (2, "apiAccess", "API Access", 25))
]

SECOND_MARKET_DATA_COST = Decimal(20)
"""Dollars a month for a second connection to market data."""

_MONTHS = {"Month": 1, "Quarter": 3, "Year": 12}


def until(start: date, duration: int, units: str) -> date:
    """The day on which a subscription of `duration` weeks, months, quarters or years ends."""
    if units == "Week":
        return start + timedelta(weeks=duration)
    months = start.year * 12 + start.month - 1 + duration * _MONTHS[units]
    year, month = divmod(months, 12)
    last = (date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(start.day, last))
