"""user/syncrequest: the snapshot, the stream that continues it, and that nobody gets another's."""

from typing import Any

import pytest

from trading.simulator import RunningSimulator

from .conftest import Api, open_socket
from .shapes import problems

ARRAYS = {
    "users": "user",
    "accounts": "account",
    "accountRiskStatuses": "accountRiskStatus",
    "marginSnapshots": "marginSnapshot",
    "cashBalances": "cashBalance",
    "currencies": "currency",
    "positions": "position",
    "fillPairs": "fillPair",
    "orders": "order",
    "contracts": "contract",
    "contractMaturities": "contractMaturity",
    "products": "product",
    "exchanges": "exchange",
    "commands": "command",
    "commandReports": "commandReport",
    "executionReports": "executionReport",
    "orderVersions": "orderVersion",
    "fills": "fill",
    "fillFees": "fillFee",
    "contractGroups": "contractGroup",
}
SNAPSHOT_OF = {entity: array for array, entity in ARRAYS.items()}


def sync(simulator: RunningSimulator, api: Api, **body: Any) -> Any:
    with open_socket(simulator, api.token) as socket:
        return socket.ask("user/syncrequest", body or {"users": [api.user_id]})


def test_the_snapshot_has_all_arrays_with_fitting_entities(sim: RunningSimulator, pro: Api) -> None:
    reply = sync(sim, pro)["d"]
    for array, entity in ARRAYS.items():
        assert reply[array], array
        assert [problem for one in reply[array] for problem in problems(entity, one)] == []
    for array in ("userProperties", "properties", "userAccountAutoLiqs", "orderStrategies", "userPlugins"):
        assert reply[array] == []


def test_the_snapshot_agrees_with_the_reads(sim: RunningSimulator, pro: Api) -> None:
    reply = sync(sim, pro)["d"]
    for array in ("accounts", "cashBalances", "positions", "orders", "orderVersions", "commands", "fills", "fillPairs"):
        assert reply[array] == pro.get(f"{ARRAYS[array]}/list")


def test_a_trader_without_accounts_has_a_snapshot_too(sim: RunningSimulator) -> None:
    empty = Api(sim, "empty")
    reply = sync(sim, empty)["d"]
    assert [user["name"] for user in reply["users"]] == ["empty"]
    assert reply["accounts"] == reply["orders"] == reply["contracts"] == []


