"""order/dryrun: an answer to what would happen, and nothing that happens."""

from typing import Any

import pytest

from .conftest import ESZ6, Api
from .shapes import problems

BUY = {"contractId": ESZ6, "action": "Buy", "orderQty": 2, "orderType": "Market"}


def dry_run(trader: Api, *orders: Any, account: int = 1001001) -> Any:
    reply = trader.post("order/dryrun", accountId=account, orders=list(orders))
    assert problems("dryRunResponse", reply) == []
    assert problems("riskEvaluationDetails", reply.get("details", {})) == []
    return reply


def test_orders_that_fit_show_their_margin_and_fees_and_leave_nothing(trader: Api) -> None:
    reply = dry_run(trader, BUY, {**BUY, "orderQty": 1})
    assert "rejectReason" not in reply
    details = reply["details"]
    assert (details["beforeInitialMarginReq"], details["initialMarginReq"]) == (0, 3 * 22400)
    assert details["futureCommAndFees"] == pytest.approx(3 * 1.89)
    assert reply["fees"] == {"clearingFee": 0.3, "exchangeFee": 4.14, "nfaFee": 0.06, "commission": 1.17}
    assert details["excess"] == pytest.approx(100_000 - 3 * 22400 - 3 * 1.89)
    assert (details["beforeNetPos"], details["hypoLongPos"], details["isExitOrder"]) == (0, 3, False)
    assert trader.get("order/list") == trader.get("position/list") == []


def test_orders_that_fit_only_one_by_one_are_refused_together(trader: Api) -> None:
    assert "rejectReason" not in dry_run(trader, {**BUY, "orderQty": 4})
    reply = dry_run(trader, BUY, {**BUY, "orderQty": 4})
    assert (reply["rejectReason"], reply["comment"][:19]) == ("NotEnoughLiquidity", "Insufficient margin")


def test_an_order_that_closes_is_an_exit(trader: Api) -> None:
    trader.place("Buy", 2)
    details = dry_run(trader, {**BUY, "action": "Sell"})["details"]
    assert (details["beforeNetPos"], details["isExitOrder"]) == (2, True)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({**BUY, "contractId": 77}, "InvalidContract"),
        ({**BUY, "orderType": "Limit"}, "InvalidPrice"),
        ({**BUY, "orderQty": 251}, "MaxOrderQtyLimitReached"),
    ],
)
def test_what_would_be_refused_says_why(trader: Api, order: dict[str, Any], reason: str) -> None:
    assert dry_run(trader, order)["rejectReason"] == reason


def test_the_borders_of_a_dry_run(trader: Api) -> None:
    assert "At most 4 orders" in dry_run(trader, *[BUY] * 5)["errorText"]
    assert dry_run(trader, BUY, account=1002001) == {"errorText": "Access is denied"}
    assert trader.http.post("/v1/order/dryrun", json={"accountId": 1001001, "orders": []}).status_code == 400
