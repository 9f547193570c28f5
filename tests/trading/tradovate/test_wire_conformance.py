"""What the client asks, held to Tradovate's own documents: every operation is there, every request fits its schema."""

import datetime as dt
import re
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from operator import attrgetter
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import jsonschema
import pytest

from tests.trading import documents
from trading.tradovate import (
    MarketFeed,
    MarketSocket,
    ReplaySocket,
    Tradovate,
    UserSocket,
    entities,
    exchange_code,
    refresh,
    request_access_token,
)
from trading.tradovate.entities.codec import decode, encode

from .conftest import TOKEN, HttpScript, Peer, PlaySocket, Request
from .spec_operations import READS
from .test_wire_operations import CALLS, METHODS, SPECIAL, UNIQUE, _method, _reply, _snake
from .test_wire_spec import PROOFS, _body, _lines

Ask = Callable[[Tradovate, HttpScript], Awaitable[Any]]

# In no path of openapi.json: two of the guide, four whose schemas the document has.
BESIDE_THE_SPEC = {
    "/user/canceleverything": ("user.cancel_everything", entities.CancelEverything(user_ids=[7, 8])),
    "/user/createtradingpermission": (
        "user.create_trading_permission",
        entities.CreateTradingPermission(user_id=7, account_id=8),
    ),
    "/accountriskstatus/updatemaxnetliq": ("account_risk_status.update_max_net_liq", "UpdateMaxNetLiq"),
    "/accountriskstatus/setadminautoliqaction": (
        "account_risk_status.set_admin_auto_liq_action",
        "SetAdminAutoLiqAction",
    ),
    "/accountriskstatus/resetautoliqstatus": ("account_risk_status.reset_auto_liq_status", "ResetAutoLiqStatus"),
    "/useraccountautoliq/updateuserautoliq": ("user_account_auto_liq.update_user_auto_liq", "UpdateUserAutoLiq"),
}
REPLIES = {
    "/user/canceleverything": {
        "tradingPermissionIds": [1], "marketDataSubscriptionIds": [2], "tradovateSubscriptionIds": [3],
        "userPluginIds": [4],
    },
    "/user/createtradingpermission": {"tradingPermission": _body("TradingPermission")},
    "/useraccountautoliq/updateuserautoliq": {"userAccountAutoLiq": _body("UserAccountAutoLiq")},
}  # fmt: skip
RISK_STATUS = {"accountRiskStatus": _body("AccountRiskStatus")}
# What only sockets serve.
SOCKET_ROUTES = {
    "authorize": (UserSocket, "authorize"),
    "md/getchart": (MarketFeed, "get_chart"),
    "md/cancelchart": (MarketFeed, "cancel_chart"),
    "md/subscribequote": (MarketSocket, "subscribe_quote"),
    "md/unsubscribequote": (MarketSocket, "unsubscribe_quote"),
    "md/subscribedom": (MarketFeed, "subscribe_dom"),
    "md/unsubscribedom": (MarketFeed, "unsubscribe_dom"),
    "md/subscribehistogram": (MarketFeed, "subscribe_histogram"),
    "md/unsubscribehistogram": (MarketFeed, "unsubscribe_histogram"),
    "replay/initializeclock": (ReplaySocket, "initialize_clock"),
    "replay/changespeed": (ReplaySocket, "change_speed"),
    "replay/checkreplaysession": (ReplaySocket, "check_session"),
    "user/syncrequest": (UserSocket, "sync"),
}
# Slips of the guide: what it writes -> what it means (openapi.json).
_LIMITS = "useraccountpositionlimit/"
SLIPS = {
    "useraccountpositonlimit/deleteuseraccountpositionlimit": _LIMITS + "deleteuseraccountpositionlimit",
    "useraccountriskparameter/deleteuseraccountriskparameter": _LIMITS + "deleteuseraccountriskparameter",
}
NO_OPERATIONS = {"application/json", "text/html"}
# As many samples show every word of an enumeration.
MOST_WORDS = 12


def _read(name: str, operation: str) -> Ask:
    return lambda t, _: CALLS[operation][0](getattr(t, _snake(name)))


def _reads() -> Iterator[tuple[str, Ask, bytes]]:
    """Path, how to ask it, and an answer, for the shared reads of all entity types."""
    for name, *operations in _lines(READS):
        schema = name[0].upper() + name[1:]
        for operation in operations:
            answer = _body(schema) if operation in ("find", "item") else [_body(schema)]
            yield f"/{name}/{operation}", _read(name, operation), encode(answer)


