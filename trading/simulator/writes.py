"""Entities that clients create and change as a whole: `create` and `update` (openapi.json, per entity)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, TypeVar

import msgspec

from .calls import Call, Handler, Rejected, convert
from .clock import read_stamp, stamp
from .entities import Account, Entity, TradeDate

E = TypeVar("E", bound=Entity)
Owner = Callable[[Call, Any], tuple[int, int | None]]
"""Whom an entity would belong to: user and account. Raises Rejected when that is not who asks."""

DENIED = Rejected(401, "Access is denied")


def missing(what: str) -> Rejected:
    """The answer for an id of nothing, or of somebody else's."""
    return Rejected(404, f"Not found: {what}")


def own_account(call: Call, account_id: int) -> Account:
    """The asking user's account. Raises Rejected (401) for another's."""
    account = call.simulation.store.own(Account, account_id, call.user_id)
    if account is None:
        raise DENIED
    return account


def of_the_user(call: Call, entity: Any) -> tuple[int, int | None]:
    """The owner of an entity that names its user, and perhaps an account that pays."""
    if entity.user_id != call.user_id:
        raise DENIED
    account_id = getattr(entity, "account_id", None)
    if account_id is not None:
        own_account(call, account_id)
    return call.user_id, None


def save(call: Call, entity: E, owner: tuple[int, int | None]) -> E:
    """Keep an entity, report it, and hand it back as the reply."""
    call.simulation.store.put(entity, user_id=owner[0], account_id=owner[1])
    return entity


def creating(struct: type[E], owner: Owner) -> Handler:
    """`create`: the entity as it was sent, with a new id."""

    def create(call: Call) -> E:
        entity = read_entity(call.params | {"id": call.simulation.store.next_id()}, struct)
        return save(call, entity, owner(call, entity))

    return create


def updating(struct: type[E], name: str, owner: Owner) -> Handler:
    """`update`: what is sent replaces what was there, what is left out stays."""

    def update(call: Call) -> E:
        before = call.simulation.store.own(struct, call.number("id"), call.user_id)
        if before is None:
            raise missing(name)
        entity = changed(before, call.params)
        return save(call, entity, owner(call, entity))

    return update


def changed(before: E, params: dict[str, Any], *, but: Iterable[str] = ()) -> E:
    """The entity with what `params` bring, in the wire's names, except for the fields `but`. Raises Rejected (400)."""
    known: dict[str, Any] = msgspec.to_builtins(before)
    brought = {key: value for key, value in params.items() if key not in but}
    return read_entity(known | brought | {"id": before.id}, type(before))


def read_entity(params: dict[str, Any], struct: type[E]) -> E:
    """An entity out of parameters in the wire's names; its moments are written as Tradovate writes them. Raises
    Rejected (400) that names what does not fit."""
    entity = convert(params, struct)
    for field in msgspec.structs.fields(struct):
        value = getattr(entity, field.name)
        if isinstance(value, str) and field.name.endswith("timestamp"):
            setattr(entity, field.name, moment(value, field.encode_name))
        elif isinstance(value, TradeDate):
            _check_day(value, field.encode_name)
    return entity


def moment(text: str, name: str) -> str:
    """A date-time as Tradovate writes it. Raises Rejected (400) with the parameter's name."""
    try:
        return stamp(read_stamp(text))
    except (ValueError, OverflowError):
        raise Rejected(400, f"Invalid parameter: {name}") from None


def _check_day(day: TradeDate, name: str) -> None:
    try:
        date(day.year, day.month, day.day)
    except (ValueError, OverflowError):
        raise Rejected(400, f"Invalid parameter: {name}") from None
