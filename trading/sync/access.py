"""What a link needs to know of its connection, read anew from the database whenever a socket is opened."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from asgiref.sync import sync_to_async
from django.db import Error as DatabaseTrouble
from django.db import connections as database_connections

from accounts import renewal
from accounts.models import Connection, Environment
from trading.tradovate import Hosts
from trading.tradovate.errors import HostMoved, NotSent

log = logging.getLogger(__name__)


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

    async def current(self, last_error: Exception | None = None) -> Target:
        """The target with a token that is still good; `last_error` ended the last attempt to use one.

        Raises renewal.SignedOut, renewal.TokenExpired, and NotSent while the database does not answer.
        """
        try:
            if isinstance(last_error, HostMoved):
                await self._learn_hosts()
            # The token first: renewing it may have moved the hosts.
            token = await renewal.aaccess_token(self._connection_id)
            return await sync_to_async(_load, thread_sensitive=False)(self._connection_id, token)
        except DatabaseTrouble as reason:
            log.warning("Connection %d waits for the database: %s", self._connection_id, reason)
            raise NotSent("Tradeport's own database does not answer.") from None

    def reached(self) -> None:
        """The target was where it was said to be."""
        self._renewed_for_hosts = False

    async def _learn_hosts(self) -> None:
        """Only auth replies tell the hosts of now. Once is enough until they are reached: renewals are few."""
        if not self._renewed_for_hosts:
            self._renewed_for_hosts = True
            await sync_to_async(_renew, thread_sensitive=False)(self._connection_id)


def _renew(connection_id: int) -> None:
    try:
        renewal.renew(connection_id)
    finally:
        database_connections.close_all()


def _load(connection_id: int, token: str) -> Target:
    try:
        connection = Connection.objects.get(pk=connection_id)
        return Target(connection.environment, connection.tradovate_user_id, connection.hosts, token)
    except Connection.DoesNotExist:
        raise renewal.SignedOut("This connection no longer exists.") from None
    finally:
        database_connections.close_all()
