"""Terms that no snapshot tells: what is asked for, how often, and what one bad answer does to the others."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from tests.trading.sync.cast import until
from trading.sync import enquiries
from trading.sync.enquiries import Enquiries, Helpers
from trading.tradovate.entities import Entity, OrderVersion
from trading.tradovate.errors import ApiError, BadReply, OutcomeUnknown


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enquiries, "TERMS_EVERY", 0.001)


class Asked:
    """Asks a socket of which `answer` tells what is said about some orders (ids); what is learned of which orders."""

    def __init__(self, answer: Callable[[list[int]], list[OrderVersion]]) -> None:
        self.questions: list[list[int]] = []
        self.learned: list[set[int]] = []
        self._answer = answer
        self._enquiries = Enquiries(self, Helpers(), missing=set, learn=self._learn)  # type: ignore[arg-type]  # only asked

    @contextlib.asynccontextmanager
    async def about(self, untold: Callable[[], set[int]]) -> Any:
        task = asyncio.create_task(self._enquiries.keep_terms(untold))
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def ask(self, endpoint: str, kind: type[Any], *, query: dict[str, str]) -> list[OrderVersion]:
        assert (endpoint, kind) == ("orderversion/ldeps", list[OrderVersion])
        self.questions.append([int(key) for key in query["masterids"].split(",")])
        return self._answer(self.questions[-1])

    def _learn(self, found: list[Entity]) -> None:
        self.learned.append({version.order_id for version in found if isinstance(version, OrderVersion)})


def versions(order_ids: list[int]) -> list[OrderVersion]:
    return [OrderVersion(id=key, order_id=key, order_qty=1, order_type="Limit") for key in order_ids]


def refuse(_: list[int]) -> list[OrderVersion]:
    raise ApiError("not today")


@pytest.mark.parametrize("answer", [lambda _: [], refuse])
async def test_what_tradovate_does_not_tell_is_asked_for_three_times(answer: Any) -> None:
    asked = Asked(answer)
    async with asked.about(lambda: {1, 2}):
        await asyncio.sleep(0.2)
    assert asked.questions == [[1, 2]] * 3
    assert not asked.learned


async def test_a_question_that_fails_again_and_again_is_asked_ever_more_seldom() -> None:
    def fail(_: list[int]) -> list[OrderVersion]:
        raise OutcomeUnknown("error 503")

    asked = Asked(fail)
    async with asked.about(lambda: {1}):
        await asyncio.sleep(0.6)
    assert 1 <= len(asked.questions) <= 3


async def test_an_order_that_an_event_has_just_brought_is_not_asked_for() -> None:
    asked = Asked(versions)
    new: Iterator[int] = count(1)
    async with asked.about(lambda: {next(new)}):
        await until(lambda: next(new) > 50)
    assert not asked.questions


async def test_what_cannot_be_read_of_one_order_does_not_hide_the_others_terms() -> None:
    def odd(order_ids: list[int]) -> list[OrderVersion]:
        if 2 in order_ids:
            raise BadReply("a type that nobody knows")
        return versions(order_ids)

    asked, untold = Asked(odd), {1, 2, 3}

    async with asked.about(lambda: untold - set().union(*asked.learned)):
        await asyncio.sleep(0.2)
    assert asked.questions == [[1, 2, 3], [1], [2], [3], [2], [2]]


async def test_all_that_is_told_at_once_is_learned_at_once() -> None:
    asked, untold = Asked(versions), {1, 2, 3}
    async with asked.about(lambda: untold - set().union(*asked.learned)):
        await until(lambda: asked.learned)
    assert asked.learned == [{1, 2, 3}]
