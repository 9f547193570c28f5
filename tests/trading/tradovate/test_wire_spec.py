"""Every schema of Tradovate's document has its struct: its fields, its types, its bounds."""

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
import pytest

from trading.tradovate import entities
from trading.tradovate.entities.codec import decode, decode_plain, encode
from trading.tradovate.entities.keeping import decode_keeping
from trading.tradovate.entities.request_base import bounds
from trading.tradovate.entities.written import TERMS

from .spec_operations import OPERATIONS
from .spec_table import ENUMS, SCHEMAS

RENAMED = {
    "AccessTokenResponse": "AccessToken",
    "OAuthMeResponse": "Me",
    "OAuthTokenResponse": "OAuthTokens",
    "SyncMessage": "SyncSnapshot",
}
# They have no fields.
WITHOUT_STRUCT = {"Me", "RenewAccessToken"}
# What says no becomes an error (see answers) and is never in a struct.
REFUSALS = {
    "errorText", "errorCode", "failureReason", "failureText", "p-ticket", "p-time", "p-captcha", "error",
    "error_description",
}  # fmt: skip
# Asked for although the document calls it optional: in a reply it proves the success, in an order it says for whom.
PROOFS = {
    "AccessTokenResponse": {"accessToken", "expirationTime"},
    "OAuthTokenResponse": {"access_token"},
    "OAuthMeResponse": {"userId"},
    "PlaceOrderResult": {"orderId"},
    "PlaceOcoResult": {"orderId"},
    "PlaceOsoResult": {"orderId"},
    "CommandResult": {"commandId"},
    "PlaceOrder": {"accountId"},
    "PlaceOCO": {"accountId"},
    "PlaceOSO": {"accountId"},
    "StartOrderStrategy": {"accountId"},
}
SCALARS = {"int": int, "decimal": Decimal, "str": str, "enum": str, "bool": bool, "time": dt.datetime, "object": dict}
SAMPLES: dict[str, object] = {
    "int": 7, "decimal": Decimal("6712.25"), "str": "abc", "enum": "NewWord", "bool": True,
    "time": "2026-11-20T14:30:00.626Z", "object": {},
}  # fmt: skip


def _lines(table: str) -> list[list[str]]:
    return [line.split() for line in re.sub(r"\n +", " ", table.strip()).splitlines()]


class Field(msgspec.Struct, frozen=True):
    name: str
    required: bool
    kind: str
    bound: str


def _field(text: str) -> Field:
    match = re.fullmatch(r"([\w-]+)(\??):(\[?\w+\]?)(.*)", text)
    assert match is not None, text
    name, optional, kind, bound = match.groups()
    return Field(name, not optional, kind, bound)


TABLE = {name: [_field(text) for text in fields] for name, *fields in _lines(SCHEMAS)}
NAMES = sorted(TABLE.keys() - WITHOUT_STRUCT)


def _struct(name: str) -> type[msgspec.Struct]:
    found: type[msgspec.Struct] = getattr(entities, RENAMED.get(name, name))
    return found


def _plain_type(kind: Any) -> Any:
    """Return a type without Annotated and None."""
    if get_origin(kind) is Annotated:
        return _plain_type(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        (only,) = [_plain_type(one) for one in get_args(kind) if one is not type(None)]
        return only
    return kind


def _fits(kind: Any, spec: str) -> bool:
    kind = _plain_type(kind)
    if spec.startswith("["):
        return get_origin(kind) is list and _fits(get_args(kind)[0], spec[1:-1])
    if spec == "object":
        return get_origin(kind) is dict
    return bool(kind is (SCALARS.get(spec) or _struct(spec)))


def _sample(spec: str) -> object:
    if spec.startswith("["):
        return [_sample(spec[1:-1])]
    return SAMPLES[spec] if spec in SAMPLES else _body(spec)


def _body(name: str, *, whole: bool = True) -> dict[str, object]:
    fields = [field for field in TABLE[name] if whole or field.required or field.name == "id"]
    fields += [field for field in TABLE[name] if field.name in PROOFS.get(name, ()) and field not in fields]
    return {field.name: _value(field) for field in fields if field.name not in REFUSALS}


def _value(field: Field) -> object:
    if isinstance(value := _sample(field.kind), str) and (low := re.match(r"\((\d+)\.\.(\d*)", field.bound)):
        return value.ljust(int(low[1]), "x")[: int(low[2] or 99)]
    if range_ := re.match(r"\((\d+)\.\.", field.bound):
        return int(range_[1]) + 1 if field.kind == "int" else value
    return int(field.bound[1:]) + 1 if field.bound.startswith(">") and field.kind == "int" else value


@pytest.mark.parametrize("name", NAMES)
def test_a_struct_has_the_fields_of_its_schema(name: str) -> None:
    ours = {info.encode_name: info for info in msgspec.structs.fields(_struct(name))}
    is_reply = not issubclass(_struct(name), entities.Request)
    spec = {field.name: field for field in TABLE[name] if not (is_reply and field.name in REFUSALS)}
    assert spec.keys() <= ours.keys()
    for field in spec.values():
        info = ours[field.name]
        assert _fits(info.type, field.kind), f"{field.name} is {info.type}, and {field.kind} in the document"
        may_be_asked_for = field.required or field.name == "id" or field.name in PROOFS.get(name, ())
        assert may_be_asked_for or not info.required, f"{field.name} may be missing"


@pytest.mark.parametrize("name", [name for name in NAMES if issubclass(_struct(name), entities.Request)])
def test_a_request_is_held_to_its_bounds(name: str) -> None:
    ours = {(on_the_wire, _text(meta)) for _, on_the_wire, meta in bounds(_struct(name))}
    spec = {(field.name, field.bound) for field in TABLE[name] if field.bound and not field.kind.startswith("[")}
    checked_in_words = {("orderQty", ">0")}
    assert spec - checked_in_words <= ours
    required = {info.encode_name for info in msgspec.structs.fields(_struct(name)) if info.required}
    with_defaults = {"isAutomated", "admin"}
    assert {field.name for field in TABLE[name] if field.required} - with_defaults <= required


@pytest.mark.parametrize("name", sorted(line[2] for line in _lines(OPERATIONS) if line[1].endswith("/create")))
def test_an_entity_that_is_written_is_held_to_its_bounds(name: str) -> None:
    kind = _struct(name)
    terms = TERMS[kind]
    wire = {info.name: info.encode_name for info in msgspec.structs.fields(kind)}
    spec = {(field.name, field.bound) for field in TABLE[name] if field.bound}
    assert {(wire[ours], _text(meta)) for ours, meta in terms.bounds.items()} == spec
    assert {wire[ours] for ours in terms.required} == {field.name for field in TABLE[name] if field.required}


def _text(meta: msgspec.Meta) -> str:
    if meta.gt is not None:
        return f">{meta.gt}"
    low = meta.min_length if meta.min_length is not None else meta.ge
    high = meta.max_length if meta.max_length is not None else meta.le
    return f"({'' if low is None else low}..{'' if high is None else high})"


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "required only"])
@pytest.mark.parametrize("name", NAMES)
def test_a_reply_survives_the_round_trip_with_what_we_do_not_know(name: str, whole: bool) -> None:
    body = _body(name, whole=whole)
    first = decode(encode(body), _struct(name))
    assert decode(encode(first), _struct(name)) == first
    sent = {**body, "somethingNew": {"deep": [1, Decimal("0.10")]}}
    kept = decode_keeping(encode(sent), _struct(name))
    assert kept.value == first
    assert decode_plain(kept.encode()) == sent


