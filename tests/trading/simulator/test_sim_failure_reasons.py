"""Every reason that Tradovate can give for refusing an order, reached over REST by what causes it, or armed."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.trading import documents
from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.failure_reasons import REASONS

from .conftest import ESZ6, START, Api
from .manual import table
from .shapes import ENUMS, problems

LIMIT = {"orderType": "Limit", "price": 6840}
SOON = "2026-11-18T15:10:00Z"
Cause = Callable[[RunningSimulator, Api], Any]
MANUAL = {reason: stage for reason, stage, _ in table("failureReason")}
"""The stage at which each reason is met, as docs/simulator.md has it."""


def limit(api: Api, total_by: str = "Overall", **more: Any) -> int:
    """A position limit of the trader's account; its id."""
    body = {"accountId": 1001001, "active": True, "totalBy": total_by, "description": "mine"}
    made = api.post("useraccountpositionlimit/create", **{**body, **more})
    assert made["id"], made
    return made["id"]


def parameter(api: Api, **more: Any) -> None:
    """A risk parameter of a position limit that has no numbers of its own."""
    parent = limit(api)
    made = api.post("useraccountriskparameter/create", userAccountPositionLimitId=parent, **more)
    assert made["id"], made


def change(sim: RunningSimulator, **flags: Any) -> None:
    sim.control.account(1001001, **flags)


def act(api: Api, action: str) -> None:
    reply = api.post(
        "accountriskstatus/setadminautoliqaction", accountId=1001001, adminAction=action, adminActionReasonCode="Other"
    )
    assert reply["accountRiskStatus"]["adminAction"] == action


def closed_account(sim: RunningSimulator, api: Api) -> Any:
    change(sim, closed=True)
    return api.place("Buy", 1)


def restricted(sim: RunningSimulator, api: Api) -> Any:
    change(sim, restricted=True)
    return api.place("Buy", 1)


def locked(sim: RunningSimulator, api: Api) -> Any:
    act(api, "LockTradingImmediately")
    return api.place("Buy", 1)


def only_closing(sim: RunningSimulator, api: Api) -> Any:
    act(api, "LiquidateOnlyModeImmediately")
    return api.place("Buy", 1)


def far_month(sim: RunningSimulator, api: Api) -> Any:
    parameter(api, maxBackMonth=2)
    return api.place("Buy", 1, "ESH7")


def near_expiry(sim: RunningSimulator, api: Api) -> Any:
    parameter(api, preExpirationDays=60)
    return api.place("Buy", 1)


def too_many_to_open(sim: RunningSimulator, api: Api) -> Any:
    parameter(api, maxOpeningOrderQty=1)
    return api.place("Buy", 2)


def too_many_to_close(sim: RunningSimulator, api: Api) -> Any:
    api.place("Buy", 2)
    parameter(api, maxClosingOrderQty=1)
    return api.place("Sell", 2)


def waits_already(sim: RunningSimulator, api: Api) -> Any:
    order = api.place("Buy", 1, **LIMIT)["orderId"]
    api.post("order/cancelorder", orderId=order, activationTime=SOON)
    return api.post("order/modifyorder", orderId=order, orderQty=2, **LIMIT)


def filled_already(sim: RunningSimulator, api: Api) -> Any:
    return api.post("order/cancelorder", orderId=api.place("Buy", 1)["orderId"])


def moved_trail(sim: RunningSimulator, api: Api) -> Any:
    order = api.place("Sell", 1, orderType="TrailingStop", stopPrice=6840)["orderId"]
    return api.post("order/modifyorder", orderId=order, orderQty=1, orderType="TrailingStop", stopPrice=6845)


def as_admin(sim: RunningSimulator, api: Api) -> Any:
    api.place("Buy", 1)
    return api.post("order/liquidateposition", accountId=1001001, contractId=ESZ6, admin=True)


