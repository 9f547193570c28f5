"""The seven reads that all entity types share, and how the few that are written whole are made and changed.

Sources: the guide's Shared Operations; openapi.json, paths ENTITY/create and ENTITY/update.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Generic, TypeAlias, TypeVar, overload

import msgspec

from .entities import Entity
from .entities.codec import Undecodable, decode_plain
from .entities.keeping import Kept, decode_keeping
from .entities.written import check_written
from .errors import BadReply
from .transport import Transport

E = TypeVar("E", bound=Entity)
R = TypeVar("R")

# The builtin, by another name: inside a group, `list` is Tradovate's operation.
Many: TypeAlias = list[R]

# Keeps a request line well under what servers accept.
_IDS_PER_REQUEST = 200


class SharedReads(Generic[R]):
    """The shared reads of one entity type. Tradovate serves not all seven for all types: NotFound says so."""

    def __init__(self, transport: Transport, name: str) -> None:
        self._transport = transport
        self._name = name

    async def list(self) -> Many[R]:
        """Return all entities of this type that the user may see; of orders and fills, this trading day's."""
        return await self._many("list")

    async def find(self, name: str) -> R:
        """Return the entity with this name (a contract's symbol). Raises NotFound."""
        return await self._one("find", {"name": name})

    async def item(self, entity_id: int, /) -> R:
        """Return the entity with this id. Raises NotFound."""
        return await self._one("item", {"id": entity_id})

    async def items(self, ids: Iterable[int]) -> Many[R]:
        """Return the entities with these ids, in any order; ids that Tradovate does not know are left out."""
        return await self._batched("items", "ids", ids)

    async def deps(self, master_id: int) -> Many[R]:
        """Return the entities that belong to a master: orders of an account, fills of an order."""
        return await self._many("deps", {"masterid": master_id})

    async def ldeps(self, master_ids: Iterable[int]) -> Many[R]:
        """As `deps`, for several masters in one request."""
        return await self._batched("ldeps", "masterids", master_ids)

    async def suggest(self, text: str, limit: int = 10) -> Many[R]:
        """Return at most `limit` entities with `text` in their name or description."""
        return await self._many("suggest", {"t": text, "l": limit})

    async def _batched(self, operation: str, parameter: str, ids: Iterable[int]) -> Many[R]:
        found: Many[R] = []
        for batch in _batches(ids):
            found += await self._many(operation, {parameter: batch})
        return found

    async def _one(self, operation: str, query: dict[str, object]) -> R:
        raise NotImplementedError

    async def _many(self, operation: str, query: dict[str, object] | None = None) -> Many[R]:
        raise NotImplementedError


class Reads(SharedReads[E]):
    """The shared reads as structs; fields that this library does not know are left out."""

    def __init__(self, transport: Transport, name: str, kind: type[E]) -> None:
        super().__init__(transport, name)
        self._kind = kind

    @property
    def keeping(self) -> KeepingReads[E]:
        """The same reads with all that Tradovate sent: `await t.order.keeping.item(7)` is a `Kept[Order]`."""
        return KeepingReads(self._transport, self._name, self._kind)

    async def _one(self, operation: str, query: dict[str, object]) -> E:
        return await self._transport.get(f"{self._name}/{operation}", self._kind, query)

    async def _many(self, operation: str, query: dict[str, object] | None = None) -> Many[E]:
        return await self._transport.get(f"{self._name}/{operation}", list_of(self._kind), query)


class KeepingReads(SharedReads[Kept[E]]):
    """The shared reads as `Kept`: `value` is the struct, and unknown fields stay beside it."""

    def __init__(self, transport: Transport, name: str, kind: type[E]) -> None:
        super().__init__(transport, name)
        self._kind = kind

    async def _one(self, operation: str, query: dict[str, object]) -> Kept[E]:
        return _kept(await self._transport.get(f"{self._name}/{operation}", msgspec.Raw, query), self._kind)

    async def _many(self, operation: str, query: dict[str, object] | None = None) -> Many[Kept[E]]:
        found = await self._transport.get(f"{self._name}/{operation}", list[msgspec.Raw], query)
        return [_kept(raw, self._kind) for raw in found]


class Writable(Reads[E]):
    """Entities that can be made and changed whole: limits, risk parameters, subscriptions.

    Both raise ValueError, with nothing sent, for what the document requires or bounds (see entities.written).
    """

    async def create(self, entity: E) -> E:
        """Make this entity and return it as Tradovate has it. Its id is 0, or that of what it belongs to."""
        check_written(entity)
        return await self._transport.post(f"{self._name}/create", self._kind, _without_gaps(_fields(entity)))

    @overload
    async def update(self, entity: E) -> E: ...

    @overload
    async def update(self, entity: Kept[E]) -> Kept[E]: ...

    async def update(self, entity: E | Kept[E]) -> E | Kept[E]:
        """Change the entity with this id to this and return it as Tradovate has it; None leaves a field out.

        One that was read by `keeping` goes with all the fields that it came with, and comes back so.
        """
        value = entity.value if isinstance(entity, Kept) else entity
        check_written(value)
        if not value.id:
            raise ValueError("id is missing: what is changed has one.")
        if isinstance(entity, Kept):
            sent = _without_gaps(decode_plain(entity.encode()), known=_fields(value).keys())
            return _kept(await self._transport.post(f"{self._name}/update", msgspec.Raw, sent), self._kind)
        return await self._transport.post(f"{self._name}/update", self._kind, _without_gaps(_fields(value)))


def list_of(kind: type[E]) -> type[list[E]]:
    """Return the type `list[kind]`, for the decoder."""
    return list[kind]  # type: ignore[valid-type]  # mypy has no notation for a type argument known at run time


def _kept(raw: msgspec.Raw, kind: type[E]) -> Kept[E]:
    try:
        return decode_keeping(bytes(raw), kind)
    except Undecodable as error:
        raise BadReply(f"Tradovate's answer cannot be read: {error}.") from None


def _fields(entity: Entity) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(entity, builtin_types=(Decimal,))
    return fields


def _without_gaps(fields: dict[str, Any], *, known: Iterable[str] | None = None) -> dict[str, Any]:
    """Return what an entity says, without what it does not: an id of 0, and fields that are None.

    With `known`, a null of another field than these is Tradovate's own and goes back.
    """
    ours = fields.keys() if known is None else set(known)
    return {
        name: value
        for name, value in fields.items()
        if (value is not None or name not in ours) and (name, value) != ("id", 0)
    }


def _batches(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = list(dict.fromkeys(ids))
    for start in range(0, len(rest), _IDS_PER_REQUEST):
        yield rest[start : start + _IDS_PER_REQUEST]
