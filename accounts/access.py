"""A trader's login, switched off by support and on again."""

from __future__ import annotations

from django.db import transaction

from accounts import audit
from accounts.models import AuditEvent, User
from accounts.sign_out import sign_out


def switch_off(user: User, detail: str, *, ip_address: str | None = None) -> None:
    """Let nobody sign in as a trader any more, and sign them out everywhere, in one transaction; nothing more can be
    sent for them then. `detail` is for the audit trail: who wanted that, and why."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=False)
        user.is_active = False
        sign_out(user, detail=detail, ip_address=ip_address)
        audit.record(AuditEvent.Kind.SWITCHED_OFF, user=user, ip_address=ip_address, detail=detail)


def switch_on(user: User, detail: str, *, ip_address: str | None = None) -> None:
    """Let a trader sign in again."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=True)
        user.is_active = True
        audit.record(AuditEvent.Kind.SWITCHED_ON, user=user, ip_address=ip_address, detail=detail)
