"""Which connections may have a socket to Tradovate, and which need one though nobody looks: the database's part."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from asgiref.sync import sync_to_async
from django.db import connections as database_connections
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import renewal
from accounts.models import Connection
from trading.models import OrderFile, OrderIntent, Replay, TradingLimit, Upstream
from trading.orders.trading_days import day_began
from trading.sync import visits
from trading.sync.access import NEVER

# An order of ours is followed to its end, unless that was missed: a holiday's may be two days later.
FOLLOWED_FOR = timedelta(days=1)
_ON_ITS_WAY = ["submitting", "accepted", "working", "unknown"]


class Wish(NamedTuple):
    """What the trader wants of a replay (trading.models.Replay), and the connection whose sign-in it goes by."""

    holder_id: int
    starts_at: datetime
    speed: int
    speed_asked_at: datetime
    initial_balance: Decimal


class SignIn(NamedTuple):
    """Where somebody is signed in, and since when; with a replay's `wish`."""

    environment: str
    at: datetime
    wish: Wish | None = None


@dataclass(frozen=True)
class Roll:
    """Signed-in connections with their replays, and those of which an order file runs, an order is at work, a limit on
    position or loss is to be kept, or the day is to be seen to its end. A replay goes on only while it is looked at."""

    authorised: dict[int, SignIn] = field(default_factory=dict)
    at_work: frozenset[int] = frozenset()


async def read() -> Roll:
    """The roll as it is now. Raises django.db.Error."""
    return await sync_to_async(_read, thread_sensitive=False)()


def followed() -> QuerySet[OrderIntent]:
    """What Tradovate has, or may have, of which more may be heard. Where nobody is signed in that ends within a day, or
    with the trade date."""
    now = timezone.now()
    recent = Q(changed_at__gte=min(now - FOLLOWED_FOR, day_began(now)))
    lasting = Q(state="working", time_in_force__in=["GTC", "GTD"], connection__in=Connection.objects.authorised())
    return OrderIntent.objects.filter(recent | lasting, state__in=_ON_ITS_WAY)


def _to_visit(authorised: set[int], now: datetime) -> set[int]:
    """Whose day has not been read yet since the visits began, however often a socket was tried. A session that another
    login took is not taken back for that."""
    begun = visits.begin(now)
    if begun is None:
        return set()
    seen = Upstream.objects.filter(Q(synced_at__gte=begun) | Q(state=Upstream.State.EVICTED))
    unseen = authorised - set(seen.values_list("connection_id", flat=True))
    return {one for one in unseen if visits.is_due(one, begun, now)}


def _replays(authorised: dict[int, SignIn]) -> dict[int, SignIn]:
    """The replays of those that are signed in."""
    running = Replay.objects.filter(connection__source__in=authorised).select_related("connection")
    return {
        one.connection_id: SignIn(
            one.connection.environment,
            authorised[holder_id].at,
            Wish(holder_id, one.starts_at, one.speed, one.speed_asked_at, one.initial_balance),
        )
        for one in running
        if (holder_id := one.connection.source_id) in authorised
    }


def _read() -> Roll:
    try:
        signed_in = Connection.objects.authorised().values_list("pk", "environment", "signed_in_at")
        authorised = {pk: SignIn(environment, at or NEVER) for pk, environment, at in signed_in}
        running = OrderFile.objects.filter(state__in=[OrderFile.State.QUEUED, OrderFile.State.EXECUTING])
        # Where tokens have lapsed no socket can be opened until their traders sign in again. One that is open outlasts
        # them (protocol notes, WebSocket frames), and goes on telling what becomes of orders.
        lapsed = renewal.lapsed()
        own = Connection.objects.filter(source=None).exclude(pk__in=lapsed)
        guarded = TradingLimit.objects.filter(Q(max_position__isnull=False) | Q(daily_loss__isnull=False))
        at_work = {
            *running.values_list("account__connection_id", flat=True),
            *followed().values_list("connection_id", flat=True),
            # A signal must meet the limit of somebody who is not looking.
            *own.filter(user__trading_limits__in=guarded).values_list("pk", flat=True),
            *_to_visit(authorised.keys() - lapsed, timezone.now()),
        }
        return Roll(authorised | _replays(authorised), frozenset(at_work))
    finally:
        database_connections.close_all()