def test_snapshot_and_events_are_the_same_as_a_fresh_snapshot(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        state = socket.ask("user/syncrequest", {"users": [trader.user_id]})["d"]
        for signed in (2, 1, -4, 3):
            trader.place("Buy" if signed > 0 else "Sell", abs(signed), "MESZ6")
        resting = trader.place("Buy", 1, orderType="Limit", price=6800)["orderId"]
        trader.post("order/modifyorder", orderId=resting, orderQty=2, orderType="Limit", price=6790)
        trader.post("order/cancelorder", orderId=resting)
        sim.control.advance(5)
        seen = socket.props("order", id=resting, ordStatus="Canceled")
        seen += socket.props("marginSnapshot")
    for event in seen:
        array = state[SNAPSHOT_OF[event["entityType"]]]
        entity = event["entity"]
        index = next((i for i, one in enumerate(array) if one["id"] == entity["id"]), None)
        assert (event["eventType"] == "Created") is (index is None)
        if index is None:
            array.append(entity)
        else:
            array[index] = entity
    fresh = sync(sim, trader)["d"]
    for array in ARRAYS:
        assert sorted(state[array], key=lambda one: one["id"]) == sorted(fresh[array], key=lambda one: one["id"]), array


def test_nobody_syncs_another_user_or_account(sim: RunningSimulator, trader: Api, pro: Api) -> None:
    for body in ({"users": [pro.user_id]}, {"users": [trader.user_id, pro.user_id]}, {"accounts": [1002001]}):
        assert sync(sim, trader, **body) == {"s": 401, "i": 2, "d": "Access is denied"}


def test_nobody_gets_anothers_events(sim: RunningSimulator, trader: Api, pro: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        socket.ask("user/syncrequest", {"users": [trader.user_id]})
        pro.place("Buy", 1)
        trader.place("Buy", 1)
        seen = socket.props("marginSnapshot")
        accounts = {event["entity"].get("accountId") for event in seen} - {None}
        assert accounts == {1001001}


def test_before_the_sync_request_no_events_come(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        trader.place("Buy", 1)
        assert socket.ask("account/list")["s"] == 200
        assert socket.events == []


def test_accounts_choose_what_comes(sim: RunningSimulator, pro: Api) -> None:
    with open_socket(sim, pro.token) as socket:
        reply = socket.ask("user/syncrequest", {"accounts": [1002002], "entityTypes": ["position", "order"]})["d"]
        assert {one["accountId"] for one in reply["positions"]} == {1002002}
        assert reply["fills"] == reply["cashBalances"] == []
        pro.place("Buy", 1)
        pro.post("order/placeorder", accountId=1002002, action="Buy", symbol="MESZ6", orderQty=1, orderType="Market")
        seen = socket.props("position")
        assert {event["entityType"] for event in seen} == {"order", "position"}
        assert {event["entity"]["accountId"] for event in seen} == {1002002}


def test_shards_part_the_accounts(sim: RunningSimulator, pro: Api) -> None:
    parts = []
    for remainder in (0, 1):
        shard = {"expressionType": "modAccountId", "divisor": 2, "remainder": remainder}
        reply = sync(sim, pro, shardingExpression=shard)["d"]
        parts.append({account["id"] for account in reply["accounts"]})
    assert parts[0] | parts[1] == {1002001 + n for n in range(5)}
    assert not parts[0] & parts[1]


@pytest.mark.parametrize(("remainder", "mine"), [(0, True), (1, False), (2, False)])
def test_a_shard_of_users_has_all_accounts_or_none(sim: RunningSimulator, pro: Api, remainder: int, mine: bool) -> None:
    assert pro.user_id % 3 == 0
    shard = {"expressionType": "modUserId", "divisor": 3, "remainder": remainder}
    with open_socket(sim, pro.token) as socket:
        reply = socket.ask("user/syncrequest", {"shardingExpression": shard})["d"]
        for array in ("accounts", "cashBalances", "positions", "orders"):
            assert bool(reply[array]) is mine, array
        assert len(reply["accounts"]) == (5 if mine else 0)
        assert reply["users"]
        assert reply["contractGroups"]
        pro.place("Buy", 1)
        socket.ask("account/list")
        assert bool(socket.events) is mine


def test_a_cutoff_changes_nothing(sim: RunningSimulator, pro: Api) -> None:
    pro.place("Buy", 1)
    whole = sync(sim, pro, accounts=[1002001])["d"]
    assert whole["fills"]
    for cutoff in ("2020-01-01T00:00:00.000Z", "2030-01-01T00:00:00.000Z"):
        assert sync(sim, pro, accounts=[1002001], cutoffTimestamp=cutoff)["d"] == whole


NO_SHARD = {"shardingExpression": {"expressionType": "modOrderId", "divisor": 2, "remainder": 0}}


@pytest.mark.parametrize(
    "body", [{"users": [1001], "entityTypes": ["order"]}, {"users": "all"}, {"accounts": [None]}, NO_SHARD]
)
def test_requests_that_do_not_fit(sim: RunningSimulator, trader: Api, body: dict[str, Any]) -> None:
    assert sync(sim, trader, **body)["s"] == 400


def test_a_split_reply_comes_in_parts_that_add_up(sim: RunningSimulator, pro: Api) -> None:
    whole = sync(sim, pro)["d"]
    with open_socket(sim, pro.token) as socket:
        socket.send('user/syncrequest\n9\n\n{"users":[1002],"splitResponses":true}')
        socket.send("account/list\n10")
        parts: list[Any] = []
        while (message := socket.message()[0])["i"] == 9:
            parts.append(message["d"])
    assert len(parts) > 5
    assert all({"users", "contractGroups"} <= set(part) for part in parts)
    for array in ARRAYS:
        assert [one for part in parts for one in part.get(array, [])] == whole[array]