def both_trails(sim: RunningSimulator, api: Api) -> Any:
    auto = '"autoTrail": {"stopLoss": 1, "trigger": 2, "freq": 1}'
    params = '{"entryVersion": {"orderQty": 1, "orderType": "Market"}, "brackets": [{"qty": 1, "stopLoss": -5, '
    params += f'"trailingStop": true, {auto}}}]}}'
    body = {"symbol": "ESZ6", "action": "Buy", "orderStrategyTypeId": 2, "params": params}
    return api.post("orderstrategy/startorderstrategy", **body)


REPLIES: list[tuple[str, Cause]] = [
    ("AccountClosed", closed_account),
    ("AdvancedTrailingStopUnsupported", both_trails),
    ("AnotherCommandPending", waits_already),
    ("BackMonthProhibited", far_month),
    ("InvalidContract", lambda _, api: api.place("Buy", 1, "ESU6")),
    ("InvalidPrice", lambda _, api: api.place("Buy", 1, orderType="Limit", price=6850.1)),
    ("LiquidationOnly", only_closing),
    ("LiquidationOnlyBeforeExpiration", near_expiry),
    ("MaxOrderQtyLimitReached", lambda _, api: api.place("Buy", 251)),
    ("MaxOrderQtyLimitReached", too_many_to_open),
    ("MaxOrderQtyLimitReached", too_many_to_close),
    ("TooLate", filled_already),
    ("TradingLocked", restricted),
    ("TradingLocked", locked),
    ("TrailingStopNonOrderQtyModify", moved_trail),
    ("Unauthorized", as_admin),
    ("UnknownReason", lambda _, api: api.place("Buy", 1, accountId=1002001)),
    ("Unsupported", lambda _, api: api.place("Buy", 1, orderType="QTS")),
]


@pytest.mark.parametrize(("reason", "cause"), REPLIES, ids=[f"{reason}-{n}" for n, (reason, _) in enumerate(REPLIES)])
def test_a_reply_that_refuses_has_the_reason(sim: RunningSimulator, trader: Api, reason: str, cause: Cause) -> None:
    reply = cause(sim, trader)
    assert reply["failureReason"] == reason
    assert reply.get("failureText") or reply.get("errorText")
    assert not {"orderId", "commandId", "orderStrategy"} & set(reply)


def wanted(api: Api, **more: Any) -> int:
    return api.place("Buy", 2, **{**LIMIT, **more})["orderId"]


def over_margin(sim: RunningSimulator, api: Api) -> int:
    return api.place("Buy", 5)["orderId"]


def over_margin_share(sim: RunningSimulator, api: Api) -> int:
    parameter(api, marginPercentage=40)
    return wanted(api)


def over_margin_value(sim: RunningSimulator, api: Api) -> int:
    parameter(api, marginDollarValue=40_000)
    return wanted(api)


def over_position(sim: RunningSimulator, api: Api) -> int:
    limit(api, "Contract", exposedLimit=3, contractId=ESZ6)
    wanted(api)
    return wanted(api)


def over_total(sim: RunningSimulator, api: Api) -> int:
    limit(api, exposedLimit=3)
    api.place("Sell", 2, "MESZ6")
    return wanted(api)


def misconfigured(sim: RunningSimulator, api: Api) -> int:
    limit(api)
    return wanted(api)


def child_of_rejected(sim: RunningSimulator, api: Api) -> int:
    stop = {"action": "Sell", "orderType": "Stop", "stopPrice": 6830}
    body = {"symbol": "ESZ6", "action": "Buy", "orderQty": 9, "orderType": "Market", "bracket1": stop}
    return api.post("order/placeoso", **body)["oso1Id"]


def other_time_in_force(sim: RunningSimulator, api: Api) -> int:
    order = wanted(api, timeInForce="GTC")
    api.post("order/modifyorder", orderId=order, orderQty=2, **LIMIT, timeInForce="Day")
    return order


