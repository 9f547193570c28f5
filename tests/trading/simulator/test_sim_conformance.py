"""Every operation of Tradovate's document is asked over REST and over WebSocket, rightly and wrongly, and every reply
is held to its schema there. Where the document is not at hand these tests say so and are skipped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest

from tests.trading import documents
from trading.simulator import Config, serve

from .asking import NOBODY_HAS, Asked, Asking
from .conftest import START, Api, Socket, open_socket

Reply = tuple[int, Any]
REST = ("REST", "REST with the other method")
ON_SOCKETS_ONLY = {"/replay/initializeclock", "/replay/changespeed"}
WRONG = ["x", -1, 0, 10**30, 1.5, True, None, [], {}, [1, "x"], {"a": 1}, "NaN", "9" * 40, "\x00", "2026-13-45T99:00Z"]


class Document:
    """The operations of openapi.json and the check of their replies."""

    def __init__(self) -> None:
        self.whole = documents.openapi()
        self.operations = {path: next(iter(verbs.items())) for path, verbs in self.whole["paths"].items()}
        self._checks = {
            path: self._check(operation["responses"]["200"]["content"]["application/json"]["schema"])
            for path, (_, operation) in self.operations.items()
        }

    def _check(self, schema: dict[str, Any]) -> jsonschema.Draft4Validator:
        # OpenAPI 3.0 writes an exclusive minimum as draft 4 did
        formats = jsonschema.FormatChecker(formats=())
        formats.checks("date-time", raises=ValueError)(_is_moment)
        return jsonschema.Draft4Validator({**schema, "components": self.whole["components"]}, format_checker=formats)

    def problems(self, path: str, reply: Reply) -> list[str]:
        """What is wrong with a reply: another status than the texts know, or a field that does not fit."""
        status, value = reply
        if status != 200:
            known = status in (400, 401, 404) and isinstance(value, str) and value
            return [] if known else [f"{path}: {status} {value!r}"]
        return [
            f"{path}: {'.'.join(map(str, error.absolute_path))}: {error.message}"
            for error in self._checks[path].iter_errors(value)
        ]

    def entity_problems(self, name: str, entity: Any) -> list[str]:
        """What is wrong with an entity of a type such as `userPlugin`, apart from fields that are newer."""
        schema = name[0].upper() + name[1:]
        if schema not in self.whole["components"]["schemas"]:
            return [f"{name} is no entity type"]
        check = self._check({"$ref": f"#/components/schemas/{schema}"})
        return [f"{name}: {error.message}" for error in check.iter_errors(entity)]


def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or (value.endswith("Z") and datetime.fromisoformat(value) is not None)


def kind_of(reply: Reply) -> str:
    """`real`, or the allowed `empty` and `refused`."""
    status, value = reply
    if status != 200:
        return "refused"
    if value == []:
        return "empty"
    refusal = isinstance(value, dict) and any(value.get(name) for name in ("errorText", "failureText", "error"))
    return "refused" if refusal else "real"


@pytest.fixture(scope="module")
def document() -> Document:
    return Document()


@pytest.fixture(scope="module")
def asking(document: Document) -> Iterator[Asking]:
    with serve(Config(seed=7, manual_clock=True, start=START)) as running:
        running.control.price("ESZ6", "6850.00")
        yield Asking(running)


def over_rest(asking: Asking, verb: str, path: str, asked: Asked) -> Reply:
    target, body = f"/v1{path}", asked.params if verb == "post" else None
    if verb == "get" and asked.params:
        target += "?" + urlencode(flat(asked.params))
    return read(asking.plain.ask(verb.upper(), target, asked.token or asking.api.token, body))


def read(answer: tuple[int, bytes]) -> Reply:
    status, text = answer
    return status, json.loads(text) if status == 200 else text.decode()


def flat(params: dict[str, Any]) -> dict[str, str]:
    """Parameters for a query: what is no text is written as JSON."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}


@contextmanager
def socket_for(asking: Asking, path: str, token: str | None = None) -> Iterator[Socket]:
    """A socket; a replay takes one over, so that each has its own."""
    with open_socket(asking.simulator, token or asking.api.token) as socket:
        yield socket


def over_socket(socket: Socket, verb: str, path: str, params: dict[str, Any]) -> Reply:
    query = "&".join(f"{name}={value}" for name, value in params.items()) if verb == "get" else ""
    answer = socket.ask(path.strip("/"), params if verb == "post" else None, query)
    return answer["s"], answer.get("d")


def expected(path: str, transport: str) -> str:
    """What the reply has to be."""
    _, entity, operation = path.split("/")
    if path in ON_SOCKETS_ONLY and transport in REST:
        return "refused"
    if entity not in NOBODY_HAS:
        return "real"
    return "refused" if operation in ("item", "find") else "empty"


def ask_all(asking: Asking, document: Document, transport: str) -> Iterator[tuple[str, Reply]]:
    for path, (verb, _) in document.operations.items():
        if transport in REST:
            asked_by = verb if transport == "REST" else {"get": "post", "post": "get"}[verb]
            yield path, over_rest(asking, asked_by, path, asking.arguments(path))
            continue
        with socket_for(asking, path) as socket:
            asked = asking.arguments(path, socket)
            if asked.token:
                assert socket.ask("authorize", asked.token)["s"] == 200
            yield path, over_socket(socket, verb, path, asked.params)


