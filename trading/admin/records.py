"""What support staff see of trading: files, intents, and what the broker reported. To read, never to change."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import redis
from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from accounts.admin import ConnectionAdmin, ReadOnly
from accounts.models import Connection
from trading.admin.filters import StatusFilter
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
from trading.orders.wish_words import in_words
from trading.sync import crew, intent_rows, stream

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


OF = "connection__id__exact"
FILES_OF = f"account__{OF}"
OF_TRADER = "connection__user__id__exact"


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


def kept_of_order(connection_id: int, order_id: int) -> str:
    """Links to what the journal keeps of an order by Tradovate's id, and to the intents that it came of."""
    places = [
        ("order", "tradovate_id", "order"),
        ("fill", "order_id_at_broker", "fills"),
        ("orderversion", "order_id_at_broker", "terms"),
        ("orderintent", "order_id_at_broker", "intents"),
    ]
    links = [
        (reverse(f"admin:trading_{model}_changelist"), connection_id, field, order_id, words)
        for model, field, words in places
    ]
    return format_html_join(" · ", '<a href="{}?connection__id__exact={}&amp;{}__exact={}">{}</a>', links)


def said(findings: list[dict[str, str]]) -> str:
    """Findings as a page of support shows them."""
    return "; ".join(f"{kept['severity']}: {kept['message']}" for kept in findings) or "-"


def average_of(intent: OrderIntent) -> str:
    """The average price of all its fills."""
    price = intent.average_price if intent.fills_are_known else None
    return "-" if price is None else f"{price.normalize():f}"


class LineInline(ReadOnly, LineInlineBase):
    model = OrderLine
    fields = ("number", "text", "found", "state", "filled", "average", "order_id", "reason", "intent_link")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderLine]:
        return super().get_queryset(request).select_related("intent")

    @admin.display(description="findings")
    def found(self, line: OrderLine) -> str:
        return said(line.findings)

    @admin.display
    def state(self, line: OrderLine) -> str:
        return line.intent.get_state_display() if line.intent else "-"

    @admin.display
    def filled(self, line: OrderLine) -> str:
        intent = line.intent
        return f"{intent.filled_qty} of {intent.order_qty}" if intent and intent.fills_are_known else "-"

    @admin.display(description="average price")
    def average(self, line: OrderLine) -> str:
        return average_of(line.intent) if line.intent else "-"

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
        *("id", "trader", "account", "kind", "action", "order_qty", "symbol", "state", "filled"),
        "order_id_at_broker",
        *("reason", "changed_at"),
    ]
    list_filter = ["state", "kind", "connection__environment", "created_at"]
    list_select_related = ["connection", "account"]
    search_fields = [
        *("=cl_ord_id", "=order_id_at_broker", "source_key", "symbol", "account__name"),
        *trader_fields("connection"),
    ]
    fieldsets = [
        (None, {"fields": ["trader", "account", "stands", "state", "reason", "belongs_to", "around"]}),
        ("What was asked for", {"fields": ["described", "asked_by", "wish"]}),
        (
            "What Tradovate says",
            {"fields": ["filled", "average", "order_id_at_broker", "at_broker", "looked_at"]},
        ),
        (
            "To look things up",
            {
                "fields": [
                    *("cl_ord_id", "source_key", "target_order_id", "command_id_at_broker", "strategy_id_at_broker"),
                    *("version", "created_at", "changed_at"),
                ]
            },
        ),
    ]
    readonly_fields = [
        *("trader", "stands", "belongs_to", "around", "described", "asked_by", "wish"),
        *("filled", "average", "at_broker", "created_at", "changed_at"),
    ]
    inlines = [TransitionInline]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == OF_TRADER or super().lookup_allowed(lookup, value, request)

    @admin.display(ordering="connection__name")
    def trader(self, intent: OrderIntent) -> str:
        return link(intent.connection)

    @admin.display(description="as the trader reads it")
    def stands(self, intent: OrderIntent) -> str:
        return intent_rows.words(intent)

    @admin.display(description="belongs to")
    def belongs_to(self, intent: OrderIntent) -> str:
        """The file and line that it came of, the order that it travels with, and those that travel with it."""
        line = OrderLine.objects.filter(intent=intent).select_related("file").first()
        parts = [] if line is None else [format_html("line {} of {}", line.number, link(line.file))]
        parts += [format_html("goes with {}", link(intent.lead))] if intent.lead else []
        parts += [format_html("has the linked order {}", link(leg)) for leg in intent.legs.order_by("pk")]
        return format_html_join(" · ", "{}", ((part,) for part in parts)) or "-"

    @admin.display(description="what else happened")
    def around(self, intent: OrderIntent) -> str:
        at = f"{intent.created_at.astimezone(dt.UTC):%Y-%m-%d %H:%M}"
        page = reverse("admin:accounts_user_timeline", args=[intent.connection.user_id])
        return format_html('<a href="{}?{}">15 minutes around it</a>', page, urlencode({"at": at, "minutes": 15}))

    @admin.display(description="order")
    def described(self, intent: OrderIntent) -> str:
        return intent.described

    @admin.display(description="asked for by")
    def asked_by(self, intent: OrderIntent) -> str:
        return f"{intent.source}, automated" if intent.is_automated else intent.source

    @admin.display(description="terms")
    def wish(self, intent: OrderIntent) -> str:
        facts = (
            (f"{part.heading}: {label}" if part.heading else label, text)
            for part in in_words(intent.spec)
            for label, text in part.facts
        )
        return format_html_join(" · ", "{}: {}", facts) or "-"

    @admin.display(ordering="filled_qty")
    def filled(self, intent: OrderIntent) -> str:
        return str(intent.filled_qty) if intent.fills_are_known else "-"

    @admin.display(description="average price")
    def average(self, intent: OrderIntent) -> str:
        return average_of(intent)

    @admin.display(description="kept of it")
    def at_broker(self, intent: OrderIntent) -> str:
        """The order of the journal that it came to, with its fills and terms."""
        if intent.order_id_at_broker is None:
            return "-"
        return kept_of_order(intent.connection_id, intent.order_id_at_broker)


