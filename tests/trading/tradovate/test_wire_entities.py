"""Entities as the wire has them: exact numbers, aware times, and patience with what is new or odd."""

import datetime as dt
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.tradovate.entities import (
    AccessToken,
    AccessTokenRequest,
    Account,
    CancelOrder,
    CashBalance,
    Fill,
    LiquidatePosition,
    OAuthTokens,
    Order,
    OrdStatus,
    PlaceOrder,
    Position,
    Quote,
    SyncSnapshot,
    UnknownEntity,
)
from trading.tradovate.entities.codec import Undecodable, decode, decode_entity, encode

FILL = b"""{"id":9,"orderId":4,"contractId":560901,"timestamp":"2026-11-20T14:30:00.626Z","tradeDate":{"year":2026,
"month":11,"day":20},"action":"Buy","qty":2,"price":6712.25,"active":true,"finallyPaired":0,"somethingNew":{"a":[1]}}"""


def test_a_fill_keeps_price_and_moment() -> None:
    fill = decode(FILL, Fill)
    assert fill.price == Decimal("6712.25")
    assert fill.timestamp == dt.datetime(2026, 11, 20, 14, 30, 0, 626000, tzinfo=dt.UTC)
    assert fill.trade_date is not None
    assert fill.trade_date.to_date() == dt.date(2026, 11, 20)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**12), max_value=10**12))
def test_money_never_passes_through_a_float(amount: Decimal) -> None:
    order = PlaceOrder(account_id=1, action="Buy", symbol="ESZ6", order_qty=1, order_type="Limit", price=amount)
    sent = encode(order)
    assert decode(sent, PlaceOrder).price == amount
    assert json.loads(sent, parse_float=Decimal, parse_int=Decimal)["price"] == amount
    balance = decode(b'{"id":1,"accountId":1,"amount":%s}' % str(amount).encode(), CashBalance)
    assert balance.amount == amount


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T14:30:05.1Z", dt.datetime(2026, 11, 20, 14, 30, 5, 100000, dt.UTC)),
        ("2026-11-20T14:30:05Z", dt.datetime(2026, 11, 20, 14, 30, 5, 0, dt.UTC)),
        ("2026-11-20T14:30Z", dt.datetime(2026, 11, 20, 14, 30, 0, 0, dt.UTC)),
        ("2026-11-20T14:30:05", dt.datetime(2026, 11, 20, 14, 30, 5, 0, dt.UTC)),
        ("2026-11-20T09:30:05-05:00", dt.datetime(2026, 11, 20, 14, 30, 5, 0, dt.UTC)),
        ("2026-11-20", dt.datetime(2026, 11, 20, tzinfo=dt.UTC)),
    ],
)
def test_times_come_in_several_forms_and_leave_aware(text: str, moment: dt.datetime) -> None:
    contract_time = decode(json.dumps({"id": 1, "accountId": 1, "amount": 1, "timestamp": text}), CashBalance).timestamp
    assert contract_time == moment
    assert contract_time.tzinfo is not None


def test_new_enum_values_and_fields_do_not_stop_an_order() -> None:
    raw = b'{"id":1,"accountId":2,"action":"Buy","ordStatus":"Frozen","admin":false,"kalshi":1}'
    order = decode(raw, Order)
    assert order.ord_status == "Frozen"
    assert not order.finished
    assert decode(raw.replace(b"Frozen", b"Filled"), Order).ord_status == OrdStatus.FILLED


def test_account_of_before_and_after_2026() -> None:
    old = decode(b'{"id":33,"name":"X0314","userId":90,"accountType":"Customer","active":true}', Account)
    new = decode(b'{"id":33,"name":"X0314","userId":90,"restricted":false,"closed":true}', Account)
    assert old.tradable
    assert not new.tradable


def test_an_entity_without_what_makes_it_one_is_refused() -> None:
    with pytest.raises(Undecodable, match="netPos"):
        decode(b'{"id":1,"accountId":2,"contractId":3}', Position)


def test_unknown_and_misfitting_entities_are_kept_as_data() -> None:
    unknown = decode_entity("kalshiMarket", b'{"id":5,"odds":0.25}')
    assert unknown == UnknownEntity(entity_type="kalshiMarket", data={"id": 5, "odds": Decimal("0.25")})
    assert unknown.id == 5
    misfit = decode_entity("position", b'{"id":5,"netPos":"many"}')
    assert isinstance(misfit, UnknownEntity)
    assert misfit.problem


