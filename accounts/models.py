"""A person, their authorised links to Tradovate, the audit trail of both, and this installation itself."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q

from accounts import crypto
from accounts.append_only import AppendOnly
from accounts.tokens import Tokens
from trading.tradovate import device_id
from trading.tradovate import hosts as wire_hosts


class Environment(models.TextChoices):
    """A Tradovate environment: real money, Tradovate's own simulation, or the simulator on this machine; or a Market
    Replay of either, to which nobody signs in by itself."""

    LIVE = "live", "LIVE"
    DEMO = "demo", "DEMO"
    SIM = "sim", "SIM"
    REPLAY = "replay", "REPLAY"
    SIM_REPLAY = "sim-replay", "REPLAY"

    @classmethod
    def of_sign_ins(cls) -> list[Environment]:
        """Those that one signs in to."""
        return [one for one in cls if not one.is_replay]

    @property
    def is_replay(self) -> bool:
        return self in (Environment.REPLAY, Environment.SIM_REPLAY)

    @property
    def replay(self) -> Environment:
        """Where a sign-in to this one replays past days: one place for LIVE and DEMO (protocol notes, Hosts)."""
        return Environment.SIM_REPLAY if self.realm == "sim" else Environment.REPLAY

    @property
    def realm(self) -> str:
        """Whose user ids these are: Tradovate's, the same in LIVE and DEMO, or the simulator's own."""
        return "sim" if self in (Environment.SIM, Environment.SIM_REPLAY) else "tradovate"


class User(AbstractUser):
    """A trader, who signs in through Tradovate and has no password here, or a member of staff, who has one.

    A trader's username is "tradovate:ID" or "sim:ID". The colon keeps traders apart from staff: the validator of
    usernames, which createsuperuser and the admin obey, does not allow it.
    """

    class Meta(AbstractUser.Meta):
        permissions = [("end_access", "Can sign traders out, and switch their logins off and on")]

    def __str__(self) -> str:
        name = self.get_full_name()
        return f"{name} ({self.username})" if name else self.username

    @property
    def is_trader(self) -> bool:
        """Whether this is a trader's account, whatever rights somebody has given it."""
        return ":" in self.username

    @property
    def display_name(self) -> str:
        """What to call this person on a page."""
        return self.get_full_name() or self.username


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def authorised(self) -> ConnectionQuerySet:
        """Those that hold tokens: signed in and not signed out since."""
        return self.exclude(sealed_tokens="")

    def reachable(self) -> ConnectionQuerySet:
        """Those that may be looked at: authorised themselves, or replays of one that is."""
        return self.filter(~Q(sealed_tokens="") | Q(source__in=Connection.objects.authorised()))

    def visible_to(self, user: User) -> ConnectionQuerySet:
        """The user's own."""
        return self.filter(user=user)


class Way(models.TextChoices):
    """How somebody signs in to Tradovate."""

    OAUTH = "oauth", "OAuth"
    API_KEY = "api-key", "API key"


