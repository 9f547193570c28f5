"""Where the counts of limits are kept: in this process, or in Redis for all processes of a portal together."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from .limits import PROBE_FIRST, PROBE_MOST, Budget, Limit, Pace, Usage
from .priorities import Priority

if TYPE_CHECKING:
    from redis.asyncio import Redis


class Store(Protocol):
    """Where usage is kept, and whose clock counts. All is atomic for a key; an error lets the request through."""

    async def take(self, key: str, limit: Limit, priority: Priority | None) -> Budget:
        """Count one request if one of this priority may go (always when None); return the budget from before it."""
        ...

    async def look(self, key: str, limit: Limit, priority: Priority = Priority.READ) -> Budget:
        """Return the budget as requests of this priority find it, without counting anything."""
        ...

    async def block(self, key: str, limit: Limit, seconds: float | None) -> None:
        """Keep that Tradovate refuses for `seconds`, or, with None, that it does not say for how long."""
        ...

    async def unblock(self, key: str, limit: Limit) -> None:
        """Forget that it refused."""
        ...


@dataclass
class MemoryStore:
    """Keeps usage in this process. `clock` gives seconds."""

    clock: Callable[[], float] = time.time
    _usage: dict[str, Usage] = field(default_factory=dict)

    async def take(self, key: str, limit: Limit, priority: Priority | None) -> Budget:
        """Store.take; atomic because it never waits."""
        now, usage = self.clock(), self._usage.get(key, Usage())
        budget = usage.at(limit, now, priority)
        if priority is None or budget.wait == 0:
            probed = budget.blocked and priority is not None
            self._usage[key] = (usage.probed(now) if probed else usage).plus(limit, now, priority)
        return budget

    async def look(self, key: str, limit: Limit, priority: Priority = Priority.READ) -> Budget:
        """Store.look."""
        return self._usage.get(key, Usage()).at(limit, self.clock(), priority)

    async def block(self, key: str, limit: Limit, seconds: float | None) -> None:
        """Store.block."""
        self._usage[key] = self._usage.get(key, Usage()).blocked(limit, self.clock(), seconds)

    async def unblock(self, key: str, limit: Limit) -> None:
        """Store.unblock."""
        self._usage[key] = self._usage.get(key, Usage()).unblocked()


# A hash per key: slice number -> count, and "blocked" -> until, "probe" -> when, "pause" -> until the probe after it,
# "due" -> when those so far would have gone at the pace. Redis runs a script alone, and its own clock is the one that
# all processes share. KEYS: the hash. ARGV: what, seconds of a slice, of the window, the most ("" for no bound) or the
# seconds of a block ("" when nobody said), the time ("" for the clock of Redis), the longest block, PROBE_FIRST,
# PROBE_MOST, the pace's interval ("" for no pace), burst, beginning and patience, 1 for a read. Returns the time and
# what the hash held before. The arithmetic is that of limits.Usage.
_SCRIPT = """
local time = redis.call('TIME')
local now = tonumber(ARGV[5]) or tonumber(time[1]) + tonumber(time[2]) / 1000000
local what, slice, seconds, bound = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local longest, first, most = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local interval, burst, begins = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local patience, read = tonumber(ARGV[12]), ARGV[13] == '1'
local kept, used, blocked, probe, pause, due = redis.call('HGETALL', KEYS[1]), 0, 0, 0, first, 0
local function keep(name, at) redis.call('HSET', KEYS[1], name, string.format('%.6f', at)) end
local function refused(until_then, probe_at, next_pause)
  blocked = until_then
  keep('blocked', blocked)
  keep('probe', probe_at)
  keep('pause', next_pause)
end
for i = 1, #kept, 2 do
  local number, value = tonumber(kept[i]), tonumber(kept[i + 1])
  if kept[i] == 'blocked' then blocked = value
  elseif kept[i] == 'probe' then probe = value
  elseif kept[i] == 'pause' then pause = value
  elseif kept[i] == 'due' then due = value
  elseif (number + 1) * slice + seconds <= now then redis.call('HDEL', KEYS[1], kept[i])
  else used = used + value end