def test_one_odd_entity_costs_only_itself_in_a_snapshot() -> None:
    snapshot = decode(
        b'{"users":[{"id":1,"name":"ann"}],"contractGroups":[],"positions":null,"fills":[' + FILL + b',{"id":10}],'
        b'"accounts":{"id":7,"name":"DEMO7"},"annualReviews":[{"id":1}]}',
        SyncSnapshot,
    )
    assert [fill.id for fill in snapshot.fills] == [9]
    assert [(odd.entity_type, odd.id) for odd in snapshot.misfits] == [("fill", 10)]
    assert [account.id for account in snapshot.accounts] == [7]
    assert snapshot.positions == []


def test_a_minimal_snapshot_is_enough() -> None:
    snapshot = decode(b'{"users":[{"id":1,"name":"ann"}],"contractGroups":[]}', SyncSnapshot)
    assert snapshot.users[0].name == "ann"
    assert snapshot.orders == snapshot.fill_fees == []


def test_parts_of_a_snapshot_merge_and_the_later_wins() -> None:
    first = decode(b'{"accounts":[{"id":1,"name":"old"},{"id":2,"name":"b"}]}', SyncSnapshot)
    second = decode(
        b'{"accounts":[{"id":1,"name":"new"}],"orders":[{"id":3,"accountId":1,"action":"Buy","ordStatus":"Working"}]}',
        SyncSnapshot,
    )
    merged = first.merged(second)
    assert [(a.id, a.name) for a in merged.accounts] == [(1, "new"), (2, "b")]
    assert [order.id for order in merged.orders] == [3]


def test_an_order_names_only_what_was_given_and_always_says_automated() -> None:
    order = PlaceOrder(
        account_id=7, action="Sell", symbol="CLF7", order_qty=3, order_type="StopLimit",
        price=Decimal("71.10"), stop_price=Decimal("71.25"), time_in_force="GTC", cl_ord_id="tp-1",
    )  # fmt: skip
    assert json.loads(encode(order), parse_float=str) == {
        "accountId": 7, "action": "Sell", "symbol": "CLF7", "orderQty": 3, "orderType": "StopLimit",
        "price": "71.10", "stopPrice": "71.25", "timeInForce": "GTC", "clOrdId": "tp-1", "isAutomated": True,
    }  # fmt: skip
    by_hand = PlaceOrder(
        account_id=7, action="Buy", symbol="ESZ6", order_qty=1, order_type="Market", is_automated=False
    )
    assert json.loads(encode(by_hand))["isAutomated"] is False
    assert json.loads(encode(CancelOrder(order_id=5))) == {"orderId": 5, "isAutomated": True}
    liquidation = json.loads(encode(LiquidatePosition(account_id=7, contract_id=3)))
    assert liquidation == {"accountId": 7, "contractId": 3, "admin": False, "isAutomated": True}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"order_qty": 0}, "at least 1"), ({"price": Decimal("NaN")}, "number"), ({"cl_ord_id": "x" * 65}, "64")],
)
def test_an_impossible_order_is_refused_before_the_wire(wrong: dict, says: str) -> None:
    good = {"account_id": 7, "action": "Buy", "symbol": "ESZ6", "order_qty": 1, "order_type": "Limit"}
    with pytest.raises(ValueError, match=says):
        PlaceOrder(**{**good, **wrong})


def test_numbers_that_json_lacks_are_not_sent() -> None:
    with pytest.raises(ValueError, match="price"):
        encode({"price": Decimal("Infinity")})
    assert encode({"text": "NaN of Infinity"}) == b'{"text":"NaN of Infinity"}'


def test_secrets_do_not_show() -> None:
    secrets = [
        AccessToken(access_token="s3cret", md_access_token="s3cret", expiration_time=dt.datetime.now(dt.UTC)),
        OAuthTokens(access_token="s3cret", refresh_token="s3cret", id_token="s3cret"),
        AccessTokenRequest(name="ann", password="s3cret", sec="s3cret", p_ticket="s3cret"),
    ]
    for secret in secrets:
        assert "s3cret" not in f"{secret!r} {secret} {secret.__rich_repr__()}"
        assert b"s3cret" in encode(secret)


def test_quotes_may_lack_entries_prices_and_sizes() -> None:
    quote = decode(
        b'{"timestamp":"2017-04-13T04:59:06.588Z","contractId":123456,"entries":{"Bid":{"price":18405,"size":7.5},'
        b'"TotalTradeVolume":{"size":4118},"LowPrice":{"price":18355.25},"New":{}}}',
        Quote,
    )
    assert quote.bid is not None
    assert (quote.bid.price, quote.bid.size) == (Decimal(18405), Decimal("7.5"))
    assert quote.offer is None
    assert quote.entries.low_price is not None
    assert quote.entries.low_price.size is None