def test_a_change_travels_and_the_rest_stays_as_it_came() -> None:
    raw = (
        b'{"id":3,"accountId":7,"amount":10.50,"timestamp":"2026-11-20T14:30Z","new":[{"x":1}],'
        b'"tradeDate":{"year":2026,"month":11,"day":20,"era":"AD"}}'
    )
    kept = decode_keeping(raw, entities.CashBalance)
    day = kept.value.trade_date
    assert day is not None
    changed = kept.replace(amount=Decimal("11.75"), trade_date=msgspec.structs.replace(day, day=23))
    assert decode_plain(changed.encode()) == {
        "id": 3, "accountId": 7, "amount": Decimal("11.75"), "timestamp": "2026-11-20T14:30Z", "new": [{"x": 1}],
        "tradeDate": {"year": 2026, "month": 11, "day": 23, "era": "AD"},
    }  # fmt: skip
    assert kept.encode() == raw
    new_day = entities.TradeDate(year=2026, month=11, day=24)
    snapshot = decode_keeping(b'{"users":[{"id":1,"name":"a","x":1},{"id":2,"name":"b","x":2}]}', entities.SyncSnapshot)
    renamed = [snapshot.value.users[0], msgspec.structs.replace(snapshot.value.users[1], name="c")]
    assert decode_plain(snapshot.replace(users=renamed).encode())["users"] == [
        {"id": 1, "name": "a", "x": 1}, {"id": 2, "name": "c", "x": 2},
    ]  # fmt: skip
    assert decode_plain(kept.replace(trade_date=None).encode())["tradeDate"] is None
    assert decode_plain(kept.replace(trade_date=new_day).encode())["tradeDate"]["day"] == 24


def _enums() -> Iterator[type[StrEnum]]:
    for name in entities.__all__:
        thing = getattr(entities, name)
        if isinstance(thing, type) and issubclass(thing, StrEnum):
            yield thing


@pytest.mark.parametrize("line", _lines(ENUMS), ids=lambda line: line[0])
def test_every_enumeration_has_its_constants(line: list[str]) -> None:
    assert any({member.value for member in enum} == set(line[1:]) for enum in _enums())


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: entities.ChangeSpeed(speed=401), "speed may be at most 400, not 401"),
        (lambda: entities.InterruptOrderStrategy(order_strategy_id=0), "orderStrategyId must be more than 0, not 0"),
        (lambda: entities.PostChatMessage(category="Support", text="x" * 1025), "text may have 1024 characters"),
        (lambda: entities.ModifyPassword(password="abc", current_password="s3cret-s3cret"), "password must have"),
        (lambda: entities.AddSecondMarketDataSubscription(year=2026, month=0), "month must be at least 1"),
        (
            lambda: entities.DryRun(
                account_id=1,
                orders=[entities.DryRunOrder(contract_id=1, action="Buy", order_qty=1, order_type="Market")] * 5,
            ),
            "orders may have 4 entries",
        ),
    ],
)
def test_what_is_out_of_bounds_is_not_sent(make, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        make()
    assert "s3cret" not in str(caught.value)


def test_passwords_do_not_show() -> None:
    for secret in (
        entities.ModifyPassword(password="s3cret-new", current_password="s3cret-old"),
        entities.ModifyCredentials(name="anna", password="s3cret-new", current_password="s3cret-old"),
    ):
        assert "s3cret" not in f"{secret!r} {secret} {secret.__rich_repr__()}"
