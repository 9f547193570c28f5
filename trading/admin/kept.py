"""What the journal keeps for good, for support to read: versions, fees, cash, positions, equity, comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from accounts.admin import ReadOnly
from trading.admin.filters import ChangeFilter
from trading.admin.records import trader_fields
from trading.models import CashBalance, CashEntry, Comparison, EquityPoint, FillFee, OrderVersion, Position

if TYPE_CHECKING:
    VersionBase = admin.ModelAdmin[OrderVersion]
    FeeBase = admin.ModelAdmin[FillFee]
    BalanceBase = admin.ModelAdmin[CashBalance]
    EntryBase = admin.ModelAdmin[CashEntry]
    PositionBase = admin.ModelAdmin[Position]
    EquityBase = admin.ModelAdmin[EquityPoint]
    ComparisonBase = admin.ModelAdmin[Comparison]
else:
    # Only the stubs' admin classes take a type argument.
    VersionBase = FeeBase = BalanceBase = EntryBase = PositionBase = EquityBase = ComparisonBase = admin.ModelAdmin


@admin.register(OrderVersion)
class OrderVersionAdmin(ReadOnly, VersionBase):
    list_display = [
        *("tradovate_id", "connection", "order_id_at_broker", "order_qty", "order_type", "price", "stop_price"),
        *("limit_if_touched_price", "peg_difference", "max_show", "time_in_force", "refused", "at"),
    ]
    list_filter = ["connection__environment", "at"]
    list_select_related = ["connection"]
    search_fields = ["=tradovate_id", "=order_id_at_broker", *trader_fields("connection")]


@admin.register(FillFee)
class FillFeeAdmin(ReadOnly, FeeBase):
    list_display = ["tradovate_id", "connection", "total", *FillFee.PARTS]
    list_filter = ["connection__environment"]
    list_select_related = ["connection"]
    search_fields = ["=tradovate_id", *trader_fields("connection")]


@admin.register(CashBalance)
class CashBalanceAdmin(ReadOnly, BalanceBase):
    list_display = ["account_id_at_broker", "connection", "trade_date", "amount", "realized_pnl", "at"]
    list_filter = ["connection__environment", "trade_date"]
    list_select_related = ["connection"]
    search_fields = ["=account_id_at_broker", *trader_fields("connection")]


@admin.register(CashEntry)
class CashEntryAdmin(ReadOnly, EntryBase):
    list_display = [
        *("tradovate_id", "connection", "account_id_at_broker", "change_type", "delta", "amount"),
        *("currency_id_at_broker", "fill_id_at_broker", "comment", "at"),
    ]
    list_filter = [ChangeFilter, "connection__environment", "at"]
    list_select_related = ["connection"]
    search_fields = ["=tradovate_id", "=account_id_at_broker", "=fill_id_at_broker", *trader_fields("connection")]


@admin.register(Position)
class PositionAdmin(ReadOnly, PositionBase):
    list_display = ["account_id_at_broker", "connection", "symbol", "net_pos", "net_price", "trade_date", "at"]
    list_filter = ["connection__environment", "trade_date"]
    list_select_related = ["connection"]
    search_fields = ["=account_id_at_broker", "symbol", *trader_fields("connection")]


@admin.register(EquityPoint)
class EquityPointAdmin(ReadOnly, EquityBase):
    list_display = ["account_id_at_broker", "connection", "at", "net_liq", "open_pnl", "day_pnl", "fees", "is_estimate"]
    list_filter = ["connection__environment", "at"]
    list_select_related = ["connection"]
    search_fields = ["=account_id_at_broker", *trader_fields("connection")]


@admin.register(Comparison)
class ComparisonAdmin(ReadOnly, ComparisonBase):
    """`wrong` should be zero everywhere."""

    list_display = ["connection", "at", "missed", "wrong", "detail"]
    list_filter = ["connection__environment", "at"]
    ordering = ["-wrong", "-at"]
    list_select_related = ["connection"]
    search_fields = trader_fields("connection")
