"""Browser sessions in the database, under digests of their keys: what is read there, or in a copy of it, opens none."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

if TYPE_CHECKING:
    DatabaseStore = db.SessionStore[Session]
else:
    # Only the stubs' class takes a type argument.
    DatabaseStore = db.SessionStore


def digest(session_key: str) -> str:
    """What stands for a session's key in the database. A key is long and random: it needs no salt."""
    # As long as the column is.
    return sha256(session_key.encode()).hexdigest()[:40]


class SessionStore(DatabaseStore):
    """Django's own (settings.SESSION_ENGINE), in which only the browser has the key."""

    def _get_session_from_db(self) -> Session | None:
        kept = Session.objects.filter(session_key=digest(self.session_key or ""), expire_date__gt=timezone.now())
        row = kept.first()
        if row is None:
            self._session_key = None
        return row

    async def _aget_session_from_db(self) -> Session | None:
        return await sync_to_async(self._get_session_from_db)()

    def exists(self, session_key: str) -> bool:
        return super().exists(digest(session_key))

    async def aexists(self, session_key: str) -> bool:
        return await super().aexists(digest(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = super().create_model_instance(data)
        row.session_key = digest(row.session_key)
        return row

    async def acreate_model_instance(self, data: dict[str, Any]) -> Session:
        row = await super().acreate_model_instance(data)
        row.session_key = digest(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            super().delete(digest(key))

    async def adelete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            await super().adelete(digest(key))
