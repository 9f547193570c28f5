"""An order that was placed elsewhere, as code: what the code builds is that order."""

import asyncio
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.models import Connection
from tests.trading.orders.pressing import change_elsewhere
from trading.models import Account
from trading.orders import builder, messages, prices, recall, spec, templates
from trading.orders.builder import OrderBuilder
from trading.orders.codegen import NoFileLine, file_line, raw_json
from trading.orders.prices import Distance
from trading.orders.templates import bracket, buy_limit, buy_market, one_cancels_other, sell_limit, sell_stop
from trading.simulator import RunningSimulator
from trading.tradovate import Tradovate
from trading.tradovate.entities import Order, OrderStrategy, OrderVersion, StartOrderStrategy

NAMES: dict[str, Any] = {**vars(templates), **vars(builder), **vars(spec), **vars(prices)}


def place(connection: Connection, account: Account, order: OrderBuilder) -> int:
    """Send an order as another program would; returns its id, a strategy's entry's."""
    message = messages.message(order.build(), account_id=account.tradovate_id, account_name=account.name)

    async def send() -> int:
        assert connection.tokens is not None
        async with Tradovate(connection.hosts, connection.tokens.access_token) as client:
            match message:
                case StartOrderStrategy():
                    started = await client.order_strategy.start(message)
                    assert started.order_strategy is not None
                    links = await client.order_strategy_link.list()
                    return min(one.order_id for one in links if one.order_strategy_id == started.order_strategy.id)
                case messages.PlaceOCO():
                    return (await client.order.place_oco(message)).order_id
                case messages.PlaceOSO():
                    return (await client.order.place_oso(message)).order_id
                case _:
                    return (await client.order.place(message)).order_id

    return asyncio.run(send())


def printed(*arguments: str) -> tuple[str, str, str]:
    """What the command prints: builder code, line, JSON."""
    out = io.StringIO()
    call_command("order_code", "trader", *arguments, stdout=out)
    code, line, body = (part.partition("\n")[2].strip() for part in out.getvalue().split("\n\n"))
    return code, line, body


