"""The portal's tables of trading: mirrored market and journal, order intents, order files and kill switches."""

from trading.models.files import OrderFile, OrderLine, Totals
from trading.models.journal import ELSEWHERE, Account, Fill, FillFee, Order, OrderVersion
from trading.models.kill_switch import KillSwitch, KillSwitchAction
from trading.models.limits import TradingLimit
from trading.models.market import Contract, Product, ProductSession
from trading.models.money import CashBalance, CashEntry, EquityPoint, Position
from trading.models.orders import IntentTransition, OrderIntent
from trading.models.replay import Replay
from trading.models.upstream import Comparison, Upstream

__all__ = [
    "ELSEWHERE",
    "Account",
    "CashBalance",
    "CashEntry",
    "Comparison",
    "Contract",
    "EquityPoint",
    "Fill",
    "FillFee",
    "IntentTransition",
    "KillSwitch",
    "KillSwitchAction",
    "Order",
    "OrderFile",
    "OrderIntent",
    "OrderLine",
    "OrderVersion",
    "Position",
    "Product",
    "ProductSession",
    "Replay",
    "Totals",
    "TradingLimit",
    "Upstream",
]
