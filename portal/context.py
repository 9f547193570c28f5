"""What every page's frame shows: whose connection it is, how its socket to Tradovate stands, and what is stopped."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import Connection, User
from accounts.sign_in import current_connection
from trading.models import Upstream
from trading.sync import kill_banner


def trader(request: HttpRequest) -> dict[str, Any]:
    """`connection` (a Connection, or false), `upstream` (its last known state), `switches` (the kill switches that stop
    it) and `has_other_connections`; read only by templates that ask."""

    def connection() -> Connection | None:
        user = getattr(request, "user", None)
        return current_connection(user, request.session) if isinstance(user, User) else None

    found = SimpleLazyObject(connection)

    def upstream() -> dict[str, str]:
        row = Upstream.objects.filter(connection_id=found.pk).first() if found else None
        # A socket that nobody wanted is opened for this page.
        return {"state": row.state, "last_message_at": ""} if row and row.state != Upstream.State.IDLE else {}

    def switches() -> list[dict[str, str]]:
        return kill_banner.rows(found.pk) if found else []

    def has_others() -> bool:
        return bool(found) and found.user.connections.authorised().count() > 1

    return {
        "connection": found,
        "upstream": SimpleLazyObject(upstream),
        "switches": SimpleLazyObject(switches),
        "has_other_connections": SimpleLazyObject(has_others),
    }