REPORTS: list[tuple[str, Cause]] = [
    ("MaxPosLimitMisconfigured", misconfigured),
    ("MaxPosLimitReached", over_position),
    ("MaxTotalPosLimitReached", over_total),
    ("NotEnoughLiquidity", over_margin),
    ("NotEnoughLiquidity", over_margin_share),
    ("NotEnoughLiquidity", over_margin_value),
    ("OtherExecutionRelated", other_time_in_force),
    ("ParentRejected", child_of_rejected),
]


@pytest.mark.parametrize(("reason", "cause"), REPORTS, ids=[f"{reason}-{n}" for n, (reason, _) in enumerate(REPORTS)])
def test_a_command_that_is_refused_reports_the_reason(
    sim: RunningSimulator, trader: Api, reason: str, cause: Cause
) -> None:
    order = cause(sim, trader)
    command = trader.get("command/deps", masterid=order)[-1]
    report = trader.get("commandReport/deps", masterid=command["id"])[-1]
    assert problems("commandReport", report) == []
    status = {"risk": "RiskRejected", "execution": "ExecutionRejected"}[MANUAL[reason]]
    assert (report["rejectReason"], report["commandStatus"]) == (reason, status)
    assert report["text"]
    assert trader.order(order)["ordStatus"] == ("Working" if reason == "OtherExecutionRelated" else "Rejected")


def test_a_closed_session_has_its_reason() -> None:
    weekend = START.replace(day=21)
    with serve(Config(seed=7, manual_clock=True, start=weekend, history=False, session_hours=True)) as simulator:
        assert Api(simulator, "trader").place("Buy", 1)["failureReason"] == "SessionClosed"


ONLY_ARMED = {
    "ExecutionProviderNotConfigured",
    "ExecutionProviderUnavailable",
    "KeyInformationDocumentRequired",
    "MaxOrderQtyIsNotSpecified",
    "MultipleAccountPlanRequired",
    "NoQuote",
    "RiskCheckTimeout",
    "SSFRiskDisclosureAcknowledgmentRequired",
}


def test_every_reason_of_the_document_is_caused_or_armed() -> None:
    caused = {reason for reason, _ in REPLIES + REPORTS} | {"SessionClosed"}
    assert set(ENUMS["reason"].split()) == REASONS | {"Success"}
    assert caused | ONLY_ARMED == REASONS
    assert not caused & ONLY_ARMED


def test_the_reasons_are_the_documents() -> None:
    schemas = documents.openapi()["components"]["schemas"]
    for schema, field in (("PlaceOrderResult", "failureReason"), ("CommandReport", "rejectReason")):
        assert set(schemas[schema]["properties"][field]["enum"]) == REASONS | {"Success"}


def test_the_manual_says_what_causes_each_reason_and_where_it_is_met() -> None:
    rows = table("failureReason")
    assert sorted(reason for reason, *_ in rows) == sorted(REASONS)
    assert all(cause for *_, cause in rows)
    in_replies = {"SessionClosed", *(reason for reason, _ in REPLIES)}
    in_reports = {reason for reason, _ in REPORTS}
    assert {reason for reason, stage in MANUAL.items() if stage == "request"} == in_replies
    assert {reason for reason, stage in MANUAL.items() if stage in ("risk", "execution")} == in_reports
    assert {reason for reason, stage in MANUAL.items() if stage == "armed"} == ONLY_ARMED