def _ask(path: str, body: dict[str, Any]) -> Ask:
    if path == "/auth/accesstokenrequest":
        sign_in = decode(encode(body), entities.AccessTokenRequest)
        return lambda _, http: request_access_token(http.hosts, sign_in)
    if path in SPECIAL:
        return SPECIAL[path]
    request = decode(encode(body), getattr(entities, UNIQUE[path][1]))
    return lambda t, _: _method(t, path)(request)


class Document:
    """Tradovate's OpenAPI document: Draft 4 in what it uses of JSON Schema (exclusiveMinimum is a boolean)."""

    def __init__(self) -> None:
        self.whole = documents.openapi()
        self.paths = {path.lower(): operations for path, operations in self.whole["paths"].items()}

    def samples(self, path: str) -> Iterator[dict[str, Any]]:
        """Request bodies that the document allows at a path: what it requires, and all it has with each word of it."""
        operation = next(iter(self.paths[path.lower()].values()))
        if "requestBody" not in operation:
            yield {}
            return
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        # Entities of ours have an id; one that is 0 is not sent.
        asked_for = {"id"} | PROOFS.get(schema["$ref"].rpartition("/")[2], set())
        yield from self.samples_of(schema, asked_for)

    def samples_of(self, schema: dict[str, Any], asked_for: set[str]) -> Iterator[dict[str, Any]]:
        """As `samples`, of a schema; the first has what it requires and what is `asked_for`."""
        yield self._sample(schema, 0, asked_for)
        for choice in range(MOST_WORDS):
            yield self._sample(schema, choice)

    def _sample(self, schema: dict[str, Any], choice: int, only: set[str] | None = None) -> Any:
        if "$ref" in schema:
            schema = self.whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if "enum" in schema:
            return schema["enum"][choice % len(schema["enum"])]
        if schema.get("format") == "date-time":
            return "2026-11-20T14:30:00.626Z"
        match schema["type"]:
            case "object":
                wanted = schema.get("properties", {})
                if only is not None:
                    only = only | {*schema.get("required", [])}
                    wanted = {name: inner for name, inner in wanted.items() if name in only}
                return {name: self._sample(inner, choice) for name, inner in wanted.items()}
            case "array":
                return [self._sample(schema["items"], choice)]
            case "string":
                return "x" * max(3, schema.get("minLength", 0))
            case "boolean":
                return choice % 2 == 0
            case "integer":
                return max(7, schema.get("minimum", 0) + 1) if schema.get("maximum", 7) >= 7 else schema["maximum"]
        return 6712.25

    def check(self, path: str, asked: Request) -> None:
        """Hold a request to the operation that the document has at its path."""
        operations = self.paths[path.lower()]
        assert asked.method.lower() in operations, f"{asked.method} {path} is not in the document"
        operation = operations[asked.method.lower()]
        self._check_query(operation.get("parameters", []), asked)
        body = operation.get("requestBody")
        if body is None:
            assert asked.body == b"", f"{path} takes no body"
            return
        is_form = asked.headers["content-type"] == "application/x-www-form-urlencoded"
        # OAuth's own standard has a form where the document has JSON.
        sent = dict(parse_qsl(asked.body.decode())) if is_form else asked.json()
        assert is_form == (path == "/auth/oauthtoken")
        self.check_value(body["content"]["application/json"]["schema"], sent, path)

    def _check_query(self, parameters: list[dict[str, Any]], asked: Request) -> None:
        sent = parse_qs(asked.query, keep_blank_values=True)
        known = {parameter["name"]: parameter for parameter in parameters}
        assert sent.keys() <= known.keys(), "the query has parameters that the document lacks"
        for name, parameter in known.items():
            assert not parameter.get("required") or name in sent, f"{name} is missing"
            if name in sent:
                (text,) = sent[name]
                self.check_value(parameter["schema"], _typed(text, parameter["schema"]), name)

    def check_value(self, schema: dict[str, Any], value: Any, where: str) -> None:
        rooted = {"allOf": [schema], "components": self.whole["components"]}
        jsonschema.Draft4Validator(rooted).validate(value)
        self._check_names(schema, value, where)

    def _check_names(self, schema: dict[str, Any], value: Any, where: str) -> None:
        """The document allows any further field; one that it does not know is a slip of ours."""
        if "$ref" in schema:
            schema = self.whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if isinstance(value, dict) and "properties" in schema:
            assert value.keys() <= schema["properties"].keys(), f"{where} has fields that the document lacks"
            for name, inner in value.items():
                self._check_names(schema["properties"][name], inner, f"{where}.{name}")
        elif isinstance(value, list):
            for inner in value:
                self._check_names(schema["items"], inner, where)
        elif schema.get("format") == "date-time":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value), where


