"""What every page's frame shows: whose connection it is and how its socket to Tradovate stands."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import Connection, User
from accounts.sign_in import current_connection
from trading.models import Upstream


def trader(request: HttpRequest) -> dict[str, Any]:
    """`connection` (a Connection, or false) and `upstream` (its last known state); read only by templates that ask."""

    def connection() -> Connection | None:
        user = getattr(request, "user", None)
        return current_connection(user, request.session) if isinstance(user, User) else None

    found = SimpleLazyObject(connection)

    def upstream() -> dict[str, str]:
        row = Upstream.objects.filter(connection_id=found.pk).first() if found else None
        return {"state": row.state, "last_message_at": ""} if row else {}

    return {"connection": found, "upstream": SimpleLazyObject(upstream)}
