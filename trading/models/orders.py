"""What the portal meant to send, written before it was sent, and everything that became of it."""

from __future__ import annotations

from django.db import models

from accounts.models import Connection
from trading.models.journal import Account


class OrderIntent(models.Model):
    """One order that somebody asked for. The row is committed before the order is on the wire."""

    class State(models.TextChoices):
        CREATED = "created", "waiting"
        SUBMITTING = "submitting", "sending"
        ACCEPTED = "accepted", "accepted"
        WORKING = "working", "working"
        FILLED = "filled", "filled"
        CANCELLED = "cancelled", "cancelled"
        EXPIRED = "expired", "expired"
        REJECTED = "rejected", "rejected"
        UNKNOWN = "unknown", "unknown"
        ABSENT = "absent", "not at Tradovate"

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="intents")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="intents")
    source_key = models.CharField(max_length=96, unique=True)
    cl_ord_id = models.CharField("clOrdId", max_length=64, unique=True)
    # The whole OrderSpec; the columns below repeat what lists and queries need of it.
    spec = models.JSONField("order as asked for")
    symbol = models.CharField(max_length=32)
    action = models.CharField(max_length=4)
    order_qty = models.PositiveIntegerField()
    order_type = models.CharField(max_length=20, default="Market")
    price = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=8)
    stop_price = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=8)
    time_in_force = models.CharField(max_length=4, default="Day")
    is_automated = models.BooleanField(default=True)
    state = models.CharField(max_length=12, choices=State, default=State.CREATED, db_index=True)
    order_id_at_broker = models.BigIntegerField("order id at Tradovate", null=True, blank=True, db_index=True)
    filled_qty = models.PositiveIntegerField(default=0)
    average_price = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=8)
    reason = models.CharField(max_length=255, blank=True)
    looked_at = models.DateTimeField("looked for at Tradovate", null=True, blank=True)
    version = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.action} {self.order_qty} {self.symbol}: {self.get_state_display()}"


class IntentTransition(models.Model):
    """One step of an intent's life. Append-only."""

    intent = models.ForeignKey(OrderIntent, on_delete=models.CASCADE, related_name="transitions")
    at = models.DateTimeField(auto_now_add=True)
    from_state = models.CharField(max_length=12, choices=OrderIntent.State)
    to_state = models.CharField(max_length=12, choices=OrderIntent.State)
    detail = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.from_state} -> {self.to_state}"
