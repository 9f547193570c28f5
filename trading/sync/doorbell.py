"""Tells the sync processes who signed in or out, or has new tokens.

Only a doorbell: the database is the truth, and they look into it anyway.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import redis
from django.utils import timezone

from trading.models import Upstream
from trading.sync import stream

if TYPE_CHECKING:
    from accounts.models import Connection

log = logging.getLogger(__name__)

CHANNEL = "sync:doorbell"
OPENED = "opened"
CLOSED = "closed"
RENEWED = "renewed"


def ring_opened(connection_id: int) -> None:
    """A connection has tokens (again): some hub should open its socket now."""
    _ring(OPENED, connection_id)


def ring_closed(connection_id: int) -> None:
    """A connection lost its tokens: its pages end at once, and the hub that holds its socket closes it."""
    try:
        stream.say_bye(connection_id)
    except redis.RedisError:
        log.warning("Redis does not answer; the pages of connection %s end at their next check.", connection_id)
    _ring(CLOSED, connection_id)


def ring_renewed(connection_id: int) -> None:
    """A connection's tokens were renewed: the hub that holds its sockets authorizes them anew."""
    _ring(RENEWED, connection_id)


def on_opened(sender: object, connection: Connection, **_: Any) -> None:
    ring_opened(connection.pk)


def on_renewed(sender: object, connection: Connection, **_: Any) -> None:
    ring_renewed(connection.pk)


def on_closed(sender: object, connection: Connection, **_: Any) -> None:
    # A hub writes this too; but perhaps none runs.
    Upstream.objects.filter(connection=connection).update(
        state=Upstream.State.SIGNED_OUT, detail="", since=timezone.now()
    )
    ring_closed(connection.pk)


def _ring(what: str, connection_id: int) -> None:
    try:
        stream.client().publish(CHANNEL, f"{what} {connection_id}")
    except redis.RedisError:
        log.warning("Redis does not answer; connection %s waits for the hub's next look.", connection_id)