@admin.register(Account)
class AccountAdmin(ReadOnly, AccountBase):
    list_display = ["name", "connection", "tradovate_id", "readonly", "closed"]
    list_filter = ["connection__environment", "closed"]
    list_select_related = ["connection"]
    search_fields = ["name", "=tradovate_id", *trader_fields("connection")]


@admin.register(Order)
class OrderAdmin(ReadOnly, OrderBase):
    list_display = [
        *("tradovate_id", "connection", "account", "action", "order_qty", "symbol", "order_type", "status"),
        *("reject_reason", "placed_by", "at"),
    ]
    list_filter = [StatusFilter, "connection__environment", "at"]
    list_select_related = ["connection"]
    search_fields = ["=tradovate_id", "=account_id_at_broker", "symbol", *trader_fields("connection")]
    readonly_fields = ["account", "placed_by", "kept"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        named = Account.objects.filter(
            connection=OuterRef("connection"), tradovate_id=OuterRef("account_id_at_broker")
        ).values("name")[:1]
        return Order.objects.with_source().annotate(account_name=Subquery(named))

    @admin.display
    def account(self, order: Order) -> str:
        return str(order.account_name or order.account_id_at_broker)  # type: ignore[attr-defined]  # an annotation

    @admin.display(description="placed by")
    def placed_by(self, order: Order) -> str:
        return order.source

    @admin.display(description="kept of it")
    def kept(self, order: Order) -> str:
        return kept_of_order(order.connection_id, order.tradovate_id)


@admin.register(Fill)
class FillAdmin(ReadOnly, FillBase):
    list_display = ["tradovate_id", "connection", "action", "qty", "symbol", "price", "order_id_at_broker", "at"]
    list_filter = ["connection__environment", "at"]
    list_select_related = ["connection"]
    search_fields = ["=tradovate_id", "=order_id_at_broker", "symbol", *trader_fields("connection")]
    readonly_fields = ["kept"]

    @admin.display(description="kept of its order")
    def kept(self, fill: Fill) -> str:
        return kept_of_order(fill.connection_id, fill.order_id_at_broker)


@admin.register(Upstream)
class UpstreamAdmin(ReadOnly, UpstreamBase):
    list_display = ["connection", "state", "since", "synced_at", "detail"]
    list_filter = ["state", "connection__environment"]
    list_select_related = ["connection"]
    search_fields = trader_fields("connection")


@admin.register(Product)
class ProductAdmin(ReadOnly, ProductBase):
    list_display = ["name", "environment", "description", "tick_size", "value_per_point", "currency"]
    list_filter = ["environment"]
    search_fields = ["name", "description"]


@admin.register(Contract)
class ContractAdmin(ReadOnly, ContractBase):
    list_display = ["name", "environment", "product", "expiration_date", "seen_at"]
    list_filter = ["environment"]
    list_select_related = ["product"]
    search_fields = ["name", "product__name"]


def _sync_lives() -> bool:
    try:
        return crew.is_there(stream.client())
    except redis.RedisError:
        return False


admin.site.unregister(Connection)


@admin.register(Connection)
class TradingConnectionAdmin(ConnectionAdmin):
    """The connection as accounts shows it, with how its socket stands and the way to what this trader did."""

    fields = [*ConnectionAdmin.fields, "socket", "trading"]
    readonly_fields = [*ConnectionAdmin.readonly_fields, "socket", "trading"]

    @admin.display(description="socket to Tradovate")
    def socket(self, connection: Connection) -> str:
        """How it stands, and since when."""
        row = Upstream.objects.filter(connection=connection).first()
        if row is None:
            return "never opened"
        since = f"since {row.since.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
        unknown = "" if _sync_lives() else "but no sync process answers: how it stands now is not known"
        return ", ".join(filter(None, (row.get_state_display(), since, row.detail, unknown)))

    @admin.display(description="trading")
    def trading(self, connection: Connection) -> str:
        """Links to the trader's rows of each kind."""
        places = [
            ("trading_orderfile", FILES_OF, "order files"),
            ("trading_orderintent", OF, "intents"),
            ("trading_order", OF, "orders"),
            ("trading_fill", OF, "fills"),
            ("trading_account", OF, "accounts"),
            ("trading_position", OF, "positions"),
            ("trading_cashbalance", OF, "cash balances"),
            ("trading_cashentry", OF, "cash book"),
            ("trading_equitypoint", OF, "equity"),
            ("trading_comparison", OF, "comparisons"),
            ("accounts_auditevent", OF, "audit trail"),
        ]
        links = [
            (reverse(f"admin:{model}_changelist"), lookup, connection.pk, words) for model, lookup, words in places
        ]
        return format_html_join(" · ", '<a href="{}?{}={}">{}</a>', links)
