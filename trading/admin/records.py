"""What support staff see of trading: files, intents, and what the broker reported. To read, never to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from accounts.admin import ConnectionAdmin, ReadOnly
from accounts.models import Connection
from trading.models import (
    Account,
    Contract,
    Fill,
    IntentTransition,
    Order,
    OrderFile,
    OrderIntent,
    OrderLine,
    Product,
    Upstream,
)

if TYPE_CHECKING:
    FileBase = admin.ModelAdmin[OrderFile]
    IntentBase = admin.ModelAdmin[OrderIntent]
    AccountBase = admin.ModelAdmin[Account]
    OrderBase = admin.ModelAdmin[Order]
    FillBase = admin.ModelAdmin[Fill]
    UpstreamBase = admin.ModelAdmin[Upstream]
    ContractBase = admin.ModelAdmin[Contract]
    ProductBase = admin.ModelAdmin[Product]
    LineInlineBase = admin.TabularInline[OrderLine, OrderFile]
    TransitionInlineBase = admin.TabularInline[IntentTransition, OrderIntent]
else:
    # Only the stubs' admin classes take a type argument.
    FileBase = IntentBase = AccountBase = OrderBase = FillBase = admin.ModelAdmin
    UpstreamBase = ContractBase = ProductBase = admin.ModelAdmin
    LineInlineBase = TransitionInlineBase = admin.TabularInline


FILES_OF = "account__connection__id__exact"


def trader_fields(connection: str) -> list[str]:
    """Search fields that find a row by its trader; `connection` is the path to the Connection ("" on itself)."""
    return [
        *(f"{connection}__{field}" for field in ("name", "full_name", "email", "user__username")),
        f"={connection}__tradovate_user_id",
    ]


def link(target: Model | None) -> str:
    """A link to the admin page of a row."""
    if target is None:
        return "-"
    meta = target._meta
    return format_html(
        '<a href="{}">{}</a>', reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[target.pk]), target
    )


def said(findings: list[dict[str, str]]) -> str:
    """Findings as a page of support shows them."""
    return "; ".join(f"{kept['severity']}: {kept['message']}" for kept in findings) or "-"


class LineInline(ReadOnly, LineInlineBase):
    model = OrderLine
    fields = ("number", "text", "found", "state", "filled", "average", "order_id", "reason", "intent_link")
    readonly_fields = fields

    @admin.display(description="findings")
    def found(self, line: OrderLine) -> str:
        return said(line.findings)

    @admin.display
    def state(self, line: OrderLine) -> str:
        return line.intent.get_state_display() if line.intent else "-"

    @admin.display
    def filled(self, line: OrderLine) -> str:
        return f"{line.intent.filled_qty} of {line.intent.order_qty}" if line.intent else "-"

    @admin.display(description="average price")
    def average(self, line: OrderLine) -> str:
        price = line.intent.average_price if line.intent else None
        return "-" if price is None else f"{price.normalize():f}"

    @admin.display(description="order id at Tradovate")
    def order_id(self, line: OrderLine) -> str:
        return str((line.intent and line.intent.order_id_at_broker) or "-")

    @admin.display
    def reason(self, line: OrderLine) -> str:
        return (line.intent and line.intent.reason) or "-"

    @admin.display(description="intent")
    def intent_link(self, line: OrderLine) -> str:
        return link(line.intent)


@admin.register(OrderFile)
class OrderFileAdmin(ReadOnly, FileBase):
    list_display = ["name", "trader", "account", "state", "stop_reason", "uploaded_at", "confirmed_at", "finished_at"]
    list_filter = ["state", "account__connection__environment", "uploaded_at"]
    list_select_related = ["account__connection"]
    search_fields = ["name", "=id", "account__name", *trader_fields("account__connection")]
    fields = [
        *("id", "name", "trader", "account", "state", "stop_reason", "found", "content"),
        *("uploaded_at", "confirmed_at", "progressed_at", "finished_at"),
    ]
    readonly_fields = ["id", "trader", "found", "content", "uploaded_at"]
    inlines = [LineInline]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == FILES_OF or super().lookup_allowed(lookup, value, request)

    @admin.display(description="findings about the whole file")
    def found(self, file: OrderFile) -> str:
        return said(file.findings)

    @admin.display(ordering="account__connection__name")
    def trader(self, file: OrderFile) -> str:
        return link(file.account.connection)


class TransitionInline(ReadOnly, TransitionInlineBase):
    model = IntentTransition
    fields = ("at", "step", "from_state", "to_state", "detail")
    readonly_fields = fields


@admin.register(OrderIntent)
class OrderIntentAdmin(ReadOnly, IntentBase):
    list_display = [
        *("id", "trader", "account", "kind", "action", "order_qty", "symbol", "state", "filled_qty"),
        "order_id_at_broker",
        *("reason", "changed_at"),
    ]
    list_filter = ["state", "kind", "connection__environment", "created_at"]
    list_select_related = ["connection", "account"]
    search_fields = [
        *("=cl_ord_id", "=order_id_at_broker", "source_key", "symbol", "account__name"),
        *trader_fields("connection"),
    ]
    readonly_fields = ["trader"]
    inlines = [TransitionInline]

    @admin.display(ordering="connection__name")
    def trader(self, intent: OrderIntent) -> str:
        return link(intent.connection)


@admin.register(Account)
class AccountAdmin(ReadOnly, AccountBase):
    list_display = ["name", "connection", "tradovate_id", "readonly", "closed"]
    list_filter = ["connection__environment", "closed"]
    list_select_related = ["connection"]
    search_fields = ["name", "=tradovate_id", *trader_fields("connection")]


@admin.register(Order)
class OrderAdmin(ReadOnly, OrderBase):
    list_display = ["tradovate_id", "connection", "action", "order_qty", "symbol", "order_type", "status", "at"]
    list_filter = ["status", "connection__environment", "at"]
    list_select_related = ["connection"]
    search_fields = ["=tradovate_id", "=account_id_at_broker", "symbol", *trader_fields("connection")]


@admin.register(Fill)
class FillAdmin(ReadOnly, FillBase):
    list_display = ["tradovate_id", "connection", "action", "qty", "symbol", "price", "order_id_at_broker", "at"]
    list_filter = ["connection__environment", "at"]
    list_select_related = ["connection"]
    search_fields = ["=tradovate_id", "=order_id_at_broker", "symbol", *trader_fields("connection")]


@admin.register(Upstream)
class UpstreamAdmin(ReadOnly, UpstreamBase):
    list_display = ["connection", "state", "since", "synced_at", "detail"]
    list_filter = ["state", "connection__environment"]
    list_select_related = ["connection"]
    search_fields = trader_fields("connection")


@admin.register(Product)
class ProductAdmin(ReadOnly, ProductBase):
    list_display = ["name", "environment", "description", "tick_size", "value_per_point"]
    list_filter = ["environment"]
    search_fields = ["name", "description"]


@admin.register(Contract)
class ContractAdmin(ReadOnly, ContractBase):
    list_display = ["name", "environment", "product", "expiration_date", "seen_at"]
    list_filter = ["environment"]
    list_select_related = ["product"]
    search_fields = ["name", "product__name"]


admin.site.unregister(Connection)


@admin.register(Connection)
class TradingConnectionAdmin(ConnectionAdmin):
    """The connection as accounts shows it, with the way to what this trader did."""

    fields = [*ConnectionAdmin.fields, "trading"]
    readonly_fields = [*ConnectionAdmin.readonly_fields, "trading"]

    @admin.display(description="trading")
    def trading(self, connection: Connection) -> str:
        """Links to the trader's rows of each kind."""
        places = [
            ("orderfile", FILES_OF, "order files"),
            ("orderintent", "connection__id__exact", "intents"),
            ("order", "connection__id__exact", "orders"),
            ("fill", "connection__id__exact", "fills"),
            ("account", "connection__id__exact", "accounts"),
        ]
        links = [
            (reverse(f"admin:trading_{model}_changelist"), lookup, connection.pk, words)
            for model, lookup, words in places
        ]
        return format_html_join(" · ", '<a href="{}?{}={}">{}</a>', links)
