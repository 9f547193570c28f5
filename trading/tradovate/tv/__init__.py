"""The TradingView-style dialect of Tradovate: REST with its own hosts, envelope, error codes and account ids ("D123").

`TradingView` asks, the structs say what comes and goes, `order_type` chooses between a limit and a stop. Errors are
those of `trading.tradovate.errors`. Sockets, token renewal and contract search are the native API's (`Tradovate`): the
token is the same.
"""

from .client import PER_MINUTE, TradingView
from .entities import (
    Account,
    AccountState,
    Authorization,
    ErrorCode,
    Order,
    OrderStatus,
    OrderUpdated,
    PlacedOrder,
    Position,
    Quote,
)
from .requests import PlaceOrder, UpdateOrder, order_type

__all__ = [
    "PER_MINUTE",
    "Account",
    "AccountState",
    "Authorization",
    "ErrorCode",
    "Order",
    "OrderStatus",
    "OrderUpdated",
    "PlaceOrder",
    "PlacedOrder",
    "Position",
    "Quote",
    "TradingView",
    "UpdateOrder",
    "order_type",
]
