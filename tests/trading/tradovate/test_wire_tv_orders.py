"""Orders of the TradingView-style dialect before they are sent, and whatever its answers may be."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.tradovate.entities import OrderType
from trading.tradovate.errors import TradovateError
from trading.tradovate.tv import PlaceOrder, UpdateOrder, answers, order_type

prices = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**6), max_value=10**6, places=9)


@pytest.mark.parametrize(
    ("side", "target", "kind"),
    [
        ("Buy", "20999.75", OrderType.LIMIT),
        ("Buy", "21000.25", OrderType.STOP),
        ("Sell", "21000.25", OrderType.LIMIT),
        ("Sell", "20999.75", OrderType.STOP),
        ("Buy", "21000", OrderType.LIMIT),
        ("Sell", "21000.00", OrderType.LIMIT),
    ],
)
def test_the_type_follows_from_side_target_and_market(side: str, target: str, kind: OrderType) -> None:
    assert order_type(side, Decimal(target), Decimal(21000)) is kind
    order = PlaceOrder.at_target("MNQZ6", 1, side, Decimal(target), market=Decimal(21000), duration_type="GTC")
    assert order.order_type == kind
    assert (order.limit_price, order.stop_price)[kind is OrderType.STOP] == Decimal(target)
    assert (order.limit_price, order.stop_price)[kind is OrderType.LIMIT] is None


@given(prices, prices)
def test_what_is_a_limit_for_the_buyer_is_a_stop_for_the_seller(target: Decimal, market: Decimal) -> None:
    kinds = {order_type("Buy", target, market), order_type("Sell", target, market)}
    assert kinds == ({OrderType.LIMIT} if target == market else {OrderType.LIMIT, OrderType.STOP})


@pytest.mark.parametrize(
    ("side", "target"), [("buy", Decimal(1)), ("", Decimal(1)), ("Buy", Decimal("NaN")), ("Sell", Decimal("Infinity"))]
)
def test_no_type_follows_from_nonsense(side: str, target: Decimal) -> None:
    with pytest.raises(ValueError, match=r"side|price"):
        order_type(side, target, Decimal(1))
    with pytest.raises(ValueError, match=r"side|price"):
        PlaceOrder.at_target("ESZ6", 1, side, target, market=Decimal(1))


@given(prices, prices)
def test_prices_are_sent_with_exactly_their_digits(limit: Decimal, stop: Decimal) -> None:
    order = PlaceOrder(instrument="ESZ6", qty=1, side="Buy", order_type="StopLimit", limit_price=limit, stop_price=stop)
    form = order.form()
    assert "E" not in form["limitPrice"] + form["stopPrice"]
    assert (Decimal(form["limitPrice"]), Decimal(form["stopPrice"])) == (limit, stop)
    assert form["durationType"] == "Day"
    assert set(form) == {"instrument", "qty", "side", "type", "limitPrice", "stopPrice", "durationType"}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"qty": 0}, "qty must be more than 0"),
        ({"side": "Short"}, "Buy or Sell"),
        ({"order_type": "TrailingStop"}, "one of Market, Limit, Stop, StopLimit"),
        ({"duration_type": "GTD"}, "one of Day, GTC, IOC, FOK"),
        ({"limit_price": None}, "needs a limit price"),
        ({"stop_price": Decimal(1)}, "takes no stop price"),
        ({"order_type": "Market"}, "takes no limit price"),
        ({"order_type": "Stop", "limit_price": None}, "needs a stop price"),
        ({"limit_price": Decimal("NaN")}, "price must be a number"),
        ({"take_profit": Decimal("Infinity")}, "price must be a number"),
        ({"instrument": "x" * 65}, "instrument may have 64 characters"),
    ],
)
def test_an_order_that_cannot_be_meant_is_not_made(wrong: dict[str, object], says: str) -> None:
    right = {"instrument": "ESZ6", "qty": 1, "side": "Buy", "order_type": "Limit", "limit_price": Decimal(6000)}
    assert PlaceOrder(**right)
    with pytest.raises(ValueError, match=says):
        PlaceOrder(**right | wrong)


@pytest.mark.parametrize("wrong", [{"qty": 0}, {"duration_type": "never"}, {"stop_price": Decimal("sNaN")}])
def test_a_change_that_cannot_be_meant_is_not_made(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        UpdateOrder(**{"duration_type": "Day", **wrong})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["s", "d", "x"]), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.integers(100, 599),
    st.binary(max_size=40)
    | st.fixed_dictionaries(
        {},
        optional={
            "s": st.sampled_from(["ok", "error", "?", None, 1]),
            "d": json_values,
            "errmsg": json_values,
            "errorCode": st.integers(1000, 1006) | json_values,
        },
    ),
    st.booleans(),
)
def test_any_answer_is_data_or_an_error_that_says_what_it_proves(status: int, answer: object, trades: bool) -> None:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    try:
        data = answers.check(status, body, trades=trades)
    except TradovateError:
        return
    assert 200 <= status < 300
    assert json.loads(data or b"null") == json.loads(body).get("d")
