"""The socket's frames: what we say, and every way in which the server may say something."""

import contextlib
import datetime as dt
import json
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from trading.tradovate import frames
from trading.tradovate.entities import CancelOrder, ChartPacket, Order, UnknownEntity
from trading.tradovate.errors import BadReply
from trading.tradovate.frames import (
    ChartsEvent,
    ClockEvent,
    Closed,
    Heartbeat,
    MarketEvent,
    Opened,
    PropsEvent,
    Response,
    ShutdownEvent,
    UnknownEvent,
)

ORDER = (
    '{"id":210518,"accountId":25,"contractId":560901,"timestamp":"2016-11-04T00:02:36.626Z","action":"Sell",'
    '"ordStatus":"PendingNew","admin":false}'
)

# The first text of a run builds Hypothesis's Unicode tables, which takes longer than its health check likes.
patient = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def test_requests_look_as_the_guide_shows_them() -> None:
    assert frames.encode_request("executionReport/list", 4) == "executionreport/list\n4\n\n"
    assert frames.encode_request("tradingPermission/ldeps", 8, {"masterids": [1, 2]}) == (
        "tradingpermission/ldeps\n8\nmasterids=1,2\n"
    )
    assert frames.encode_request("order/cancelorder", 33, None, CancelOrder(order_id=5)) == (
        'order/cancelorder\n33\n\n{"orderId":5,"isAutomated":true}'
    )
    assert frames.encode_request("authorize", 2, None, "uST01-token") == "authorize\n2\n\nuST01-token"
    assert frames.encode_request("md/subscribeQuote", 3, None, {"symbol": 123456}).startswith("md/subscribequote\n3\n")


def test_a_query_has_no_python_words() -> None:
    query = {"t": "ES", "l": None, "live": True, "ids": [1, 2], "name": "a b\nc&d"}
    assert frames.encode_query(query) == "t=ES&live=true&ids=1,2&name=a+b%0Ac%26d"
    assert frames.encode_query(None) == frames.encode_query({}) == ""


def test_an_endpoint_cannot_smuggle_a_line() -> None:
    with pytest.raises(ValueError, match="one line"):
        frames.encode_request("order/list\n1", 1)


@patient
@given(
    st.from_regex(r"[a-z]+/[a-z]+", fullmatch=True),
    st.integers(0, 2**53),
    st.dictionaries(st.text(min_size=1), st.one_of(st.text(), st.integers()), max_size=3),
    st.dictionaries(st.text(), st.one_of(st.text(), st.integers(-(2**53), 2**53), st.booleans()), max_size=3),
)
def test_a_request_splits_on_its_first_three_newlines(endpoint: str, number: int, query: dict, body: dict) -> None:
    first, second, third, rest = frames.encode_request(endpoint, number, query, body).split("\n", 3)
    assert (first, second) == (endpoint, str(number))
    assert "\n" not in third
    assert parse_qsl(third, keep_blank_values=True) == [(name, str(value)) for name, value in query.items()]
    assert json.loads(rest) == body


def test_the_simple_frames() -> None:
    assert frames.decode("o") == Opened()
    assert frames.decode("h") == Heartbeat()
    assert frames.decode('c[3000, "Go away!"]') == Closed(3000, "Go away!")
    assert frames.decode("c") == Closed(1000, "")
    assert frames.decode("a[]") == []
    assert frames.decode(b"h") == Heartbeat()


def test_responses_with_and_without_data() -> None:
    assert frames.decode('a[{"s":200,"i":2}]') == [Response(2, 200, b"")]
    assert frames.decode('a[{"i":0,"s":401,"d":"Access is denied"}]') == [Response(0, 401, b'"Access is denied"')]
    assert frames.decode('a[{"i":26,"s":200,"d":{"id":478866,"name":"6EZ6"}}]') == [
        Response(26, 200, b'{"id":478866,"name":"6EZ6"}')
    ]


def test_an_event_with_one_entity_and_with_several() -> None:
    template = 'a[{"e":"props","d":{"entityType":"order","eventType":"Created","entity":%s}}]'
    (event,) = frames.decode(template % ORDER)
    assert isinstance(event, PropsEvent)
    assert (event.entity_type, event.event_type) == ("order", "Created")
    (order,) = event.entities
    assert isinstance(order, Order)
    assert (order.id, order.ord_status) == (210518, "PendingNew")
    (several,) = frames.decode(template % f"[{ORDER}, {ORDER.replace('210518', '210519')}]")
    assert [entity.id for entity in several.entities] == [210518, 210519]


def test_batched_messages_keep_their_order() -> None:
    props = '{"e":"props","d":{"entityType":"order","eventType":"Updated","entity":' + ORDER + "}}"
    decoded = frames.decode(f'a[{{"i":1,"s":200}},{props},{{"e":"kalshi","d":[1.5]}},{props}]')
    assert [type(message) for message in decoded] == [Response, PropsEvent, UnknownEvent, PropsEvent]
    assert decoded[2] == UnknownEvent("kalshi", [Decimal("1.5")])


def test_unknown_and_misfitting_entities_are_told_as_such() -> None:
    (event,) = frames.decode(
        'a[{"e":"props","d":{"entityType":"kalshiMarket","eventType":"Created","entity":{"id":1}}}]'
    )
    assert event.entities == (UnknownEntity(entity_type="kalshiMarket", data={"id": 1}),)
    (event,) = frames.decode(
        'a[{"e":"props","d":{"entityType":"order","eventType":"Deleted","entity":[{"id":7},' + ORDER + "]}}]"
    )
    misfit, order = event.entities
    assert isinstance(misfit, UnknownEntity)
    assert misfit.id == 7
    assert isinstance(order, Order)


