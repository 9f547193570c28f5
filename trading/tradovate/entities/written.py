"""What entities must hold to be sent: those few that Tradovate takes whole, to make or to change them.

The structs themselves are read from the wire and take what comes; these are the terms of the requests (openapi.json,
required, minimum and maxLength of the schemas of these names).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from msgspec import Meta

from .account import UserAccountAutoLiq, UserPlugin
from .base import Entity
from .request_base import Id, Month, NotNegative, Positive, SubscriptionYear, Text64, Text8192, bound_of, problem_with
from .risk import UserAccountPositionLimit, UserAccountRiskParameter
from .subscription import MarketDataSubscription, TradovateSubscription


class Terms(NamedTuple):
    """Of one entity type: what it has to say, and the bounds of what it says, by attribute."""

    required: tuple[str, ...]
    bounds: dict[str, Meta]


def _terms(kind: type[Entity], required: str, **bounded: Any) -> Terms:
    """Ids of other things are always more than 0; `bounded` are annotated types, as requests have them."""
    ids = {name: bound_of(Id) for name in kind.__struct_fields__ if name.endswith("_id")}
    return Terms(tuple(required.split()), ids | {name: bound_of(bound) for name, bound in bounded.items()})


TERMS: dict[type[Entity], Terms] = {
    UserAccountAutoLiq: _terms(UserAccountAutoLiq, ""),
    UserAccountPositionLimit: _terms(
        UserAccountPositionLimit,
        "active total_by account_id",
        short_limit=NotNegative,
        long_limit=NotNegative,
        exposed_limit=NotNegative,
        description=Text64,
    ),
    UserAccountRiskParameter: _terms(
        UserAccountRiskParameter,
        "user_account_position_limit_id",
        max_opening_order_qty=NotNegative,
        max_closing_order_qty=NotNegative,
        max_back_month=Positive,
    ),
    MarketDataSubscription: _terms(
        MarketDataSubscription,
        "user_id timestamp plan_price market_data_subscription_plan_id year month",
        year=SubscriptionYear,
        month=Month,
    ),
    TradovateSubscription: _terms(
        TradovateSubscription,
        "user_id timestamp plan_price tradovate_subscription_plan_id start_date expiration_date paid_amount",
        cancel_reason=Text8192,
    ),
    UserPlugin: _terms(
        UserPlugin,
        "user_id timestamp plan_price plugin_name approval start_date paid_amount",
        plugin_name=Text64,
        plan_categories=Text8192,
    ),
}


def check_written(entity: Entity) -> None:
    """Raise ValueError, saying which field, for an entity that the document does not allow to be sent."""
    terms = TERMS[type(entity)]
    names = {info.name: info.encode_name for info in msgspec.structs.fields(type(entity))}
    for name in terms.required:
        if getattr(entity, name) in (None, ""):
            raise ValueError(f"{names[name]} is missing.")
    for name, bound in terms.bounds.items():
        value = getattr(entity, name)
        if value is not None and (problem := problem_with(value, bound)):
            raise ValueError(f"{names[name]} {problem}.")