def _typed(text: str, schema: dict[str, Any]) -> object:
    """A query parameter as its schema means it; arrays are comma-separated (style form, explode false)."""
    if schema["type"] == "array":
        return [_typed(part, schema["items"]) for part in text.split(",")]
    return int(text) if schema["type"] == "integer" else text


@pytest.fixture(scope="module")
def document() -> Document:
    return Document()


async def test_every_request_fits_the_document(
    document: Document, http: HttpScript, record_property: Callable[[str, object], None]
) -> None:
    fitting: set[str] = set()
    async with Tradovate(http.hosts, "tok") as t:
        asked = [(path, _ask(path, body), _reply(path)) for path in UNIQUE for body in document.samples(path)]
        for path, ask, answer in (*asked, *_reads()):
            http.answer(answer)
            await ask(t, http)
            document.check(path, http.requests[-1])
            fitting.add(path.lower())
        # The sign-in, which asks with no token, goes with all that it was given.
        *_, whole = document.samples("/auth/accesstokenrequest")
        http.answer(_reply("/auth/accesstokenrequest"))
        await _ask("/auth/accesstokenrequest", whole)(t, http)
        assert http.requests[-1].json() == whole
    missing = document.paths.keys() - fitting
    assert not missing, f"not asked: {sorted(missing)}"
    total = len(document.paths)
    line = f"client: requests of {len(fitting & document.paths.keys())} of {total} operations fit openapi.json"
    record_property("conformance", line)


async def test_every_way_of_asking_for_oauth_tokens_fits_the_document(document: Document, http: HttpScript) -> None:
    back = "https://desk.example/back"
    for basic in (False, True):
        for ask in (
            exchange_code(http.hosts, "c-1", back, "client", "s3cret", basic=basic),
            exchange_code(http.hosts, "c-1", back, "client", "s3cret", basic=basic, code_verifier="v" * 43),
            refresh(http.hosts, "r-1", "client", "s3cret", basic=basic),
        ):
            http.answer(_reply("/auth/oauthtoken"))
            await ask
            document.check("/auth/oauthtoken", http.requests[-1])


async def test_requests_of_sockets_fit_the_document(
    document: Document, play: PlaySocket, record_property: Callable[[str, object], None]
) -> None:
    start = dt.datetime(2026, 11, 20, 14, 30, 0, 626000, dt.UTC)
    narrow = entities.SyncRequest(
        accounts=[7], entity_types=["order"], split_responses=False, cutoff_timestamp=start,
        sharding_expression=entities.ShardingExpression(expression_type="modAccountId", divisor=2, remainder=1),
    )  # fmt: skip
    asked: list[tuple[str, object]] = []

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        ok = {"ok": True}
        asked.extend(await peer.answer({"checkStatus": "OK"}, ok, {"users": []}, {"users": []}, ok))
        await peer.connection.wait_closed()

    async with await ReplaySocket.connect(await play(scene), TOKEN) as replay:
        await replay.begin(start, speed=20, initial_balance=Decimal("51000.50"))
        await replay.sync(11)
        await replay.sync(narrow)
        await replay.change_speed(400)
    for endpoint, body in asked:
        assert endpoint == endpoint.lower()
        (operation,) = document.paths[f"/{endpoint}"].values()
        document.check_value(operation["requestBody"]["content"]["application/json"]["schema"], body, endpoint)
    of_document = {endpoint for endpoint in SOCKET_ROUTES if f"/{endpoint}" in document.paths}
    assert {endpoint for endpoint, _ in asked} == of_document
    line = (
        f"client: requests of {len(of_document)} of {len(of_document)} operations that sockets send by themselves fit"
    )
    record_property("conformance", line)


@pytest.mark.parametrize(
    ("path", "spoil", "says"),
    [
        ("/order/placeorder", lambda body: body | {"orderQty": 0}, "minimum"),
        ("/order/placeorder", lambda body: body | {"action": "Hold"}, "Hold"),
        ("/order/placeorder", lambda body: {k: v for k, v in body.items() if k != "symbol"}, "symbol"),
        ("/order/placeorder", lambda body: body | {"isautomated": True}, "lacks"),
        ("/order/dryrun", lambda body: body | {"orders": [{"contractID": 3}]}, "contractId"),
    ],
)
def test_the_check_itself_finds_what_does_not_fit(
    document: Document, path: str, spoil: Callable[[dict[str, Any]], dict[str, Any]], says: str
) -> None:
    body = spoil(_body(UNIQUE[path][1]) | {"action": "Buy", "orderType": "Market", "timeInForce": "Day"})
    body = {name: value for name, value in body.items() if path != "/order/dryrun" or name in ("accountId", "orders")}
    asked = Request("POST", f"/v1{path}", {"content-type": "application/json"}, encode(body))
    with pytest.raises((AssertionError, jsonschema.ValidationError), match=says):
        document.check(path, asked)


