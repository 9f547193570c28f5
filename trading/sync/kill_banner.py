"""What pages say of kill switches: the banner on every page of a trader, for the first paint and for the stream.

Only news: the gate of orders reads the database and waits for none of this. A page that misses a frame hears the same
with its next snapshot, and at every look whether its session still holds.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import msgspec
import redis

from trading.models import KillSwitch
from trading.orders.kill_switch import said
from trading.sync import stream
from trading.sync.rows import Row, moment

log = logging.getLogger(__name__)


def rows(connection_id: int) -> list[Row]:
    """What is to be said to the trader of a connection, the newest first; nothing while no switch is thrown."""
    switches = KillSwitch.objects.thrown().over(connection_id).select_related("thrown_by", "connection", "user")
    return [_row(switch, connection_id) for switch in switches.prefetch_related("actions")]


def frame(connection_id: int) -> str:
    """The frame that tells a page all of it."""
    return msgspec.json.encode({"t": "kill", "switches": rows(connection_id)}).decode()


def publish(connection_ids: Iterable[int]) -> None:
    """Tell the pages of these connections how things stand; without Redis they hear it at their next look.

    Call it after the change is committed.
    """
    try:
        for connection_id in connection_ids:
            stream.client().publish(stream.channel(connection_id), f"kill\n{frame(connection_id)}")
    except redis.RedisError:
        log.warning("Redis does not answer; open pages learn of the kill switch at their next look.")


def _row(switch: KillSwitch, connection_id: int) -> Row:
    action = next((action for action in switch.actions.all() if action.connection_id == connection_id), None)
    return {
        "id": str(switch.pk),
        "words": said(switch),
        "reason": switch.reason,
        "at": moment(switch.thrown_at),
        "progress": action.words if action else "",
    }
