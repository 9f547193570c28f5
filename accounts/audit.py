"""The trail of who got access, when, and what became of it."""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest

from accounts.models import AuditEvent, Connection, User

DETAIL_LENGTH = 255


def address_of(request: HttpRequest) -> str | None:
    """The IP address that a request came from, or None when it has none (a unix socket) or a proxy reported nonsense.

    PostgreSQL would refuse a row with anything else.
    """
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "").partition("%")[0]))
    except ValueError:
        return None


def record(
    kind: AuditEvent.Kind,
    *,
    user: User | None = None,
    connection: Connection | None = None,
    ip_address: str | None = None,
    detail: str = "",
) -> AuditEvent:
    """Append one event. `detail` is for support staff to read and must hold no token, code or secret."""
    if user is None and connection is not None:
        user = connection.user
    return AuditEvent.objects.create(
        kind=kind, user=user, connection=connection, ip_address=ip_address, detail=detail[:DETAIL_LENGTH]
    )
