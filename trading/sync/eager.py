"""Work that is begun at once, without a task that has to wait for its turn of the event loop first."""

from __future__ import annotations

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
        return _raising(error)


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


async def _raising(error: Exception) -> None:
    raise error
