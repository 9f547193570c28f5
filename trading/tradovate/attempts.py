"""Attempts one after the other: how many have failed, what the last error means, and the pause before the next."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from . import retry
from .errors import NotAuthorized, TradovateError
from .retry import Retry


class Judge(Protocol):
    """What `retry.after` does."""

    def __call__(self, error: Exception, attempt: int, chance: float, *, refused: bool) -> Retry: ...


@dataclass(frozen=True)
class Patience:
    """How to go on after an error.

    `judge` decides on exceptions of the types `errors`; others are for the caller. What has worked for longer than
    `steady` seconds makes the next failure count as the first. `clock` gives monotonic seconds, `chance` a number in
    [0, 1).
    """

    judge: Judge = retry.after
    errors: tuple[type[Exception], ...] = (TradovateError,)
    steady: float = 30.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


class Attempts:
    """Counts attempts by `begin` and `failed`, and waits between them; `wake` ends a wait, also one that is to come."""

    def __init__(self, patience: Patience) -> None:
        self.last_error: Exception | None = None
        self._patience = patience
        self._failures = 0
        self._refused = False
        self._works_since: float | None = None
        self._woken = asyncio.Event()

    @property
    def is_woken(self) -> bool:
        """Whether `wake` was called since the last `begin` or `calm`."""
        return self._woken.is_set()

    def wake(self) -> None:
        """Do not wait for the end of the pause, or for the next one."""
        self._woken.set()

    def calm(self) -> None:
        """Take `wake` back: what it was for is done."""
        self._woken.clear()

    def begin(self) -> None:
        """An attempt begins now."""
        self._works_since = None
        self._woken.clear()

    def worked(self) -> None:
        """The attempt has come to what it was for; said again, it is the first time that counts."""
        if self._works_since is None:
            self._works_since = self._patience.clock()
        self._refused = False
        self.last_error = None

    def failed(self, error: Exception) -> Retry:
        """Return what to do after `error` ended the attempt, or what had come of it."""
        since, self._works_since = self._works_since, None
        if since is not None and self._patience.clock() - since > self._patience.steady:
            self._failures = 0
        verdict = self._patience.judge(error, self._failures, self._patience.chance(), refused=self._refused)
        self._failures += 1
        self._refused = isinstance(error, NotAuthorized)
        self.last_error = error
        return verdict

    async def pause(self, seconds: float) -> None:
        """Wait for `seconds`, or until `wake`."""
        if self._woken.is_set() or seconds <= 0:
            return
        ends = {
            asyncio.ensure_future(self._patience.sleep(seconds)),
            asyncio.ensure_future(self._woken.wait()),
        }
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
