"""The portal's tables of trading: mirrored market and journal, order intents and order files."""

from trading.models.files import OrderFile, OrderLine, Totals
from trading.models.journal import Account, CashBalance, Fill, Order, Upstream
from trading.models.market import Contract, Product
from trading.models.orders import IntentTransition, OrderIntent

__all__ = [
    "Account",
    "CashBalance",
    "Contract",
    "Fill",
    "IntentTransition",
    "Order",
    "OrderFile",
    "OrderIntent",
    "OrderLine",
    "Product",
    "Totals",
    "Upstream",
]
