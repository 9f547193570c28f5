"""Synthetic events by /control/emit, for benchmarks and for tests of what is lost on the way."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from . import entities as e
from .calls import Rejected
from .simulation import Simulation
from .store import Event

# Of so many made-up events it is known when they were sent.
REMEMBERED = 100_000


class Emit(msgspec.Struct, forbid_unknown_fields=True):
    """`count` events of a type (cashBalance or fill) to a user, `per_second` (0: at once, `batch` in each frame); the
    first one in `begin_in` seconds, so that the answer to this has come before."""

    user: str
    count: Annotated[int, msgspec.Meta(gt=0, le=1_000_000)] = 1
    per_second: Annotated[float, msgspec.Meta(ge=0)] = 0
    entity_type: str = "cashBalance"
    batch: Annotated[int, msgspec.Meta(gt=0)] = 1
    begin_in: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0
    wait: bool = False


class Emitter:
    """Sends events that are in no ledger."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._emitting: set[asyncio.Task[None]] = set()
        self._sequence = 0
        self._fills: deque[tuple[int, str]] = deque(maxlen=REMEMBERED)

    async def emit(self, asked: Emit) -> dict[str, Any]:
        """Begin to send, and wait for the end when asked. Raises Rejected for a stranger or another type."""
        try:
            user_id = self._simulation.user_id(asked.user)
        except ValueError as error:
            raise Rejected(404, str(error)) from None
        accounts = self._simulation.store.accounts(user_id)
        if not accounts:
            raise Rejected(400, f"{asked.user} has no account.")
        if asked.entity_type not in ("cashBalance", "fill"):
            raise Rejected(400, "entity_type must be cashBalance or fill.")
        task = asyncio.create_task(self._emit_all(asked, user_id, accounts[0].id))
        self._emitting.add(task)
        task.add_done_callback(self._emitting.discard)
        if asked.wait:
            await task
        return {"ok": True, "count": asked.count}

    def emitted(self) -> dict[str, str]:
        """The made-up fills since this was asked last: id -> when it was sent (microseconds)."""
        found = {str(fill_id): sent for fill_id, sent in self._fills}
        self._fills.clear()
        return found

    async def _emit_all(self, asked: Emit, user_id: int, account_id: int) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time() + asked.begin_in
        await asyncio.sleep(asked.begin_in)
        for number in range(asked.count):
            if asked.per_second:
                await asyncio.sleep(max(0.0, begin + number / asked.per_second - loop.time()))
            elif number % asked.batch == 0:
                await asyncio.sleep(0)
            self._sequence += 1
            name, entity = self._synthetic(asked.entity_type, account_id)
            event_type = "Created" if name == "fill" else "Updated"
            self._simulation.on_event(Event(user_id, account_id, name, event_type, e.raw(entity)))

    def _synthetic(self, name: str, account_id: int) -> tuple[str, e.Entity]:
        """A valid entity that is not in the ledger: its timestamp (microseconds) is when it was sent, its amount
        (cashBalance, in cents) or id (fill) counts up by one, so that a reader sees what is lost."""
        sent = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        store = self._simulation.store
        if name == "cashBalance":
            balance = next(row for row in store.all(e.CashBalance) if row.account_id == account_id)
            amount = Decimal(self._sequence) / 100
            return name, msgspec.structs.replace(balance, timestamp=sent, amount=amount)
        listing = next(iter(self._simulation.catalog.listings.values()))
        fill = e.Fill(
            id=900_000_000 + self._sequence,
            order_id=900_000_000,
            contract_id=listing.contract_id,
            timestamp=sent,
            trade_date=e.TradeDate.of(self._simulation.day),
            action="Buy",
            qty=1,
            price=listing.spec.start,
            active=True,
            finally_paired=0,
        )
        self._fills.append((fill.id, sent))
        return name, fill