class Connection(models.Model):
    """A person's authorised link to one Tradovate environment; or a Market Replay, that has a `source`.

    A replay never holds tokens, so that nothing which asks for a connection's token can send anything for it. Its
    sockets are opened, where that is meant, with those of its source.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="connections")
    environment = models.CharField(max_length=10, choices=Environment)
    source = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="replays", editable=False
    )
    tradovate_user_id = models.BigIntegerField("Tradovate user id")
    name = models.CharField("Tradovate user name", max_length=64)
    full_name = models.CharField(max_length=128, blank=True)
    email = models.EmailField(blank=True)
    sealed_tokens = models.TextField(blank=True, editable=False)
    access_token_expires_at = models.DateTimeField(null=True, blank=True)
    refresh_token_expires_at = models.DateTimeField(null=True, blank=True)
    api_hosts = models.JSONField("API hosts", default=dict, blank=True)
    signed_in_at = models.DateTimeField(null=True, blank=True)
    signed_in_by = models.CharField(max_length=7, choices=Way, default=Way.OAUTH)
    renewed_at = models.DateTimeField(null=True, blank=True)
    renewing_until = models.DateTimeField(null=True, blank=True, editable=False)
    renew_after = models.DateTimeField("next renewal not before", null=True, blank=True, editable=False)
    renewal_error = models.CharField(max_length=255, blank=True)

    objects = ConnectionQuerySet.as_manager()

    # When this row was read, by time.monotonic(); None for one that was not read.
    read_at: float | None = None

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "tradovate_user_id"], name="one_connection_per_identity"),
            models.UniqueConstraint(fields=["user", "environment"], name="one_connection_per_environment"),
            models.CheckConstraint(
                name="replays_have_a_source_and_no_tokens",
                condition=Q(source=None, environment__in=["live", "demo", "sim"])
                | Q(source__isnull=False, environment__in=["replay", "sim-replay"], sealed_tokens=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_environment_display()})"

    @classmethod
    def from_db(cls, *values: Any, **more: Any) -> Connection:
        """A row of the database; it knows when it was read."""
        row = super().from_db(*values, **more)
        row.read_at = time.monotonic()
        return row

    @property
    def is_authorised(self) -> bool:
        return bool(self.sealed_tokens)

    @property
    def is_replay(self) -> bool:
        return self.source_id is not None

    @property
    def holder(self) -> Connection:
        """The connection whose sign-in this is: itself, or the source of a replay."""
        return self.source or self

    @property
    def hosts(self) -> wire_hosts.Hosts:
        """Where this connection's requests go: the environment's hosts, moved to what the last auth reply named. Raises
        ValueError for a replay: what is meant for it goes to its own socket, and nowhere else."""
        environment = wire_hosts.Environment(self.environment)
        return wire_hosts.Hosts.default(environment, settings.SIMULATOR_URL).moved(self.api_hosts, environment)

    @property
    def tokens(self) -> Tokens | None:
        """The tokens, or None when signed out. Raises crypto.CannotDecrypt."""
        if not self.sealed_tokens:
            return None
        return Tokens.decode(crypto.open_sealed(self.sealed_tokens, self._owner))

    def seal(self, tokens: Tokens) -> str:
        """`tokens` encrypted for this person, environment, Tradovate user and `api_hosts`, and for no other."""
        return crypto.seal(tokens.encode(), self._owner)

    @property
    def _owner(self) -> str:
        # The hosts too: whoever can write to the database must not choose where the tokens are sent.
        hosts = json.dumps(self.api_hosts, sort_keys=True)
        return f"connection-tokens/{self.user_id}/{self.environment}/{self.tradovate_user_id}/{hosts}"

    def store_tokens(
        self,
        tokens: Tokens,
        access_expires_at: datetime,
        refresh_expires_at: datetime | None = None,
        api_hosts: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the tokens of a new sign-in, forget what older ones had come to, and save. Times are aware."""
        self.api_hosts = dict(api_hosts or {})
        self.sealed_tokens = self.seal(tokens)
        self.access_token_expires_at = access_expires_at
        self.refresh_token_expires_at = refresh_expires_at
        self.renewing_until = self.renew_after = None
        self.renewal_error = ""
        self.save()

    def forget_tokens(self) -> None:
        """Wipe the tokens and all that only they gave meaning to, and save."""
        self.sealed_tokens = ""
        self.access_token_expires_at = self.refresh_token_expires_at = None
        self.renewing_until = self.renew_after = None
        self.renewal_error = ""
        self.api_hosts = {}
        self.save(
            update_fields=[
                "sealed_tokens",
                "access_token_expires_at",
                "refresh_token_expires_at",
                "renewing_until",
                "renew_after",
                "renewal_error",
                "api_hosts",
            ]
        )


class AuditEvent(AppendOnly):
    """Something that happened to a person's access or to their trading. Append-only; never holds a token."""

    class Kind(models.TextChoices):
        SIGNED_IN = "signed-in", "signed in"
        SIGN_IN_FAILED = "sign-in-failed", "sign-in failed"
        SIGNED_OUT = "signed-out", "signed out"
        TOKEN_RENEWED = "token-renewed", "token renewed"
        RENEWAL_FAILED = "renewal-failed", "token renewal failed"
        TRADING_STOPPED = "trading-stopped", "trading stopped"
        TRADING_RELEASED = "trading-released", "trading released"
        LIMITS_CHANGED = "limits-changed", "limits changed"
        ORDER_REFUSED = "order-refused", "order not sent"
        SWITCHED_OFF = "switched-off", "login switched off"
        SWITCHED_ON = "switched-on", "login switched on"

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    kind = models.CharField(max_length=16, choices=Kind)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    connection = models.ForeignKey(Connection, on_delete=models.SET_NULL, null=True, blank=True)
    ip_address = models.GenericIPAddressField("IP address", null=True, blank=True)
    detail = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d %H:%M:%S}"


def new_device_key() -> bytes:
    return secrets.token_bytes(32)


class Installation(models.Model):
    """This installation of Tradeport, as Tradovate tells it from others: one row for good, also when keys rotate."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    device_key = models.BinaryField(default=new_device_key, editable=False)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_installation")]

    def __str__(self) -> str:
        return f"Installation of {self.made_at:%Y-%m-%d}"

    @classmethod
    def this(cls) -> Installation:
        """The one row, made by whoever asks first: of several processes that do at once, one makes it."""
        return cls.objects.get_or_create(pk=1)[0]

    def device_id(self, name: str) -> str:
        """The device under which the Tradovate user `name` signs in here. Raises ValueError for an empty name."""
        return device_id(bytes(self.device_key), name)


class SignInAttempt(models.Model):
    """A sign-in that is under way or that Tradovate refused, by API key or (without a digest) by the code of OAuth.
    Holds nothing that was typed."""

    at = models.DateTimeField(db_index=True)
    network = models.CharField(max_length=43)
    login_digest = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.network} {self.at:%Y-%m-%d %H:%M:%S}"
