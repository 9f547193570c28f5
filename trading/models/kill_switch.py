"""Trading that was stopped: by whom, for whom, why, and what was done about orders and positions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.append_only import AppendOnly
from accounts.models import Connection, User


class KillSwitchQuerySet(models.QuerySet["KillSwitch"]):
    def thrown(self) -> KillSwitchQuerySet:
        """Those that stop trading now."""
        return self.filter(released_at=None)

    def over(self, connection_id: int) -> KillSwitchQuerySet:
        """Those that concern a connection: its own, its trader's, and the global ones."""
        owner = Connection.objects.filter(pk=connection_id).values("user")
        return self.filter(Q(scope=KillSwitch.Scope.GLOBAL) | Q(connection=connection_id) | Q(user__in=owner))

    def visible_to(self, user: User) -> KillSwitchQuerySet:
        """Those that concern any of the user's connections."""
        own = Connection.objects.visible_to(user).values("pk")
        return self.filter(Q(scope=KillSwitch.Scope.GLOBAL) | Q(user=user) | Q(connection__in=own))


class KillSwitch(AppendOnly):
    """Trading stopped for everybody, one trader or one connection, until it is released. Append-only: a row is written
    when the switch is thrown and completed when it is released.

    A trader and staff may each have stopped the same thing: neither can undo what the other wanted.
    """

    class Scope(models.TextChoices):
        GLOBAL = "global", "everybody"
        USER = "user", "one trader"
        CONNECTION = "connection", "one connection"

    scope = models.CharField(max_length=10, choices=Scope)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="kill_switches"
    )
    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="kill_switches"
    )
    by_staff = models.BooleanField("thrown by staff")
    reason = models.CharField(max_length=200, blank=True)
    thrown_at = models.DateTimeField(default=timezone.now, editable=False)
    thrown_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    released_at = models.DateTimeField(null=True, blank=True, editable=False)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )

    objects = KillSwitchQuerySet.as_manager()

    class Meta:
        ordering = ["-thrown_at", "-id"]
        verbose_name_plural = "kill switches"
        permissions = [("stop_trading", "Can stop trading, and release it")]
        constraints = [
            models.CheckConstraint(
                name="kill_switch_has_its_target",
                condition=Q(scope="global", user=None, connection=None)
                | Q(scope="user", user__isnull=False, connection=None)
                | Q(scope="connection", user=None, connection__isnull=False),
            ),
            models.CheckConstraint(
                name="kill_switch_released_by_somebody",
                condition=Q(released_at=None, released_by=None)
                | Q(released_at__isnull=False, released_by__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["scope", "by_staff"],
                name="one_global_kill_switch",
                condition=Q(released_at=None, scope="global"),
            ),
            models.UniqueConstraint(
                fields=["user", "by_staff"],
                name="one_kill_switch_per_user",
                condition=Q(released_at=None, scope="user"),
            ),
            models.UniqueConstraint(
                fields=["connection", "by_staff"],
                name="one_kill_switch_per_connection",
                condition=Q(released_at=None, scope="connection"),
            ),
        ]
        # The gate of every order looks here: however long the history, only what is thrown is read.
        indexes = [models.Index(fields=["scope"], name="thrown_kill_switches", condition=Q(released_at=None))]

    def __str__(self) -> str:
        return f"Kill switch for {self.target}, {'thrown' if self.is_thrown else 'released'}"

    @property
    def is_thrown(self) -> bool:
        return self.released_at is None

    @property
    def target(self) -> str:
        """Whose trading it stops."""
        if self.connection is not None:
            return str(self.connection)
        return self.user.display_name if self.user is not None else "everybody"

    def connections(self) -> models.QuerySet[Connection]:
        """The signed-in connections that it stops."""
        signed_in = Connection.objects.authorised().order_by("pk")
        match self.scope:
            case self.Scope.GLOBAL:
                return signed_in
            case self.Scope.USER:
                return signed_in.filter(user=self.user)
            case _:
                return signed_in.filter(pk=self.connection_id or 0)


class KillSwitchAction(models.Model):
    """What a thrown switch does at Tradovate to one connection: cancel its working orders, and close its positions if
    that was asked for. `words` say to the trader how far it is."""

    class State(models.TextChoices):
        WORKING = "working", "in progress"
        DONE = "done", "done"
        ENDED = "ended", "ended"

    switch = models.ForeignKey(KillSwitch, on_delete=models.CASCADE, related_name="actions")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="kill_switch_actions")
    flatten = models.BooleanField("close positions")
    state = models.CharField(max_length=8, choices=State, default=State.WORKING)
    words = models.CharField(max_length=255, blank=True)
    # What a round sends has source keys that no other has.
    round = models.PositiveIntegerField("rounds done", default=0)
    wanted_at = models.DateTimeField("last asked for", default=timezone.now)
    look_at = models.DateTimeField("next look", default=timezone.now, db_index=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["switch", "connection"], name="one_action_per_connection")]

    def __str__(self) -> str:
        return f"{self.connection}: {self.words or self.get_state_display()}"
