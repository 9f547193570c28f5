"""The numbered events of one connection, kept and published by Redis, as the pages see them.

A connection's state is a hash of rows, each encoded once, and a sequence number. One Lua script changes the rows,
raises the number and publishes the frame, so that a snapshot and the deltas with a greater number never race. The epoch
is new whenever the hub has rebuilt the state from a fresh sync: all rows are replaced then.

A published message is one line that a relay can read without decoding JSON, then the frame as browsers get it:

    delta EPOCH SEQ | snapshot EPOCH SEQ | line FILE | intent | kill | bye REASON
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from trading.sync import rows as formatter
from trading.sync.watchful import WatchfulRedis, answered

if TYPE_CHECKING:
    from uuid import UUID

    from trading.models import OrderFile
    from trading.sync.rows import Row

SIGNED_OUT = "signed-out"
OTHER_CONNECTION = "other-connection"

_ENCODE: Final = msgspec.json.encode
Begun = asyncio.Future[Any]

# An owner that was paused until its lease ended goes on, unless somebody else has become it.
_FENCE = """
local owner = redis.call('GET', KEYS[3])
if ARGV[2] ~= '' and owner and owner ~= ARGV[2] then return -1 end
"""

# KEYS: rows, meta, lease. ARGV: channel, lease token or '', epoch, encoded rows, then key, row, key, row, ...
_REPLACE = (
    _FENCE
    + """
redis.call('DEL', KEYS[1])
for i = 5, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[2], 'epoch', ARGV[3])
local seq = redis.call('HINCRBY', KEYS[2], 'seq', 1)
redis.call('PUBLISH', ARGV[1], 'snapshot ' .. ARGV[3] .. ' ' .. seq
    .. '\\n{"t":"snapshot","epoch":"' .. ARGV[3] .. '","seq":' .. seq .. ',"rows":' .. ARGV[4] .. '}')
return seq
"""
)

# KEYS as above. ARGV: channel, lease token or '', epoch, rest of the frame, how many rows, key, row, ..., gone keys.
_CHANGE = (
    _FENCE
    + """
if redis.call('HGET', KEYS[2], 'epoch') ~= ARGV[3] then return -2 end
local first_gone = 6 + 2 * tonumber(ARGV[5])
for i = 6, first_gone - 1, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = first_gone, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
local seq = redis.call('HINCRBY', KEYS[2], 'seq', 1)
redis.call('PUBLISH', ARGV[1], 'delta ' .. ARGV[3] .. ' ' .. seq
    .. '\\n{"t":"delta","epoch":"' .. ARGV[3] .. '","seq":' .. seq .. ',' .. ARGV[4])
return seq
"""
)


class Fenced(Exception):
    """Another process holds the lease of this connection now: this one must stop publishing."""


class StateLost(Exception):
    """Redis no longer has the state that the deltas continue (it was emptied, or came back with an older one): replace
    all rows."""


class Snapshot(msgspec.Struct, frozen=True):
    """All rows of a connection as of sequence number `seq`; the epoch is empty before the hub's first sync."""

    epoch: str
    seq: int
    rows: dict[str, dict[str, str]]

    @property
    def is_waiting(self) -> bool:
        """Whether nothing of Tradovate's is in it, as state.js: of a socket that did not open it tells, too."""
        return not (self.rows.keys() - {"upstream"} or self.rows.get("upstream", {}).get("state") == "up")


class _Rows(msgspec.Struct, frozen=True):
    rows: dict[str, dict[str, str]] = {}


_rows_decoder = msgspec.json.Decoder(_Rows)


def channel(connection_id: int) -> str:
    """The Redis channel on which a connection's messages are published."""
    return of_this_database(f"desk:{connection_id}")


def of_this_database(channel_name: str) -> str:
    """The channel's name with the number of our Redis database: all databases of a server share their channels, and
    another portal may use the next one."""
    return f"{_database_number(settings.REDIS_URL)}.{channel_name}"


@cache
def _database_number(redis_url: str) -> int:
    parsed = redis.connection.parse_url(redis_url)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    return int(parsed.get("db", 0))


def lease_key(connection_id: int) -> str:
    """The Redis key that names the hub which owns this connection."""
    return f"sync:{{{connection_id}}}:lease"


def _rows_key(connection_id: int) -> str:
    return f"sync:{{{connection_id}}}:rows"


def _meta_key(connection_id: int) -> str:
    return f"sync:{{{connection_id}}}:meta"


