"""Every path of Tradovate's document has its method, and the method asks it once, by the right verb and route."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
import pytest

from trading.tradovate import Tradovate, entities, refresh, request_access_token
from trading.tradovate.entities.codec import decode, decode_plain, encode
from trading.tradovate.errors import ApiError, OrderRejected, OutcomeUnknown

from .conftest import HttpScript
from .spec_operations import OPERATIONS, READS
from .test_wire_spec import RENAMED, _body, _lines

# Path -> group and method of Tradovate; the method takes the request struct of the path.
METHODS: dict[str, str] = {
    "/order/placeorder": "order.place",
    "/order/modifyorder": "order.modify",
    "/order/cancelorder": "order.cancel",
    "/order/liquidateposition": "order.liquidate_position",
    "/userAccountAutoLiq/create": "user_account_auto_liq.create",
    "/userAccountAutoLiq/update": "user_account_auto_liq.update",
    "/userAccountPositionLimit/create": "user_account_position_limit.create",
    "/userAccountPositionLimit/update": "user_account_position_limit.update",
    "/userAccountRiskParameter/create": "user_account_risk_parameter.create",
    "/userAccountRiskParameter/update": "user_account_risk_parameter.update",
    "/marketDataSubscription/create": "market_data_subscription.create",
    "/marketDataSubscription/update": "market_data_subscription.update",
    "/tradovateSubscription/create": "tradovate_subscription.create",
    "/tradovateSubscription/update": "tradovate_subscription.update",
    "/userPlugin/create": "user_plugin.create",
    "/userPlugin/update": "user_plugin.update",
    "/contract/getproductfeeparams": "contract.fee_params",
    "/contract/rollcontract": "contract.roll",
    "/order/placeoco": "order.place_oco",
    "/order/placeoso": "order.place_oso",
    "/orderStrategy/interruptorderstrategy": "order_strategy.interrupt",
    "/orderStrategy/modifyorderstrategy": "order_strategy.modify",
    "/orderStrategy/startorderstrategy": "order_strategy.start",
    "/userAccountPositionLimit/deleteuseraccountpositionlimit": "user_account_position_limit.delete",
    "/userAccountPositionLimit/deleteuseraccountriskparameter": "user_account_position_limit.delete_risk_parameter",
    "/replay/changespeed": "replay.change_speed",
    "/replay/checkreplaysession": "replay.check_session",
    "/replay/initializeclock": "replay.initialize_clock",
    "/adminAlertSignal/completealertsignal": "admin_alert_signal.complete",
    "/adminAlertSignal/takealertsignalownership": "admin_alert_signal.take_ownership",
    "/alert/createalert": "alert.create",
    "/alert/deletealert": "alert.delete",
    "/alert/dismissalert": "alert.dismiss",
    "/alert/markreadalertsignal": "alert.mark_read",
    "/alert/modifyalert": "alert.modify",
    "/alert/resetalert": "alert.reset",
    "/user/accepttradingpermission": "user.accept_trading_permission",
    "/user/activatesecondmarketdatasubscriptionrenewal": "user.activate_second_market_data_renewal",
    "/user/addmarketdatasubscription": "user.add_market_data",
    "/user/addsecondmarketdatasubscription": "user.add_second_market_data",
    "/user/addtradovatesubscription": "user.add_tradovate_subscription",
    "/user/cancelsecondmarketdatasubscription": "user.cancel_second_market_data",
    "/user/cancelsecondmarketdatasubscriptionrenewal": "user.cancel_second_market_data_renewal",
    "/user/canceltradovatesubscription": "user.cancel_tradovate_subscription",
    "/user/getaccounttradingpermissions": "user.trading_permissions",
    "/user/getsecondmarketdatasubscriptioncost": "user.second_market_data_cost",
    "/user/modifycredentials": "user.modify_credentials",
    "/user/modifyemailaddress": "user.modify_email_address",
    "/user/modifypassword": "user.modify_password",
    "/user/opendemoaccount": "user.open_demo_account",
    "/user/requesttradingpermission": "user.request_trading_permission",
    "/user/revoketradingpermission": "user.revoke_trading_permission",
    "/user/signuporganizationmember": "user.sign_up_organization_member",
    "/user/syncrequest": "user.sync_request",
    "/userPlugin/addentitlementsubscription": "user_plugin.add_entitlement",
    "/userPlugin/changepluginpermission": "user_plugin.change_permission",
    "/chat/closechat": "chat.close",
    "/chat/markasreadchatmessage": "chat.mark_as_read",
    "/chat/postchatmessage": "chat.post",
    "/order/liquidatepositions": "order.liquidate_positions",
    "/order/dryrun": "order.dry_run",
    "/cashBalance/changedemobalance": "cash_balance.change_demo_balance",
    "/account/resetdemoaccountstate": "account.reset_demo_state",
    "/contract/rollcontracts": "contract.roll_many",
}
ACCESS = {"accessToken": "tok", "expirationTime": "2026-11-20T14:30:00Z", "access_token": "tok"}
# These take no request struct, or need no token yet.
SPECIAL: dict[str, Callable[[Tradovate, HttpScript], Awaitable[Any]]] = {
    "/auth/me": lambda t, _: t.auth.me(),
    "/auth/renewaccesstoken": lambda t, _: t.auth.renew(),
    "/auth/oauthtoken": lambda _, http: refresh(http.hosts, "r", "id", "secret"),
    "/auth/accesstokenrequest": lambda _, http: request_access_token(
        http.hosts, entities.AccessTokenRequest(name="anna", password="p")
    ),
    "/cashBalance/getcashbalancesnapshot": lambda t, _: t.cash_balance.snapshot(7),
}
UNIQUE = {path: (verb, request, reply) for verb, path, request, reply in _lines(OPERATIONS)}
SHARED = {f"/{name}/{operation}" for name, *operations in _lines(READS) for operation in operations}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _method(t: Tradovate, path: str) -> Callable[[msgspec.Struct], Awaitable[Any]]:
    group, method = METHODS[path].split(".")
    found: Callable[[msgspec.Struct], Awaitable[Any]] = getattr(getattr(t, group), method)
    return found


def _request(path: str) -> msgspec.Struct:
    name = UNIQUE[path][1]
    found: msgspec.Struct = decode(encode(_body(name)), getattr(entities, name))
    return found


def _reply(path: str) -> bytes:
    body = _body(UNIQUE[path][2])
    return encode({**body, **ACCESS, "userId": 7} if path.startswith("/auth/") else body)


def test_all_paths_of_the_document_have_their_method() -> None:
    assert len(UNIQUE.keys() | SHARED) == 330
    assert UNIQUE.keys() == METHODS.keys() | SPECIAL.keys()
    assert not METHODS.keys() & SPECIAL.keys()


@pytest.mark.parametrize("path", sorted(UNIQUE))
async def test_an_operation_asks_its_path_once_and_reads_the_answer(path: str, http: HttpScript) -> None:
    verb, _, reply_name = UNIQUE[path]
    http.answer(_reply(path))
    async with Tradovate(http.hosts, "tok") as t:
        if path in SPECIAL:
            reply = await SPECIAL[path](t, http)
        else:
            request = _request(path)
            reply = await _method(t, path)(request)
            assert decode(http.requests[0].body, type(request)) == request
            assert None not in decode_plain(http.requests[0].body).values()
    (asked,) = http.requests
    assert asked.method == verb
    route = asked.path.removeprefix("/v1")
    assert route == path.lower()
    expected = {"LiquidationResult"} if path == "/order/liquidateposition" else {RENAMED.get(reply_name, reply_name)}
    assert type(reply).__name__ in expected


CALLS: dict[str, tuple[Callable[[Any], Awaitable[Any]], str]] = {
    "list": (lambda group: group.list(), ""),
    "find": (lambda group: group.find("ESZ6"), "name=ESZ6"),
    "item": (lambda group: group.item(7), "id=7"),
    "items": (lambda group: group.items([7, 8]), "ids=7,8"),
    "deps": (lambda group: group.deps(7), "masterid=7"),
    "ldeps": (lambda group: group.ldeps([7, 8]), "masterids=7,8"),
    "suggest": (lambda group: group.suggest("ES", 3), "t=ES&l=3"),
}


@pytest.mark.parametrize("line", _lines(READS), ids=lambda line: line[0])
async def test_the_shared_reads_of_an_entity_type(line: list[str], http: HttpScript) -> None:
    name, *operations = line
    schema = name[0].upper() + name[1:]
    async with Tradovate(http.hosts, "tok") as t:
        group = getattr(t, _snake(name))
        for operation in operations:
            call, query = CALLS[operation]
            single = operation in ("find", "item")
            http.answer(encode(_body(schema) if single else [_body(schema)]))
            found = await call(group)
            (entity,) = [found] if single else found
            assert type(entity).__name__ == schema
            asked = http.requests[-1]
            assert (asked.method, asked.path, asked.query) == ("GET", f"/v1/{name.lower()}/{operation}", query)
    assert len(http.requests) == len(operations)


def _mutations() -> Iterable[str]:
    reads_by_post = {"/user/syncrequest", "/order/dryrun", "/contract/rollcontract"}
    return sorted(METHODS.keys() - reads_by_post)


@pytest.mark.parametrize("path", _mutations())
async def test_a_mutation_whose_answer_is_lost_is_not_sent_again(path: str, http: HttpScript) -> None:
    http.reset()
    async with Tradovate(http.hosts, "tok") as t:
        with pytest.raises(OutcomeUnknown):
            await _method(t, path)(_request(path))
        await asyncio.sleep(0)
    assert len(http.requests) == 1


async def test_refusals_in_their_own_words(http: HttpScript) -> None:
    start = entities.StartOrderStrategy(account_id=7, symbol="ESZ6", order_strategy_type_id=2, action="Buy")
    add = entities.AddTradovateSubscription(tradovate_subscription_plan_id=4)
    async with Tradovate(http.hosts, "tok") as t:
        http.answer({"errorText": "Strategy is disabled"})
        with pytest.raises(ApiError, match="Strategy is disabled"):
            await t.order_strategy.start(start)
        http.answer({"failureReason": "TradingLocked"})
        with pytest.raises(OrderRejected) as refused:
            await t.order_strategy.start(start)
        assert refused.value.reason == entities.FailureReason.TRADING_LOCKED
        http.answer({"errorCode": "InsufficientFunds"})
        with pytest.raises(ApiError, match="InsufficientFunds"):
            await t.user.add_tradovate_subscription(add)
        http.answer(encode({"errorCode": "Success", "tradovateSubscription": _body("TradovateSubscription")}))
        assert (await t.user.add_tradovate_subscription(add)).tradovate_subscription is not None


async def test_a_strategy_that_was_made_is_told_whatever_stands_beside_it(http: HttpScript) -> None:
    start = entities.StartOrderStrategy(account_id=7, symbol="ESZ6", order_strategy_type_id=2, action="Buy")
    http.answer(encode({"orderStrategy": _body("OrderStrategy"), "errorText": "a remark"}))
    async with Tradovate(http.hosts, "tok") as t:
        strategy = (await t.order_strategy.start(start)).order_strategy
    assert strategy is not None
    assert strategy.id == 7


async def test_what_is_new_goes_without_an_id_and_without_gaps(http: HttpScript) -> None:
    limit = entities.UserAccountPositionLimit(id=0, account_id=7, active=True, total_by="Overall", long_limit=3)
    http.answer({"id": 12, "accountId": 7, "active": True, "totalBy": "Overall", "longLimit": 3})
    http.answer({"id": 12, "accountId": 7, "active": True, "totalBy": "Overall", "longLimit": 4})
    async with Tradovate(http.hosts, "tok") as t:
        made = await t.user_account_position_limit.create(limit)
        changed = await t.user_account_position_limit.update(msgspec.structs.replace(made, long_limit=4))
    assert http.requests[0].json() == {"accountId": 7, "active": True, "totalBy": "Overall", "longLimit": 3}
    assert http.requests[1].json() == {"id": 12, "accountId": 7, "active": True, "totalBy": "Overall", "longLimit": 4}
    assert changed.long_limit == 4