@pytest.fixture(scope="module")
def lasting() -> Any:
    """One simulator for all that only arm a refusal."""
    with serve(Config(seed=7, manual_clock=True, start=START, history=False)) as running:
        running.control.price("ESZ6", "6850.00")
        yield running


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_can_be_armed_at_each_stage(lasting: RunningSimulator, reason: str) -> None:
    trader = Api(lasting, "trader")
    lasting.control.refuse(1001001, reason, times=2)
    assert [trader.place("Buy", 1, **LIMIT).get("failureReason") for _ in range(2)] == [reason, reason]
    for stage, status in (("risk", "RiskRejected"), ("execution", "ExecutionRejected")):
        lasting.control.refuse(1001001, reason, stage=stage)
        order = trader.place("Buy", 1, **LIMIT)["orderId"]
        command = trader.get("command/deps", masterid=order)[0]
        report = trader.get("commandReport/deps", masterid=command["id"])[-1]
        assert (report["commandStatus"], report["rejectReason"], report["ordStatus"]) == (status, reason, "Rejected")
        assert trader.order(order)["ordStatus"] == "Rejected"
    execution = next(row for row in trader.get("executionReport/list") if row["orderId"] == order)
    assert problems("executionReport", execution) == []
    assert (execution["execType"], execution["rejectReason"]) == ("Rejected", reason)
    assert trader.order(trader.place("Buy", 1, **LIMIT)["orderId"])["ordStatus"] == "Working"
    trader.post("order/liquidateposition", accountId=1001001, contractId=ESZ6, admin=False)


@pytest.mark.parametrize(
    ("account", "reason", "status"), [(1001001, "Success", 400), (1001001, "NoReason", 400), (77, "NoQuote", 404)]
)
def test_what_cannot_be_armed_says_so(lasting: RunningSimulator, account: int, reason: str, status: int) -> None:
    with pytest.raises(httpx.HTTPStatusError) as error:
        lasting.control.refuse(account, reason)
    assert error.value.response.status_code == status


def test_a_position_limit_lets_what_closes_through(sim: RunningSimulator, trader: Api) -> None:
    trader.place("Buy", 3)
    limit(trader, exposedLimit=1, longLimit=1)
    assert trader.order(trader.place("Sell", 1)["orderId"])["ordStatus"] == "Filled"
    assert trader.order(trader.place("Buy", 1)["orderId"])["ordStatus"] == "Rejected"
    assert trader.order(trader.place("Sell", 2)["orderId"])["ordStatus"] == "Filled"


def test_a_soft_limit_warns(trader: Api) -> None:
    parent = limit(trader, exposedLimit=1)
    trader.post("useraccountriskparameter/create", userAccountPositionLimitId=parent, hardLimit=False)
    order = trader.place("Buy", 2)["orderId"]
    assert trader.order(order)["ordStatus"] == "Filled"
    command = trader.get("command/deps", masterid=order)[0]
    report = trader.get("commandReport/deps", masterid=command["id"])[0]
    assert (report["commandStatus"], report["text"][:19]) == ("RiskPassed", "Position limit mine")


@pytest.mark.parametrize(
    ("scope", "refused"),
    [
        ({"totalBy": "Product", "productId": 101}, True),
        ({"totalBy": "Product", "productId": 102}, False),
        ({"totalBy": "Exchange", "exchangeId": 1}, True),
        ({"totalBy": "ContractGroup", "contractGroupId": 1}, True),
        ({"totalBy": "ContractGroup", "contractGroupId": 2}, False),
        ({"totalBy": "ProductType", "productType": "Futures"}, True),
        ({"totalBy": "ProductType", "productType": "Options"}, False),
        ({"totalBy": "DiscountGroup", "riskDiscountContractGroupId": 5}, False),
        ({"totalBy": "Overall", "active": False}, False),
    ],
)
def test_a_limit_is_about_what_its_fields_name(trader: Api, scope: dict[str, Any], refused: bool) -> None:
    limit(trader, **scope, exposedLimit=1)
    status = trader.order(trader.place("Buy", 2)["orderId"])["ordStatus"]
    assert status == ("Rejected" if refused else "Filled")


def test_a_dry_run_knows_the_limits(trader: Api) -> None:
    limit(trader, shortLimit=1)
    tried = {"contractId": ESZ6, "action": "Sell", "orderQty": 2, "orderType": "Market"}
    reply = trader.post("order/dryrun", accountId=1001001, orders=[tried])
    assert reply["rejectReason"] == "MaxTotalPosLimitReached"
