"""Work that is begun at once, without a task that has to wait for its turn of the event loop first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any


def begin(work: Coroutine[Any, Any, None]) -> Awaitable[None] | None:
    """Run `work` until it waits for something. Returns None when it has ended, else the rest of it, to be awaited by a
    task; an error of it is raised by the rest."""
    try:
        return _Rest(work, work.send(None))
    except StopIteration:
        return None
    except Exception as error:  # noqa: BLE001 - raised again where the rest is awaited
        return _Failed(error)


class News:
    """What one task waits for, and whether it does: then something can be begun on its behalf."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._waits = False

    @property
    def have_come(self) -> bool:
        """Whether there is something to look at."""
        return self._event.is_set()

    @property
    def are_awaited(self) -> bool:
        """Whether the task waits, and nothing has come since."""
        return self._waits and not self._event.is_set()

    def come(self) -> None:
        """Wake the task up."""
        self._event.set()

    def taken(self) -> None:
        """What has come is being looked at."""
        self._event.clear()

    async def wait(self) -> None:
        """Wait for something to look at."""
        self._waits = True
        try:
            await self._event.wait()
        finally:
            self._waits = False


class _Rest:
    """What is left of a coroutine that waits for a future."""

    def __init__(self, work: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._work = work
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        try:
            yield self._waits_for
        except BaseException:
            self._work.close()
            raise
        yield from self._work.__await__()


class _Failed:
    """What is left of work that has failed: its error. Nobody has to want it: a page may be gone."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __await__(self) -> Generator[Any, Any, None]:
        raise self._error
        yield
