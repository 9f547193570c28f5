"""Users, permissions, alerts, chats and sessions."""

from pathlib import Path

import httpx

from trading.simulator import Config, RunningSimulator, serve

from .conftest import NO_TLS, START, Api, Socket, open_socket

PASSWORD = "another-password"


def sign_in(sim: RunningSimulator, name: str, password: str) -> dict[str, object]:
    body = {"name": name, "password": password}
    url = f"{sim.url}/v1/auth/accesstokenrequest"
    reply: dict[str, object] = httpx.post(url, json=body, trust_env=False, verify=NO_TLS).json()
    return reply


def test_a_password_is_changed_with_the_present_one(sim: RunningSimulator, trader: Api) -> None:
    change = {"password": PASSWORD, "currentPassword": "trader-pass"}
    assert "errorText" in trader.post("user/modifypassword", **{**change, "currentPassword": "wrong"})
    assert "accessToken" in trader.post("user/modifypassword", **change)
    assert "errorText" in sign_in(sim, "trader", "trader-pass")
    assert sign_in(sim, "TRADER", PASSWORD)["userId"] == 1001
    assert trader.http.post("/v1/user/modifypassword", json={**change, "password": "short"}).status_code == 400
    assert trader.post("user/modifypassword", **change, userId=1002) == {"errorText": "Access is denied"}


def test_credentials_and_email_change_the_user(sim: RunningSimulator, trader: Api, socket: Socket) -> None:
    change = {"name": "tess", "password": PASSWORD, "currentPassword": "trader-pass"}
    assert "taken" in trader.post("user/modifycredentials", **{**change, "name": "Pro"})["errorText"]
    assert trader.post("user/modifycredentials", **change)["name"] == "tess"
    assert socket.props("user")[-1]["entity"]["name"] == "tess"
    assert sign_in(sim, "tess", PASSWORD)["userId"] == 1001
    assert "errorText" in sign_in(sim, "trader", PASSWORD)
    assert "errorText" in trader.post("user/modifyemailaddress", email="nobody")
    assert "taken" in trader.post("user/modifyemailaddress", email="PRO@simulator.example")["errorText"]
    assert trader.post("user/modifyemailaddress", email="tess@simulator.example") == {"status": "Active"}
    assert trader.get("auth/me")["email"] == trader.get("user/list")[0]["email"] == "tess@simulator.example"


def test_a_new_user_signs_in_opens_an_account_and_trades(sim: RunningSimulator, trader: Api) -> None:
    member = {"name": "nora", "email": "nora@simulator.example", "password": PASSWORD, "firstName": "Nora"}
    assert trader.post("user/signuporganizationmember", **member, lastName="New")["errorCode"] == "Success"
    for change, code in (
        ({}, "UserAlreadyExists"),
        ({"name": "nora2"}, "EmailAlreadyRegistered"),
        ({"password": "short"}, "WeakPassword"),
        ({"email": "nora"}, "EmailPolicyFailed"),
    ):
        assert trader.post("user/signuporganizationmember", **{**member, **change}, lastName="New")["errorCode"] == code
    login = sign_in(sim, "nora", PASSWORD)
    assert (login["hasFunded"], login["userId"]) == (False, 1004)
    nora = {"Authorization": f"Bearer {login['accessToken']}"}
    opened = trader.http.post("/v1/user/opendemoaccount", json={"initialBalance": 30_000}, headers=nora).json()
    order = {"accountId": opened["accountId"], "action": "Buy", "symbol": "MESZ6", "orderQty": 1, "orderType": "Market"}
    assert "orderId" in trader.http.post("/v1/order/placeorder", json=order, headers=nora).json()
    assert trader.http.get("/v1/account/list", headers=nora).json()[0]["id"] == opened["accountId"]


def test_another_account_of_ones_own(trader: Api, socket: Socket) -> None:
    first = trader.post("user/opendemoaccount", templateAccountId=1001001, name="SECOND", initialBalance=1234.5)
    assert socket.props("account")[-1]["entity"]["name"] == "SECOND"
    balance = trader.get("cashBalance/deps", masterid=first["accountId"])
    assert [one["amount"] for one in balance] == [1234.5]
    assert "taken" in trader.post("user/opendemoaccount", name="second")["errorText"]
    assert trader.post("user/opendemoaccount", templateAccountId=1002001) == {"errorText": "Access is denied"}
    assert trader.http.post("/v1/user/opendemoaccount", json={"initialBalance": -1}).status_code == 400


