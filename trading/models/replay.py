"""What a trader wants of a Market Replay, and how far it has come."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models import Connection


class Replay(models.Model):
    """A replay while it lasts, beside its connection; both are deleted when it ends. `speed` is in percent, 0 paused.

    `clock` is the last time of the replay that was heard when its socket was closed, None before: there it goes on.
    """

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="replay")
    starts_at = models.DateTimeField()
    speed = models.PositiveSmallIntegerField()
    # A speed that is asked for again counts too: Tradovate may have paused the replay by itself.
    speed_asked_at = models.DateTimeField(default=timezone.now)
    initial_balance = models.DecimalField(max_digits=12, decimal_places=2)
    clock = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.connection} from {self.starts_at:%Y-%m-%d %H:%M}"
