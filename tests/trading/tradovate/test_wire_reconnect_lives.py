"""The rules of lasting sockets, whatever course events take."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trading.tradovate import Access, Interrupted, Patience
from trading.tradovate.errors import NotSent, OutcomeUnknown, SocketClosed
from trading.tradovate.reconnect import Reconnecting


@dataclass
class Life:
    """What one attempt comes to."""

    fails_at: str  # access, connect, begin or never
    events: list[int] = field(default_factory=list)


class FakeSocket:
    """A socket that tells its events and ends."""

    open = 0

    def __init__(self, life: Life) -> None:
        self._events = list(life.events)
        self.is_open = True
        type(self).open += 1

    def __aiter__(self) -> "FakeSocket":
        return self

    async def __anext__(self) -> int:
        if not self._events:
            raise SocketClosed(1006)
        return self._events.pop(0)

    async def close(self) -> None:
        if self.is_open:
            self.is_open = False
            type(self).open -= 1


class FakeReconnecting(Reconnecting[Any, str, int]):
    """Lives through a list of lives."""

    def __init__(self, lives: list[Life], slept: list[float]) -> None:
        async def access(last_error: Exception | None) -> Access:
            self.life = next(self.lives)
            if self.life.fails_at == "access":
                raise NotSent("no token")
            return Access("", "")

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        super().__init__(access, patience=Patience(sleep=sleep, steady=-1.0))
        self.lives = iter([*lives, *[Life("never")] * 2])

    async def _connect(self, access: Access) -> Any:
        if self.life.fails_at == "connect":
            raise NotSent("down")
        return FakeSocket(self.life)

    async def _begin(self, socket: Any, access: Access) -> str:
        if self.life.fails_at == "begin":
            raise OutcomeUnknown("no snapshot")
        assert FakeSocket.open == 1
        return "begun"


LIVES = st.lists(
    st.builds(Life, st.sampled_from(["access", "connect", "begin", "never"]), st.lists(st.integers(), max_size=4)),
    max_size=8,
)


@settings(deadline=None)
@given(LIVES)
async def test_every_life_begins_tells_its_events_in_order_and_ends(lives: list[Life]) -> None:
    slept: list[float] = []
    told: list[object] = []
    async with FakeReconnecting(lives, slept) as socket:
        expected: list[object] = []
        for life in lives:
            expected += ["begun", *life.events] if life.fails_at == "never" else []
            expected.append(Interrupted)
        for _ in expected:
            news = await anext(socket)
            told.append(Interrupted if isinstance(news, Interrupted) else news)
        assert await anext(socket) == "begun"
        assert FakeSocket.open == 1
    assert told == expected
    assert len(slept) == len(lives)
    assert FakeSocket.open == 0
