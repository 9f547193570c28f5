"""Tradovate's records, kept: the broker serves only the current trading day (official guide, user/syncrequest)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from accounts.models import Connection

if TYPE_CHECKING:
    from accounts.models import User


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
    readonly = models.BooleanField(default=False)
    closed = models.BooleanField(default=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["connection", "tradovate_id"], name="one_account_per_id")]

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    """An order with its latest version (openapi.json, Order and OrderVersion), wherever it was placed."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="orders")
    tradovate_id = models.BigIntegerField("Tradovate id")
    account_id_at_broker = models.BigIntegerField("account id at Tradovate")
    symbol = models.CharField(max_length=32)
    action = models.CharField(max_length=4)
    status = models.CharField(max_length=16)
    order_qty = models.IntegerField(null=True, blank=True)
    order_type = models.CharField(max_length=20, blank=True)
    price = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=8)
    stop_price = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=8)
    time_in_force = models.CharField(max_length=4, blank=True)
    reject_reason = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-tradovate_id"]
        constraints = [models.UniqueConstraint(fields=["connection", "tradovate_id"], name="one_order_per_id")]

    def __str__(self) -> str:
        return f"{self.tradovate_id} {self.action} {self.symbol} {self.status}"


class Fill(models.Model):
    """A fill (openapi.json, Fill). It may arrive before its order, so it only names that order's Tradovate id."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="fills")
    tradovate_id = models.BigIntegerField("Tradovate id")
    order_id_at_broker = models.BigIntegerField("order id at Tradovate", db_index=True)
    symbol = models.CharField(max_length=32)
    action = models.CharField(max_length=4)
    qty = models.IntegerField("quantity")
    price = models.DecimalField(max_digits=18, decimal_places=8)
    active = models.BooleanField(default=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-tradovate_id"]
        constraints = [models.UniqueConstraint(fields=["connection", "tradovate_id"], name="one_fill_per_id")]

    def __str__(self) -> str:
        return f"{self.action} {self.qty} {self.symbol} at {self.price.normalize():f}"


class CashBalance(models.Model):
    """An account's cash at the end of what is known of a trade date (openapi.json, CashBalance), in dollars."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="cash_balances")
    account_id_at_broker = models.BigIntegerField("account id at Tradovate")
    trade_date = models.DateField()
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    realized_pnl = models.DecimalField("realised P&L", default=0, max_digits=18, decimal_places=2)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-trade_date"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "account_id_at_broker", "trade_date"], name="one_balance_per_trade_date"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id_at_broker} {self.trade_date} {self.amount}"


class Upstream(models.Model):
    """How the hub's socket to Tradovate stands for one connection; written when it changes."""

    class State(models.TextChoices):
        CONNECTING = "connecting", "connecting"
        UP = "up", "up"
        DOWN = "down", "down, reconnecting"
        EVICTED = "evicted", "another login took this session"
        SIGNED_OUT = "signed-out", "signed out"

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="upstream")
    state = models.CharField(max_length=12, choices=State, default=State.CONNECTING)
    since = models.DateTimeField()
    detail = models.CharField(max_length=255, blank=True)

    def __str__(self) -> str:
        return f"{self.connection}: {self.get_state_display()}"