end
local in_turn = not (interval and read and used >= begins and due - (burst - 1) * interval - now > patience)
if what == 'take' and (not bound or used < bound and in_turn and (blocked <= now or probe <= now)) then
  redis.call('HINCRBY', KEYS[1], string.format('%d', math.floor(now / slice)), 1)
  if bound and blocked > now then refused(blocked, now + pause, math.min(most, 2 * pause)) end
  if interval then
    local next_due = math.max(now, due) + interval
    if not read or used < begins then next_due = math.max(due, math.min(next_due, now + burst * interval)) end
    keep('due', next_due)
  end
elseif what == 'block' then
  if bound then refused(now + bound, now + bound, first)
  elseif blocked > now then refused(now + longest, probe, pause)
  else refused(now + longest, now + first, 2 * first) end
elseif what == 'unblock' then
  redis.call('HDEL', KEYS[1], 'blocked', 'probe', 'pause')
end
redis.call('EXPIRE', KEYS[1], math.ceil(math.max(seconds + 2 * slice, blocked - now)))
return {string.format('%.6f', now), kept}
"""


class RedisStore:
    """Keeps usage in a Redis, so that any number of processes share it.

    The client is the caller's, for the loop that asks. Every key begins with `prefix`. `clock` replaces the clock of
    Redis (seconds). Raises what the client raises.
    """

    def __init__(self, client: Redis, *, prefix: str = "tradovate:", clock: Callable[[], float] | None = None) -> None:
        self._script = client.register_script(_SCRIPT)
        self._prefix = prefix
        self._clock = clock

    async def take(self, key: str, limit: Limit, priority: Priority | None) -> Budget:
        """Store.take."""
        bound = "" if priority is None else limit.up_to(priority)
        usage, now = await self._run("take", key, limit, bound, read=priority == Priority.READ)
        return usage.at(limit, now, priority)

    async def look(self, key: str, limit: Limit, priority: Priority = Priority.READ) -> Budget:
        """Store.look."""
        usage, now = await self._run("look", key, limit)
        return usage.at(limit, now, priority)

    async def block(self, key: str, limit: Limit, seconds: float | None) -> None:
        """Store.block."""
        await self._run("block", key, limit, "" if seconds is None else seconds)

    async def unblock(self, key: str, limit: Limit) -> None:
        """Store.unblock."""
        await self._run("unblock", key, limit)

    async def _run(
        self, what: str, key: str, limit: Limit, bound: float | str = "", *, read: bool = False
    ) -> tuple[Usage, float]:
        """Run the script; return the usage from before it, and the time."""
        now = "" if self._clock is None else self._clock()
        arguments: list[str | float] = [what, limit.slice_seconds, limit.seconds, bound, now]
        arguments += [limit.longest_block, PROBE_FIRST, PROBE_MOST, *_pace_arguments(limit.pace), int(read)]
        at, kept = await self._script(keys=[self._prefix + key], args=arguments)
        fields = dict(zip((_text(name) for name in kept[::2]), (_text(value) for value in kept[1::2]), strict=True))
        blocked, probe = float(fields.pop("blocked", 0)), float(fields.pop("probe", 0))
        pause, due = float(fields.pop("pause", PROBE_FIRST)), float(fields.pop("due", 0))
        slices = sorted((int(number), int(count)) for number, count in fields.items())
        return Usage(tuple(slices), blocked, probe, pause, due), float(at)


def _pace_arguments(pace: Pace | None) -> list[str | float]:
    return ["", "", "", ""] if pace is None else [pace.interval, pace.burst, pace.begins_at, pace.patience]


def _text(answer: bytes | str) -> str:
    """Return what Redis says as text, however the client decodes."""
    return answer.decode() if isinstance(answer, bytes) else answer
