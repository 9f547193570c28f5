"""A situation in which an order for ESZ6 meets nothing to remark, and what tests change about it."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

from trading.models import TradingLimit
from trading.orders.checks import AccountState, Finding, Listing, Sent, Situation, check
from trading.orders.facts import AccountFacts, ContractFacts, Facts, MarkFacts, OrderFacts, PositionFacts
from trading.orders.limits import strictest
from trading.orders.prices import PriceTerms
from trading.orders.session_hours import Hours
from trading.orders.spec import OrderSpec
from trading.tradovate.entities import MarginSnapshot, UserAccountPositionLimit

# A Wednesday, 9:00 in Chicago.
NOW = dt.datetime(2026, 12, 2, 15, tzinfo=dt.UTC)
ACCOUNT, ES, NQ = 1001, 31, 32
GLOBEX = Hours(dt.time(17), dt.time(16), dt.time(17))
ES_FACTS = ContractFacts(
    id=ES, product_id=1, product="ES", exchange_id=7, product_type="Futures", contract_group_id=5, status="Verified"
)
NQ_FACTS = ContractFacts(
    id=NQ, product_id=2, product="NQ", exchange_id=7, product_type="Futures", contract_group_id=5, status="Verified"
)
LISTING = Listing(
    symbol="ESZ6",
    counts_as=ES_FACTS,
    terms=PriceTerms(Decimal("0.25"), Decimal(50)),
    expires=dt.datetime(2026, 12, 18, 14, 30, tzinfo=dt.UTC),
    margin=Decimal(20_000),
    hours=GLOBEX,
    exchange="CME",
)


def money(**changes: Any) -> AccountFacts:
    """100,000 dollars, nothing lost, nothing in use."""
    plain: dict[str, Any] = {
        "id": ACCOUNT,
        "cash": Decimal(100_000),
        "realized_pnl": Decimal(0),
        "trade_date": dt.date(2026, 12, 2),
        "open_pnl": Decimal(0),
        "margin": MarginSnapshot(id=ACCOUNT, total_used_margin=Decimal(0)),
    }
    return AccountFacts(**{**plain, **changes})


def facts(*, net: int = 0, other: int = 0, working: tuple[OrderFacts, ...] = (), **changes: Any) -> Facts:
    """`net` contracts of ES and `other` of NQ, and the last price of ES at 5000."""
    plain: dict[str, Any] = {
        "heard_at": NOW - dt.timedelta(seconds=1),
        "accounts": [money()],
        "contracts": [ES_FACTS, NQ_FACTS],
        "positions": [
            PositionFacts(account_id=ACCOUNT, contract_id=ES, net_pos=net),
            PositionFacts(account_id=ACCOUNT, contract_id=NQ, net_pos=other),
            PositionFacts(account_id=9, contract_id=ES, net_pos=40),
        ],
        "orders": list(working),
        "marks": [MarkFacts(contract_id=ES, price=Decimal(5000), at=NOW - dt.timedelta(seconds=3))],
        "position_limits": [],
    }
    return Facts(**{**plain, **changes})


def rich(**changes: Any) -> Facts:
    """Facts of an account with ten million dollars, whose margin is no question."""
    return facts(accounts=[money(cash=Decimal(10_000_000))], **changes)


def order(order_id: int, action: str, left: int | None, **changes: Any) -> OrderFacts:
    """A working order for ES."""
    plain: dict[str, Any] = {"account_id": ACCOUNT, "contract_id": ES}
    return OrderFacts(id=order_id, action=action, left=left, **{**plain, **changes})


def limit(**terms: Any) -> TradingLimit:
    """A trader's own limit, unsaved."""
    return TradingLimit(**terms)


def position_limit(**terms: Any) -> UserAccountPositionLimit:
    """One that Tradovate keeps for the account, of each contract unless `terms` say otherwise."""
    plain = {"id": 1, "account_id": ACCOUNT, "active": True, "total_by": "Contract"}
    return UserAccountPositionLimit(**{**plain, **terms})


def situation(*limits: TradingLimit, **changes: Any) -> Situation:
    plain: dict[str, Any] = {
        "now": NOW,
        "account": AccountState(ACCOUNT, "DEMO1001"),
        "largest": 50,
        "listing": LISTING,
        "facts": facts(),
        "rules": strictest(limits, 1, "ES", changes.get("now", NOW)),
        "contract_ids": {"ESZ6": ES, "NQZ6": NQ},
    }
    return Situation(**{**plain, **changes})


def spec(action: str = "Buy", qty: int = 1, **terms: Any) -> OrderSpec:
    return OrderSpec(account_id=1, symbol="ESZ6", action=action, order_qty=qty, **terms)


def limited(action: str, price: str) -> OrderSpec:
    """A limit order."""
    return spec(action, order_type="Limit", price=Decimal(price))


def sent(action: str = "Buy", qty: int = 1, seconds: float = 3, **changes: Any) -> Sent:
    return Sent(symbol="ESZ6", action=action, qty=qty, at=NOW - dt.timedelta(seconds=seconds), **changes)


def found(one: OrderSpec, where: Situation) -> list[tuple[str, str]]:
    """(severity, field) of every finding."""
    return [(finding.severity.value, finding.field) for finding in check(one, where)]


def only(one: OrderSpec, where: Situation) -> Finding:
    """The one finding that there is."""
    (finding,) = check(one, where)
    return finding


def listed(**changes: Any) -> Listing:
    return replace(LISTING, **changes)