@pytest.mark.parametrize("transport", [*REST, "WebSocket"])
def test_every_operation_answers_as_the_document_says(
    asking: Asking, document: Document, transport: str, record_property: Callable[[str, object], None]
) -> None:
    kinds: Counter[str] = Counter()
    wrong: list[str] = []
    for path, reply in ask_all(asking, document, transport):
        problems = document.problems(path, reply)
        if not problems and kind_of(reply) != expected(path, transport):
            problems = [f"{path}: {kind_of(reply)}, not {expected(path, transport)}: {reply}"]
        wrong += problems
        kinds[kind_of(reply)] += not problems
    total = len(document.operations)
    line = f"simulator: {sum(kinds.values())} of {total} operations of openapi.json answer over {transport}: "
    detail = f"{kinds['real']} for real, {kinds['empty']} with nothing to show, {kinds['refused']} refused as allowed"
    record_property("conformance", line + detail)
    assert wrong == []
    assert sum(kinds.values()) == total


def test_every_event_has_an_entity_of_the_document(
    document: Document, record_property: Callable[[str, object], None]
) -> None:
    """Everything that changes something is asked while a synchronised socket listens."""
    problems: list[str] = []
    seen: Counter[str] = Counter()
    # while a day passes nobody reads what the client says, and a busy machine takes its time for that
    with serve(Config(seed=7, manual_clock=True, start=START, silence_seconds=300)) as running:
        asking = Asking(running)
        with open_socket(running, asking.api.token) as socket:
            socket.ask("user/syncrequest", {"users": [asking.me]})
            for path, (verb, _) in document.operations.items():
                if verb == "post" and not path.startswith(("/auth/", "/replay/")):
                    over_rest(asking, verb, path, asking.arguments(path))
            running.control.price("MESZ6", "5900.00")
            running.control.advance(24 * 3600)
            socket.ask("contract/item", {"id": 1})
            events, socket.events = socket.events, []
    for event in events:
        detail = event["d"]
        assert (event["e"], detail["eventType"] in ("Created", "Updated", "Deleted")) == ("props", True)
        seen[detail["entityType"]] += 1
        problems += document.entity_problems(detail["entityType"], detail["entity"])
    line = f"simulator: {sum(seen.values())} events of {len(seen)} entity types have the document's entities"
    record_property("conformance", line)
    assert sorted(set(problems)) == []
    assert len(seen) > 25
    assert {"alertSignal", "adminAlertSignal"} <= set(seen)


def wrongly(asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Parameters that are missing, or of another type, or ids of nothing."""
    yield {}
    for name, value in asked.items():
        yield {known: one for known, one in asked.items() if known != name}
        for other in WRONG:
            yield {**asked, name: other}
        if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()):
            yield {**asked, name: 999_999_999}


@pytest.mark.parametrize("transport", ["REST", "WebSocket"])
def test_wrong_parameters_are_answered_and_never_crash(
    document: Document, transport: str, record_property: Callable[[str, object], None]
) -> None:
    wrong: list[str] = []
    asked_wrongly = 0
    with serve(Config(seed=7, manual_clock=True, start=START)) as running:
        asking = Asking(running)
        for path in document.operations:
            asked = asking.arguments(path)
            token, bodies = asked.token or asking.api.token, list(wrongly(asked.params))
            asked_wrongly += len(bodies)
            if transport == "REST":
                replies = [read(one) for one in asking.plain.ask_all("POST", f"/v1{path}", token, bodies)]
            else:
                with socket_for(asking, path, token) as socket:
                    replies = [(one["s"], one.get("d")) for one in socket.ask_all(path.strip("/"), bodies)]
            for params, reply in zip(bodies, replies, strict=True):
                wrong += [f"{problem} <- {params}" for problem in document.problems(path, reply)]
    record_property("conformance", f"simulator: {asked_wrongly} wrong requests answered over {transport}")
    assert wrong[:20] == []


def test_every_operation_but_signing_in_needs_a_token(
    asking: Asking, document: Document, record_property: Callable[[str, object], None]
) -> None:
    public = {"/auth/accesstokenrequest", "/auth/oauthtoken"}
    with open_socket(asking.simulator) as socket:
        for path, (verb, _) in document.operations.items():
            if path in public:
                continue
            assert over_rest(asking, verb, path, Asked({}, "made-up")) == (401, "Access is denied"), path
            assert over_socket(socket, verb, path, {}) == (401, "Access is denied"), path
    total = len(document.operations)
    record_property(
        "conformance", f"simulator: {total - len(public)} of {total} operations are refused without a token"
    )


def owned(value: Any, me: int) -> bool:
    """Does a parameter hold an id of something that belongs to the user?"""
    if isinstance(value, dict):
        return any(owned(one, me) for one in value.values())
    if isinstance(value, list):
        return any(owned(one, me) for one in value)
    text = str(value)
    if not text.isdecimal():
        return text.startswith(f"DEMO{me}")
    return int(text) == me or int(text) // 1000 == me or int(text) > 10_000_000


def test_nothing_is_done_or_shown_with_the_ids_of_others(
    asking: Asking, document: Document, record_property: Callable[[str, object], None]
) -> None:
    stranger = Api(asking.simulator, "empty")
    shown: list[str] = []
    tried = 0
    for path, (verb, _) in document.operations.items():
        asked = asking.arguments(path)
        if asked.token or not owned(asked.params, asking.me):
            continue
        tried += 1
        reply = over_rest(asking, verb, path, Asked(asked.params, stranger.token))
        if document.problems(path, reply) or kind_of(reply) == "real":
            shown.append(f"{path} {asked.params}: {reply}")
        if path.startswith("/auth/"):
            stranger = Api(asking.simulator, "empty")
    record_property("conformance", f"simulator: {tried} operations with another's ids show and change nothing")
    assert shown == []
    assert tried > 150
