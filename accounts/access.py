"""A trader's login, switched off by support and on again."""

from __future__ import annotations

from axes.models import AccessAttempt, AccessLog
from django.db import transaction
from django.db.models import Q

from accounts import attempts, audit
from accounts.models import AuditEvent, Environment, User
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


def forget(user: User, detail: str) -> None:
    """Switch a trader's login off, and erase what tells who the person is: names, e-mail, the addresses that they came
    from, and what was written about them. Tradovate's numbers stay, by which the books of their trading are kept, and
    the kinds and times of events. Cannot be undone; a sign-in after it is switched on again brings names anew.
    """
    with transaction.atomic():
        switch_off(user, detail)
        User.objects.filter(pk=user.pk).update(first_name="", last_name="", email="", last_login=None)
        for connection in user.connections.all():
            attempts.forget(Environment(connection.environment), connection.name)
        user.connections.update(name="forgotten", full_name="", email="", renewal_error="")
        for seen in (AccessLog, AccessAttempt):
            seen.objects.filter(username=user.username).delete()
        # Their rows stay as they happened, but for what the person may have erased.
        events = AuditEvent.objects.filter(Q(user=user) | Q(connection__user=user))
        events.exclude(kind=AuditEvent.Kind.SWITCHED_OFF, detail=detail).update(ip_address=None, detail="")
