"""Market data for marks: who subscribes to what, and what a missing entitlement comes to.

The simulator gives quotes to everybody, so a socket that refuses is scripted here.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from accounts.renewal import SignedOut
from tests.trading.sync.cast import until
from trading.sync import marks
from trading.sync.marks import Marks
from trading.sync.quote_pool import GRANT_LASTS, QuotePool
from trading.tradovate import QuoteSubscription
from trading.tradovate.entities import Level, Quote, QuoteEntries
from trading.tradovate.errors import ApiError, Evicted, NotAuthorized, NotFound, SocketClosed, SymbolInaccessible


class Socket:
    """A market data socket that knows which contracts it may not tell of."""

    def __init__(self, forbidden: set[int], mode: str) -> None:
        self.mode = mode
        self.refusal: Exception | None = None
        self.subscribed: list[int] = []
        self.forbidden = forbidden
        self.quotes: asyncio.Queue[Quote | None] = asyncio.Queue()
        self.is_closed = False

    async def subscribe_quote(self, contract_id: int) -> QuoteSubscription:
        if contract_id in self.forbidden:
            raise self.refusal or SymbolInaccessible(contract_id)
        self.subscribed.append(contract_id)
        return QuoteSubscription(mode=self.mode)

    async def unsubscribe_quote(self, contract_id: int) -> None:
        self.subscribed.remove(contract_id)

    async def authorize(self, access_token: str) -> None:
        if self.is_closed:
            raise SocketClosed(1000)

    async def __aenter__(self) -> "Socket":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_closed = True

    def __aiter__(self) -> "Socket":
        return self

    async def __anext__(self) -> Quote:
        quote = await self.quotes.get()
        if quote is None:
            raise SocketClosed(1006)
        return quote


class Desk:
    """What the link gives to Marks, recorded."""

    def __init__(self, forbidden: set[int], pool: QuotePool | None = None, number: int = 1) -> None:
        self.wanted: set[int] = set()
        self.only_watched: set[int] = set()
        self.sockets: list[Socket] = []
        self.told: list[Quote] = []
        self.modes: list[str] = []
        self.words: list[str] = []
        self.lost: list[set[int]] = []
        self.mode = "RealTime"
        self.forbidden = forbidden
        self.refusal: Exception | None = None
        self.marks = Marks(
            self._connect,
            wanted=lambda: self.wanted,
            shown=lambda: self.wanted - self.only_watched,
            symbol=lambda contract_id: f"C{contract_id}",
            tell=self._hear,
            lost=self.lost.append,
            trouble=self.words.append,
            pool=pool or QuotePool(),
            whose=("sim", number),
        )

    def _hear(self, quotes: list[Quote], mode: str) -> None:
        self.told += quotes
        self.modes += [mode] * len(quotes)

    async def _connect(self, last_error: Exception | None) -> Socket:
        self.sockets.append(Socket(self.forbidden, self.mode))
        self.sockets[-1].refusal = self.refusal
        return self.sockets[-1]

    def want(self, *contract_ids: int) -> None:
        self.wanted = set(contract_ids)
        self.marks.look()


@contextlib.asynccontextmanager
async def desk(
    forbidden: set[int] | None = None, pool: QuotePool | None = None, number: int = 1
) -> AsyncIterator[Desk]:
    made = Desk(forbidden or set(), pool, number)
    task = asyncio.create_task(made.marks.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_it_connects_when_a_position_opens_and_follows_what_is_open() -> None:
    async with desk() as made:
        await asyncio.sleep(0.05)
        assert not made.sockets
        made.want(3)
        await until(lambda: made.sockets and made.sockets[0].subscribed == [3])
        made.want(4)
        await until(lambda: made.sockets[0].subscribed == [4])
        made.want()
        await until(lambda: not made.sockets[0].subscribed)
        made.want(5)
        await until(lambda: made.sockets[-1].subscribed == [5])


async def test_a_contract_without_entitlement_is_named_and_the_others_are_followed() -> None:
    async with desk(forbidden={4}) as made:
        made.want(3, 4)
        await until(lambda: made.sockets and made.sockets[0].subscribed == [3] and made.words)
        assert made.words[-1] == "Marks are the last known prices: no market data for C4"
        made.want(3)
        await until(lambda: made.words[-1] == "")


@pytest.mark.parametrize("refusal", [ApiError("Not today"), NotFound("nowhere"), NotAuthorized("not for you")])
async def test_whatever_one_contract_is_refused_for_the_others_are_followed(refusal: Exception) -> None:
    async with desk(forbidden={4}) as made:
        made.refusal = refusal
        made.want(3, 4, 5)
        await until(lambda: made.sockets and set(made.sockets[-1].subscribed) == {3, 5})
        await until(lambda: made.words and made.words[-1] == "Marks are the last known prices: no market data for C4")
        made.sockets[0].quotes.put_nowait(quote(3, 5000))
        await until(lambda: prices(made) == [5000])
        assert len(made.sockets) == 1


@pytest.mark.parametrize("error", [Evicted("ConnectionQuotaReached"), SignedOut("Sign in again.")])
async def test_market_data_that_another_login_took_is_left_to_it_until_there_is_a_new_token(error: Exception) -> None:
    """To take it back at once would throw that one out, which takes it back in turn."""
    async with desk(forbidden={3}) as made:
        made.refusal = error
        made.want(3)
        await until(lambda: made.words and made.words[-1])
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(made.sockets) == 1
        assert made.words[-1].startswith(f"Marks are the last known prices: {error}")
        made.refusal = None
        await made.marks.authorize("new")
        await until(lambda: len(made.sockets) == 2)


async def test_what_was_refused_is_asked_for_again_in_a_while(monkeypatch) -> None:
    monkeypatch.setattr(marks, "NOT_ENTITLED", 0.5)
    async with desk(forbidden={4}) as made:
        made.want(3, 4)
        await until(lambda: made.words and made.words[-1])
        made.forbidden.clear()
        await until(lambda: set(made.sockets[0].subscribed) == {3, 4})
        await until(lambda: made.words[-1] == "")
        assert len(made.sockets) == 1


async def test_a_subscription_that_brings_no_prices_is_none() -> None:
    async with desk() as made:
        made.mode = "None"
        made.want(3)
        await until(lambda: made.words and made.words[-1])
        assert made.words[-1] == "Marks are the last known prices: no market data for C3"


async def test_only_what_is_held_is_missed_on_the_page() -> None:
    async with desk(forbidden={4, 5}) as made:
        made.only_watched = {4}
        made.want(3, 4, 5)
        await until(lambda: made.sockets and made.sockets[0].subscribed == [3] and made.words)
        assert made.words[-1] == "Marks are the last known prices: no market data for C5"
        made.want(4)
        await until(lambda: made.words[-1] == "")
        made.sockets[-1].quotes.put_nowait(None)
        await until(lambda: len(made.sockets) > 1)
        assert made.words[-1] == ""


async def test_nothing_is_missing_once_the_position_is_closed() -> None:
    async with desk(forbidden={4}) as made:
        made.want(4)
        await until(lambda: made.words and made.words[-1])
        made.want()
        await until(lambda: made.words[-1] == "")


async def test_a_socket_that_ends_makes_marks_unknown_and_is_opened_again() -> None:
    async with desk() as made:
        made.want(3)
        await until(lambda: made.sockets and made.sockets[0].subscribed)
        made.sockets[0].quotes.put_nowait(None)
        await until(lambda: {3} in made.lost)
        assert made.words[-1].startswith("Marks are the last known prices")
        await until(lambda: len(made.sockets) == 2 and made.sockets[1].subscribed == [3])
        assert made.words[-1] == ""


def quote(contract_id: int, price: int) -> Quote:
    entries = QuoteEntries(trade=Level(price=Decimal(price)))
    return Quote(contract_id=contract_id, timestamp=datetime.now(UTC), entries=entries)


def prices(made: Desk) -> list[int]:
    return [int(one.entries.trade.price) for one in made.told if one.entries.trade]


async def feed_to(first: Desk, *others: Desk) -> None:
    """The first one subscribes to contract 3 and gets a price, which is told to the others of its pool."""
    first.want(3)
    await until(lambda: first.sockets and first.sockets[0].subscribed == [3])
    first.sockets[0].quotes.put_nowait(quote(3, 5000))
    for one in others:
        one.want(3)
        await until(lambda one=one: prices(one) == [5000] and one.sockets[0].is_closed)


async def test_a_contract_is_subscribed_once_and_told_to_all_who_may_have_it() -> None:
    pool = QuotePool()
    async with desk(pool=pool, number=1) as first, desk(pool=pool, number=2) as second:
        first.want(3)
        await until(lambda: first.sockets and first.sockets[0].subscribed == [3])
        first.sockets[0].quotes.put_nowait(quote(3, 5000))
        await until(lambda: prices(first) == [5000])
        # The second one shows that it may have it, and needs no socket after that.
        second.want(3)
        await until(lambda: prices(second) == [5000])
        await until(lambda: not second.sockets[0].subscribed)
        first.sockets[0].quotes.put_nowait(quote(3, 5001))
        await until(lambda: prices(second) == [5000, 5001])
        second.want()
        # Its marks go on no more: the last one must not pass for live until it is wanted again.
        await until(lambda: {3} in second.lost)
        second.want(3)
        await until(lambda: prices(second) == [5000, 5001, 5001])
        assert len(second.sockets) == 1


async def test_what_another_s_socket_brought_is_no_mark_of_now_when_one_s_own_desk_stands_still() -> None:
    pool = QuotePool()
    async with desk(pool=pool, number=1) as first:
        async with desk(pool=pool, number=2) as second:
            await feed_to(first, second)
            second.lost.clear()
        assert second.lost == [{3}]


async def test_a_grant_of_long_ago_is_asked_for_anew_and_keeps_nobody_from_quotes() -> None:
    now = [0.0]
    pool = QuotePool(clock=lambda: now[0])
    async with desk(pool=pool, number=1) as first, desk(pool=pool, number=2) as second:
        await feed_to(first, second)
        now[0] += GRANT_LASTS + 1
        first.sockets[0].quotes.put_nowait(quote(3, 5001))
        await until(lambda: prices(second) == [5000, 5001])
        assert len(second.sockets) == 2
        assert not second.sockets[-1].subscribed
        first.sockets[0].quotes.put_nowait(quote(3, 5002))
        await until(lambda: prices(second) == [5000, 5001, 5002])
        assert first.sockets[0].subscribed == [3]


async def test_who_is_not_granted_anew_is_told_no_more() -> None:
    now = [0.0]
    pool = QuotePool(clock=lambda: now[0])
    async with desk(pool=pool, number=1) as first, desk(pool=pool, number=2) as second:
        await feed_to(first, second)
        now[0] += GRANT_LASTS + 1
        second.forbidden.add(3)
        first.sockets[0].quotes.put_nowait(quote(3, 5001))
        await until(lambda: {3} in second.lost)
        await until(lambda: second.words[-1] == "Marks are the last known prices: no market data for C3")
        assert prices(second) == [5000]


async def test_quotes_come_with_the_mode_in_which_they_were_granted_whoever_feeds_them() -> None:
    pool = QuotePool()
    async with desk(pool=pool, number=1) as first, desk(pool=pool, number=2) as second:
        first.mode = second.mode = "Delayed"
        first.want(3)
        await until(lambda: first.sockets and first.sockets[0].subscribed == [3])
        second.want(3)
        first.sockets[0].quotes.put_nowait(quote(3, 5000))
        await until(lambda: prices(first) == prices(second) == [5000])
        assert first.modes == second.modes == ["Delayed"]


async def test_when_the_feeding_socket_ends_one_of_the_others_feeds() -> None:
    pool = QuotePool()
    async with desk(pool=pool, number=2) as second, desk(pool=pool, number=3) as third:
        async with desk(pool=pool, number=1) as first:
            await feed_to(first, second, third)
        # Marks that come no more are not taken for live.
        await until(lambda: {3} in second.lost and {3} in third.lost)

        def feeding() -> list[Desk]:
            return [one for one in (second, third) if one.sockets[-1].subscribed == [3]]

        await until(feeding)
        (heir,) = feeding()
        other = third if heir is second else second
        heir.sockets[-1].quotes.put_nowait(quote(3, 5002))
        await until(lambda: prices(heir) == prices(other) == [5000, 5002])
        assert not other.sockets[-1].subscribed


async def test_an_heir_that_cannot_feed_is_passed_over(monkeypatch) -> None:
    monkeypatch.setattr("trading.sync.quote_pool.HEIR_PATIENCE", 0.2)
    pool = QuotePool()
    async with desk(pool=pool, number=2) as second, desk(pool=pool, number=3) as third:
        async with desk(pool=pool, number=1) as first:
            await feed_to(first, second, third)
            hangs = asyncio.Event()

            async def never(_: Exception | None) -> Socket:
                await hangs.wait()
                raise SocketClosed(1006)

            second.marks._connect = never
        await until(lambda: third.sockets[-1].subscribed == [3])


async def test_quotes_go_to_nobody_who_was_not_granted_them_alike() -> None:
    pool = QuotePool()
    async with (
        desk(pool=pool, number=1) as first,
        desk(forbidden={3}, pool=pool, number=2) as second,
        desk(pool=pool, number=3) as third,
    ):
        first.want(3)
        await until(lambda: first.sockets and first.sockets[0].subscribed == [3])
        second.want(3)
        await until(lambda: second.words and second.words[-1])
        third.mode = "Delayed"
        third.want(3)
        await until(lambda: third.sockets and third.sockets[0].subscribed == [3])
        first.sockets[0].quotes.put_nowait(quote(3, 5000))
        await until(lambda: prices(first) == [5000])
        await asyncio.sleep(0.2)
        assert not second.told
        assert not third.told
        assert third.sockets[0].subscribed == [3]
