"""A file and the hub together, against the real simulator: what the reply lost, the stream finds; fills arrive."""

import asyncio
from decimal import Decimal

from asgiref.sync import sync_to_async

from accounts.models import Connection
from tests.trading.cast import listed, orders_at_broker
from tests.trading.sync.cast import look_at, running_hub, settled, until
from trading.files import execute, preview, report
from trading.models import OrderFile, OrderIntent
from trading.orders.states import State
from trading.simulator import RunningSimulator

FINAL = [State.FILLED] * 3


@sync_to_async
def confirmed(connection: Connection, symbols: list[str]) -> OrderFile:
    text = "".join(f"{symbol} {quantity}\n" for symbol, quantity in zip(symbols, (2, -3, 1), strict=True))
    file = preview.upload(connection.accounts.get(), "orders.txt", text.encode())
    assert execute.confirm(file.pk, connection.user)
    return file


@sync_to_async
def states() -> list[str]:
    return list(OrderIntent.objects.order_by("line__number").values_list("state", flat=True))


async def test_a_lost_reply_is_resolved_by_the_stream_and_every_order_fills_once(
    simulator: RunningSimulator, redis_url: str, connection: Connection
) -> None:
    symbols = [await sync_to_async(listed)(connection, product) for product in ("ES", "MNQ", "CL")]
    for symbol in symbols:
        simulator.control.liquidity(symbol, 100)
    told: list[int] = []
    run = sync_to_async(execute.run)
    await sync_to_async(look_at)(connection)
    async with running_hub():
        await settled(connection)
        file = await confirmed(connection, symbols)
        simulator.control.fault("lose_reply", "order/placeorder")
        await run(file.pk, told.append)

        async def first_is_known() -> bool:
            return (await states())[0] not in {State.SUBMITTING, State.UNKNOWN}

        async def goes_on() -> bool:
            await sync_to_async(execute.resume)(file.pk, connection.user)
            await file.arefresh_from_db()
            return file.state != OrderFile.State.STOPPED

        await until(first_is_known)
        # Whether the stream was faster than the lost reply or not: what is left goes out, and once. A press before the
        # file says what came of the first line only has it say so.
        await until(goes_on)
        await run(file.pk, told.append)
        simulator.control.advance(2)

        async def all_filled() -> bool:
            return await states() == FINAL

        await until(all_filled)

    assert [order[1:] for order in await asyncio.to_thread(orders_at_broker, simulator)] == [
        ("Buy", 2),
        ("Sell", 3),
        ("Buy", 1),
    ]
    await file.arefresh_from_db()
    assert file.state == OrderFile.State.FINISHED
    rows = await sync_to_async(report.rows)(file)
    totals = await sync_to_async(file.totals)()
    assert (totals.bought, totals.sold, totals.states) == (3, 3, {"filled": 3})
    fills = (await asyncio.to_thread(simulator.control.ledger))["entities"]["fill"]
    for row in rows:
        intent = row.line.intent
        assert intent is not None
        mine = [fill for fill in fills if fill["orderId"] == intent.order_id_at_broker]
        paid = sum(Decimal(str(fill["price"])) * fill["qty"] for fill in mine)
        assert intent.average_price == round(paid / intent.order_qty, 8)