def test_a_permission_is_asked_for_accepted_and_revoked(sim: RunningSimulator, trader: Api, pro: Api) -> None:
    ask = {"accountId": 1001001, "ctaContact": "Priya", "ctaEmail": "pro@simulator.example"}
    with open_socket(sim, pro.token) as socket:
        socket.ask("user/syncrequest", {"users": [1002]})
        given = trader.post("user/requesttradingpermission", **ask)["tradingPermission"]
        assert socket.props("tradingPermission")[-1]["entity"] == given
    assert (given["userId"], given["status"], given["accountHolderContact"]) == (1002, "Requested", "Tess Trader")
    assert "already" in trader.post("user/requesttradingpermission", **ask)["errorText"]
    assert trader.get("tradingPermission/list") == pro.get("tradingPermission/deps", masterid=1002) == [given]
    which = {"tradingPermissionId": given["id"]}
    assert "errorText" in trader.post("user/accepttradingpermission", **which)
    assert pro.post("user/accepttradingpermission", **which)["tradingPermission"]["status"] == "Accepted"
    assert trader.post("user/revoketradingpermission", **which)["tradingPermission"]["status"] == "Revoked"
    assert "Revoked" in pro.post("user/accepttradingpermission", **which)["errorText"]
    of_account = trader.post("user/getaccounttradingpermissions", accountId=1001001)["tradingPermissions"]
    assert [one["status"] for one in of_account] == ["Revoked"]
    again = trader.post("user/createtradingpermission", userId=1002, accountId=1001001)["tradingPermission"]
    assert again["status"] == "Accepted"
    gone = trader.post("user/canceleverything", userIds=[1001])
    assert gone["tradingPermissionIds"] == [again["id"]]
    assert trader.post("user/canceleverything", userIds=[1002]) == {"errorText": "Access is denied"}


def test_nobody_else_sees_a_permission(sim: RunningSimulator, trader: Api) -> None:
    ask = {"accountId": 1001001, "ctaContact": "Priya", "ctaEmail": "pro@simulator.example"}
    given = trader.post("user/requesttradingpermission", **ask)["tradingPermission"]["id"]
    stranger = Api(sim, "empty")
    assert stranger.get("tradingPermission/list") == []
    assert "errorText" in stranger.post("user/accepttradingpermission", tradingPermissionId=given)
    assert "errorText" in stranger.post("user/revoketradingpermission", tradingPermissionId=given)
    assert stranger.http.post("/v1/user/getaccounttradingpermissions", json={"accountId": 1001001}).status_code == 401


def test_an_alert_is_kept_changed_and_deleted(trader: Api, pro: Api) -> None:
    expression = '{"conditions":[{"l":"cashAmount","op":"<","r":"47400","subj":"DEMO1001001"}]}'
    alert = trader.post("alert/createalert", expression=expression, triggerLimits=3)["alert"]
    assert (alert["expression"], alert["status"], alert["triggeredCounter"]) == (expression, "Active", 0)
    which = {"alertId": alert["id"]}
    changed = trader.post("alert/modifyalert", **which, expression="{}", validUntil="2027-01-01T00:00Z")["alert"]
    assert (changed["validUntil"], "triggerLimits" in changed) == ("2027-01-01T00:00:00.000Z", False)
    assert trader.post("alert/dismissalert", **which)["alert"]["status"] == "Inactive"
    assert trader.post("alert/resetalert", **which)["alert"]["status"] == "Active"
    assert trader.get("alert/deps", masterid=1001)[0]["id"] == alert["id"]
    assert pro.get("alert/list") == []
    assert "errorText" in pro.post("alert/deletealert", **which)
    assert trader.post("alert/deletealert", **which)["alert"]["id"] == alert["id"]
    assert trader.get("alert/list") == []
    assert "errorText" in trader.post("alert/markreadalertsignal", **which, alertSignalId=1)
    assert trader.http.post("/v1/alert/createalert", json={"expression": "{}", "triggerLimits": 11}).status_code == 400


