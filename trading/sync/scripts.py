"""Lua scripts on one connection to Redis, where none waits for the answers of those before it.

redis-py takes a connection out of its pool for each command, asks it whether it still lives, and packs what is said in
Python: most of what an event used to cost a hub. Here a script goes out the moment that it is called, all that follow
in the same turn of the event loop go out in one write, and what Redis answers to them comes back in one read.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as ConnectionTrouble
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

Part = str | bytes | int | float

# So many go out without waiting for the turn's end: in a burst the first ones are on their way while the last are made.
AT_ONCE = 16


class Script:
    """A script's text, to be called like redis-py's."""

    def __init__(self, text: str, wire: Callable[[], Wire]) -> None:
        self._text = text
        self._wire = wire
        self._sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def begin(self, keys: Iterable[Part] = (), args: Iterable[Part] = ()) -> asyncio.Future[Any]:
        """Call it now; the answer comes as a future, which raises redis.RedisError or OSError."""
        keys = tuple(keys)
        return self._wire().run(self._sha, self._text, (len(keys), *keys, *args))

    async def __call__(self, keys: Iterable[Part] = (), args: Iterable[Part] = ()) -> Any:
        """Call it, and once more when the connection has just ended; return the answer."""
        keys, args = tuple(keys), tuple(args)
        try:
            return await self.begin(keys, args)
        except ConnectionTrouble:
            return await self.begin(keys, args)


@dataclass(frozen=True)
class Call:
    """What waits for an answer: since when (the loop's time), and the command that has Redis learn the script."""

    answer: asyncio.Future[Any]
    at: float
    in_full: tuple[Part, ...]


class Wire:
    """One connection, from its opening to its end; what waits for an answer fails with it. `patience` is the seconds
    that Redis has for an answer."""

    def __init__(self, connection: AbstractConnection, patience: float) -> None:
        self.has_ended = False
        self._connection = connection
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._is_up = False
        self._outgoing: list[bytes] = []
        self._waiting: deque[Call] = deque()
        self._told: set[str] = set()
        self._end_of_turn: asyncio.Handle | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._task = asyncio.create_task(self._live())

    def run(self, sha: str, text: str, arguments: tuple[Part, ...]) -> asyncio.Future[Any]:
        """Have Redis run a script."""
        call = Call(self._loop.create_future(), self._loop.time(), ("EVAL", text, *arguments))
        self._say(call, ("EVALSHA", sha, *arguments) if sha in self._told else call.in_full)
        self._told.add(sha)
        return call.answer

    async def close(self) -> None:
        """End the connection."""
        self._end(ConnectionTrouble("The connection to Redis was closed."))
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _say(self, call: Call, command: tuple[Part, ...]) -> None:
        self._outgoing.append(pack_command(command))  # type: ignore[arg-type]  # a tuple of any length
        self._waiting.append(call)
        if self._watch is None:
            self._watch = self._loop.call_later(self._patience, self._look)
        if self._is_up and (self._end_of_turn is None or len(self._outgoing) >= AT_ONCE):
            self._flush()
        if self._end_of_turn is None:
            self._end_of_turn = self._loop.call_soon(self._turn_has_ended)

    def _turn_has_ended(self) -> None:
        self._end_of_turn = None
        if self._is_up and self._outgoing:
            self._flush()

    def _flush(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        # redis-py's own way to write has to be awaited: a task more on every event's way. Nothing piles up unseen here,
        # as each of a hub's connections waits for its answer before it says more.
        writer = self._connection._writer
        if writer is not None:
            writer.write(b"".join(outgoing))

    def _look(self) -> None:
        """Whether the oldest question has waited too long; runs as long as there is one."""
        self._watch = None
        if not self._waiting:
            return
        left = self._waiting[0].at + self._patience - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
        else:
            self._end(RedisTimeout(f"Redis has not answered for {self._patience:g} seconds."))
            self._task.cancel()

    async def _live(self) -> None:
        error: Exception = ConnectionTrouble("The connection to Redis has ended.")
        try:
            await self._connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
            self._is_up = True
            self._turn_has_ended()
            while True:
                self._settle(await self._answer())
        except (RedisError, OSError) as trouble:
            error = trouble
        finally:
            self._end(error)
            with contextlib.suppress(RedisError, OSError):
                await self._connection.disconnect(nowait=True)

    async def _answer(self) -> Any:
        try:
            return await self._connection.read_response()
        except ResponseError as refused:
            return refused

    def _settle(self, answer: Any) -> None:
        call = self._waiting.popleft()
        if isinstance(answer, NoScriptError):
            # Redis has forgotten what it was told: nothing has been run.
            self._say(call, call.in_full)
        elif call.answer.done():
            return  # whoever asked waits no more
        elif isinstance(answer, Exception):
            _fail(call.answer, answer)
        else:
            call.answer.set_result(answer)

    def _end(self, error: Exception) -> None:
        self.has_ended, self._is_up = True, False
        while self._waiting:
            call = self._waiting.popleft()
            if not call.answer.done():
                _fail(call.answer, error)


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    answer.set_exception(error)
    # Marks it as seen: whoever asked may be gone.
    answer.exception()
