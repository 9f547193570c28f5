"""Limits that a user sets for an account: they can be read back, and others' cannot be touched."""

from typing import Any

import pytest

from trading.simulator import RunningSimulator

from .conftest import Api, Socket

ACCOUNT, OTHERS = 1001001, 1002001
LIMIT = {"accountId": ACCOUNT, "active": True, "totalBy": "Overall", "exposedLimit": 30, "description": "Max"}


def test_a_position_limit_with_its_parameter_lives_and_goes(trader: Api, socket: Socket) -> None:
    limit = trader.post("userAccountPositionLimit/create", **LIMIT)
    assert limit == {**LIMIT, "id": limit["id"]}
    created = socket.props("userAccountPositionLimit")[-1]
    assert (created["eventType"], created["entity"]) == ("Created", limit)
    parameter = trader.post("userAccountRiskParameter/create", hardLimit=True, userAccountPositionLimitId=limit["id"])
    assert trader.get("userAccountPositionLimit/deps", masterid=ACCOUNT) == [limit]
    assert trader.get("userAccountRiskParameter/deps", masterid=limit["id"]) == [parameter]
    changed = trader.post("userAccountPositionLimit/update", id=limit["id"], exposedLimit=10, description=None)
    assert (changed["exposedLimit"], changed["active"], "description" in changed) == (10, True, False)
    softer = trader.post("userAccountRiskParameter/update", id=parameter["id"], hardLimit=False)
    assert softer["hardLimit"] is False
    gone = trader.post(
        "userAccountPositionLimit/deleteuseraccountpositionlimit", userAccountPositionLimitId=limit["id"]
    )
    assert gone == {"success": True}
    assert trader.get("userAccountPositionLimit/deps", masterid=ACCOUNT) == []
    assert trader.get("userAccountRiskParameter/items", ids=parameter["id"]) == []
    assert socket.props("userAccountPositionLimit", id=limit["id"])[-1]["eventType"] == "Updated"
    assert socket.props("userAccountPositionLimit", id=limit["id"])[-1]["eventType"] == "Deleted"


def test_a_risk_parameter_goes_alone(trader: Api) -> None:
    limit = trader.post("userAccountPositionLimit/create", **LIMIT)["id"]
    for route in ("userAccountPositionLimit", "userAccountRiskParameter"):
        number = trader.post("userAccountRiskParameter/create", userAccountPositionLimitId=limit)["id"]
        body = {"userAccountRiskParameterId": number}
        assert trader.post(f"{route}/deleteuseraccountriskparameter", **body) == {"success": True}
        assert "errorText" in trader.post(f"{route}/deleteuseraccountriskparameter", **body)
    assert trader.get("userAccountPositionLimit/item", id=limit)["id"] == limit


@pytest.mark.parametrize(
    ("route", "body", "status"),
    [
        ("userAccountPositionLimit/create", {**LIMIT, "accountId": OTHERS}, 401),
        ("userAccountPositionLimit/create", {**LIMIT, "totalBy": "Everything"}, 400),
        ("userAccountPositionLimit/create", {**LIMIT, "exposedLimit": -1}, 400),
        ("userAccountPositionLimit/create", {**LIMIT, "exposedLimit": 10**30}, 400),
        ("userAccountPositionLimit/create", {"accountId": ACCOUNT}, 400),
        ("userAccountPositionLimit/update", {"id": 1, "active": False}, 404),
        ("userAccountRiskParameter/create", {"userAccountPositionLimitId": 1}, 404),
        ("userAccountAutoLiq/create", {"id": OTHERS}, 401),
        ("userAccountAutoLiq/create", {"id": ACCOUNT, "flattenTimestamp": "soon"}, 400),
        ("userAccountAutoLiq/create", {"id": ACCOUNT, "dailyLossAutoLiq": "NaN"}, 400),
        ("userAccountAutoLiq/create", {"id": ACCOUNT, "dailyLossAutoLiq": "1e999"}, 400),
        ("userAccountAutoLiq/update", {"id": ACCOUNT, "dailyLossAutoLiq": 1}, 404),
    ],
)
def test_what_does_not_fit_is_refused(trader: Api, route: str, body: dict[str, Any], status: int) -> None:
    assert trader.http.post(f"/v1/{route}", json=body).status_code == status


def test_auto_liquidation_limits_are_the_accounts(trader: Api, socket: Socket) -> None:
    made = trader.post("userAccountAutoLiq/create", id=ACCOUNT, dailyLossAutoLiq=500.5, trailingMaxDrawdownMode="EOD")
    assert made == {"id": ACCOUNT, "dailyLossAutoLiq": 500.5, "trailingMaxDrawdownMode": "EOD"}
    assert socket.props("userAccountAutoLiq")[-1]["entity"] == made
    assert "errorText" in trader.post("userAccountAutoLiq/create", id=ACCOUNT)
    at = "2026-11-18T21:00:00.000Z"
    changed = trader.post("userAccountAutoLiq/update", id=ACCOUNT, flattenTimestamp="2026-11-18T15:00:00-06:00")
    assert (changed["dailyLossAutoLiq"], changed["flattenTimestamp"]) == (500.5, at)
    reply = trader.post("userAccountAutoLiq/updateuserautoliq", accountId=ACCOUNT, changesLocked=True)
    assert reply["userAccountAutoLiq"] == {**changed, "changesLocked": True}
    assert trader.get("userAccountAutoLiq/deps", masterid=ACCOUNT) == [reply["userAccountAutoLiq"]]
    assert "locked" in trader.post("userAccountAutoLiq/update", id=ACCOUNT, dailyLossAutoLiq=9)["errorText"]
    assert "locked" in trader.post("userAccountAutoLiq/updateuserautoliq", accountId=ACCOUNT)["errorText"]


def test_the_risk_status_can_be_set_and_reset(trader: Api) -> None:
    action = {"accountId": ACCOUNT, "adminAction": "PlaceAutoLiqOnHold", "adminActionReasonCode": "1"}
    status = trader.post("accountRiskStatus/setadminautoliqaction", **action)["accountRiskStatus"]
    assert status["adminAction"] == "PlaceAutoLiqOnHold"
    peak = trader.post("accountRiskStatus/updatemaxnetliq", accountId=ACCOUNT, maxNetLiq=120_000)["accountRiskStatus"]
    assert (peak["maxNetLiq"], peak["adminAction"]) == (120_000, "PlaceAutoLiqOnHold")
    trader.post("accountRiskStatus/resetautoliqstatus", accountId=ACCOUNT)
    assert trader.get("accountRiskStatus/item", id=ACCOUNT)["adminAction"] == "Normal"
    assert trader.post("accountRiskStatus/resetautoliqstatus", accountId=OTHERS) == {"errorText": "Access is denied"}
    assert (
        trader.http.post("/v1/accountRiskStatus/setadminautoliqaction", json={"accountId": ACCOUNT}).status_code == 400
    )


def test_others_do_not_see_them(sim: RunningSimulator, trader: Api, pro: Api) -> None:
    limit = trader.post("userAccountPositionLimit/create", **LIMIT)["id"]
    assert pro.get("userAccountPositionLimit/deps", masterid=ACCOUNT) == []
    assert pro.http.get("/v1/userAccountPositionLimit/item", params={"id": limit}).status_code == 404
    body = {"userAccountPositionLimitId": limit}
    assert "errorText" in pro.post("userAccountPositionLimit/deleteuseraccountpositionlimit", **body)
    assert pro.http.post("/v1/userAccountPositionLimit/update", json={"id": limit}).status_code == 404
