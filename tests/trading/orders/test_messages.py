"""What goes to Tradovate for each kind of order."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given

from tests.trading.orders.specs import price_terms, specs
from trading.orders.codegen import raw_json
from trading.orders.messages import message
from trading.orders.prices import Distance, PriceTerms, Unit
from trading.orders.spec import InvalidSpec, OrderSpec, OrderTerms
from trading.orders.templates import bracket, buy_limit, buy_market, one_cancels_other, sell_limit, sell_stop

PRICES = {
    "price": "price",
    "stop_price": "stopPrice",
    "limit_if_touched_price": "limitIfTouchedPrice",
    "peg_difference": "pegDifference",
}
ES = PriceTerms(Decimal("0.25"), Decimal(50))


def sent(spec: OrderSpec, terms: PriceTerms | None = None) -> dict:
    return json.loads(raw_json(message(spec, account_id=33, cl_ord_id="tp-1", terms=terms)), parse_float=str)


def test_one_order() -> None:
    assert sent(buy_limit("ESZ6", 2, "5000.25").set_account(1).set_is_automated(False).build()) == {
        "accountId": 33, "action": "Buy", "symbol": "ESZ6", "orderQty": 2, "orderType": "Limit", "price": "5000.25",
        "timeInForce": "Day", "clOrdId": "tp-1", "isAutomated": False,
    }  # fmt: skip


def test_an_oco_names_both_orders() -> None:
    pair = one_cancels_other(sell_limit("ESZ6", 1, "5010"), sell_stop("ESZ6", 1, "4990")).set_account(1)
    other = sent(pair.build())["other"]
    assert other == {
        "action": "Sell", "orderType": "Stop", "stopPrice": 4990, "timeInForce": "Day", "clOrdId": "tp-1-1",
    }  # fmt: skip


@pytest.mark.parametrize(("action", "target", "stop"), [("Buy", "5.00", "-2.00"), ("Sell", "-5.00", "2.00")])
def test_brackets_are_signed_points_from_the_fill(action: str, target: str, stop: str) -> None:
    entry = buy_market("ESZ6", 2).set_action(action).set_account(1)
    spec = bracket(
        entry, profit_target=Distance(Decimal(20), Unit.TICKS), stop_loss=Distance(Decimal(110), Unit.DOLLARS)
    )
    body = sent(spec.build(), ES)
    assert (body["orderStrategyTypeId"], body["uuid"]) == (2, "tp-1")
    assert json.loads(body["params"], parse_float=str) == {
        "entryVersion": {"orderQty": 2, "orderType": "Market", "timeInForce": "Day"},
        "brackets": [{"qty": 2, "profitTarget": target, "stopLoss": stop}],
    }


def test_ticks_cannot_go_out_without_the_tick() -> None:
    spec = bracket(buy_market("ESZ6", 1).set_account(1), stop_loss=Distance(Decimal(8), Unit.TICKS)).build()
    with pytest.raises(InvalidSpec, match="8 ticks"):
        message(spec, account_id=33)


def test_less_than_a_tick_does_not_become_a_stop_at_the_entry() -> None:
    spec = bracket(buy_market("ESZ6", 1).set_account(1), stop_loss=Distance(Decimal(12), Unit.DOLLARS)).build()
    with pytest.raises(InvalidSpec, match=r"12 dollars is not a multiple of the tick: .* \$12\.50 on one"):
        message(spec, account_id=33, terms=ES)


@given(specs().filter(lambda spec: spec.brackets), price_terms)
def test_every_bracket_goes_out_with_its_quantity_and_signed_points(spec: OrderSpec, terms: PriceTerms) -> None:
    tick_value = terms.tick_size * terms.value_per_point
    gain = 1 if spec.action == "Buy" else -1

    def points(distance: Distance | None, sign: int) -> Decimal | None:
        if distance is None or distance.unit is Unit.POINTS:
            return None if distance is None else sign * distance.amount
        ticks = distance.amount if distance.unit is Unit.TICKS else distance.amount // tick_value
        assume(ticks)
        return sign * ticks * terms.tick_size

    expected = [
        (one.order_qty, points(one.profit_target, gain), points(one.stop_loss, -gain), one.trailing_stop)
        for one in spec.brackets
    ]
    told = json.loads(sent(spec, terms)["params"], parse_float=Decimal, parse_int=Decimal)["brackets"]
    assert [
        (one["qty"], one.get("profitTarget"), one.get("stopLoss"), one.get("trailingStop", False)) for one in told
    ] == expected
    assert sum(one["qty"] for one in told) == spec.order_qty


@given(specs(), price_terms)
def test_nothing_that_was_asked_for_is_left_out(spec: OrderSpec, terms: PriceTerms) -> None:
    assume(all(distance.points(terms) for bracket in spec.brackets for _, distance in bracket.distances()))
    body = sent(spec, terms)
    assert body["isAutomated"] is spec.is_automated
    entry = json.loads(body["params"], parse_float=str)["entryVersion"] if spec.brackets else body
    assert (body["action"], entry["orderQty"], entry["orderType"]) == (spec.action, spec.order_qty, spec.order_type)
    assert entry.get("maxShow") == spec.max_show
    assert said(entry) == meant(spec)
    links = [body[name] for name in ("other", "bracket1", "bracket2") if body.get(name)]
    linked = [spec.other] if spec.other else spec.triggers
    assert [(link["action"], said(link)) for link in links] == [(one.action, meant(one)) for one in linked]


def said(body: dict[str, Any]) -> dict[str, object]:
    """The terms of an order on the wire, by the names that a spec has for them."""
    prices = {field: Decimal(str(body[name])) for field, name in PRICES.items() if name in body}
    expires = dt.datetime.fromisoformat(body["expireTime"]) if "expireTime" in body else None
    return prices | {
        "order_type": body["orderType"],
        "time_in_force": body["timeInForce"],
        "expire_time": expires,
        "text": body.get("text", ""),
    }


def meant(terms: OrderTerms) -> dict[str, object]:
    prices = {field: value for field in PRICES if (value := getattr(terms, field)) is not None}
    return prices | {
        "order_type": terms.order_type,
        "time_in_force": terms.time_in_force,
        "expire_time": terms.expire_time,
        "text": terms.text,
    }
