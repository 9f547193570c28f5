"""Order files and their lines."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce

from trading.models.journal import Account
from trading.models.market import LONGEST_NAME, Contract
from trading.models.orders import OrderIntent

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class Totals:
    """Contracts bought and sold, ordered and filled, and how many lines are in each state (label -> lines).

    `unknown_buys` and `unknown_sells` are lines that may have filled more than is counted.
    `version` grows with every change of a line's intent.
    """

    lines: int
    buy: int
    sell: int
    bought: int
    sold: int
    unknown_buys: int
    unknown_sells: int
    states: dict[str, int]
    version: int


class OrderFileQuerySet(models.QuerySet["OrderFile"]):
    def visible_to(self, user: User) -> OrderFileQuerySet:
        """The files of the user's own accounts."""
        return self.filter(account__connection__user=user)


class OrderFile(models.Model):
    """An uploaded list of orders for one account."""

    class State(models.TextChoices):
        UNCHECKED = "unchecked", "not checked yet"
        REFUSED = "refused", "has errors"
        READY = "ready", "ready to confirm"
        QUEUED = "queued", "queued"
        EXECUTING = "executing", "executing"
        STOPPED = "stopped", "stopped"
        FINISHED = "finished", "finished"
        DISCARDED = "discarded", "discarded"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="order_files")
    name = models.CharField("file name", max_length=128)
    content = models.TextField(editable=False)
    state = models.CharField(max_length=12, choices=State)
    stop_reason = models.CharField(max_length=255, blank=True)
    findings = models.JSONField("findings about the whole file", default=list, blank=True)
    uploaded_at = models.DateTimeField(auto_now_add=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    progressed_at = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField("last queued by the sweep", null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = OrderFileQuerySet.as_manager()

    class Meta:
        ordering = ["-uploaded_at"]

    def __str__(self) -> str:
        return self.name

    def totals(self) -> Totals:
        """What the file's lines add up to, as one statement sees them."""
        buys, sells = Q(quantity__gt=0), Q(quantity__lt=0)
        unknown = Q(intent__reason__in=OrderIntent.UNSEEN, intent__filled_qty__lt=F("intent__order_qty"))
        by_state = self.lines.order_by().values("intent__state")
        found = by_state.annotate(
            count=Count("pk"),
            buy=Coalesce(Sum("quantity", filter=buys), 0),
            sell=-Coalesce(Sum("quantity", filter=sells), 0),
            bought=Coalesce(Sum("intent__filled_qty", filter=buys), 0),
            sold=Coalesce(Sum("intent__filled_qty", filter=sells), 0),
            unknown_buys=Count("pk", filter=buys & unknown),
            unknown_sells=Count("pk", filter=sells & unknown),
            version=Coalesce(Sum("intent__version"), 0),
        )
        groups = list(found)
        counts = {group["intent__state"]: group["count"] for group in groups}
        return Totals(
            lines=sum(counts.values()),
            states={str(state.label): counts[state] for state in OrderIntent.State if state in counts},
            **{
                name: sum(group[name] for group in groups)
                for name in ("buy", "sell", "bought", "sold", "unknown_buys", "unknown_sells", "version")
            },
        )


class OrderLineQuerySet(models.QuerySet["OrderLine"]):
    def sendable(self) -> OrderLineQuerySet:
        """The lines that resuming their file sends: not sent yet, or not at Tradovate."""
        states = OrderIntent.State
        return self.filter(Q(intent__state=states.CREATED) | Q(intent__state=states.ABSENT, passed_over=False))

    def sent(self) -> OrderLineQuerySet:
        """The lines whose orders Tradovate got, or may have got."""
        states = OrderIntent.State
        never = Q(intent__state__in=[states.CREATED, states.ABSENT])
        given_up = Q(intent__state=states.CANCELLED, intent__order_id_at_broker=None)
        return self.filter(intent__isnull=False).exclude(never | given_up)


class OrderLine(models.Model):
    """One order of a file: what was written, what is wrong with it, and the intent that carries it out."""

    file = models.ForeignKey(OrderFile, on_delete=models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField("line number")
    text = models.CharField(max_length=200)
    symbol = models.CharField(max_length=LONGEST_NAME, blank=True)
    quantity = models.IntegerField("signed quantity", null=True, blank=True)
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, null=True, blank=True)
    findings = models.JSONField(default=list, blank=True)
    intent = models.OneToOneField(OrderIntent, on_delete=models.PROTECT, null=True, blank=True, related_name="line")
    passed_over = models.BooleanField("the trader went on although this line was unknown", default=False)

    objects = OrderLineQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="one_line_per_number")]

    def __str__(self) -> str:
        return f"line {self.number}: {self.text}"

    @property
    def is_left_behind(self) -> bool:
        """Whether its file goes on, or has ended, without it."""
        return self.passed_over or self.file.state == OrderFile.State.FINISHED
