"""Work that is begun at once goes on, fails or ends as if a task had done all of it."""

import asyncio

import pytest

from tests.trading.sync.cast import until
from trading.sync import eager


async def test_work_that_waits_for_nothing_has_ended() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("all")

    assert eager.begin(work()) is None
    assert done == ["all"]


async def test_work_that_waits_goes_on_where_its_rest_is_awaited() -> None:
    done: list[str] = []
    first, second = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        for event in (first, second):
            await event.wait()
            done.append("waited")

    rest = eager.begin(work())
    assert rest is not None
    first.set()
    task = asyncio.ensure_future(rest)
    await until(lambda: done)
    second.set()
    await task
    assert done == ["waited", "waited"]


async def test_an_error_is_raised_where_the_rest_is_awaited() -> None:
    async def work() -> None:
        raise OSError("gone")

    rest = eager.begin(work())
    assert rest is not None
    with pytest.raises(OSError, match="gone"):
        await rest


async def test_who_gives_up_the_rest_ends_the_work() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    rest = eager.begin(work())
    assert rest is not None
    task = asyncio.ensure_future(rest)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ended == ["ended"]
