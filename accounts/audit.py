"""The trail of who got access, when, and what became of it."""

from __future__ import annotations

from accounts.models import AuditEvent, Connection, User

DETAIL_LENGTH = 255


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
        kind=kind, user=user, connection=connection, ip_address=ip_address or None, detail=detail[:DETAIL_LENGTH]
    )
