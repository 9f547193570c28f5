"""A signed-in trader with history who can ask every operation of Tradovate's document with parameters that exist."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trading.simulator import RunningSimulator

from .asking_alerts import AlertAsking
from .conftest import Api, Socket
from .plain_http import PlainHttp
from .test_sim_oauth import CALLBACK, Browser

READS = frozenset({"list", "find", "item", "items", "deps", "ldeps", "suggest"})
NOBODY_HAS = frozenset({"spreadDefinition", "contactInfo", "userProperty", "property"})
"""Entity types without a single entity in the simulator."""
MASTERS = {
    "account": "userId", "position": "accountId", "cashBalance": "accountId", "order": "accountId",
    "orderStrategy": "accountId", "userAccountPositionLimit": "accountId", "orderVersion": "orderId",
    "command": "orderId", "fill": "orderId", "commandReport": "commandId", "executionReport": "commandId",
    "fillPair": "positionId", "orderStrategyLink": "orderStrategyId", "contract": "contractMaturityId",
    "contractMaturity": "productId", "product": "exchangeId", "tradingPermission": "userId", "alert": "userId",
    "chat": "userId", "chatMessage": "chatId", "marketDataSubscription": "userId", "tradovateSubscription": "userId",
    "secondMarketDataSubscription": "userId", "userPlugin": "userId",
    "userAccountRiskParameter": "userAccountPositionLimitId", "cashBalanceLog": "accountId",
    "alertSignal": "alertId", "adminAlertSignal": "adminAlertId",
}  # fmt: skip
"""The field that names an entity's master; of all others the id is the master's."""
PASSWORD = "a-password-of-tests"
DAY = {"year": 2026, "month": 11, "day": 18}
BRACKETS = json.dumps(
    {
        "entryVersion": {"orderQty": 1, "orderType": "Limit", "price": 6000},
        "brackets": [{"qty": 1, "profitTarget": 10, "stopLoss": -5, "trailingStop": False}],
    }
)


@dataclass
class Asked:
    """The parameters of one operation, and the token of who asks when it is not the trader."""

    params: dict[str, Any]
    token: str | None = None


class Asking(AlertAsking):
    """Makes parameters; what has to be there first is made over REST, or on `socket` for what lives on a socket."""

    def __init__(self, simulator: RunningSimulator) -> None:
        self.simulator = simulator
        self.api = Api(simulator, "pro")
        self.plain = PlainHttp(simulator.host)
        self.me = self.api.user_id
        self.account = self.me * 1000 + 1
        self._numbers = itertools.count(1)
        self._makers: dict[str, Callable[[], Any]] = {
            "alert": self._alert,
            "chat": self._message,
            "orderStrategy": self._strategy,
            "orderStrategyLink": self._strategy,
            "tradingPermission": self._permission,
            "userAccountAutoLiq": lambda: self.api.post("userAccountAutoLiq/create", id=self._new_account()),
            "userPlugin": lambda: self.api.post("userPlugin/create", **self._plugin()),
            "marketDataSubscription": lambda: self.api.post("marketDataSubscription/create", **self._market_data()),
            "tradovateSubscription": lambda: self.api.post("tradovateSubscription/create", **self._membership()),
            "secondMarketDataSubscription": self._second,
            "alertSignal": self._signal,
            "adminAlertSignal": self._admin_signal,
        }

    def arguments(self, path: str, socket: Socket | None = None) -> Asked:
        """Parameters with which an operation such as `/order/placeorder` can be carried out."""
        _, entity, operation = path.split("/")
        if operation in READS:
            return Asked(self._read(entity, operation))
        made = getattr(self, f"_{entity}_{operation}".lower(), None)
        if made is not None:
            found = made()
            return found if isinstance(found, Asked) else Asked(found)
        if path == "/replay/changespeed" and socket is not None:
            assert socket.ask("replay/initializeclock", self._replay_initializeclock())["d"] == {"ok": True}
        return Asked(self._simple()[path])

    def _simple(self) -> dict[str, dict[str, Any]]:
        month = {"year": 2027 + next(self._numbers) % 3, "month": 1 + next(self._numbers) % 12}
        return {
            "/auth/accesstokenrequest": {"name": "empty", "password": "empty-pass", "cid": 8, "appId": "tests"},
            "/auth/me": {},
            "/auth/renewaccesstoken": {},
            "/cashBalance/getcashbalancesnapshot": {"accountId": self.account},
            "/cashBalance/changedemobalance": {"accountId": self.account, "cashChange": 10.5},
            "/account/resetdemoaccountstate": {"accountIds": [self.me * 1000 + 5], "resetTradeDate": DAY},
            "/contract/getproductfeeparams": {"productIds": [self._one("product")["id"]]},
            "/contract/rollcontract": {"name": "ESZ6", "forward": True},
            "/contract/rollcontracts": {"rollContracts": [{"name": "ESZ6", "forward": True}]},
            "/user/syncrequest": {"users": [self.me]},
            "/user/getaccounttradingpermissions": {"accountId": self.account},
            "/user/getsecondmarketdatasubscriptioncost": month,
            "/user/addtradovatesubscription": {"tradovateSubscriptionPlanId": 2, "accountId": self.account},
            "/user/opendemoaccount": {"name": f"TESTS{next(self._numbers)}", "initialBalance": 1000},
            "/alert/createalert": {"expression": "{}", "triggerLimits": 1},
            "/chat/postchatmessage": {"category": "Support", "text": "Hello"},
            "/replay/checkreplaysession": {"startTimestamp": "2026-11-18T13:00:00.000Z"},
            "/replay/changespeed": {"speed": 100},
        }

    # what the document calls reading

    def _one(self, entity: str) -> dict[str, Any]:
        api = self.api
        match entity:
            case "contract":
                return api.get("contract/find", name="ESZ6")
            case "contractMaturity":
                return api.get("contractMaturity/item", id=self._one("contract")["contractMaturityId"])
            case "contractMargin":
                return api.get("contractMargin/item", id=self._one("contract")["id"])
            case "productSession":
                return api.get("productSession/item", id=self._one("product")["id"])
            case "userAccountPositionLimit":
                return api.get("userAccountPositionLimit/item", id=self._limit())
            case "userAccountRiskParameter":
                return api.get("userAccountRiskParameter/item", id=self._parameter())
            case "chatMessage":
                return api.get("chatMessage/item", id=self._message()["id"])
            case "userSession":
                session = api.get("command/deps", masterid=self._order())[0]["userSessionId"]
                return api.get("userSession/item", id=session)
        if entity == "cashBalanceLog":
            return dict(api.get("cashBalanceLog/deps", masterid=self.account)[-1])
        if entity in NOBODY_HAS:
            return {"id": 7, "name": "nothing"}
        listed = api.get(f"{entity}/list")
        if not listed and entity in self._makers:
            self._makers[entity]()
            listed = api.get(f"{entity}/list")
        assert listed, f"nothing to read: {entity}"
        return dict(listed[-1])

    def _read(self, entity: str, operation: str) -> dict[str, Any]:
        if operation == "list":
            self._one(entity)
            return {}
        one = self._one(entity)
        master = one.get(MASTERS.get(entity, "id"), 7)
        match operation:
            case "find":
                return {"name": "ESZ6" if entity == "position" else one["name"]}
            case "suggest":
                return {"t": one["name"][:2], "l": 5}
            case "item":
                return {"id": one["id"]}
            case "items":
                return {"ids": str(one["id"])}
            case "deps":
                return {"masterid": master}
        return {"masterids": str(master)}

    # authentication and users

    def _auth_oauthtoken(self) -> dict[str, Any]:
        browser = Browser(self.simulator)
        code = browser.code(name="empty", password="empty-pass")
        client = {"client_id": "tradeport", "client_secret": browser.secret}
        return {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **client}

    def _user_signuporganizationmember(self) -> dict[str, Any]:
        name = f"member{next(self._numbers)}"
        mail = f"{name}@simulator.example"
        return {"name": name, "email": mail, "password": PASSWORD, "firstName": "New", "lastName": "Member"}

    def _member(self) -> str:
        member = self._user_signuporganizationmember()
        self.api.post("user/signuporganizationmember", **member)
        login = self.api.post("auth/accesstokenrequest", name=member["name"], password=PASSWORD)
        token: str = login["accessToken"]
        return token

    def _user_modifypassword(self) -> Asked:
        return Asked({"password": PASSWORD + "-2", "currentPassword": PASSWORD}, self._member())

    def _user_modifycredentials(self) -> Asked:
        name = f"renamed{next(self._numbers)}"
        return Asked({"name": name, "password": PASSWORD + "-2", "currentPassword": PASSWORD}, self._member())

    def _user_modifyemailaddress(self) -> Asked:
        return Asked({"email": f"mail{next(self._numbers)}@simulator.example"}, self._member())

    def _user_requesttradingpermission(self) -> dict[str, Any]:
        for one in self.api.get("tradingPermission/list"):
            self.api.post("user/revoketradingpermission", tradingPermissionId=one["id"])
        return {"accountId": self.account, "ctaContact": "Tess", "ctaEmail": "trader@simulator.example"}

    def _permission(self) -> int:
        asked = self._user_requesttradingpermission()
        number: int = self.api.post("user/requesttradingpermission", **asked)["tradingPermission"]["id"]
        return number

    def _user_revoketradingpermission(self) -> dict[str, Any]:
        return {"tradingPermissionId": self._permission()}

    def _user_accepttradingpermission(self) -> dict[str, Any]:
        other = Api(self.simulator, "trader")
        for one in other.get("tradingPermission/list"):
            other.post("user/revoketradingpermission", tradingPermissionId=one["id"])
        asked = {"accountId": 1001001, "ctaContact": "Priya", "ctaEmail": "pro@simulator.example"}
        given = other.post("user/requesttradingpermission", **asked)["tradingPermission"]
        return {"tradingPermissionId": given["id"]}

    # orders

    def _terms(self) -> dict[str, Any]:
        more = {"orderQty": 1, "orderType": "Limit", "price": 6000, "timeInForce": "Day", "isAutomated": True}
        return {"accountId": self.account, "action": "Buy", "symbol": "MESZ6", **more}

    def _order(self) -> int:
        number: int = self.api.post("order/placeorder", **self._terms())["orderId"]
        return number

    _order_placeorder = _terms

    def _order_placeoco(self) -> dict[str, Any]:
        return {**self._terms(), "other": {"action": "Sell", "orderType": "Limit", "price": 7900}}

    def _order_placeoso(self) -> dict[str, Any]:
        return {**self._terms(), "bracket1": {"action": "Sell", "orderType": "Limit", "price": 7900}}

    def _order_cancelorder(self) -> dict[str, Any]:
        return {"orderId": self._order(), "isAutomated": True}

    def _order_modifyorder(self) -> dict[str, Any]:
        change = {"orderQty": 2, "orderType": "Limit", "price": 6001, "timeInForce": "Day"}
        return {"orderId": self._order(), **change, "isAutomated": True}

    def _position(self) -> dict[str, Any]:
        self.api.post("order/placeorder", **{**self._terms(), "orderType": "Market", "price": None})
        return next(one for one in self.api.get("position/deps", masterid=self.account) if one["netPos"])

    def _order_liquidateposition(self) -> dict[str, Any]:
        return {"accountId": self.account, "contractId": self._position()["contractId"], "admin": False}

    def _order_liquidatepositions(self) -> dict[str, Any]:
        return {"positions": [self._position()["id"]], "admin": False}

    def _order_dryrun(self) -> dict[str, Any]:
        order = {"contractId": self._one("contract")["id"], "action": "Buy", "orderQty": 1, "orderType": "Market"}
        return {"accountId": self.account, "orders": [order]}

    def _orderstrategy_startorderstrategy(self) -> dict[str, Any]:
        body = {"accountId": self.account, "symbol": "ESZ6", "action": "Buy", "orderStrategyTypeId": 2}
        return {**body, "params": BRACKETS, "isAutomated": True}

    def _strategy(self) -> int:
        asked = self._orderstrategy_startorderstrategy()
        number: int = self.api.post("orderStrategy/startorderstrategy", **asked)["orderStrategy"]["id"]
        return number

    def _orderstrategy_interruptorderstrategy(self) -> dict[str, Any]:
        return {"orderStrategyId": self._strategy()}

    def _orderstrategy_modifyorderstrategy(self) -> dict[str, Any]:
        return {"orderStrategyId": self._strategy(), "command": BRACKETS}

    def _replay_initializeclock(self) -> dict[str, Any]:
        return {"startTimestamp": "2026-11-18T13:00:00.000Z", "speed": 100, "initialBalance": 50_000}

    # limits of accounts

    def _new_account(self) -> int:
        number: int = self.api.post("user/opendemoaccount", name=f"NEW{next(self._numbers)}")["accountId"]
        return number

    def _useraccountpositionlimit_create(self) -> dict[str, Any]:
        return {"accountId": self.me * 1000 + 4, "active": True, "totalBy": "Overall", "exposedLimit": 500}

    def _limit(self) -> int:
        number: int = self.api.post("userAccountPositionLimit/create", **self._useraccountpositionlimit_create())["id"]
        return number

    def _useraccountpositionlimit_update(self) -> dict[str, Any]:
        return {"id": self._limit(), **self._useraccountpositionlimit_create(), "exposedLimit": 400}

    def _useraccountpositionlimit_deleteuseraccountpositionlimit(self) -> dict[str, Any]:
        return {"userAccountPositionLimitId": self._limit()}

    def _useraccountriskparameter_create(self) -> dict[str, Any]:
        return {"userAccountPositionLimitId": self._limit(), "hardLimit": True}

    def _parameter(self) -> int:
        number: int = self.api.post("userAccountRiskParameter/create", **self._useraccountriskparameter_create())["id"]
        return number

    def _useraccountriskparameter_update(self) -> dict[str, Any]:
        return {"id": self._parameter(), "userAccountPositionLimitId": self._limit(), "hardLimit": False}

    def _useraccountpositionlimit_deleteuseraccountriskparameter(self) -> dict[str, Any]:
        return {"userAccountRiskParameterId": self._parameter()}

    def _useraccountautoliq_create(self) -> dict[str, Any]:
        return {"id": self._new_account(), "dailyLossAutoLiq": 5000}

    def _useraccountautoliq_update(self) -> dict[str, Any]:
        return {"id": self._one("userAccountAutoLiq")["id"], "dailyLossAutoLiq": 4000}

    # subscriptions and chats

    def _paid(self) -> dict[str, Any]:
        return {"userId": self.me, "timestamp": "2026-11-18T15:00:00.000Z", "planPrice": 1.5}

    def _plugin(self) -> dict[str, Any]:
        name = f"plugin{next(self._numbers)}"
        return {**self._paid(), "pluginName": name, "approval": True, "startDate": DAY, "paidAmount": 1.5}

    def _membership(self) -> dict[str, Any]:
        dates = {"startDate": DAY, "expirationDate": {**DAY, "month": 12}}
        return {**self._paid(), "tradovateSubscriptionPlanId": 2, **dates, "paidAmount": 1.5}

    def _market_data(self) -> dict[str, Any]:
        return {**self._paid(), "marketDataSubscriptionPlanId": 11, "year": 2026, "month": 12}

    _userplugin_create = _plugin
    _tradovatesubscription_create = _membership
    _marketdatasubscription_create = _market_data

    def _userplugin_update(self) -> dict[str, Any]:
        return {**self._plugin(), "id": self._one("userPlugin")["id"]}

    def _tradovatesubscription_update(self) -> dict[str, Any]:
        return {**self._membership(), "id": self._one("tradovateSubscription")["id"]}

    def _marketdatasubscription_update(self) -> dict[str, Any]:
        return {**self._market_data(), "id": self._one("marketDataSubscription")["id"]}

    def _user_addmarketdatasubscription(self) -> dict[str, Any]:
        self.api.post("user/canceleverything", userIds=[self.me])
        return {"marketDataSubscriptionPlanIds": [11, 12], "year": 2026, "month": 12}

    def _userplugin_addentitlementsubscription(self) -> dict[str, Any]:
        self.api.post("user/canceleverything", userIds=[self.me])
        return {"entitlementId": 1}

    def _userplugin_changepluginpermission(self) -> dict[str, Any]:
        return {"pluginName": self._one("userPlugin")["pluginName"], "approval": False}

    def _user_canceltradovatesubscription(self) -> dict[str, Any]:
        return {"tradovateSubscriptionId": self._one("tradovateSubscription")["id"], "expire": False}

    def _user_addsecondmarketdatasubscription(self) -> dict[str, Any]:
        number = len(self.api.get("secondMarketDataSubscription/list"))
        return {"year": 2020 + number // 12, "month": 1 + number % 12}

    def _second(self) -> int:
        asked = self._user_addsecondmarketdatasubscription()
        made = self.api.post("user/addsecondmarketdatasubscription", **asked)["secondMarketDataSubscription"]
        number: int = made["id"]
        return number

    def _which_second(self) -> dict[str, Any]:
        return {"secondMarketDataSubscriptionId": self._second()}

    _user_cancelsecondmarketdatasubscription = _which_second
    _user_cancelsecondmarketdatasubscriptionrenewal = _which_second
    _user_activatesecondmarketdatasubscriptionrenewal = _which_second

    def _message(self) -> dict[str, Any]:
        made: dict[str, Any] = self.api.post("chat/postchatmessage", category="Support", text="Hello")["chatMessage"]
        return made

    def _chat_closechat(self) -> dict[str, Any]:
        return {"chatId": self._message()["chatId"]}

    def _chat_markasreadchatmessage(self) -> dict[str, Any]:
        return {"chatMessageId": self._message()["id"]}
