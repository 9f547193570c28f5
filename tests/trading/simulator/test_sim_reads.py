"""Reading over REST: paths, shapes, and that nobody sees what is another's."""

from collections.abc import Iterator
from typing import Any

import pytest

from trading.simulator import Config, RunningSimulator, serve

from .conftest import ESZ6, START, Api
from .shapes import problems

OWN = [
    "account",
    "cashBalance",
    "marginSnapshot",
    "accountRiskStatus",
    "position",
    "fillPair",
    "order",
    "orderVersion",
    "command",
    "commandReport",
    "executionReport",
    "fill",
    "fillFee",
]
MASTERS = {
    "account": "userId",
    "cashBalance": "accountId",
    "marginSnapshot": "id",
    "accountRiskStatus": "id",
    "position": "accountId",
    "fillPair": "positionId",
    "order": "accountId",
    "orderVersion": "orderId",
    "command": "orderId",
    "commandReport": "commandId",
    "executionReport": "commandId",
    "fill": "orderId",
    "fillFee": "id",
    "product": "exchangeId",
}


@pytest.fixture(scope="module")
def sim() -> Iterator[RunningSimulator]:
    """One simulator for all: these tests change nothing."""
    with serve(Config(seed=7, manual_clock=True, start=START)) as running:
        yield running


@pytest.mark.parametrize("entity", [*OWN, "user", "product", "productMargin", "exchange", "currency", "contractGroup"])
def test_every_entity_has_its_shape(pro: Api, entity: str) -> None:
    listed = pro.get(f"{entity}/list")
    assert listed
    assert [problem for one in listed for problem in problems(entity, one)] == []


@pytest.mark.parametrize("entity", sorted(MASTERS))
def test_item_items_deps_and_ldeps_agree_with_list(pro: Api, entity: str) -> None:
    listed: list[Any] = pro.get(f"{entity}/list")
    one = listed[-1]
    assert pro.get(f"{entity}/item", id=one["id"]) == one
    ids = ",".join(str(each["id"]) for each in listed)
    assert pro.get(f"{entity}/items", ids=ids + ",999") == listed
    master = one[MASTERS[entity]]
    assert one in pro.get(f"{entity}/deps", masterid=master)
    assert all(each[MASTERS[entity]] == master for each in pro.get(f"{entity}/deps", masterid=master))
    masters = ",".join(str(each[MASTERS[entity]]) for each in listed)
    assert pro.get(f"{entity}/ldeps", masterids=masters) == listed


def test_contracts_lead_to_their_products(trader: Api) -> None:
    contract = trader.get("contract/find", name="ESZ6")
    assert problems("contract", contract) == []
    assert contract["id"] == ESZ6
    maturity = trader.get("contractMaturity/item", id=contract["contractMaturityId"])
    assert problems("contractMaturity", maturity) == []
    assert (maturity["expirationMonth"], maturity["isFront"]) == (202612, True)
    product = trader.get("product/item", id=maturity["productId"])
    assert (product["name"], product["tickSize"], product["valuePerPoint"]) == ("ES", 0.25, 50)
    assert contract in trader.get("contract/deps", masterid=maturity["id"])
    assert maturity in trader.get("contractMaturity/ldeps", masterids=product["id"])
    assert trader.get("contract/items", ids=contract["id"]) == [contract]
    assert trader.get("contract/item", id=contract["id"]) == contract


def test_suggest_begins_with_the_near_contracts(trader: Api) -> None:
    names = [contract["name"] for contract in trader.get("contract/suggest", t="es", l=3)]
    assert names == ["ESZ6", "ESH7", "ESM7"]
    assert [product["name"] for product in trader.get("product/suggest", t="M2", l=5)] == ["M2K"]
    assert [product["name"] for product in trader.get("product/suggest", t="crude", l=5)] == ["CL", "MCL"]
    assert "MESZ6" in [contract["name"] for contract in trader.get("contract/suggest", T="esz", L=9)]


def test_paths_and_methods_do_not_matter(trader: Api) -> None:
    listed = trader.get("account/list")
    assert trader.get("Account/LIST") == listed
    assert trader.post("account/list") == listed
    assert trader.post("account/find", name="DEMO1001001") == listed[0]
    assert trader.post("account/items", ids=[listed[0]["id"]]) == listed


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("contract/list", 404),
        ("order/find", 404),
        ("nothing/list", 404),
        ("account", 404),
        ("contract/find?name=ESF7", 404),
        ("order/item?id=1", 404),
        ("order/item?id=x", 400),
        ("order/item", 400),
        ("order/items?ids=1,a", 400),
    ],
)
def test_what_is_not_there_or_not_asked_well(trader: Api, path: str, status: int) -> None:
    assert trader.http.get(f"/v1/{path}").status_code == status


