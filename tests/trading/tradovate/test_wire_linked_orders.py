"""OCO and OSO orders of the client against the stand-in Tradovate: what is placed together is linked there."""

from decimal import Decimal

from trading.simulator import RunningSimulator
from trading.tradovate import Environment, Hosts, Tradovate, request_access_token
from trading.tradovate.entities import (
    AccessTokenRequest,
    Action,
    CancelOrder,
    OrderType,
    OrdStatus,
    PlaceOCO,
    PlaceOSO,
    RestrainedOrderVersion,
)


async def test_linked_orders_from_ticket_to_cancel(sim: RunningSimulator) -> None:
    hosts = Hosts.default(Environment.SIM, sim.url)
    trader = sim.trader("pro")
    token = await request_access_token(hosts, AccessTokenRequest(name=trader.name, password=trader.password))
    async with Tradovate(hosts, token.access_token) as t:
        account = (await t.account.list())[0]
        product = await t.product.find("ES")
        front = next(m for m in await t.contract_maturity.deps(product.id) if m.is_front)
        (contract,) = await t.contract.deps(front.id)
        sim.control.price(contract.name, "6700.25")

        pair = await t.order.place_oco(
            PlaceOCO(
                account_id=account.id, action=Action.SELL, symbol=contract.name, order_qty=1,
                order_type=OrderType.LIMIT, price=Decimal("6800.00"),
                other=RestrainedOrderVersion(
                    action=Action.SELL, order_type=OrderType.STOP, stop_price=Decimal("6600.00")
                ),
            )
        )  # fmt: skip
        assert pair.oco_id is not None
        assert (await t.order.item(pair.order_id)).ord_status == OrdStatus.WORKING
        await t.order.cancel(CancelOrder(order_id=pair.order_id))
        both = await t.order.items([pair.order_id, pair.oco_id])
        assert {order.ord_status for order in both} == {OrdStatus.CANCELED}

        entry = await t.order.place_oso(
            PlaceOSO(
                account_id=account.id, action=Action.BUY, symbol=contract.name, order_qty=1,
                order_type=OrderType.LIMIT, price=Decimal("6500.00"),
                bracket1=RestrainedOrderVersion(
                    action=Action.SELL, order_type=OrderType.LIMIT, price=Decimal("6600.00")
                ),
            )
        )  # fmt: skip
        assert entry.oso1_id is not None
        child = await t.order.item(entry.oso1_id)
        assert (child.ord_status, child.parent_id) == (OrdStatus.SUSPENDED, entry.order_id)