class Stream:
    """The writing end, held by the hub that owns the connection.

    `lease_token` is the owner's lease (lease.py): with it every write is refused once another hub has taken over.
    """

    def __init__(self, client: WatchfulRedis, connection_id: int, lease_token: str = "") -> None:
        self.connection_id = connection_id
        self.epoch = ""
        self._seq = 0
        self._client = client
        self._token = lease_token
        self._replace = client.register_script(_REPLACE)
        self._change = client.register_script(_CHANGE)
        self._keys = [_rows_key(connection_id), _meta_key(connection_id), lease_key(connection_id)]
        self._channel = channel(connection_id)

    async def adopt(self) -> dict[str, Row]:
        """Continue the epoch that a predecessor has left, if there is one; returns its rows."""
        found = _snapshot(*await _read(self._client, self.connection_id))
        self.epoch, self._seq = found.epoch, found.seq
        return found.rows

    async def replace(self, rows: Mapping[str, Row]) -> int:
        """Begin a new epoch with exactly these rows; returns its sequence number. Raises Fenced."""
        self.epoch = secrets.token_hex(6)
        encoded = {key: _ENCODE(row) for key, row in rows.items()}
        pairs = [part for pair in encoded.items() for part in pair]
        arguments = [self._channel, self._token, self.epoch, _join(encoded), *pairs]
        self._seq = self._checked(await self._replace(self._keys, arguments))
        return self._seq

    async def change(self, rows: Mapping[str, Row], gone: Iterable[str] = ()) -> int:
        """Publish changed and removed rows; returns the sequence number. Raises Fenced or StateLost."""
        return await self.changed(self.begin_change(rows, gone))

    def begin_change(self, rows: Mapping[str, Row], gone: Iterable[str] = ()) -> Begun:
        """As `change`, on its way when this returns; to be awaited by `changed`."""
        gone = list(gone)
        encoded = {key: _ENCODE(row) for key, row in rows.items()}
        pairs = [part for pair in encoded.items() for part in pair]
        rest = b'"at":%d,"rows":%b,"gone":%b}' % (time.time_ns() // 1_000_000, _join(encoded), _ENCODE(gone))
        arguments = [self._channel, self._token, self.epoch, rest, len(encoded), *pairs, *gone]
        return self._change.begin(self._keys, arguments)

    async def changed(self, begun: Begun) -> int:
        """The sequence number of a change that is on its way. Raises Fenced or StateLost."""
        before, self._seq = self._seq, self._checked(await begun)
        if self._seq <= before:
            raise StateLost
        return self._seq

    async def clear(self, reason: str = SIGNED_OUT) -> None:
        """Forget every row and tell the browsers goodbye."""
        await self._client.delete(*self._keys[:2])
        await self._client.publish(self._channel, bye_message(reason))

    async def forget(self) -> None:
        """Forget every row; pages that come see none until the next snapshot."""
        await self._client.delete(*self._keys[:2])

    def _checked(self, seq: int) -> int:
        if seq == -1:
            raise Fenced
        if seq == -2:
            raise StateLost
        return seq


def _encode(value: object) -> str:
    return _ENCODE(value).decode()


def _join(encoded: Mapping[str, bytes]) -> bytes:
    return b"{%b}" % b",".join([b"%b:%b" % (_ENCODE(key), row) for key, row in encoded.items()])


def bye_message(reason: str) -> str:
    """The message that ends every browser socket of a connection."""
    return f"bye {reason}\n{bye_frame(reason)}"


def bye_frame(reason: str) -> str:
    """The last frame that a browser gets."""
    return _encode({"t": "bye", "reason": reason})


def intent_message(frame: dict[str, Any]) -> str:
    """The message that tells pages how one intent stands (intent_rows.tell)."""
    return f"intent\n{_encode(frame)}"


def stage_frame(words: str, seconds: float) -> str:
    """The frame that tells a page without figures what they wait for, and for how long it has waited."""
    return _encode({"t": "stage", "words": words, "seconds": round(seconds)})


def intents_frame(rows: Mapping[str, Row]) -> str:
    """The frame that tells a page all intents that it shows, after each snapshot."""
    return _encode({"t": "intents", "rows": rows})


def gauge_frame(gauge: Row) -> str:
    """The frame that tells a page how many of the hour's requests are used (gauge.gauge_row)."""
    return _encode({"t": "gauge", "gauge": gauge})


@cache
def client() -> redis.Redis:
    """This process's synchronous Redis client (its pool survives forks and threads). It gives up after seconds: orders
    and pages must not wait for a Redis that hangs."""
    once_more = Retry(NoBackoff(), 1)
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, retry=once_more)


