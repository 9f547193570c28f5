"""Live quotes shared by the users of a process: each contract is subscribed on one user's socket and told to all.

Market data is licensed to each user: one is told another one's quotes only when Tradovate has granted the very same
subscription (contract and mode, real-time or delayed) to oneself lately. When the socket that feeds the others ends,
one of them is asked to feed; until then their marks are not live.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from trading.tradovate.entities import Quote

# Seconds for which a granted subscription says that its user may have these quotes, and which an heir has to feed.
GRANT_LASTS = 12 * 3600.0
HEIR_PATIENCE = 5.0

Key = tuple[str, int, str]  # environment, contract id, mode


@dataclass(eq=False)
class Seat:
    """One user's place at the pool.

    `tell` gets quotes that others feed and their mode, `lost` the contract whose quotes have stopped; `look` says that
    `own` may answer differently now.
    """

    pool: QuotePool
    environment: str
    connection_id: int
    tell: Callable[[list[Quote], str], None]
    lost: Callable[[set[int]], None]
    look: Callable[[], None]

    def own(self, wanted: set[int]) -> set[int]:
        """Those of the wanted contracts that this user has to subscribe; the others' quotes are told."""
        return self.pool.own(self, wanted)

    def granted(self, contract_id: int, mode: str) -> bool:
        """Tradovate has granted a subscription; False when it is not needed, because somebody feeds the contract."""
        return self.pool.grant(self, contract_id, mode)

    def pass_on(self, quotes: Iterable[Quote]) -> None:
        """Quotes have come on this user's socket."""
        for quote in quotes:
            self.pool.publish(self, quote)

    def stop(self, contract_ids: Iterable[int]) -> None:
        """These contracts come on this user's socket no longer."""
        for contract_id in contract_ids:
            self.pool.stop(self, contract_id)

    def leave(self) -> None:
        """This user wants nothing any more."""
        self.pool.leave(self)


@dataclass
class Feed:
    """Who feeds a contract in a mode, who listens, and what was told last."""

    mode: str
    feeder: Seat | None = None
    listeners: set[Seat] = field(default_factory=set)
    heir: Seat | None = None
    heir_until: float = 0.0
    last: Quote | None = None


class QuotePool:
    """The feeds of a process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._feeds: dict[Key, Feed] = {}
        # Who may have which contract in which mode, and since when that is known.
        self._grants: dict[tuple[str, int, int], tuple[str, float]] = {}

    def own(self, seat: Seat, wanted: set[int]) -> set[int]:
        """See Seat.own."""
        own = set()
        served: set[Key] = set()
        for contract_id in wanted:
            key = self._key(seat, contract_id)
            if key is not None and self._serves(self._feeds.get(key), seat):
                served.add(key)
                self._listen(self._feeds[key], seat)
            else:
                own.add(contract_id)
        for key, feed in self._feeds.items():
            if key not in served and seat in feed.listeners:
                feed.listeners.discard(seat)
                # What was told last is no price of now any more, however long it stays the last one.
                seat.lost({key[1]})
        return own

    def grant(self, seat: Seat, contract_id: int, mode: str) -> bool:
        """See Seat.granted."""
        self._grants[seat.environment, seat.connection_id, contract_id] = mode, self._clock()
        feed = self._feeds.setdefault((seat.environment, contract_id, mode), Feed(mode))
        if feed.feeder is not None and feed.feeder is not seat:
            self._listen(feed, seat)
            return False
        feed.feeder, feed.heir = seat, None
        feed.listeners.discard(seat)
        return True

    def publish(self, seat: Seat, quote: Quote) -> None:
        """See Seat.pass_on."""
        # Whose subscription goes on is granted it, however long ago that was said.
        mode, _ = self._grants.get((seat.environment, seat.connection_id, quote.contract_id), ("", 0.0))
        key = (seat.environment, quote.contract_id, mode)
        feed = self._feeds.get(key)
        if feed is None or feed.feeder is not seat:
            return
        feed.last = quote
        for listener in list(feed.listeners):
            if self._key(listener, quote.contract_id) == key:
                listener.tell([quote], mode)
            else:
                # It has to be granted its own again.
                listener.look()

    def stop(self, seat: Seat, contract_id: int) -> None:
        """See Seat.stop."""
        for key in [key for key, feed in self._feeds.items() if key[1] == contract_id and feed.feeder is seat]:
            feed = self._feeds[key]
            feed.feeder = feed.last = None
            for listener in list(feed.listeners):
                listener.lost({contract_id})
            self._appoint(key)

    def leave(self, seat: Seat) -> None:
        """See Seat.leave."""
        for key, feed in list(self._feeds.items()):
            if seat in feed.listeners:
                feed.listeners.discard(seat)
                seat.lost({key[1]})
            if feed.feeder is seat:
                self.stop(seat, key[1])
            elif feed.heir is seat:
                self._appoint(key)

    def _appoint(self, key: Key) -> None:
        """Ask one of the listeners to feed the others; nobody left, there is no feed."""
        feed = self._feeds[key]
        candidates = feed.listeners - {feed.heir}
        if not candidates:
            # Whoever is left, the last heir, finds no feed and subscribes.
            self._feeds.pop(key)
            for listener in feed.listeners:
                listener.look()
            return
        feed.heir = next(iter(candidates))
        feed.heir_until = self._clock() + HEIR_PATIENCE
        feed.heir.look()
        asyncio.get_running_loop().call_later(HEIR_PATIENCE, self._look_after, key)

    def _look_after(self, key: Key) -> None:
        feed = self._feeds.get(key)
        if feed is not None and feed.feeder is None and self._clock() >= feed.heir_until:
            self._appoint(key)

    def _serves(self, feed: Feed | None, seat: Seat) -> bool:
        if feed is None:
            return False
        if feed.feeder is not None:
            return feed.feeder is not seat
        return feed.heir is not None and feed.heir is not seat

    def _listen(self, feed: Feed, seat: Seat) -> None:
        if seat not in feed.listeners:
            feed.listeners.add(seat)
            if feed.last is not None:
                seat.tell([feed.last], feed.mode)

    def _key(self, seat: Seat, contract_id: int) -> Key | None:
        """The feed that this user may have of a contract."""
        mode, since = self._grants.get((seat.environment, seat.connection_id, contract_id), ("", 0.0))
        known = (seat.environment, seat.connection_id, contract_id) in self._grants
        return (seat.environment, contract_id, mode) if known and self._clock() - since < GRANT_LASTS else None