def test_a_chat_goes_on_until_it_is_closed(trader: Api) -> None:
    first = trader.post("chat/postchatmessage", category="Support", text="Hello")["chatMessage"]
    second = trader.post("chat/postchatmessage", category="Support", text="Anybody?")["chatMessage"]
    assert first["chatId"] == second["chatId"]
    read = trader.post("chat/markasreadchatmessage", chatMessageId=first["id"])["chatMessage"]
    assert read["readStatus"] is True
    assert [one["text"] for one in trader.get("chatMessage/deps", masterid=first["chatId"])] == ["Hello", "Anybody?"]
    assert trader.post("chat/closechat", chatId=first["chatId"])["chat"]["closedById"] == 1001
    third = trader.post("chat/postchatmessage", category="Support", text="Again")["chatMessage"]
    assert third["chatId"] != first["chatId"]
    assert "errorText" in trader.post("chat/closechat", chatId=1)


def test_sessions_can_be_looked_up(sim: RunningSimulator) -> None:
    assert "errorText" in sign_in(sim, "trader", "wrong")
    api = Api(sim, "trader")
    order = api.place("Buy", 1)["orderId"]
    session = api.get("command/deps", masterid=order)[0]["userSessionId"]
    found = api.get("userSession/item", id=session)
    assert (found["userId"], found["appId"], found["ipAddress"]) == (1001, "tests", "127.0.0.1")
    sign_in(sim, "trader", "trader-pass")
    latest = Api(sim, "trader")
    assert "endTime" in latest.get("userSession/item", id=session)
    sign_in(sim, "trader", "wrong")
    assert latest.get("userSessionStats/list")[0]["failedPasswords"] == 1


def test_people_survive_a_restart_and_no_password_is_written_down(tmp_path: Path) -> None:
    config = Config(seed=7, manual_clock=True, start=START, state_path=tmp_path / "state.json", history=False)
    with serve(config) as sim:
        api = Api(sim, "trader")
        api.post("user/modifypassword", password=PASSWORD, currentPassword="trader-pass")
        api.post("alert/createalert", expression="{}")
        member = {"name": "nora", "email": "nora@simulator.example", "password": PASSWORD, "firstName": "Nora"}
        api.post("user/signuporganizationmember", **member, lastName="New")
    assert PASSWORD not in (tmp_path / "state.json").read_text()
    with serve(config) as sim:
        assert "errorText" in sign_in(sim, "trader", "trader-pass")
        token = sign_in(sim, "trader", PASSWORD)["accessToken"]
        alerts = httpx.get(
            f"{sim.url}/v1/alert/list", headers={"Authorization": f"Bearer {token}"}, trust_env=False, verify=NO_TLS
        )
        assert len(alerts.json()) == 1
        assert sign_in(sim, "nora", PASSWORD)["userId"] == 1004


def test_an_account_goes_back_to_the_start_of_its_day(sim: RunningSimulator, trader: Api) -> None:
    trader.place("Buy", 2)
    sim.control.advance(24 * 3600)
    trader = Api(sim, "trader")
    before = trader.get("position/list")[0], trader.balance()["amount"]
    trader.place("Sell", 3)
    resting = trader.place("Buy", 1, orderType="Limit", price=6000)["orderId"]
    today = {"year": 2026, "month": 11, "day": 19}
    reset = {"accountIds": [1001001], "resetTradeDate": today}
    assert "errorText" in trader.post("account/resetdemoaccountstate", **{**reset, "accountIds": [1002001]})
    earlier = trader.post("account/resetdemoaccountstate", **{**reset, "resetTradeDate": {**today, "day": 18}})
    assert "2026-11-19" in earlier["errorText"]
    assert trader.post("account/resetdemoaccountstate", **reset) == {"ok": True}
    position = trader.get("position/list")[0]
    assert (position["netPos"], position["netPrice"], position["sold"]) == (2, before[0]["netPrice"], 0)
    assert trader.balance()["amount"] == before[1]
    assert trader.order(resting)["ordStatus"] == "Canceled"
    assert not any(fill["active"] for fill in trader.get("fill/list"))
    booked = trader.get("cashBalanceLog/deps", masterid=1001001)
    assert booked[-1]["cashChangeType"] == "ManualAdjustment"
    assert booked[-1]["amount"] == before[1]
    trader.post("cashBalance/changedemobalance", accountId=1001001, cashChange=5, comment="Coffee")
    assert trader.get("cashBalanceLog/deps", masterid=1001001)[-1]["comment"] == "Coffee"
