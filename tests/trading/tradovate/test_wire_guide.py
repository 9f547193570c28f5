"""Every table "Definition" of Tradovate's guide has its struct: its fields, their types and what may be missing."""

import re
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from tests.trading import documents
from trading.tradovate import UserSocket, entities
from trading.tradovate.entities.codec import decode, decode_entity
from trading.tradovate.frames import PropsEvent

from .conftest import TOKEN, Peer, PlaySocket
from .test_wire_spec import PROOFS, REFUSALS, RENAMED, _fits

# Slips of the guide: a struct's field as it writes it -> as openapi.json does, and the guide itself in the same table.
SLIPS = {("UserAccountAutoLiq", "marginPercentAutoLiq"): "marginPercentageAutoLiq"}
# Fields whose type the guide has otherwise than openapi.json: what that has.
OTHER_TYPES = {
    ("UserAccountAutoLiq", "doNotUnlock"): "boolean",
    ("EntitlementSubscriptionResponse", "entitlementSubscription"): "[UserPlugin]",
}

SECTION = re.compile(r"^## (\w+)\n(.*?)(?=^##? |\Z)", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| *`([\w-]+)` *\|([^|\n]*)\|([^|\n]*)", re.MULTILINE)


def _kinds(told: str) -> tuple[str, ...]:
    """The types of spec_table that a type of the guide may stand for."""
    told = told.strip()
    # Words alone: an enumeration.
    told = "enum" if told.startswith('`"') else told
    if link := re.match(r"\[(\w+)\]", told):
        return (link[1],)
    if told.startswith("Array"):
        return ("[int]",)
    if "date" in told.lower():
        return ("time",)
    if told.startswith("number"):
        return ("int",) if "int" in told else ("decimal",) if "double" in told else ("int", "decimal")
    return ("bool",) if told.startswith("boolean") else ("enum",)


def test_every_definition_of_the_guide_has_its_struct(record_property: Callable[[str, object], None]) -> None:
    tables = {
        name: ROW.findall(body.partition("### Definition")[2])
        for name, body in SECTION.findall(documents.guide())
        if "### Definition" in body
    }
    assert len(tables) >= 49
    wrong: list[str] = []
    for name, rows in tables.items():
        assert len(rows) >= 2, f"the table of {name} was not read"
        kind = getattr(entities, RENAMED.get(name, name), None)
        if kind is None:
            wrong.append(f"{name} has no struct")
            continue
        ours = {info.encode_name: info for info in msgspec.structs.fields(kind)}
        told = {SLIPS.get((name, field), field): (tags, text) for field, tags, text in rows if field not in REFUSALS}
        for field, (_, text) in told.items():
            if field not in ours:
                wrong.append(f"{name}.{field} is not read")
            elif not any(_fits(ours[field].type, one) for one in _kinds(OTHER_TYPES.get((name, field), text))):
                wrong.append(f"{name}.{field} is {ours[field].type}, and {text.strip()} in the guide")
        sure = {field for field, (tags, _) in told.items() if "required" in tags} | {"id"} | PROOFS.get(name, set())
        wrong += [
            f"{name}.{field} may be missing" for field, info in ours.items() if info.required and field not in sure
        ]
    assert wrong == []
    written = {(name, field) for name, rows in tables.items() for field, _, _ in rows}
    assert SLIPS.keys() | OTHER_TYPES.keys() <= written
    record_property("conformance", f"client: {len(tables)} of {len(tables)} definitions of the guide have their struct")


async def test_an_entitlement_that_was_bought_is_told(play: PlaySocket) -> None:
    bought = {"id": 4, "userId": 7, "pluginName": "depth", "approval": True, "planPrice": 9.50}

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await peer.props("entitlementSubscription", bought, "Created")
        await peer.connection.wait_closed()

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        event = await anext(socket)
    assert isinstance(event, PropsEvent)
    assert event.entities == (
        entities.EntitlementSubscription(
            id=4, user_id=7, plugin_name="depth", approval=True, plan_price=Decimal("9.50")
        ),
    )


@pytest.mark.parametrize("name", ["commission", "commissionFee"])
def test_a_commission_is_read_by_either_name(name: str) -> None:
    raw = f'{{"id":9,"clearingFee":0.20,"{name}":0.78}}'.encode()
    fee = decode(raw, entities.FillFee)
    assert fee.commission == Decimal("0.78")
    assert decode_entity("fillFee", raw) == fee
