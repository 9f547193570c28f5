"""What a link needs to know of its connection, read anew from the database whenever a socket is opened."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from asgiref.sync import sync_to_async
from django.db import Error as DatabaseTrouble
from django.db import connections as database_connections
from redis.exceptions import RedisError

from accounts import renewal
from accounts.crypto import CannotDecrypt
from accounts.models import Connection, Environment
from trading.models import Upstream
from trading.sync import stream
from trading.tradovate import Hosts
from trading.tradovate.errors import HostMoved, NotSent

log = logging.getLogger(__name__)

NEVER: Final = datetime.min.replace(tzinfo=UTC)
STREAMS_WITHIN: Final = 15.0  # seconds
LOOK: Final = 0.25  # seconds


@dataclass(frozen=True)
class Target:
    """Whose sockets to open, where, and with which access token."""

    environment: str
    tradovate_user_id: int
    hosts: Hosts
    token: str = field(repr=False)

    @property
    def label(self) -> str:
        """LIVE, DEMO or SIM."""
        return str(Environment(self.environment).label)


class Targets:
    """The target of one connection as it is now."""

    def __init__(self, connection_id: int) -> None:
        self._connection_id = connection_id
        self._renewed_for_hosts = False
        self._token = ""
        self.signed_in_at = NEVER
        """The sign-in to which the last target's token belongs."""
        self.in_use_since = NEVER
        """The sign-in to which the token belongs that Tradovate took last."""

    async def current(self, last_error: Exception | None = None) -> Target:
        """The target with a token that is still good; `last_error` ended the last attempt to use one.

        Raises renewal.SignedOut, renewal.TokenExpired, and NotSent while the database does not answer.
        """
        try:
            if isinstance(last_error, HostMoved):
                await self._learn_hosts()
            # The token first: renewing it may have moved the hosts.
            self._token = await renewal.aaccess_token(self._connection_id)
            target, self.signed_in_at = await sync_to_async(_load, thread_sensitive=False)(
                self._connection_id, self._token
            )
        except DatabaseTrouble as reason:
            log.warning("Connection %d waits for the database: %s", self._connection_id, reason)
            raise NotSent("Tradeport's own database does not answer.") from None
        return target

    def is_older_than(self, sign_in: datetime) -> bool:
        """Whether the last target's token is of an earlier sign-in than this one."""
        return NEVER < self.signed_in_at < sign_in

    async def is_another(self, token: str) -> bool:
        """Whether the stored access token is another one than `token`. Renews nothing: that may begin a session anew.

        Raises as `current`.
        """
        try:
            return await sync_to_async(_stored_token, thread_sensitive=False)(self._connection_id) != token
        except DatabaseTrouble:
            raise NotSent("Tradeport's own database does not answer.") from None

    def reached(self) -> None:
        """The target was where it was said to be."""
        self._renewed_for_hosts = False

    def took_token(self, signed_in_at: datetime) -> None:
        """Tradovate took a token of this sign-in."""
        self.in_use_since = signed_in_at

    async def refused(self) -> None:
        """The last target's token was refused: have it renewed at once if it is over. A refresh token begins another
        session then, which ends the oldest of the others. What came of it is told by the doorbell."""
        try:
            await renewal.arefused(self._connection_id, self._token)
        except (renewal.NoToken, DatabaseTrouble) as reason:
            log.warning("Connection %d: a refused token cannot be looked at: %s", self._connection_id, reason)

    async def _learn_hosts(self) -> None:
        """Only auth replies tell the hosts of now. Once is enough until they are reached: renewals are few."""
        if not self._renewed_for_hosts:
            self._renewed_for_hosts = True
            await sync_to_async(_renew, thread_sensitive=False)(self._connection_id)


async def last_sign_in(connection_id: int) -> datetime:
    """When the trader of a connection signed in last; NEVER when that is not known."""
    with contextlib.suppress(DatabaseTrouble):
        return await sync_to_async(_last_sign_in, thread_sensitive=False)(connection_id)
    return NEVER


async def is_signed_in(connection_id: int) -> bool:
    """Whether a connection holds tokens; False when that is not known."""
    with contextlib.suppress(DatabaseTrouble):
        return await sync_to_async(_is_signed_in, thread_sensitive=False)(connection_id)
    return False


async def last_standing(connection_id: int) -> Upstream | None:
    """How a connection's socket stood as the last hub has written it down; None when that is not known."""
    with contextlib.suppress(DatabaseTrouble):
        return await sync_to_async(_last_standing, thread_sensitive=False)(connection_id)
    return None


def _last_sign_in(connection_id: int) -> datetime:
    try:
        return Connection.objects.values_list("signed_in_at", flat=True).filter(pk=connection_id).first() or NEVER
    finally:
        database_connections.close_all()


def _is_signed_in(connection_id: int) -> bool:
    try:
        return Connection.objects.authorised().filter(pk=connection_id).exists()
    finally:
        database_connections.close_all()


def _last_standing(connection_id: int) -> Upstream | None:
    try:
        return Upstream.objects.filter(connection=connection_id).first()
    finally:
        database_connections.close_all()


async def is_up_since(connection_id: int, since: datetime) -> bool:
    """Whether the hub's socket of a connection came up after `since` and still is. Raises NotSent as `current`."""
    try:
        return await sync_to_async(_is_up_since, thread_sensitive=False)(connection_id, since)
    except DatabaseTrouble:
        raise NotSent("Tradeport's own database does not answer.") from None


async def until_streaming(connection_id: int) -> None:
    """Wait until pages of a connection get its stream. Raises NotSent when that takes long."""
    try:
        async with asyncio.timeout(STREAMS_WITHIN):
            while True:
                found = await stream.aread_snapshot(connection_id, wait=STREAMS_WITHIN)
                if found.rows.get("upstream", {}).get("state") == Upstream.State.UP:
                    return
                await asyncio.sleep(LOOK)
    except (TimeoutError, RedisError, OSError):
        raise NotSent("Tradovate's stream is not there yet.") from None


def _is_up_since(connection_id: int, since: datetime) -> bool:
    try:
        up = Upstream.objects.filter(connection=connection_id, state=Upstream.State.UP, since__gt=since)
        return up.exists()
    finally:
        database_connections.close_all()


def _renew(connection_id: int) -> None:
    try:
        renewal.renew(connection_id)
    finally:
        database_connections.close_all()


def _stored_token(connection_id: int) -> str:
    try:
        tokens = Connection.objects.get(pk=connection_id).tokens
    except (Connection.DoesNotExist, CannotDecrypt):
        tokens = None
    finally:
        database_connections.close_all()
    if tokens is None:
        raise renewal.SignedOut("This connection holds no tokens.")
    return tokens.access_token


def _load(connection_id: int, token: str) -> tuple[Target, datetime]:
    """The target, and when its trader signed in last."""
    try:
        connection = Connection.objects.get(pk=connection_id)
    except Connection.DoesNotExist:
        raise renewal.SignedOut("This connection no longer exists.") from None
    finally:
        database_connections.close_all()
    target = Target(connection.environment, connection.tradovate_user_id, connection.hosts, token)
    return target, connection.signed_in_at or NEVER
