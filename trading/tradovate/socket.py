"""The user socket: everything that happens to one user's accounts, as a snapshot and the changes after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from . import answers
from .attempts import Patience
from .entities import SyncRequest, SyncSnapshot
from .entities.codec import encode
from .errors import BadReply, OutcomeUnknown, PenaltyImposed, Shutdown, SocketClosed, TradovateError
from .frames import Event, Response, SnapshotPart
from .penalties import with_ticket
from .reconnect import Access, AccessSource, Reconnecting
from .session import SocketSession

E = TypeVar("E")

# After a failed sync request Tradovate wants three seconds of peace (official Access text, Request Rate Limits).
SYNC_BACK_OFF = 3.0
# Who must split and does not is cut without a word (protocol notes, user/syncrequest): of so many attempts in a row
# that end so the last one asks to split.
SPLIT_EACH = 3
# Sockets are cut for other reasons, too: who got a snapshot only when split, so many times in a row, must split.
SPLIT_PROVEN = 2


class SyncingSession(SocketSession[E]):
    """A session that can mirror a user."""

    async def sync(
        self,
        user: int | SyncRequest,
        *,
        split: bool = False,
        quiet: float = 1.0,
        ticket: str | None = None,
        timeout: float = 30.0,  # noqa: ASYNC109 - a timeout here means OutcomeUnknown, not TimeoutError
    ) -> SyncSnapshot:
        """user/syncrequest: return everything the user may see, and have changes sent from now on.

        `user` is a user id, or a whole request for other users, some accounts, entity types or a shard (official guide,
        user/syncRequest); such a request says itself whether to `split`.

        Events that arrive meanwhile are kept in order and come after; some may tell what the snapshot holds already.
        With `split` (organisation vendors must) Tradovate answers in parts without an end marker: parts are merged
        until none has come for `quiet` seconds, later ones become SnapshotPart events. `ticket` repeats a request
        that a penalty delayed. Tradovate allows 300 per hour and network: pace them.

        Raises PenaltyImposed, NotAuthorized, ApiError, BadReply; OutcomeUnknown after `timeout` seconds;
        SocketClosed, Shutdown or Evicted when the socket ends first.
        """
        request = user if isinstance(user, SyncRequest) else SyncRequest(users=[user], split_responses=split)
        split = bool(request.split_responses)
        content = with_ticket(encode(request), ticket) if ticket else encode(request)
        body = content.decode()
        parts = _Parts(self._tell)
        async with self._counted("user/syncrequest", body, with_ticket=bool(ticket)):
            try:
                async with asyncio.timeout(timeout):
                    response = await self._call("user/syncrequest", body=body, more=parts.add if split else None)
            except TimeoutError as error:
                raise OutcomeUnknown(f"Tradovate sent no snapshot within {timeout:g} seconds.") from error
            snapshot = _snapshot(response)
        return await parts.merged_into(snapshot, quiet) if split else snapshot


class UserSocket(SyncingSession[Event]):
    """A session that mirrors a user. Iterating gives every event but shutdown, which ends it (see SocketSession)."""

    def _wanted(self, event: Event) -> Iterable[Event]:
        return (event,)


class ReconnectingUserSocket(Reconnecting[UserSocket, SyncSnapshot, Event]):
    """A user's mirror that lasts (see Reconnecting). Each socket begins with a SyncSnapshot; events follow it.

    The access must name the user, unless there is a `request`. That, `split` and `quiet` are those of UserSocket.sync;
    after sockets that were cut while they waited for their snapshot it is asked for as with `split`, too, unless there
    is a `request`, which says itself whether to; the ticket of a penalty is presented with the next sync request. Many
    of them must share a `turn`, because of the 300 sync requests an hour.
    """

    _begin_back_off = SYNC_BACK_OFF

    def __init__(
        self,
        access: AccessSource,
        *,
        request: SyncRequest | None = None,
        split: bool = False,
        quiet: float = 1.0,
        patience: Patience | None = None,
        turn: Callable[[], Awaitable[None]] | None = None,
        opened: Callable[[], None] | None = None,
        **timings: float,
    ) -> None:
        super().__init__(access, patience=patience, turn=turn, opened=opened, **timings)
        self._request = request
        self._split = split
        self._quiet = quiet
        self._cuts = 0
        self._proofs = 0

    async def _connect(self, access: Access) -> UserSocket:
        return await UserSocket.connect(access.url, access.token, budgets=access.budgets, **self._timings)

    async def _begin(self, socket: UserSocket, access: Access) -> SyncSnapshot:
        error = self._attempts.last_error
        ticket = error.ticket if isinstance(error, PenaltyImposed) else None
        user = self._request or access.user_id
        if not user:
            raise ValueError("The access must name the user whose socket it is for.")
        must_split = self._split or self._proofs >= SPLIT_PROVEN
        split = must_split or self._cuts % SPLIT_EACH == SPLIT_EACH - 1
        try:
            snapshot = await socket.sync(user, split=split, quiet=self._quiet, ticket=ticket)
        except Shutdown:
            raise
        except SocketClosed:
            self._cuts += 1
            raise
        if not split:
            self._cuts = self._proofs = 0
        elif not must_split:
            # The next one asks unsplit again; if it is cut, the one after it is split.
            self._proofs += 1
            self._cuts = SPLIT_EACH - 2
        return snapshot


class _Parts:
    """The further parts of a split sync reply: merged while they keep coming, told as events afterwards."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._waiting: asyncio.Queue[Response] | None = asyncio.Queue()

    def add(self, response: Response) -> None:
        """Take a part. Raises BadReply for a late one that is no snapshot, since its content would be lost."""
        if self._waiting is not None:
            self._waiting.put_nowait(response)
            return
        try:
            part = _snapshot(response)
        except TradovateError as error:
            raise BadReply(str(error)) from error
        self._tell(SnapshotPart(part))

    async def merged_into(self, snapshot: SyncSnapshot, quiet: float) -> SyncSnapshot:
        """Return the snapshot with all parts that come before `quiet` seconds pass without one."""
        queue = self._waiting or asyncio.Queue()
        while True:
            try:
                async with asyncio.timeout(quiet):
                    part = await queue.get()
            except TimeoutError:
                if queue.empty():
                    self._waiting = None
                    return snapshot
            else:
                snapshot = snapshot.merged(_snapshot(part))


def _snapshot(response: Response) -> SyncSnapshot:
    return answers.read(response.status, response.body, SyncSnapshot)
