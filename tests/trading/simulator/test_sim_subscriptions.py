"""Memberships, market data, plugins and what can be subscribed to."""

from datetime import date

import pytest

from trading.simulator.plans import until

from .conftest import Api

MONTH = {"year": 2026, "month": 12}


def test_a_membership_is_taken_and_cancelled(trader: Api) -> None:
    trial = trader.get("tradovateSubscriptionPlan/find", name="Trial")
    taken = trader.post("user/addtradovatesubscription", tradovateSubscriptionPlanId=trial["id"], accountId=1001001)
    subscription = taken["tradovateSubscription"]
    assert subscription["startDate"] == {"year": 2026, "month": 11, "day": 18}
    assert subscription["expirationDate"] == {"year": 2026, "month": 12, "day": 2}
    again = trader.post("user/addtradovatesubscription", tradovateSubscriptionPlanId=trial["id"])
    assert again["errorCode"] == "SingleTrialOnly"
    cancel = {"tradovateSubscriptionId": subscription["id"], "cancelReason": "No need", "expire": True}
    ended = trader.post("user/canceltradovatesubscription", **cancel)["tradovateSubscription"]
    assert (ended["cancelledRenewal"], ended["cancelReason"]) == (True, "No need")
    assert ended["expirationDate"] == ended["startDate"]
    assert trader.get("tradovateSubscription/deps", masterid=1001) == [ended]


def test_market_data_plans_cannot_be_had_twice_in_a_month(trader: Api) -> None:
    plans = [plan["id"] for plan in trader.get("marketDataSubscriptionPlan/suggest", t="CME", l=4)]
    assert len(plans) == 4
    body = {"marketDataSubscriptionPlanIds": plans[:2], **MONTH}
    assert trader.post("user/addmarketdatasubscription", **body)["errorCode"] == "Success"
    assert len(trader.get("marketDataSubscription/list")) == 2
    assert trader.post("user/addmarketdatasubscription", **body)["errorCode"] == "ConflictWithExisting"
    body["marketDataSubscriptionPlanIds"] = [1]
    assert trader.post("user/addmarketdatasubscription", **body)["errorCode"] == "PlanDiscontinued"
    assert trader.http.post("/v1/user/addmarketdatasubscription", json={**body, "month": 13}).status_code == 400


def test_a_second_connection_to_market_data(trader: Api) -> None:
    assert trader.post("user/getsecondmarketdatasubscriptioncost", **MONTH)["monthlyCost"] > 0
    made = trader.post("user/addsecondmarketdatasubscription", **MONTH)["secondMarketDataSubscription"]
    which = {"secondMarketDataSubscriptionId": made["id"]}
    route = "user/cancelsecondmarketdatasubscription"
    assert trader.post(f"{route}renewal", **which)["secondMarketDataSubscription"]["cancelledRenewal"] is True
    back = trader.post("user/activatesecondmarketdatasubscriptionrenewal", **which)["secondMarketDataSubscription"]
    assert back["cancelledRenewal"] is False
    assert "cancellationTimestamp" in trader.post(route, **which)["secondMarketDataSubscription"]
    assert trader.post("user/addsecondmarketdatasubscription", **MONTH)["errorCode"] == "ConflictWithExisting"
    assert "errorText" in trader.post(route, secondMarketDataSubscriptionId=1)


def test_plugins_come_with_entitlements_or_as_they_are_sent(trader: Api, pro: Api) -> None:
    entitlement = trader.get("entitlement/list")[0]
    added = trader.post("userPlugin/addentitlementsubscription", entitlementId=entitlement["id"])
    plugin = added["entitlementSubscription"]
    assert plugin["pluginName"] == entitlement["name"]
    permission = {"pluginName": plugin["pluginName"], "approval": False}
    assert trader.post("userPlugin/changepluginpermission", **permission) == {"ok": True}
    assert trader.get("userPlugin/item", id=plugin["id"])["approval"] is False
    assert pro.post("userPlugin/changepluginpermission", **permission)["ok"] is False
    day = {"year": 2026, "month": 11, "day": 18}
    sent = {"userId": 1001, "timestamp": "2026-11-18T15:00:00Z", "planPrice": 0, "pluginName": "mine", "approval": True}
    own = trader.post("userPlugin/create", **sent, startDate=day, paidAmount=0)
    assert trader.post("userPlugin/update", id=own["id"], paidAmount=2.5) == {**own, "paidAmount": 2.5}
    for change, status in (({"userId": 1002}, 401), ({"startDate": {**day, "month": 13}}, 400)):
        body = {**sent, "startDate": day, "paidAmount": 0, **change}
        assert trader.http.post("/v1/userPlugin/create", json=body).status_code == status


def test_nothing_is_taken_for_others_or_paid_by_them(trader: Api) -> None:
    plan = {"tradovateSubscriptionPlanId": 2}
    for other in ({"userId": 1002}, {"accountId": 1002001}):
        assert "errorText" in trader.post("user/addtradovatesubscription", **plan, **other)
        assert "errorText" in trader.post("user/addsecondmarketdatasubscription", **MONTH, **other)
        assert "errorText" in trader.post("userPlugin/addentitlementsubscription", entitlementId=1, **other)


@pytest.mark.parametrize(
    ("start", "duration", "units", "end"),
    [
        (date(2026, 1, 31), 1, "Month", date(2026, 2, 28)),
        (date(2026, 11, 30), 1, "Quarter", date(2027, 2, 28)),
        (date(2028, 2, 29), 1, "Year", date(2029, 2, 28)),
        (date(2026, 12, 28), 1, "Week", date(2027, 1, 4)),
        (date(2026, 11, 15), 1, "Month", date(2026, 12, 15)),
    ],
)
def test_when_a_subscription_ends(start: date, duration: int, units: str, end: date) -> None:
    assert until(start, duration, units) == end
