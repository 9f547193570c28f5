"""Tells the sync processes who signed in or out, has new tokens, opens a page, wants a taken session back or another
speed of a replay.

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

OPENED = "opened"
CLOSED = "closed"
RENEWED = "renewed"
WANTED = "wanted"
RECONNECT = "reconnect"
REPLAY = "replay"


def channel() -> str:
    """The Redis channel on which the sync processes listen."""
    return stream.of_this_database("sync:doorbell")


def ring_opened(connection_id: int) -> None:
    """A connection has tokens (again): some hub should open its socket now, if anybody looks at it."""
    try:
        stream.forget_taken(connection_id)
    except redis.RedisError:
        log.warning("Redis does not answer; connection %s may have to be asked back.", connection_id)
    _ring(OPENED, connection_id)


def ring_closed(connection_id: int) -> None:
    """A connection lost its tokens: its pages end at once, and the hub that holds its socket closes it."""
    try:
        stream.say_bye(connection_id)
    except redis.RedisError:
        log.warning("Redis does not answer; the pages of connection %s end at their next check.", connection_id)
    _ring(CLOSED, connection_id)


def ring_renewed(connection_id: int) -> None:
    """A connection's tokens were renewed, or have ended: the hub that holds its sockets authorizes them anew, or tells
    the pages."""
    _ring(RENEWED, connection_id)


def ring_wanted(connection_id: int) -> None:
    """Somebody opens a page of this connection, or a process has given it away: some hub should open its socket now."""
    _ring(WANTED, connection_id)


def ring_reconnect(connection_id: int) -> bool:
    """The trader wants the session back that another login took. False while Redis does not answer."""
    return _ring(RECONNECT, connection_id)


def ring_replay(connection_id: int) -> None:
    """The trader of a replay wants another speed."""
    _ring(REPLAY, connection_id)


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


def on_renewals_due(sender: object, **_: Any) -> set[int]:
    """A renewal may begin a session anew, which would end the one of whoever took it: left to who asks for it back."""
    return set(Upstream.objects.taken().values_list("connection_id", flat=True))


def on_renewals_first(sender: object, **_: Any) -> set[int]:
    """Those whose socket is held: their desk is open, or something of theirs is at work."""
    held = [Upstream.State.CONNECTING, Upstream.State.UP, Upstream.State.DOWN]
    return set(Upstream.objects.filter(state__in=held).values_list("connection_id", flat=True))


def _ring(what: str, connection_id: int) -> bool:
    try:
        stream.client().publish(channel(), f"{what} {connection_id}")
    except redis.RedisError:
        log.warning("Redis does not answer; connection %s waits for the hub's next look.", connection_id)
        return False
    return True
