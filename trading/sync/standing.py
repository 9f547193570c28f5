"""How the socket of one connection stands: for the row of the pages and for the journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from accounts.models import Environment
from trading.models import Upstream
from trading.sync.records import UpstreamRecord
from trading.sync.rows import Row, upstream_row

KEY = "upstream"
# Two readings of when something was heard that are nearer to each other than this are the same message.
SAME_MESSAGE = timedelta(milliseconds=50)


class Standing:
    """The state, since when and why; words about what cannot be read of what Tradovate tells (`unread`), and about
    marks that are missing or late; when Tradovate was heard last, and how far away it is (`round_trip`, seconds)."""

    def __init__(self, environment: str) -> None:
        self.environment = environment
        self.state = Upstream.State.CONNECTING
        self.detail = self.unread = self.marks = ""
        self._since = datetime.now(UTC)
        self._synced_at: datetime | None = None
        self.round_trip: float | None = None
        self._heard_at: datetime | None = None

    def follow(self, since: datetime) -> None:
        """It stood otherwise until `since`, by a clock that may be ahead of this one's: what comes began no earlier."""
        self._since = max(self._since, since)

    def turn(self, state: Upstream.State, detail: str = "") -> UpstreamRecord:
        """It stands like this from now on; returns what the journal keeps of it."""
        if (state, detail) != (self.state, self.detail):
            self.follow(datetime.now(UTC))
        self.state, self.detail = state, detail
        return self._record()

    def synced(self) -> UpstreamRecord:
        """All that Tradovate serves of the day has been read; returns what the journal keeps of that."""
        self._synced_at = datetime.now(UTC)
        return self._record()

    def _record(self) -> UpstreamRecord:
        return UpstreamRecord(self.state.value, self.detail, self._since, self._synced_at)

    def hear(self, seconds_ago: float) -> bool:
        """The last message came so many seconds ago; False when that is known."""
        at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        if self._heard_at and abs(at - self._heard_at) < SAME_MESSAGE:
            return False
        self._heard_at = at
        return True

    def row(self) -> dict[str, Row]:
        """The row that pages show, by its key."""
        label = str(Environment(self.environment).label)
        detail = " ".join(filter(None, (self.detail, self.unread)))
        row = upstream_row(label, self.state.value, detail, self.marks, self._heard_at, self.round_trip)
        return {KEY: row}


def was_taken(rows: dict[str, Row]) -> bool:
    """Whether these rows of a stream say that another login took the session."""
    return rows.get(KEY, {}).get("state") == Upstream.State.EVICTED