def async_client(*, retries: int = 1) -> WatchfulRedis:
    """A new asynchronous client for the running event loop; whoever asks for it closes it. A command gives up after
    seconds; read subscriptions by watchful.next_message, which waits for as long as Redis is there."""
    made = WatchfulRedis.from_url(settings.REDIS_URL, socket_connect_timeout=2, retry=AsyncRetry(NoBackoff(), retries))
    return cast(WatchfulRedis, made)


async def aread_snapshot(connection_id: int, wait: float = 2.0) -> Snapshot:
    """The state as it is now; when the hub has not yet synced, as it is within `wait` seconds (or empty).

    Raises RedisError, also when Redis does not answer within seconds.
    """
    async with async_client() as connection, connection.pubsub() as pubsub:
        async with answered():
            await pubsub.subscribe(channel(connection_id))
        found = _snapshot(*await _read(connection, connection_id))
        try:
            async with asyncio.timeout(wait):
                while not found.epoch:
                    await pubsub.get_message(timeout=wait)
                    found = _snapshot(*await _read(connection, connection_id))
        except TimeoutError:
            pass
        return found


async def snapshot_frame(connection: redis.asyncio.Redis, connection_id: int) -> tuple[str, int, str]:
    """(epoch, seq, frame text) of the state as it is now, made of the encoded rows as they are."""
    (epoch, seq), encoded = await _read(connection, connection_id)
    epoch, seq = (epoch or b"").decode(), int(seq or 0)
    rows = _join({key.decode(): row for key, row in encoded.items()}).decode()
    at = time.time_ns() // 1_000_000
    return epoch, seq, f'{{"t":"snapshot","epoch":"{epoch}","seq":{seq},"at":{at},"rows":{rows}}}'


def rows_of_frame(frame: str) -> dict[str, Row]:
    """The rows of a snapshot's frame by key."""
    return _rows_decoder.decode(frame).rows


async def _read(connection: redis.asyncio.Redis, connection_id: int) -> Any:
    async with connection.pipeline(transaction=True) as pipeline:
        pipeline.hmget(_meta_key(connection_id), ["epoch", "seq"])
        pipeline.hgetall(_rows_key(connection_id))
        async with answered():
            return await pipeline.execute()


def _snapshot(meta: list[bytes | None], encoded: dict[bytes, bytes]) -> Snapshot:
    epoch, seq = meta
    decoded = {key.decode(): msgspec.json.decode(row, type=dict[str, str]) for key, row in encoded.items()}
    return Snapshot(epoch=(epoch or b"").decode(), seq=int(seq or 0), rows=decoded)


def say_bye(connection_id: int, reason: str = SIGNED_OUT) -> None:
    """Forget a connection's rows and end its browser sockets, whether or not a hub runs."""
    client().delete(_rows_key(connection_id), _meta_key(connection_id))
    client().publish(channel(connection_id), bye_message(reason))


def forget_taken(connection_id: int) -> None:
    """After a new sign-in nothing stands for an older session that another login took. Raises redis.RedisError."""
    row = client().hget(_rows_key(connection_id), "upstream")
    if row and b'"state":"evicted"' in cast(bytes, row):
        client().hdel(_rows_key(connection_id), "upstream")


def publish_line(line_id: int) -> None:
    """Tell the pages that look at a line's file how the line (OrderLine pk) and its file stand now.

    Call it after the change is committed. Raises redis.RedisError; the database stays the truth in that case.
    """
    from trading.models import OrderLine

    line = OrderLine.objects.select_related("file__account", "intent", "contract__product").get(pk=line_id)
    frame = {"t": "line", "file": str(line.file_id), "line": formatter.line_row(line), **_file_fields(line.file)}
    client().publish(channel(line.file.account.connection_id), f"line {line.file_id}\n{_encode(frame)}")


def lines_frame(file_id: UUID) -> str:
    """The frame that tells a page all lines of its file, for a (re)connect."""
    from trading.models import OrderFile

    file = OrderFile.objects.get(pk=file_id)
    lines = file.lines.select_related("intent", "contract__product")
    frame = {"t": "lines", "file": str(file_id), **_file_fields(file), "lines": [formatter.line_row(x) for x in lines]}
    return _encode(frame)


def _file_fields(file: OrderFile) -> dict[str, Any]:
    state = {"state": file.state, "state_label": file.get_state_display(), "stop_reason": file.stop_reason}
    return {**state, "totals": formatter.totals_row(file.totals())}
