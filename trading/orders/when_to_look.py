"""When to look at Tradovate for what is not clear yet: soon at first, and the longer it takes the more seldom.

Only looks that were answered count for that. One for which Tradovate was away, or whose process was killed, is repeated
within seconds; and none counts from before the trader's session was renewed, or the hub had read the day anew.
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
# What was not answered is asked again so much later: ten times a minute, of the 83 requests that a trader may make.
AGAIN: Final = dt.timedelta(seconds=6)
# Seconds to wait for Redis.
_PATIENCE: Final = 0.5
# From these moments on another answer may come.
_NEWS: Final = ("connection__signed_in_at", "connection__renewed_at", "connection__upstream__synced_at")


def due(waiting: QuerySet[OrderIntent], about: str, now: dt.datetime) -> list[int]:
    """The connections (primary keys) of those of the intents that are to be looked for now. `about` names this kind of
    look, as for `trying`."""
    rows = waiting.filter(Q(looked_at=None) | Q(looked_at__lte=now - SOONEST))
    found = {
        connection_id
        for connection_id, looked_at, since, *news in rows.values_list(
            "connection_id", "looked_at", "changed_at", *_NEWS
        )
        if _is_due(looked_at, since, max([since, *filter(None, news)]), now)
    }
    return sorted(one for one in found if not _was_tried(one, about, now))


def _is_due(looked_at: dt.datetime | None, since: dt.datetime, counts_from: dt.datetime, now: dt.datetime) -> bool:
    """Whether it is time to look (again) at what has been as it is `since` then."""
    if looked_at is None or looked_at < counts_from:
        return True
    return now - looked_at >= min(LATEST, max(SOONEST, (looked_at - since) / 10))


@contextmanager
def trying(connection_id: int, about: str, at: dt.datetime) -> Iterator[None]:
    """Around a look at Tradovate: while it goes on, and after an exception, no other one is due for a moment."""
    key = _key(connection_id, about)
    # Without Redis there is no schedule either.
    with suppress(redis.RedisError):
        _client().set(key, at.timestamp(), ex=AGAIN)
    yield
    with suppress(redis.RedisError):
        _client().delete(key)


def _was_tried(connection_id: int, about: str, now: dt.datetime) -> bool:
    try:
        tried_at = cast("bytes | None", _client().get(_key(connection_id, about)))
    except redis.RedisError:
        return False
    return tried_at is not None and now.timestamp() - float(tried_at) < AGAIN.total_seconds()


def _key(connection_id: int, about: str) -> str:
    return f"orders:{connection_id}:tried:{about}"


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)
