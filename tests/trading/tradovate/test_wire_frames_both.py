"""Frames between both sides: what the client writes the stand-in Tradovate reads, and the other way round.

The two share no code, so that each is the other's proof.
"""

import datetime as dt
import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading.simulator import frames as theirs
from trading.simulator.calls import Rejected
from trading.simulator.clock import stamp
from trading.simulator.entities import encode as their_json
from trading.simulator.entities import raw
from trading.simulator.store import Event
from trading.tradovate import frames as ours
from trading.tradovate.entities import ENTITY_TYPES, UnknownEntity
from trading.tradovate.entities.codec import decode_plain, encode
from trading.tradovate.frames import (
    ChartsEvent,
    ClockEvent,
    MarketEvent,
    PropsEvent,
    Response,
    ShutdownEvent,
    UnknownEvent,
)

patient = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)

IDS = st.integers(0, 2**53)
WORDS = st.text(max_size=12)
NUMBERS = st.integers(-(2**53), 2**53)
PRICES = st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=7)
SIZES = st.integers(0, 10**9).map(Decimal)
MOMENTS = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2090, 1, 1), timezones=st.just(dt.UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
JSON = st.recursive(
    st.one_of(st.booleans(), NUMBERS, PRICES, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=6,
)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


@patient
@given(
    st.from_regex(r"[a-zA-Z]+/[a-zA-Z]+", fullmatch=True),
    st.integers(0, 10**18 - 1),
    st.dictionaries(WORDS.filter(bool), st.one_of(WORDS, NUMBERS), max_size=3),
    st.dictionaries(WORDS, JSON, max_size=3),
)
def test_a_request_arrives_as_it_was_meant(endpoint: str, number: int, query: dict, body: dict) -> None:
    read = theirs.parse(ours.encode_request(endpoint, number, query, body))
    assert (read.endpoint, read.id) == (endpoint.lower(), number)
    assert parse_qsl(read.query, keep_blank_values=True) == [(name, str(value)) for name, value in query.items()]
    assert decode_plain(read.body) == body


@patient
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1).filter(lambda text: text != "undefined"))
def test_a_token_arrives_as_it_is(token: str) -> None:
    read = theirs.parse(ours.encode_request("authorize", 1, None, token))
    assert (read.endpoint, read.query, read.body) == ("authorize", "", token)


@patient
@given(IDS, st.one_of(st.none(), JSON), st.integers(400, 599), WORDS)
def test_an_answer_is_read_as_it_was_given(number: int, value: object, status: int, text: str) -> None:
    (good,) = ours.decode(theirs.ok(number, value))
    assert isinstance(good, Response)
    assert (good.id, good.status) == (number, 200)
    assert (decode_plain(good.body) if good.body else None) == value
    (bad,) = ours.decode(theirs.error(number, Rejected(status, text)))
    assert (bad.id, bad.status, json.loads(bad.body)) == (number, status, text)


ORDERS = st.fixed_dictionaries(
    {"id": IDS, "accountId": IDS, "timestamp": MOMENTS.map(stamp), "action": WORDS, "ordStatus": WORDS},
    optional={"admin": st.booleans(), "ocoId": IDS},
)
BALANCES = st.fixed_dictionaries(
    {"id": IDS, "accountId": IDS, "amount": PRICES}, optional={"realizedPnL": PRICES, "timestamp": MOMENTS.map(stamp)}
)
UNHEARD_OF = st.dictionaries(WORDS, JSON, min_size=1, max_size=3)
CHANGES = st.one_of(
    st.tuples(st.just("order"), ORDERS), st.tuples(st.just("cashBalance"), BALANCES),
    st.tuples(st.just("kalshiMarket"), UNHEARD_OF),
)  # fmt: skip


@patient
@given(st.lists(st.tuples(CHANGES, st.sampled_from(["Created", "Updated", "Deleted"])), max_size=4))
def test_changes_are_read_in_their_order_with_all_that_they_say(changes: list) -> None:
    events = [Event(1, None, kind, change, raw(entity)) for (kind, entity), change in changes]
    read = ours.decode(theirs.batch(theirs.props(event) for event in events))
    assert isinstance(read, list)
    for ((kind, entity), change), event in zip(changes, read, strict=True):
        assert isinstance(event, PropsEvent)
        assert (event.entity_type, event.event_type) == (kind, change)
        (told,) = event.entities
        if kind not in ENTITY_TYPES:
            assert told == UnknownEntity(entity_type=kind, data=entity)
            continue
        assert type(told) is ENTITY_TYPES[kind]
        assert same(told, entity)