def orders(symbol: str) -> dict[str, OrderBuilder]:
    exits = one_cancels_other(sell_limit(symbol, 2, "9000"), sell_stop(symbol, 2, "3000"))
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    return {
        "market": buy_market(symbol, 2),
        "by hand": buy_market(symbol, 2).set_is_automated(False),
        "limit": buy_limit(symbol, 2, "4000.25").set_time_in_force("GTD").set_expire_time(later).set_text("it's mine"),
        "touched": OrderBuilder().set_symbol(symbol).set_action("Buy").set_quantity(2).set_order_type("LimitIfTouched")
        .set_price("4000.25").set_limit_if_touched_price("4000"),
        "stop limit": OrderBuilder().set_symbol(symbol).set_action("Buy").set_quantity(2).set_order_type("StopLimit")
        .set_price("9001.25").set_stop_price("9000"),
        "if touched": OrderBuilder().set_symbol(symbol).set_action("Buy").set_quantity(2).set_order_type("MIT")
        .set_price("4000.25"),
        "trails": OrderBuilder().set_symbol(symbol).set_action("Buy").set_quantity(2).set_order_type("TrailingStop")
        .set_stop_price("9000").set_peg_difference("12.5"),
        "trails with a limit": OrderBuilder().set_symbol(symbol).set_action("Buy").set_quantity(2)
        .set_order_type("TrailingStopLimit").set_price("9001.25").set_stop_price("9000").set_peg_difference("12.5"),
        "pair": one_cancels_other(sell_limit(symbol, 2, "9000"), sell_stop(symbol, 2, "3000")),
        "entry and exits": templates.first_triggers_second(buy_limit(symbol, 2, "4000"), exits),
        "entry and exit": templates.first_triggers_second(buy_limit(symbol, 2, "4000"), sell_limit(symbol, 2, "9000")),
        "brackets": bracket(
            buy_limit(symbol, 2, "4000"), profit_target=Distance(Decimal(20)), stop_loss=Distance(Decimal("9.5")),
            trailing_stop=True,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("kind", list(orders("ESZ6")))
def test_the_code_of_an_order_builds_that_order(
    simulator: RunningSimulator, connection: Connection, account: Account, symbol: str, kind: str
) -> None:
    order = orders(symbol)[kind].set_account(account.pk)
    order_id = place(connection, account, order)
    for arguments in ([], [str(order_id)]):
        code, line, body = printed(*arguments)
        assert eval(code, NAMES) == order.build()  # noqa: S307 - it is our own code that is proven
        assert line == f"{symbol} 2" if "market" in kind or "hand" in kind else line.startswith("# A line of")
        message = messages.message(order.build(), account_id=account.tradovate_id, account_name=account.name)
        assert json.loads(body) == json.loads(raw_json(message))


def test_a_child_is_shown_with_what_it_hangs_on(
    simulator: RunningSimulator, connection: Connection, account: Account, symbol: str
) -> None:
    order = orders(symbol)["entry and exits"].set_account(account.pk)
    order_id = place(connection, account, order)
    children = [one["id"] for one in simulator.control.ledger()["entities"]["order"] if one.get("parentId") == order_id]
    assert len(children) == 2
    for child in children:
        assert eval(printed(str(child))[0], NAMES) == order.build()  # noqa: S307


def test_the_exits_of_an_earlier_days_bracket_are_a_pair(
    simulator: RunningSimulator, connection: Connection, account: Account, symbol: str
) -> None:
    """Tradovate lists its entry no longer: the code of an exit must not be that of an entry with brackets."""
    exits = bracket(buy_market(symbol, 2), profit_target=Distance(Decimal(20)), stop_loss=Distance(Decimal(10)))
    entry = place(connection, account, exits.set_account(account.pk))

    async def look(order_id: int) -> spec.OrderSpec:
        assert connection.tokens is not None
        async with Tradovate(connection.hosts, connection.tokens.access_token) as client:
            todays = [order for order in await client.order.list() if order.id != entry]

            async def listed() -> list[Order]:
                return todays

            client.order.list = listed
            _, plan = await recall.recall(client, order_id)
            return recall.spec_of(plan, account.pk)

    placed = simulator.control.ledger()["entities"]["order"]
    legs = [one for one in placed if one["accountId"] == account.tradovate_id and one["id"] != entry]
    assert len(legs) == 2
    for leg in legs:
        shown = asyncio.run(look(leg["id"]))
        assert (shown.action, shown.order_qty, shown.brackets) == ("Sell", 2, ())
        assert shown.other is not None
        assert {shown.order_type, shown.other.order_type} == {"Limit", "Stop"}


def recorded(**terms: Any) -> recall.Recorded:
    version = OrderVersion(id=1, order_id=1, order_qty=2, **terms)
    return recall.Recorded(Order(id=1, account_id=7, action="Buy", ord_status="Working"), version)


def test_what_tradovate_keeps_beside_the_terms_of_an_order_is_left_out() -> None:
    kept = {"price": Decimal(4000), "stop_price": Decimal(1), "max_show": 0, "expire_time": datetime.now(UTC)}
    plan = recall.Plan(recorded(order_type="Limit", time_in_force="Day", **kept), "ESZ6", is_automated=True)
    assert recall.spec_of(plan, 3) == buy_limit("ESZ6", 2, "4000").set_account(3).build()


def test_a_bracket_that_no_code_can_say_is_told_as_such() -> None:
    params = '{"brackets": [{"qty": 2, "stopLoss": -5, "autoTrail": {"stopLoss": 5, "trigger": 5, "freq": 1}}]}'
    strategy = OrderStrategy(id=1, account_id=7, status="ActiveStrategy", action="Buy", params=params)
    plan = recall.Plan(recorded(order_type="Market"), "ESZ6", is_automated=True, strategy=strategy)
    with pytest.raises(spec.InvalidSpec, match="autoTrail"):
        recall.spec_of(plan, 3)


def test_an_iceberg_is_no_line_of_a_file_and_told_why() -> None:
    iceberg = buy_market("ESZ6", 5).set_max_show(1).set_account(3).build()
    with pytest.raises(NoFileLine, match="shows all of its contracts"):
        file_line(iceberg)


def test_a_change_that_the_exchange_refused_is_no_part_of_the_order(
    simulator: RunningSimulator, connection: Connection, account: Account, symbol: str
) -> None:
    order = buy_limit(symbol, 2, "4000").set_account(account.pk)
    order_id = place(connection, account, order)
    change_elsewhere(account, order_id, order_qty=1, price=Decimal(3990), time_in_force="GTC")
    assert eval(printed(str(order_id))[0], NAMES) == order.build()  # noqa: S307


def test_what_is_not_there_is_said(simulator: RunningSimulator, connection: Connection) -> None:
    with pytest.raises(CommandError, match="no order today"):
        printed()
    with pytest.raises(CommandError, match="is not signed in"):
        call_command("order_code", "nobody")
    connection.forget_tokens()
    with pytest.raises(CommandError, match="is not signed in"):
        printed()
