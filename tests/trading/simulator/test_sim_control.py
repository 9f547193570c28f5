"""Steering: time, prices, the truth, streams of events; and that two equal runs trade equally."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import httpx
import pytest
from starlette.routing import Mount

from trading.simulator import Config, RunningSimulator, create_app, serve
from trading.simulator.control import _is_loopback

from .conftest import NO_TLS, START, Api, Socket
from .manual import table


def story(seed: int) -> list[Any]:
    """A run with some orders and some time; what it traded."""
    with serve(Config(seed=seed, manual_clock=True, start=START)) as simulator:
        pro = Api(simulator, "pro")
        for product in ("ES", "NQ", "CL", "GC"):
            symbol = pro.get("contract/suggest", t=product, l=1)[0]["name"]
            pro.place("Buy", 3, symbol)
            simulator.control.advance(7.5)
            pro.place("Sell", 2, symbol)
        return [(fill["timestamp"], fill["qty"], fill["price"]) for fill in pro.get("fill/list")]


def test_the_same_seed_trades_the_same_and_another_does_not() -> None:
    first = story(11)
    assert first == story(11)
    assert first != story(12)


def test_the_manual_has_every_route_of_control() -> None:
    routes = create_app(Config(control=True)).routes
    [control] = [route for route in routes if isinstance(route, Mount) and route.path == "/control"]
    asked = {f"{method} /control{one.path}" for one in control.routes for method in one.methods - {"HEAD"}}
    assert asked == {row[0] for row in table("request", "body or query")}


def test_a_manual_clock_moves_only_when_told(sim: RunningSimulator) -> None:
    before = sim.control.ledger()["now"]
    assert sim.control.ledger()["now"] == before == "2026-11-18T15:00:00.000Z"
    assert sim.control.advance(1.5)["now"] == "2026-11-18T15:00:01.500Z"
    with pytest.raises(httpx.HTTPStatusError):
        sim.control.advance(-1)


def test_a_real_clock_runs_and_prices_move() -> None:
    with serve(Config(tick_seconds=0.01)) as simulator:
        trader = Api(simulator, "trader")
        symbol = trader.get("contract/suggest", t="NQ", l=1)[0]["name"]
        first = simulator.control.market(symbol)["last"]
        assert any(simulator.control.market(symbol)["last"] != first for _ in range(500))


def test_prices_are_set_on_a_tick(sim: RunningSimulator) -> None:
    shown = sim.control.price("CLF7", "61.25")
    assert (shown["bid"], shown["offer"], shown["last"]) == (61.24, 61.25, 61.25)
    with pytest.raises(httpx.HTTPStatusError, match="not on a tick"):
        sim.control.price("CLF7", "61.255")
    with pytest.raises(httpx.HTTPStatusError, match="Unknown symbol"):
        sim.control.price("XX", 1)


def test_the_ledger_tells_everything(sim: RunningSimulator, trader: Api) -> None:
    order = trader.place("Buy", 2, clOrdId="seen")["orderId"]
    trader.post("order/placeorder", accountId=1001001, action="Buy", symbol="XX", orderQty=1, orderType="Market")
    ledger = sim.control.ledger()
    assert [(r["route"], r["params"]["symbol"]) for r in ledger["received"]] == [
        ("order/placeorder", "ESZ6"),
        ("order/placeorder", "XX"),
    ]
    account = next(account for account in ledger["accounts"] if account["accountId"] == 1001001)
    assert account["net"] == {"3012612": 2}
    assert Decimal(str(account["cash"])) == 100_000 - Decimal(str(account["fees"]))
    assert [fill["qty"] for fill in ledger["entities"]["fill"] if fill["orderId"] == order] == [2]
    assert "seen" in {command.get("clOrdId") for command in ledger["entities"]["command"]}


def test_every_account_adds_up_after_a_busy_day(sim: RunningSimulator, pro: Api) -> None:
    for number in range(60):
        symbol = ("ESZ6", "MNQZ6", "ZNZ6", "MGCZ6")[number % 4]
        pro.place("Buy" if number % 7 < 3 else "Sell", 1 + number % 5, symbol)
        sim.control.advance(0.5)
    ledger = sim.control.ledger()
    entities = ledger["entities"]
    contracts = {
        c["id"]: c for c in pro.get("contract/items", ids=",".join({str(f["contractId"]) for f in entities["fill"]}))
    }
    orders = {order["id"]: order for order in entities["order"]}
    fees = {fee["id"]: fee for fee in entities["fillFee"]}
    positions = {position["id"]: position for position in entities["position"]}
    product_of = {}
    for contract in contracts.values():
        maturity = pro.get("contractMaturity/item", id=contract["contractMaturityId"])
        product_of[contract["id"]] = pro.get("product/item", id=maturity["productId"])
    for account in ledger["accounts"]:
        number = account["accountId"]
        fills = [fill for fill in entities["fill"] if orders[fill["orderId"]]["accountId"] == number]
        paid = sum(
            (
                Decimal(str(value))
                for fill in fills
                for key, value in fees[fill["id"]].items()
                if key.endswith(("Fee", "commission"))
            ),
            Decimal(0),
        )
        won = Decimal(0)
        for pair in entities["fillPair"]:
            position = positions[pair["positionId"]]
            if position["accountId"] == number:
                point = Decimal(str(product_of[position["contractId"]]["valuePerPoint"]))
                difference = Decimal(str(pair["sellPrice"])) - Decimal(str(pair["buyPrice"]))
                won += (difference * point * pair["qty"]).quantize(Decimal("0.01"))
        balance = next(b for b in entities["cashBalance"] if b["accountId"] == number)
        assert Decimal(str(balance["realizedPnL"])) == won
        assert Decimal(str(balance["amount"])) == Decimal(str(balance["amountSOD"])) + won - paid
        for position in positions.values():
            if position["accountId"] == number:
                signed = sum(
                    fill["qty"] if fill["action"] == "Buy" else -fill["qty"]
                    for fill in fills
                    if fill["contractId"] == position["contractId"]
                )
                assert position["netPos"] == signed == position["bought"] - position["sold"]


def test_emitted_events_arrive_all_and_in_order_with_their_time(sim: RunningSimulator, socket: Socket) -> None:
    assert sim.control.emit("trader", 500, batch=50, wait=True)["count"] == 500
    amounts: list[Decimal] = []
    while len(amounts) < 500:
        for event in socket.message():
            entity = event["d"]["entity"]
            assert abs(datetime.now(UTC) - datetime.fromisoformat(entity["timestamp"])).total_seconds() < 10
            amounts.append(Decimal(str(entity["amount"])))
    assert [round(b - a, 2) for a, b in pairwise(amounts)] == [Decimal("0.01")] * 499


def test_emitted_fills_at_a_rate_have_ids_of_their_own(sim: RunningSimulator, socket: Socket) -> None:
    sim.control.emit("trader", 5, per_second=100, entity_type="fill")
    ids = [socket.message()[0]["d"]["entity"]["id"] for _ in range(5)]
    assert ids == list(range(ids[0], ids[0] + 5))
    assert not {fill["id"] for fill in sim.control.ledger()["entities"]["fill"]} & set(ids)


def test_emitted_fills_begin_when_they_are_to_and_are_told_once_with_the_time_at_which_they_were_sent(
    sim: RunningSimulator, socket: Socket
) -> None:
    sim.control.emit("trader", 1, entity_type="fill", wait=True)
    sim.control.emitted()
    asked = datetime.now(UTC)
    sim.control.emit("trader", 2, entity_type="fill", begin_in=0.2, wait=True)
    sent = {str(one["id"]): one["timestamp"] for one in (socket.message()[0]["d"]["entity"] for _ in range(3))}
    before = next(iter(sent))
    del sent[before]
    assert sim.control.emitted() == sent
    assert all(datetime.fromisoformat(moment) - asked >= timedelta(seconds=0.2) for moment in sent.values())
    assert sim.control.emitted() == {}


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("127.0.0.1", True), ("::1", True), ("10.0.0.1", False), ("", False), ("localhost.evil", False)],
)
def test_only_this_machine_may_steer(host: str, allowed: bool) -> None:
    assert _is_loopback(host) is allowed


async def test_without_the_option_there_is_no_control_at_all() -> None:
    transport = httpx.ASGITransport(create_app(Config(manual_clock=True)))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator", verify=NO_TLS) as client:
        assert (await client.get("/health")).json() == {"ok": True}
        assert (await client.get("/control/ledger")).status_code == 404


async def test_a_stranger_is_turned_away_from_control() -> None:
    app = create_app(Config(manual_clock=True, control=True))
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator", verify=NO_TLS) as client:
        assert (await client.get("/control/ledger")).status_code == 403
        assert (await client.post("/control/advance", json={"seconds": 1})).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:8180"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "demo.tradovateapi.com"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": ""},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_page_in_a_browser_on_this_machine_cannot_steer(sim: RunningSimulator, headers: dict[str, str]) -> None:
    with httpx.Client(base_url=sim.url, trust_env=False, verify=NO_TLS) as http:
        assert http.post("/control/advance", json={"seconds": 1}, headers=headers).status_code == 403
        assert http.get("/control/ledger", headers=headers).status_code == 403
    assert sim.control.ledger()["now"] == "2026-11-18T15:00:00.000Z"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1:99", "[::1]:99", "[::1]"])
def test_by_a_loopback_name_one_can(sim: RunningSimulator, name: str) -> None:
    with httpx.Client(base_url=sim.url, trust_env=False, verify=NO_TLS) as http:
        headers = {"Host": name, "Origin": f"http://{name}"}
        assert http.get("/control/ledger", headers=headers).status_code == 200


def test_a_forwarded_address_is_not_believed(sim: RunningSimulator) -> None:
    with httpx.Client(base_url=sim.url, trust_env=False, verify=NO_TLS) as http:
        assert http.get("/control/ledger", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 200
