"""Reading the cash books goes on, rests or ends by what Tradovate answers."""

import asyncio
from typing import cast

import pytest

from trading.sync import cash_book
from trading.sync.cash_book import CashBook
from trading.tradovate import MirroringSocket
from trading.tradovate.errors import NotAuthorized, NotFound, OutcomeUnknown, TradovateError


class Refusing:
    """A socket that answers every question with the same error."""

    def __init__(self, error: TradovateError) -> None:
        self.asked = 0
        self.was_asked_again = asyncio.Event()
        self._error = error

    async def ask(self, *_: object, **__: object) -> object:
        self.asked += 1
        if self.asked > 1:
            self.was_asked_again.set()
        raise self._error


def of(socket: Refusing) -> CashBook:
    return CashBook(cast(MirroringSocket, socket), accounts=lambda: [7], keep=lambda _: None)


async def test_books_that_tradovate_does_not_have_are_not_asked_for_again() -> None:
    socket = Refusing(NotFound())
    book = of(socket)
    await asyncio.wait_for(book.run(), 5)
    assert book.was_read.is_set()
    assert socket.asked == 1


@pytest.mark.parametrize(("error", "counts_as_read"), [(OutcomeUnknown(), False), (NotAuthorized(), True)])
async def test_books_that_could_not_be_read_are_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, error: TradovateError, counts_as_read: bool
) -> None:
    monkeypatch.setattr(cash_book, "EVERY", 0.0)
    socket = Refusing(error)
    book = of(socket)
    reading = asyncio.create_task(book.run())
    async with asyncio.timeout(5):
        await socket.was_asked_again.wait()
    reading.cancel()
    assert book.was_read.is_set() is counts_as_read


def test_the_longer_it_fails_the_more_seldom_it_is_asked() -> None:
    rests = [cash_book.rest(0, failures) for failures in range(9)]
    assert rests[:3] == [cash_book.EVERY, 2 * cash_book.EVERY, 4 * cash_book.EVERY]
    assert rests[-2] == rests[-1] <= 600
    assert cash_book.rest(cash_book.LINES) == 2 * cash_book.EVERY
