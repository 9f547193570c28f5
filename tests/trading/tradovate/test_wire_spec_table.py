"""Our table of Tradovate's document says what the document says: every schema, enumeration and operation."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.trading import documents

from .spec_operations import OPERATIONS, READS
from .spec_table import ENUMS, SCHEMAS

SHARED = {"list", "find", "item", "items", "deps", "ldeps", "suggest"}
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return documents.openapi()


def lines(table: str) -> list[list[str]]:
    return [line.split() for line in re.sub(r"\n +", " ", table.strip()).splitlines()]


def kind(schema: dict[str, Any]) -> str:
    """A type as the table writes it, with its bounds."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    low, high = schema.get("minimum"), schema.get("maximum")
    match schema["type"]:
        case "array":
            return f"[{re.split(r'[(>]', kind(schema['items']))[0]}]"
        case "string":
            low, high = schema.get("minLength"), schema.get("maxLength")
            name = "enum" if "enum" in schema else "time" if schema.get("format") == "date-time" else "str"
        case other:
            name = {"integer": "int", "number": "decimal", "boolean": "bool", "object": "object"}[other]
    if schema.get("exclusiveMinimum"):
        return f"{name}>{low}"
    return name if low is high is None else f"{name}({'' if low is None else low}..{'' if high is None else high})"


def fields(schema: dict[str, Any]) -> set[str]:
    required = set(schema.get("required", ()))
    found = schema.get("properties", {})
    return {f"{name}{'' if name in required else '?'}:{kind(one)}" for name, one in found.items()}


def test_the_schemas_are_the_documents(document: dict[str, Any], record_property: Record) -> None:
    schemas = {name: fields(schema) for name, schema in document["components"]["schemas"].items()}
    table = {name: set(rest) for name, *rest in lines(SCHEMAS)}
    assert table == schemas
    record_property("conformance", f"table: {len(table)} of {len(schemas)} schemas are the document's")


def test_the_enumerations_are_the_documents(document: dict[str, Any], record_property: Record) -> None:
    words = {
        f"{name}.{field}": frozenset(one["enum"])
        for name, schema in document["components"]["schemas"].items()
        for field, one in schema.get("properties", {}).items()
        if "enum" in one
    }
    table = {name: frozenset(rest) for name, *rest in lines(ENUMS)}
    assert table.items() <= words.items()
    missing = {name for name, found in words.items() if found not in table.values()}
    assert missing == set(), "no line has these words"
    record_property("conformance", f"table: {len(words)} of {len(words)} enumerations are the document's")


def test_the_operations_are_the_documents(document: dict[str, Any], record_property: Record) -> None:
    reads = {f"/{name}/{operation}" for name, *operations in lines(READS) for operation in operations}
    others = {path: (verb, request, reply) for verb, path, request, reply in lines(OPERATIONS)}
    found: dict[str, tuple[str, str, str]] = {}
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            reply = operation["responses"]["200"]["content"]["application/json"]["schema"]
            found[path] = verb.upper(), kind(body) if body else "-", kind(reply)
    assert reads == {path for path in found if path.rpartition("/")[2] in SHARED}
    assert others == {path: one for path, one in found.items() if path not in reads}
    record_property("conformance", f"table: {len(reads | others.keys())} of {len(found)} operations are the document's")
