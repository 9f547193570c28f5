"""Tradovate's records of orders, kept: it serves only the current trading day (official guide, user/syncrequest).

What Tradovate says again is written over, by its own id; nothing is ever deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from django.apps import apps
from django.db import models
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce

from accounts.models import Connection
from trading.models.market import LONGEST_NAME

if TYPE_CHECKING:
    from accounts.models import User


ELSEWHERE = "elsewhere"


class AccountQuerySet(models.QuerySet["Account"]):
    def visible_to(self, user: User) -> AccountQuerySet:
        """The accounts of the user's own connections."""
        return self.filter(connection__user=user)

    def tradable(self) -> AccountQuerySet:
        return self.filter(connection__in=Connection.objects.authorised(), closed=False, readonly=False)


class Account(models.Model):
    """A trading account (openapi.json, Account)."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="accounts")
    tradovate_id = models.BigIntegerField("Tradovate id")
    name = models.CharField(max_length=64)
    alias = models.CharField("the trader's own name for it", max_length=32, blank=True)
    readonly = models.BooleanField(default=False)
    closed = models.BooleanField(default=False)
    # How many orders, changes and closings were made for it (trading.orders.turns).
    orders_made = models.PositiveBigIntegerField(default=0, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["connection", "tradovate_id"], name="one_account_per_id")]

    def __str__(self) -> str:
        return f"{self.alias} ({self.name})" if self.alias else self.name

    @property
    def label(self) -> str:
        """What its trader calls it, or else its name at Tradovate."""
        return self.alias or self.name


P = TypeVar("P", bound=models.Model)


class PlacedQuerySet(models.QuerySet[P]):
    """Orders or fills; both know where their order was placed."""

    order_id_field: str

    def with_source(self) -> Self:
        """Each with the `source_key` of the intent that its order came of, or else the order on which that hangs (the
        exits of a bracket strategy have none of their own); None for what was placed elsewhere.

        Not for lists that go through all of a table: it looks two intents up per row.
        """
        order = Order.objects.filter(connection=OuterRef("connection"), tradovate_id=OuterRef(self.order_id_field))
        return self.annotate(parent_id=Subquery(order.values("parent_id_at_broker")[:1])).annotate(
            source_key=Coalesce(_source_key_of(self.order_id_field), _source_key_of("parent_id"))
        )


def _source_key_of(order_id_field: str) -> Subquery:
    """The source key of the intent that became the order whose id is in this field."""
    intent = apps.get_model("trading", "OrderIntent")
    came_of = intent.objects.filter(connection=OuterRef("connection"), order_id_at_broker=OuterRef(order_id_field))
    return Subquery(came_of.values("source_key")[:1])


class PlacedModel(models.Model):
    """What belongs to an order, here or elsewhere."""

    class Meta:
        abstract = True

    @property
    def source(self) -> str:
        """Where the order came from: click, file, signal, api, ... or "elsewhere". After `with_source` only."""
        key: str | None = self.source_key  # type: ignore[attr-defined]  # an annotation
        return key.partition(":")[0] if key else ELSEWHERE


class OrderQuerySet(PlacedQuerySet["Order"]):
    order_id_field = "tradovate_id"


class Order(PlacedModel):
    """An order with its latest version (openapi.json, Order and OrderVersion), wherever it was placed."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="orders")
    tradovate_id = models.BigIntegerField("Tradovate id")
    account_id_at_broker = models.BigIntegerField("account id at Tradovate")
    symbol = models.CharField(max_length=LONGEST_NAME)
    action = models.CharField(max_length=4)
    status = models.CharField(max_length=16)
    order_qty = models.IntegerField(null=True, blank=True)
    order_type = models.CharField(max_length=20, blank=True)
    price = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=8)
    stop_price = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=8)
    time_in_force = models.CharField(max_length=4, blank=True)
    reject_reason = models.CharField(max_length=255, blank=True)
    parent_id_at_broker = models.BigIntegerField("order that it waits for", null=True, blank=True)
    oco_id_at_broker = models.BigIntegerField("order that cancels it", null=True, blank=True)
    version_id_at_broker = models.BigIntegerField("version that these are the terms of", null=True, blank=True)
    at = models.DateTimeField()

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-tradovate_id"]
        constraints = [models.UniqueConstraint(fields=["connection", "tradovate_id"], name="one_order_per_id")]

    def __str__(self) -> str:
        return f"{self.tradovate_id} {self.action} {self.symbol} {self.status}"


