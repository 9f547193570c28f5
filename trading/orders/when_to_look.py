"""When to look at Tradovate for what is not clear yet: soon at first, and the longer it takes the more seldom.

Only looks that were answered count for that. One for which Tradovate was away, or whose process was killed, is repeated
within seconds, and after a minute of these within half a minute: what works halfway costs requests as well. None counts
from before the trader's session was renewed, or the hub had read the day anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Final, cast

import redis
from django.conf import settings
from django.db.models import Q, QuerySet

from trading.models import OrderIntent

# Looks at the same intent are this far apart at least, and further the longer it has been as it is.
SOONEST: Final = dt.timedelta(seconds=4)
LATEST: Final = dt.timedelta(minutes=5)
# What was not answered is asked again so much later, and after so many of these in a row later still, at most so many
# times as much: 130 looks an hour of up to six requests, of the 5,000 that a trader has.
AGAIN: Final = dt.timedelta(seconds=6)
_PATIENT_AFTER, _MOST_TIMES = 10, 5
# Seconds to wait for Redis.
_PATIENCE: Final = 0.5
# From these moments on another answer may come.
_NEWS: Final = ("connection__signed_in_at", "connection__renewed_at", "connection__upstream__synced_at")


def due(waiting: QuerySet[OrderIntent], about: str, now: dt.datetime) -> list[int]:
    """The connections (primary keys) of those of the intents that are to be looked for now. `about` names this kind of
    look, as for `trying`."""
    rows = waiting.filter(Q(looked_at=None) | Q(looked_at__lte=now - SOONEST))
    found: dict[int, dt.datetime] = {}
    for connection_id, looked_at, since, *news in rows.values_list("connection_id", "looked_at", "changed_at", *_NEWS):
        counts_from = max([since, *filter(None, news)])
        if _is_due(looked_at, since, counts_from, now):
            found[connection_id] = max(counts_from, found.get(connection_id, counts_from))
    return sorted(one for one, counts_from in found.items() if not _was_tried(one, about, counts_from, now))


def _is_due(looked_at: dt.datetime | None, since: dt.datetime, counts_from: dt.datetime, now: dt.datetime) -> bool:
    """Whether it is time to look (again) at what has been as it is `since` then."""
    if looked_at is None or looked_at < counts_from:
        return True
    return now - looked_at >= min(LATEST, max(SOONEST, (looked_at - since) / 10))


@contextmanager
def trying(connection_id: int, about: str, at: dt.datetime) -> Iterator[None]:
    """Around a look at Tradovate that begins at that moment: for a while from then, and after an exception, no other
    one is due."""
    key = _key(connection_id, about)
    # Without Redis there is no schedule either.
    with suppress(redis.RedisError):
        _, failed = _tried(key)
        _client().set(key, f"{at.timestamp()} {failed + 1}", ex=LATEST)
    yield
    with suppress(redis.RedisError):
        _client().delete(key)


def _was_tried(connection_id: int, about: str, counts_from: dt.datetime, now: dt.datetime) -> bool:
    try:
        at, failed = _tried(_key(connection_id, about))
    except redis.RedisError:
        return False
    pause = AGAIN * min(_MOST_TIMES, max(1, failed - _PATIENT_AFTER + 1))
    # Either way: one of times to come was before the clock was set back.
    return at >= counts_from.timestamp() and abs(now.timestamp() - at) < pause.total_seconds()


def _tried(key: str) -> tuple[float, int]:
    """When the last look that was not answered began (seconds since 1970), and how many there were in a row."""
    kept = cast("bytes | None", _client().get(key))
    at, failed = kept.split() if kept else (b"0", b"0")
    return float(at), int(failed)


def _key(connection_id: int, about: str) -> str:
    return f"orders:{connection_id}:tried:{about}"


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)
