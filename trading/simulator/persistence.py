"""The state file: one JSON document with everything that a second start needs, replaced as a whole."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from . import entities as e
from .changes import OnHold
from .entities import encode
from .exchange import Ticket
from .ledger import Ledger
from .people import Person
from .protection import Running
from .sessions import Session, Token
from .simulation import Simulation
from .store import TYPES, Row

VERSION = 1


class Owned(msgspec.Struct):
    """An entity with its owner."""

    entity: msgspec.Raw
    user_id: int
    account_id: int | None


class WalkState(msgspec.Struct):
    """Where a product's price stands."""

    bid: int
    last: int
    anchor: int
    step: int


class State(msgspec.Struct):
    """The whole document."""

    version: int
    day: str
    last_id: int
    entities: dict[str, list[Owned]]
    ledgers: list[Ledger]
    working: list[Ticket]
    walks: dict[str, WalkState]
    sessions: list[Session]
    tokens: list[Token]
    last_session: int
    held: list[Ticket] = []
    on_hold: list[OnHold] = []
    strategies: list[Running] = []
    ended_sessions: list[Session] = []
    people: list[Person] = []
    flattened: dict[int, str] = {}
    limits_reached: dict[int, list[str]] = {}
    alerts_met: list[int] = []


class StateFile:
    """Saves a simulation to a file and loads it from there."""

    def __init__(self, path: Path, simulation: Simulation) -> None:
        self._path = path
        self._simulation = simulation
        self._saved: tuple[int, int] | None = None

    def load(self) -> bool:
        """Put the saved state into a fresh simulation. False when there is no file.

        Raises ValueError that names the file when it is no state of this version, OSError when it is unreadable.
        """
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return False
        try:
            state = msgspec.json.decode(text, type=State)
        except msgspec.MsgspecError as error:
            raise ValueError(
                f"{self._path} is not a simulator state ({error}). Move it away to start afresh."
            ) from None
        if state.version != VERSION:
            raise ValueError(
                f"{self._path} is of version {state.version}, not {VERSION}. Move it away to start afresh."
            )
        self._apply(state)
        self._saved = self._mark()
        return True

    def save(self, *, always: bool = False) -> bool:
        """Write the state when it has changed since the last time, or `always`; return whether it was written.

        Prices alone are no change: they are saved with the next one and at the end.

        The file is complete at any moment: it is written beside its place and then moved there.
        """
        mark = self._mark()
        if mark == self._saved and not always:
            return False
        beside = self._path.with_name(self._path.name + ".new")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # tokens are in it: for the owner's eyes only
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(encode(self._state()))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        self._saved = mark
        return True

    def _mark(self) -> tuple[int, int]:
        return self._simulation.store.changes, self._simulation.sessions.changes

    def _state(self) -> State:
        simulation = self._simulation
        entities = {
            name: [Owned(e.raw(row.entity), row.user_id, row.account_id) for row in rows.values()]
            for name, rows in simulation.store.rows.items()
        }
        return State(
            version=VERSION,
            day=simulation.day.isoformat(),
            last_id=simulation.store.last_id,
            entities=entities,
            ledgers=list(simulation.booking.ledgers.values()),
            working=list(simulation.exchange.working()),
            walks={
                name: WalkState(walk.bid, walk.last, walk.anchor, walk.step)
                for name, walk in simulation.feed.walks.items()
            },
            sessions=list(simulation.sessions.sessions.values()),
            tokens=list(simulation.sessions.tokens.values()),
            last_session=simulation.sessions.last_id,
            held=list(simulation.exchange.held.values()),
            on_hold=simulation.broker.changes.on_hold,
            flattened=simulation.broker.auto_liq.flattened,
            limits_reached=simulation.broker.auto_liq.alerts.reached,
            alerts_met=sorted(simulation.alerts.met),
            strategies=list(simulation.broker.strategies.running.values()),
            ended_sessions=simulation.sessions.ended,
            people=list(simulation.people.changed.values()),
        )

    def _apply(self, state: State) -> None:
        simulation = self._simulation
        store, sessions = simulation.store, simulation.sessions
        store.last_id = state.last_id
        for name, owned in state.entities.items():
            struct = TYPES[name]
            for row in owned:
                entity = msgspec.json.decode(row.entity, type=struct)
                store.rows[name][entity.id] = Row(entity, row.user_id, row.account_id)
        simulation.booking.ledgers = {ledger.account_id: ledger for ledger in state.ledgers}
        for listing_id in {c.contract_id for c in store.all(e.Position)} | {
            t.contract_id for t in [*state.working, *state.held]
        }:
            simulation.catalog.relist(listing_id, simulation.clock.now())
        simulation.booking.restore()
        for ticket in state.working:
            simulation.exchange.restore(ticket)
        for ticket in state.held:
            simulation.exchange.hold(ticket)
        simulation.broker.changes.on_hold = state.on_hold
        simulation.broker.auto_liq.flattened = state.flattened
        simulation.broker.auto_liq.alerts.reached = state.limits_reached
        simulation.alerts.met = set(state.alerts_met)
        simulation.broker.strategies.running = {one.strategy_id: one for one in state.strategies}
        for name, saved in state.walks.items():
            if walk := simulation.feed.walks.get(name):
                walk.bid, walk.last, walk.anchor, walk.step = saved.bid, saved.last, saved.anchor, saved.step
        simulation.people.restore(state.people)
        sessions.last_id = state.last_session
        sessions.ended = state.ended_sessions
        sessions.sessions = {session.id: session for session in state.sessions}
        now = datetime.now(UTC) if not simulation.clock.manual else simulation.clock.now()
        sessions.tokens = {token.value: token for token in state.tokens if token.expires > now}
        simulation.day = datetime.fromisoformat(state.day).date()