@patient
@given(WORDS, WORDS)
def test_a_shutdown_says_why(code: str, reason: str) -> None:
    assert ours.decode(theirs.shutdown(code, reason)) == [ShutdownEvent(code, reason)]


LEVELS = optional(price=PRICES, size=SIZES)
QUOTES = st.fixed_dictionaries(
    {"contractId": IDS, "timestamp": MOMENTS.map(stamp), "entries": optional(Bid=LEVELS, Offer=LEVELS, Trade=LEVELS)}
)
DOMS = st.fixed_dictionaries(
    {"contractId": IDS, "timestamp": MOMENTS.map(stamp)},
    optional={"bids": st.lists(LEVELS, max_size=3), "offers": st.lists(LEVELS, max_size=3)},
)
HISTOGRAMS = st.fixed_dictionaries(
    {"contractId": IDS, "timestamp": MOMENTS.map(stamp), "base": PRICES},
    optional={
        "refresh": st.booleans(),
        "items": st.dictionaries(st.integers(-999, 999).map(str), SIZES, max_size=3),
    },
)


@patient
@given(optional(quotes=st.lists(QUOTES), doms=st.lists(DOMS, max_size=3), histograms=st.lists(HISTOGRAMS, max_size=3)))
def test_market_data_is_read_to_the_last_digit(told: dict) -> None:
    (event,) = ours.decode(theirs.batch([their_json({"e": "md", "d": told})]))
    if not told:
        assert event == UnknownEvent("md", {})
        return
    assert isinstance(event, MarketEvent)
    for name in ("quotes", "doms", "histograms"):
        read, sent = getattr(event, name), told.get(name, [])
        assert len(read) == len(sent)
        assert all(same(*pair) for pair in zip(read, sent, strict=True))


BARS = st.fixed_dictionaries(
    {"timestamp": MOMENTS.map(stamp), "open": PRICES, "high": PRICES, "low": PRICES, "close": PRICES},
    optional={"upVolume": SIZES, "downVolume": SIZES},
)
TICKS = st.fixed_dictionaries(
    {"t": st.integers(0, 10**9), "p": st.integers(-999, 999), "id": IDS},
    optional={"s": SIZES, "b": st.integers(-9, 9), "a": st.integers(-9, 9), "bs": SIZES, "as": SIZES},
)
PACKETS = st.one_of(
    st.fixed_dictionaries({"id": IDS, "td": st.integers(20000101, 20991231), "bars": st.lists(BARS, max_size=3)}),
    st.fixed_dictionaries(
        {"id": IDS, "s": WORDS, "td": st.integers(20000101, 20991231), "bp": NUMBERS, "bt": st.integers(0, 10**12),
         "ts": PRICES, "tks": st.lists(TICKS, max_size=3)}
    ),
    st.fixed_dictionaries({"id": IDS, "eoh": st.just(True)}),
)  # fmt: skip


@patient
@given(st.lists(PACKETS, max_size=4))
def test_charts_are_read_to_the_last_digit(packets: list) -> None:
    (event,) = ours.decode(theirs.batch([their_json({"e": "chart", "d": {"charts": packets}})]))
    assert isinstance(event, ChartsEvent)
    assert len(event.charts) == len(packets)
    assert all(same(*pair) for pair in zip(event.charts, packets, strict=True))


@patient
@given(MOMENTS, st.integers(0, 400))
def test_the_clock_is_json_in_a_string(moment: dt.datetime, speed: int) -> None:
    told = their_json({"t": stamp(moment), "s": speed}).decode()
    read = ours.decode(theirs.batch([their_json({"e": "clock", "d": told})]))
    assert read == [ClockEvent(moment, speed)]


def same(read: msgspec.Struct, sent: dict[str, Any]) -> bool:
    """Whether what was read says, written again, all that was sent (and of the rest, only that it is not known)."""
    return _holds(decode_plain(encode(read)), sent)


def _holds(read: Any, sent: Any) -> bool:
    if isinstance(sent, dict):
        return isinstance(read, dict) and all(_holds(read.get(name), value) for name, value in sent.items())
    if isinstance(sent, list):
        return len(read) == len(sent) and all(_holds(*pair) for pair in zip(read, sent, strict=True))
    if isinstance(sent, str) and isinstance(read, str) and sent != read:
        return dt.datetime.fromisoformat(sent) == dt.datetime.fromisoformat(read)
    return bool(read == sent)
