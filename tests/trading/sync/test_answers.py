"""What Tradovate tells later reaches the wish by the stream: no look is needed while a hub is connected."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.models import Connection
from tests.trading.cast import listed
from tests.trading.orders.pressing import bought, bracket, contract_id, limit
from tests.trading.sync.cast import running_hub, settled, until
from trading.models import OrderIntent
from trading.orders import desk
from trading.orders.desk import NewTerms
from trading.orders.states import State
from trading.simulator import RunningSimulator

pytestmark = pytest.mark.usefixtures("transactional_db")


async def press(act: Callable[[], desk.Outcome]) -> OrderIntent:
    outcome = await sync_to_async(act, thread_sensitive=False)()
    assert outcome.intents, outcome.words
    return outcome.intents[0]


async def becomes(intent: OrderIntent, state: State) -> OrderIntent:
    async def there() -> OrderIntent | None:
        return await OrderIntent.objects.filter(pk=intent.pk, state=state).afirst()

    found: OrderIntent = await until(there)
    return found


@pytest.fixture
def symbol(trader: Connection) -> str:
    return listed(trader, "ES")


async def test_answers_come_by_the_stream(simulator: RunningSimulator, trader: Connection, symbol: str) -> None:
    account, user = await trader.accounts.aget(), trader.user
    async with running_hub():
        await settled(trader)
        entry = await becomes(await press(lambda: desk.place(user, limit(account, symbol), "click:1")), State.WORKING)
        number = entry.order_id_at_broker or 0

        def modify(key: str, **terms: Any) -> Callable[[], desk.Outcome]:
            return lambda: desk.modify(user, account.pk, number, NewTerms(**terms), key)

        await becomes(await press(modify("click:2", order_qty=3)), State.DONE)
        refused = await becomes(await press(modify("click:3", order_qty=49)), State.REJECTED)
        assert "margin" in refused.reason
        simulator.control.fault("lose_reply", "order/modifyorder")
        await becomes(await press(modify("click:4", order_qty=2)), State.DONE)
        simulator.control.fault("lose_reply", "order/cancelorder")
        await becomes(await press(lambda: desk.cancel(user, account.pk, number, "click:5")), State.DONE)


async def test_strategies_and_closings_are_recognised_by_the_stream(
    simulator: RunningSimulator, trader: Connection, symbol: str
) -> None:
    account, user = await trader.accounts.aget(), trader.user
    await sync_to_async(bought, thread_sensitive=False)(user, account, symbol)
    async with running_hub():
        await settled(trader)
        simulator.control.fault("lose_reply", "orderstrategy/startorderstrategy")
        strategy = await press(lambda: desk.place(user, bracket(account, symbol), "click:1"))
        assert (await becomes(strategy, State.FILLED)).strategy_id_at_broker
        simulator.control.fault("lose_reply", "order/liquidateposition")
        flat = await sync_to_async(contract_id, thread_sensitive=False)(symbol)
        await becomes(await press(lambda: desk.flatten(user, account.pk, flat, "click:2")), State.FILLED)


async def test_what_happened_while_no_hub_ran_is_told_by_the_next_snapshot(
    simulator: RunningSimulator, trader: Connection, symbol: str
) -> None:
    """Start and reconnect: everything in Tradovate's snapshot is compared with what is still open here."""
    account, user = await trader.accounts.aget(), trader.user
    simulator.control.fault("lose_reply", "order/placeorder")
    lost = await press(lambda: desk.place(user, limit(account, symbol), "click:1"))
    assert lost.state == State.UNKNOWN
    async with running_hub():
        await settled(trader)
        found = await becomes(lost, State.WORKING)
        number = found.order_id_at_broker or 0
        simulator.control.fault("bye")
        change = await press(lambda: desk.modify(user, account.pk, number, NewTerms(order_qty=1), "click:2"))
        await becomes(change, State.DONE)