@pytest.mark.parametrize("path", sorted(BESIDE_THE_SPEC))
async def test_an_operation_that_the_document_has_no_path_for(path: str, http: HttpScript) -> None:
    name, given = BESIDE_THE_SPEC[path]
    request = decode(encode(_body(given)), getattr(entities, given)) if isinstance(given, str) else given
    reply = REPLIES.get(path, RISK_STATUS)
    http.answer(encode(reply))
    group, method = name.split(".")
    async with Tradovate(http.hosts, "tok") as t:
        answer = await getattr(getattr(t, group), method)(request)
    (asked,) = http.requests
    assert (asked.method, asked.path) == ("POST", f"/v1{path}")
    assert decode(asked.body, type(request)) == request
    first = next(iter(reply))
    assert getattr(answer, _snake(first)) is not None


async def test_a_request_without_a_path_fits_its_schema(
    document: Document, http: HttpScript, record_property: Callable[[str, object], None]
) -> None:
    named = {path: (method, given) for path, (method, given) in BESIDE_THE_SPEC.items() if isinstance(given, str)}
    async with Tradovate(http.hosts, "tok") as t:
        for path, (method, given) in named.items():
            schema = {"$ref": f"#/components/schemas/{given}"}
            for body in document.samples_of(schema, set()):
                http.answer(encode(REPLIES.get(path, RISK_STATUS)))
                await attrgetter(method)(t)(decode(encode(body), getattr(entities, given)))
                document.check_value(schema, http.requests[-1].json(), path)
    used = {schema["$ref"] for schema in _references(document.whole)}
    orphans = {
        name
        for name in document.whole["components"]["schemas"]
        if f"#/components/schemas/{name}" not in used and not name.endswith("Response")
    }
    without_fields = {"Me", "RenewAccessToken"}
    assert orphans - without_fields == {given for _, given in named.values()}
    line = f"client: {len(named)} of {len(orphans - without_fields)} requests with a schema and no path have a method"
    record_property("conformance", line)


def _references(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)


def test_every_operation_of_the_document_and_the_guide_has_its_method(
    document: Document, record_property: Callable[[str, object], None]
) -> None:
    hosts = HttpScript("http://127.0.0.1:9").hosts
    t = Tradovate(hosts, "tok")
    methods = {path.lower(): name for path, name in METHODS.items()}
    methods |= {path: name for path, (name, _) in BESIDE_THE_SPEC.items()}
    for name in methods.values():
        group, method = name.split(".")
        assert callable(getattr(getattr(t, group), method))
    reads = {f"/{name.lower()}/{operation}" for name, *operations in _lines(READS) for operation in operations}
    ours = methods.keys() | reads | {path.lower() for path in SPECIAL}
    assert document.paths.keys() <= ours
    record_property("conformance", f"client: {len(document.paths)} of {len(document.paths)} operations of openapi.json")

    routes = {SLIPS.get(route, route) for route in _guide_routes(documents.guide())}
    for kind, method in SOCKET_ROUTES.values():
        assert callable(getattr(kind, method))
    missing = {route for route in routes if f"/{route}" not in ours and route not in SOCKET_ROUTES}
    assert not missing, f"the guide has, the client has not: {sorted(missing)}"
    assert len(routes) >= 34
    record_property("conformance", f"client: {len(routes)} of {len(routes)} operations of the guide")


def _guide_routes(text: str) -> set[str]:
    """What the guide calls operations: "entity/operation" between quotes, in a heading, or as the end of an address."""
    quoted = re.findall(r"[`'\"]/?([a-zA-Z]+/[a-zA-Z]+)[`'\"?]", text)
    headings = re.findall(r"^#+ `?/?([a-zA-Z]+/[a-zA-Z]+)`?\s*$", text, re.MULTILINE)
    requests = re.findall(r"(?:\}|URL|v1)\s*\+?\s*['`]?/([a-zA-Z]+/[a-zA-Z]+)\b", text)
    return {route.lower() for route in (*quoted, *headings, *requests)} - NO_OPERATIONS
