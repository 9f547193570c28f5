"""How the sockets to Tradovate stand, and what was missed while one was down."""

from __future__ import annotations

from django.db import models

from accounts.models import Connection


class UpstreamQuerySet(models.QuerySet["Upstream"]):
    def taken(self) -> UpstreamQuerySet:
        """Those whose session another login took, after their trader signed in here last."""
        is_later = models.Q(since__gte=models.F("connection__signed_in_at")) | models.Q(connection__signed_in_at=None)
        return self.filter(is_later, state=Upstream.State.EVICTED)


class Upstream(models.Model):
    """How the hub's socket to Tradovate stands for one connection; written when it changes.

    `synced_at`: when all that Tradovate serves of the day was last read, a snapshot with what it refers to and the cash
    books.
    """

    class State(models.TextChoices):
        CONNECTING = "connecting", "connecting"
        UP = "up", "up"
        DOWN = "down", "down, reconnecting"
        EVICTED = "evicted", "another login took this session"
        SIGNED_OUT = "signed-out", "signed out"
        IDLE = "idle", "closed, no page is open"

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="upstream")
    state = models.CharField(max_length=12, choices=State, default=State.CONNECTING)
    since = models.DateTimeField()
    synced_at = models.DateTimeField("day read at", null=True, blank=True)
    detail = models.CharField(max_length=255, blank=True)

    objects = UpstreamQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.connection}: {self.get_state_display()}"


class Comparison(models.Model):
    """The book of a connection compared with Tradovate's snapshot after its socket came back.

    `missed`: entities that are new or newer there, as far as a socket that was down explains it. `wrong`: the book had
    what Tradovate does not have, or something newer than Tradovate; there should be none.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="comparisons")
    at = models.DateTimeField()
    missed = models.PositiveIntegerField()
    wrong = models.PositiveIntegerField()
    detail = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["connection", "at"], name="one_comparison_per_moment")]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.at:%Y-%m-%d %H:%M:%S}: {self.missed} missed, {self.wrong} wrong"
