"""A contract, an account and what a day may bring it, as tests of the book tell it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from trading.sync.book import Book
from trading.tradovate.entities import (
    Account,
    CashBalance,
    Contract,
    ContractMaturity,
    Entity,
    Fill,
    FillFee,
    Level,
    Order,
    Position,
    Product,
    Quote,
    QuoteEntries,
    SyncSnapshot,
    TradeDate,
)
from trading.tradovate.frames import PropsEvent

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = TradeDate(year=2026, month=11, day=20)
ES = Product(id=1, name="ES", value_per_point=Decimal(50), tick_size=Decimal("0.25"), description="E-mini S&P 500")
DECEMBER = ContractMaturity(id=2, product_id=1, expiration_month=202612, expiration_date=NOON + timedelta(days=28))
ESZ6 = Contract(id=3, name="ESZ6", contract_maturity_id=2)
ACCOUNT = Account(id=7, name="DEMO7")
CASH = CashBalance(
    id=70, account_id=7, amount=Decimal("100000.10"), realized_pnl=Decimal("-12.5"), trade_date=TODAY, timestamp=NOON
)


def position(net: int, price: str = "5000.25", seconds: int = 0) -> Position:
    at = NOON + timedelta(seconds=seconds)
    return Position(id=71, account_id=7, contract_id=3, net_pos=net, net_price=Decimal(price), timestamp=at)


def order(status: str, key: int = 50) -> Order:
    return Order(id=key, account_id=7, contract_id=3, action="Buy", ord_status=status, timestamp=NOON)


def fill(key: int, qty: int = 1, price: str = "5000", *, order_id: int = 50, **more: Any) -> Fill:
    terms = {"contract_id": 3, "action": "Buy", "timestamp": NOON, "trade_date": TODAY, **more}
    return Fill(id=key, order_id=order_id, qty=qty, price=Decimal(price), **terms)


def told(*entities: Entity, kind: str = "Updated") -> PropsEvent:
    name = type(entities[0]).__name__
    return PropsEvent(name[0].lower() + name[1:], kind, entities)


def book(*more: Entity) -> Book:
    made = Book.load(SyncSnapshot(products=[ES], contract_maturities=[DECEMBER], contracts=[ESZ6], accounts=[ACCOUNT]))
    for entity in more:
        made.apply(told(entity))
    return made


def fee(key: int) -> FillFee:
    parts = {"clearing_fee": "0.2", "exchange_fee": "0.70", "nfa_fee": "0.04", "commission": "0.78"}
    return FillFee(id=key, **{name: Decimal(amount) for name, amount in parts.items()})


def quote(price: str, contract_id: int = 3, at: datetime = NOON) -> Quote:
    entries = QuoteEntries(trade=Level(price=Decimal(price), size=Decimal(1)))
    return Quote(contract_id=contract_id, timestamp=at, entries=entries)