class OrderVersion(models.Model):
    """The terms of an order as placed, or as one modification wants them (openapi.json, OrderVersion); `refused` ones
    never were the order's."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="order_versions")
    tradovate_id = models.BigIntegerField("Tradovate id")
    order_id_at_broker = models.BigIntegerField("order id at Tradovate", db_index=True)
    order_qty = models.IntegerField("quantity")
    order_type = models.CharField(max_length=20)
    price = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=8)
    stop_price = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=8)
    limit_if_touched_price = models.DecimalField("touch price", null=True, blank=True, max_digits=18, decimal_places=8)
    peg_difference = models.DecimalField("trails by", null=True, blank=True, max_digits=18, decimal_places=8)
    max_show = models.IntegerField("contracts shown", null=True, blank=True)
    time_in_force = models.CharField(max_length=4, blank=True)
    expire_time = models.DateTimeField(null=True, blank=True)
    text = models.CharField(max_length=255, blank=True)
    # The database has a default of its own for processes of the version before, which run until they are replaced.
    refused = models.BooleanField(default=False, db_default=False)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-tradovate_id"]
        constraints = [models.UniqueConstraint(fields=["connection", "tradovate_id"], name="one_order_version_per_id")]

    def __str__(self) -> str:
        return f"{self.order_id_at_broker}: {self.order_qty} {self.order_type}"


class FillQuerySet(PlacedQuerySet["Fill"]):
    order_id_field = "order_id_at_broker"


class Fill(PlacedModel):
    """A fill (openapi.json, Fill). It may arrive before its order, so it only names that order's Tradovate id.

    `rate` is the dollars that one unit of its product's currency was worth then, None when that was not known.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="fills")
    tradovate_id = models.BigIntegerField("Tradovate id")
    order_id_at_broker = models.BigIntegerField("order id at Tradovate", db_index=True)
    symbol = models.CharField(max_length=LONGEST_NAME)
    action = models.CharField(max_length=4)
    qty = models.IntegerField("quantity")
    price = models.DecimalField(max_digits=18, decimal_places=8)
    active = models.BooleanField(default=True)
    rate = models.DecimalField(null=True, blank=True, max_digits=20, decimal_places=12)
    trade_date = models.DateField(null=True, blank=True)
    at = models.DateTimeField()

    objects = FillQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-tradovate_id"]
        constraints = [models.UniqueConstraint(fields=["connection", "tradovate_id"], name="one_fill_per_id")]

    def __str__(self) -> str:
        return f"{self.action} {self.qty} {self.symbol} at {self.price.normalize():f}"


class FillFee(models.Model):
    """What a fill cost, in dollars (openapi.json, FillFee); its id is the fill's."""

    PARTS = ("clearing_fee", "exchange_fee", "nfa_fee", "brokerage_fee", "ip_fee", "commission", "order_routing_fee")

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="fill_fees")
    tradovate_id = models.BigIntegerField("Tradovate id of the fill")
    clearing_fee = models.DecimalField(default=0, max_digits=18, decimal_places=4)
    exchange_fee = models.DecimalField(default=0, max_digits=18, decimal_places=4)
    nfa_fee = models.DecimalField("NFA fee", default=0, max_digits=18, decimal_places=4)
    brokerage_fee = models.DecimalField(default=0, max_digits=18, decimal_places=4)
    ip_fee = models.DecimalField("IP fee", default=0, max_digits=18, decimal_places=4)
    commission = models.DecimalField(default=0, max_digits=18, decimal_places=4)
    order_routing_fee = models.DecimalField(default=0, max_digits=18, decimal_places=4)
    total = models.DecimalField(max_digits=18, decimal_places=4)

    class Meta:
        ordering = ["-tradovate_id"]
        constraints = [models.UniqueConstraint(fields=["connection", "tradovate_id"], name="one_fee_per_fill")]

    def __str__(self) -> str:
        return f"{self.total} for fill {self.tradovate_id}"
