"""The journey out: tokens wiped, every session of this person ended, the floors above told."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest

from accounts import audit
from accounts.models import AuditEvent, User
from accounts.signals import announce, connection_closed


def sign_out(user: User, *, ip_address: str | None = None, detail: str = "") -> int:
    """Sign a trader out everywhere, in one transaction; returns how many connections that closed. `detail` is for the
    audit trail.

    Every environment's tokens are gone from the database and `connection_closed` is sent after commit. A member of
    staff has no connections: for them nothing happens here, their own session is the view's to end.
    """
    with transaction.atomic():
        # The person before the connections, as a sign-in does: one that is under way is waited for, and ended too.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        connections = list(user.connections.authorised())
        for connection in connections:
            connection.forget_tokens()
            audit.record(AuditEvent.Kind.SIGNED_OUT, connection=connection, ip_address=ip_address, detail=detail)
            announce(connection_closed, connection)
        if not user.has_usable_password():
            # Sessions are bound to a hash of the password field (SESSION_AUTH_HASH), so new noise there ends them all.
            user.set_unusable_password()
            user.save(update_fields=["password"])
    return len(connections)


def forget_messages(request: HttpRequest) -> None:
    """What somebody was still to be told in this browser is not for the next one who signs in."""
    list(messages.get_messages(request))