@pytest.mark.parametrize("token", ["Bearer made-up", "Bearer", "Basic dHJhZGVy", ""])
def test_without_a_valid_token_everything_is_denied(trader: Api, token: str) -> None:
    for path in ("account/list", "contract/find?name=ESZ6", "order/placeorder", "auth/me", "user/syncrequest"):
        answer = trader.http.get(f"/v1/{path}", headers={"Authorization": token})
        assert (answer.status_code, answer.text) == (401, "Access is denied")


@pytest.mark.parametrize("entity", OWN)
def test_nobody_reads_what_is_another_traders(trader: Api, pro: Api, entity: str) -> None:
    theirs = pro.get(f"{entity}/list")
    ids = ",".join(str(one["id"]) for one in theirs)
    assert trader.http.get(f"/v1/{entity}/item", params={"id": theirs[0]["id"]}).status_code == 404
    assert trader.get(f"{entity}/items", ids=ids) == []
    assert trader.get(f"{entity}/deps", masterid=theirs[0][MASTERS[entity]]) == []
    assert not {one["id"] for one in trader.get(f"{entity}/list")} & {one["id"] for one in theirs}


def test_the_cast(sim: RunningSimulator, trader: Api, pro: Api) -> None:
    assert [len(api.get("account/list")) for api in (trader, pro, Api(sim, "empty"))] == [1, 5, 0]
    assert trader.balance()["amount"] == 100_000
    assert trader.get("position/list") == []
    assert sum(1 for position in pro.get("position/list") if position["netPos"]) >= 3
    assert sum(1 for order in pro.get("order/list") if order["ordStatus"] == "Working") >= 2
    assert pro.get("fill/list")
    assert pro.get("fillPair/list")


def test_the_history_lies_before_now_and_is_of_today(sim: RunningSimulator, pro: Api) -> None:
    now = sim.control.ledger()["now"]
    fills = pro.get("fill/list")
    assert all(fill["timestamp"] < now for fill in fills)
    assert {tuple(fill["tradeDate"].values()) for fill in fills} == {(2026, 11, 18)}


@pytest.mark.parametrize(
    ("path", "body", "shape"),
    [
        ("auth/me", {}, "oAuthMeResponse"),
        ("auth/renewaccesstoken", {}, "accessTokenResponse"),
        ("cashBalance/getcashbalancesnapshot", {"accountId": 1002001}, "cashBalanceSnapshot"),
    ],
)
def test_other_replies_have_their_shapes(pro: Api, path: str, body: dict[str, Any], shape: str) -> None:
    assert problems(shape, pro.post(path, **body)) == []


def test_contracts_roll_to_their_neighbours(trader: Api) -> None:
    rolled = trader.post("contract/rollcontract", name="ESZ6", forward=True)["contract"]
    assert (rolled["name"], problems("contract", rolled)) == ("ESH7", [])
    assert trader.post("contract/rollcontract", name="ESZ6", forward=False)["contract"]["name"] == "ESU6"
    assert trader.post("contract/rollcontract", name="ESZ6", forward=True, ifExpired=True)["contract"]["name"] == "ESZ6"
    assert "errorText" in trader.post("contract/rollcontract", name="ESZ9", forward=True)


def test_fees_are_told_by_product(trader: Api) -> None:
    product = trader.get("product/find", name="MES")["id"]
    [fees] = trader.post("contract/getproductfeeparams", productIds=[product])["params"]
    assert (fees["productId"], fees["exchangeFee"], fees["dayMargin"]) == (product, 0.35, 2240)


@pytest.mark.parametrize("entity", ["orderStrategy", "userPlugin", "chat", "secondMarketDataSubscription"])
def test_what_nobody_has_is_an_empty_list(trader: Api, entity: str) -> None:
    assert trader.get(f"{entity}/list") == trader.get(f"{entity}/deps", masterid=1) == []


def test_several_contracts_roll_at_once(trader: Api) -> None:
    asked = [{"name": name, "forward": True} for name in ("ESZ6", "NQZ6")]
    rolled = trader.post("contract/rollcontracts", rollContracts=asked)["contracts"]
    assert {name: contract["name"] for name, contract in rolled.items()} == {"ESZ6": "ESH7", "NQZ6": "NQH7"}
    asked[0]["name"] = "ESZ9"
    assert "ESZ9" in trader.post("contract/rollcontracts", rollContracts=asked)["errorText"]
