"""What the portal meant to send, written before it was sent, and everything that became of it."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.append_only import AppendOnly
from accounts.models import Connection
from trading.models.journal import Account
from trading.models.market import LONGEST_NAME


class OrderIntent(models.Model):
    """Something that somebody asked Tradovate to do. The row is committed before anything is on the wire."""

    class Kind(models.TextChoices):
        ORDER = "order", "order"
        OCO = "oco", "OCO pair"
        OSO = "oso", "order with exits"
        BRACKET = "bracket", "bracket strategy"
        LEG = "leg", "linked order"
        MODIFY = "modify", "change"
        CANCEL = "cancel", "cancellation"
        LIQUIDATE = "liquidate", "closing of a position"

    class State(models.TextChoices):
        CREATED = "created", "waiting"
        SUBMITTING = "submitting", "sending"
        ACCEPTED = "accepted", "accepted"
        WORKING = "working", "working"
        FILLED = "filled", "filled"
        CANCELLED = "cancelled", "cancelled"
        EXPIRED = "expired", "expired"
        REJECTED = "rejected", "rejected"
        DONE = "done", "done"
        INEFFECTIVE = "ineffective", "changed nothing"
        UNKNOWN = "unknown", "unknown"
        ABSENT = "absent", "not at Tradovate"

    # Reasons of what ended on a day that nobody saw and that Tradovate does not show any more.
    ENDED_UNSEEN = (
        "Tradovate does not show this order any more: it ended on an earlier day while you were not signed in. Whether"
        " it traded is in your statement there."
    )
    FILLED_UNSEEN = (
        "It filled on an earlier day while you were not signed in, and Tradovate does not show all of its fills any"
        " more: they are in your statement there."
    )
    UNSEEN = (ENDED_UNSEEN, FILLED_UNSEEN)

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="intents")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="intents")
    source_key = models.CharField(max_length=128, unique=True)
    kind = models.CharField(max_length=9, choices=Kind, default=Kind.ORDER)
    # A leg travels in its lead's message: the second order of an OCO, or what an OSO's fill sends. The exits of a
    # bracket strategy are none: Tradovate itself places those.
    lead = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="legs")
    cl_ord_id = models.CharField("clOrdId", max_length=64, unique=True)
    # All of an OrderSpec or another wish (trading.orders.wishes); the columns below repeat what lists need of it.
    spec = models.JSONField("order as asked for")
    symbol = models.CharField(max_length=LONGEST_NAME, blank=True)
    action = models.CharField(max_length=4, blank=True)
    order_qty = models.PositiveIntegerField(null=True, blank=True)
    order_type = models.CharField(max_length=20, default="Market", blank=True)
    price = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=8)
    stop_price = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=8)
    time_in_force = models.CharField(max_length=4, default="Day", blank=True)
    is_automated = models.BooleanField(default=True)
    state = models.CharField(max_length=12, choices=State, default=State.CREATED, db_index=True)
    order_id_at_broker = models.BigIntegerField("order id at Tradovate", null=True, blank=True, db_index=True)
    target_order_id = models.BigIntegerField("order that it is about", null=True, blank=True, db_index=True)
    command_id_at_broker = models.BigIntegerField("command id at Tradovate", null=True, blank=True)
    strategy_id_at_broker = models.BigIntegerField("strategy id at Tradovate", null=True, blank=True, db_index=True)
    filled_qty = models.PositiveIntegerField(default=0)
    average_price = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=8)
    reason = models.CharField(max_length=255, blank=True)
    looked_at = models.DateTimeField("looked for at Tradovate", null=True, blank=True)
    version = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["account", "created_at"], name="intents_of_account_by_time")]

    def __str__(self) -> str:
        return f"{self.described}: {self.get_state_display()}"

    @property
    def described(self) -> str:
        """What was asked for, as a trader says it: "Buy 2 ESZ6", "Cancel order 55"."""
        match self.kind:
            case self.Kind.CANCEL:
                return f"Cancel order {self.target_order_id}"
            case self.Kind.MODIFY:
                return f"Change order {self.target_order_id}"
            case self.Kind.LIQUIDATE:
                return f"Close {self.symbol}"
            case _:
                return f"{self.action} {self.order_qty} {self.symbol}"

    @property
    def fills_are_known(self) -> bool:
        """Whether `filled_qty` and `average_price` tell all that it filled."""
        return self.reason not in self.UNSEEN or self.filled_qty >= (self.order_qty or 1)

    @property
    def source(self) -> str:
        """Where the wish came from, by its source key: click, file, signal, api, kill, ..."""
        return self.source_key.partition(":")[0]

    @property
    def is_command(self) -> bool:
        """Whether it is about an order that is there, and no order itself."""
        return self.kind in (self.Kind.MODIFY, self.Kind.CANCEL)


class TransitionQuerySet(models.QuerySet["IntentTransition"]):
    """Steps, which are not rewritten many at a time either."""

    def update(self, **kwargs: Any) -> NoReturn:
        self.model.refuse()

    def delete(self) -> NoReturn:
        self.model.refuse()


class IntentTransition(AppendOnly):
    """One step of an intent's life.

    A row that moves the intent, or brings news of it, counts in its `version`. Those that only note a time (`BESIDE`)
    do not, and leave the state as it is.
    """

    class Step(models.TextChoices):
        RECEIVED = "received", "received"
        CHECKED = "checked", "checked"
        QUEUED = "queued", "queued"
        SENT = "sent", "sent"
        ACKNOWLEDGED = "acknowledged", "acknowledged"
        EXCHANGE = "exchange", "at the exchange"
        FILLED = "filled", "filled"
        SEEN = "seen", "seen by the trader"

    BESIDE = (Step.RECEIVED, Step.CHECKED, Step.QUEUED, Step.SEEN)

    intent = models.ForeignKey(OrderIntent, on_delete=models.PROTECT, related_name="transitions")
    at = models.DateTimeField(default=timezone.now)
    step = models.CharField(max_length=12, choices=Step, blank=True)
    from_state = models.CharField(max_length=12, choices=OrderIntent.State)
    to_state = models.CharField(max_length=12, choices=OrderIntent.State)
    detail = models.CharField(max_length=255, blank=True)

    objects = TransitionQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["intent"], condition=Q(step="seen"), name="seen_once")]

    def __str__(self) -> str:
        return self.step or f"{self.from_state} -> {self.to_state}"
