"""What the desk and the checks make of prices that Tradovate grants late, or not at all."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async

from accounts.models import Connection
from tests.trading.cast import sign_in
from tests.trading.sync.cast import aplace, front_month, look_at, rows, running_hub, settled, until
from trading.models import Account, Contract, TradingLimit
from trading.orders import facts, pretrade
from trading.orders.spec import OrderSpec
from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.config import DEFAULT_TRADERS
from trading.sync import watched

vet = sync_to_async(pretrade.vet, thread_sensitive=False)
read = sync_to_async(facts.read, thread_sensitive=False)


@pytest.fixture
def granting(settings, redis_url, transactional_db) -> Iterator[Callable[[str], tuple[RunningSimulator, Connection]]]:
    """A simulator that grants everybody market data in a mode, and its trader, signed in and looking at a page."""
    running = []

    def begin(mode: str) -> tuple[RunningSimulator, Connection]:
        traders = tuple(replace(one, market_data=mode) for one in DEFAULT_TRADERS)
        secret = settings.SIMULATOR_CLIENT_SECRET
        config = Config(seed=7, manual_clock=True, control=True, client_secret=secret, traders=traders)
        running.append(serve(config))
        made = running[-1].__enter__()
        settings.SIMULATOR_URL = made.url
        return made, look_at(sign_in(made, "trader"))

    yield begin
    for one in running:
        one.__exit__(None, None, None)


async def begin(granting, mode: str) -> tuple[RunningSimulator, Connection]:
    return await sync_to_async(granting, thread_sensitive=False)(mode)


async def buy(simulator: RunningSimulator, trader: Connection) -> str:
    """Hold two micros; returns the contract's symbol."""
    symbol = await sync_to_async(front_month, thread_sensitive=False)(simulator, trader)
    simulator.control.liquidity(symbol, 100)
    await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=2)
    simulator.control.advance(1)
    return symbol


async def sources(trader: Connection) -> set[str]:
    return {row["mark_source"] for row in await rows(trader, "position")}


async def marks_words(trader: Connection) -> str:
    return (await settled(trader)).rows["upstream"]["marks"]


async def test_delayed_quotes_are_never_shown_nor_checked_as_prices_of_now(granting) -> None:
    simulator, trader = await begin(granting, "Delayed")
    await TradingLimit.objects.acreate(user_id=trader.user_id, collar_ticks=40)
    async with running_hub():
        await settled(trader)
        symbol = await buy(simulator, trader)
        bought = simulator.control.market(symbol)["bid"]
        # One's own fill is newer than what such quotes tell.
        await until(lambda: marks_words(trader))
        assert await sources(trader) == {"last fill"}
        assert await marks_words(trader) == f"Marks are delayed: no real-time market data for {symbol}"
        simulator.control.advance(700)

        async def delayed() -> bool:
            return await sources(trader) == {"delayed"}

        await until(delayed)
        assert all(row["estimate"] for row in await rows(trader, "account"))
        contract = await until(Contract.objects.filter(name=symbol).afirst)
        watched.name(trader.pk, contract.tradovate_id)

        async def known() -> facts.Facts | None:
            found = await read(trader.pk)
            return found if found and found.positions else None

        found = await until(known)
        assert not found.marks
        assert found.accounts[0].open_pnl is None
        # The collar knows no price: it lets an exit far from the late one through, with a note.
        account = await Account.objects.aget(connection=trader)
        far = Decimal(str(bought)) - 100
        terms = {"order_type": "Limit", "price": far, "time_in_force": "Day"}
        spec = OrderSpec(account_id=account.pk, symbol=symbol, action="Sell", order_qty=1, **terms)
        assert [(one.severity.value, one.field) for one in (await vet(spec)).findings] == [("note", "price")]

        await aplace(simulator, trader, symbol=symbol, action="Sell", orderQty=2)
        simulator.control.advance(1)

        async def flat() -> bool:
            return not await rows(trader, "position") and not await marks_words(trader)

        await until(flat)


async def test_without_a_subscription_one_s_own_prices_stand_in_and_the_page_says_so(granting) -> None:
    simulator, trader = await begin(granting, "None")
    async with running_hub():
        await settled(trader)
        symbol = await buy(simulator, trader)
        await until(lambda: marks_words(trader))
        assert await marks_words(trader) == f"Marks are the last known prices: no market data for {symbol}"
        assert await sources(trader) == {"last fill"}
        assert all(row["estimate"] for row in await rows(trader, "account"))
        assert all(row["cash"] != "—" for row in await rows(trader, "account"))
