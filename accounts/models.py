"""A person, their authorised links to Tradovate, and the audit trail of both."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models


class Environment(models.TextChoices):
    """A Tradovate environment: real money, Tradovate's own simulation, or the simulator on this machine."""

    LIVE = "live", "LIVE"
    DEMO = "demo", "DEMO"
    SIM = "sim", "SIM"


class User(AbstractUser):
    """A trader, who signs in through Tradovate and has no password here, or a member of staff, who has one."""


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def authorised(self) -> ConnectionQuerySet:
        """Those that hold tokens: signed in and not signed out since."""
        return self.exclude(sealed_tokens="")


class Connection(models.Model):
    """A person's authorised link to one Tradovate environment."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="connections")
    environment = models.CharField(max_length=4, choices=Environment)
    tradovate_user_id = models.BigIntegerField("Tradovate user id")
    name = models.CharField("Tradovate user name", max_length=64)
    full_name = models.CharField(max_length=128, blank=True)
    email = models.EmailField(blank=True)
    sealed_tokens = models.TextField(blank=True, editable=False)
    access_token_expires_at = models.DateTimeField(null=True, blank=True)
    refresh_token_expires_at = models.DateTimeField(null=True, blank=True)
    api_hosts = models.JSONField("API hosts", default=dict, blank=True)
    signed_in_at = models.DateTimeField(null=True, blank=True)
    renewed_at = models.DateTimeField(null=True, blank=True)
    renewing_until = models.DateTimeField(null=True, blank=True, editable=False)
    renewal_error = models.CharField(max_length=255, blank=True)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "tradovate_user_id"], name="one_connection_per_identity"),
            models.UniqueConstraint(fields=["user", "environment"], name="one_connection_per_environment"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_environment_display()})"

    @property
    def is_authorised(self) -> bool:
        return bool(self.sealed_tokens)


class AuditEvent(models.Model):
    """Something that happened to a person's access. Append-only; never holds a token."""

    class Kind(models.TextChoices):
        SIGNED_IN = "signed-in", "signed in"
        SIGN_IN_FAILED = "sign-in-failed", "sign-in failed"
        SIGNED_OUT = "signed-out", "signed out"
        TOKEN_RENEWED = "token-renewed", "token renewed"
        RENEWAL_FAILED = "renewal-failed", "token renewal failed"

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