def test_one_odd_message_does_not_spoil_its_frame() -> None:
    decoded = frames.decode('a[{"i":"x","s":[]}, 5, null, {"e":"props","d":{"entity":{}}}, {"i":3,"s":200,"d":null}]')
    assert [type(message) for message in decoded] == [UnknownEvent] * 4 + [Response]


def test_shutdown_quotes_and_clock() -> None:
    assert frames.decode('a[{"e":"shutdown","d":{"reasonCode":"Maintenance"}}]') == [ShutdownEvent("Maintenance", "")]
    (quotes,) = frames.decode(
        'a[{"e":"md","d":{"quotes":[{"timestamp":"2017-04-13T04:59:06.588Z","contractId":5,"entries":{}}]}}]'
    )
    assert isinstance(quotes, MarketEvent)
    assert quotes.quotes[0].contract_id == 5
    moment = dt.datetime(2019, 8, 26, 16, 43, 8, 599000, dt.UTC)
    assert frames.decode(r'a[{"e":"clock","d":"{\"t\":\"2019-08-26T16:43:08.599Z\",\"s\":20}"}]') == [
        ClockEvent(moment, 20)
    ]
    assert frames.decode('a[{"e":"md","d":{"doms":[]}}]') == [MarketEvent()]
    assert frames.decode('a[{"e":"md","d":{"tape":[]}}]') == [UnknownEvent("md", {"tape": []})]
    assert frames.decode('a[{"e":"chart","d":{"charts":[{"id":1,"eoh":true},{"bars":[]}]}}]') == [
        ChartsEvent((ChartPacket(id=1, eoh=True),))
    ]


def test_one_odd_quote_costs_only_itself() -> None:
    (event,) = frames.decode(
        'a[{"e":"md","d":{"quotes":[{"contractId":"?"},{"timestamp":"2017-04-13T04:59Z","contractId":5}]}}]'
    )
    assert [quote.contract_id for quote in event.quotes] == [5]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=8,
)
MESSAGES = st.one_of(
    JSON,
    st.fixed_dictionaries({}, optional={"i": JSON, "s": JSON, "d": JSON, "e": JSON}),
    st.builds(
        lambda kind, data: {"e": kind, "d": data},
        st.sampled_from(["props", "md", "shutdown", "clock", "chart"]),
        st.one_of(
            JSON,
            st.fixed_dictionaries(
                {"entityType": st.sampled_from(["order", "fill", "what"]), "eventType": st.text(), "entity": JSON}
            ),
        ),
    ),
)


@patient
@given(st.lists(MESSAGES, max_size=5))
@example([{"e": "clock", "d": {"t": "2019-08-26T16:43:08Z", "s": 1e300}}])
def test_any_valid_json_is_decoded_into_something(messages: list) -> None:
    decoded = frames.decode("a" + json.dumps(messages))
    assert isinstance(decoded, list)
    assert len(decoded) == len(messages)


RESPONSES = st.builds(
    lambda number, status, data: ({"i": number, "s": status, **data}, Response),
    st.integers(0, 2**53),
    st.integers(100, 599),
    st.fixed_dictionaries({}, optional={"d": JSON.filter(lambda data: data is not None)}),
)
EVENTS = st.builds(
    lambda kind, entities, as_array: (
        {
            "e": "props",
            "d": {"entityType": "order", "eventType": kind, "entity": entities if as_array else entities[0]},
        },
        PropsEvent,
    ),
    st.sampled_from(["Created", "Updated", "Deleted"]),
    st.lists(
        st.fixed_dictionaries(
            {
                "id": st.integers(1, 2**53),
                "accountId": st.integers(1, 2**31),
                "timestamp": st.datetimes(timezones=st.just(dt.UTC)).map(lambda moment: moment.isoformat()),
                "action": st.sampled_from(["Buy", "Sell"]),
                "ordStatus": st.text(max_size=12),
            }
        ),
        min_size=1,
        max_size=3,
    ),
    st.booleans(),
)


@patient
@given(st.lists(st.one_of(RESPONSES, EVENTS), max_size=6), st.sampled_from([None, 1]), st.booleans())
def test_what_a_server_says_is_what_is_read_whatever_the_spacing(messages: list, indent: int | None, raw: bool) -> None:
    text = "a" + json.dumps([message for message, _ in messages], indent=indent, ensure_ascii=not raw)
    decoded = frames.decode(text.encode() if raw else text)
    assert [type(one) for one in decoded] == [kind for _, kind in messages]
    for (sent, kind), read in zip(messages, decoded, strict=True):
        if kind is Response:
            assert (read.id, read.status) == (sent["i"], sent["s"])
            assert json.loads(read.body or b"null") == sent.get("d")
            continue
        entities = sent["d"]["entity"] if isinstance(sent["d"]["entity"], list) else [sent["d"]["entity"]]
        assert read.event_type == sent["d"]["eventType"]
        assert [(one.id, one.account_id, one.action, one.ord_status) for one in read.entities] == [
            (one["id"], one["accountId"], one["action"], one["ordStatus"]) for one in entities
        ]


@patient
@given(st.one_of(st.text(), st.binary(), st.text().map(lambda tail: "a[" + tail), st.binary().map(lambda b: b"a[" + b)))
@example("a" + "[" * 100_000)
@example('a[{"i":1,"d":' + "[" * 50_000 + "]" * 50_000 + "}]")
@example(b'a[{"e":"\xff"}]')
@example("a[1e999999]")
@example("a[\ud800]")
@example("c[")
def test_garbage_is_a_bad_reply_and_nothing_else(frame: str | bytes) -> None:
    with contextlib.suppress(BadReply):
        frames.decode(frame)
