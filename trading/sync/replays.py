"""A trader's Market Replay: begun, steered and ended from a page. The hub does the rest (replay_link).

Tradovate has one replay per user, whichever environment the user is signed in to, and so has Tradeport. Each one is a
connection of its own, made when it begins and deleted when it ends: what concerns an earlier one reaches no later one.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from asgiref.sync import async_to_sync
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import renewal
from accounts.budgets import budgets
from accounts.models import Connection, Environment, User
from trading.models import Replay
from trading.orders.session_hours import Hours, Session, Standing, session
from trading.sync import doorbell
from trading.tradovate import ReplaySocket
from trading.tradovate.entities import CheckReplaySessionResponse, ReplayCheckStatus
from trading.tradovate.errors import TradovateError

# When most of CME Group's futures trade, in Chicago; some have shorter hours.
USUAL_HOURS = Hours(open_time=dt.time(17), close_time=dt.time(16), sunday_open_time=dt.time(17))


class CannotReplay(Exception):
    """There is no replay of that; the text says why, to the trader."""


class TooOld(CannotReplay):
    """The trader's subscription replays nothing before `earliest` (aware)."""

    def __init__(self, earliest: dt.datetime) -> None:
        super().__init__(f"Your Tradovate subscription replays nothing before {earliest:%Y-%m-%d %H:%M} UTC.")
        self.earliest = earliest


class NotNow(CannotReplay):
    """Tradovate could not be asked."""


def of(user: User) -> Connection | None:
    """The replay that runs for a user, with its `replay` and its `source`."""
    running = Connection.objects.visible_to(user).reachable().exclude(replay=None)
    return running.select_related("replay", "source").first()


def closed_at(moment: dt.datetime) -> Session | None:
    """How the market stood when it did not trade; None when it did."""
    stood = session(USUAL_HOURS, "ES", "CME", moment)
    return stood if stood.standing is Standing.CLOSED else None


def begin(connection: Connection, starts_at: dt.datetime, *, speed: int, initial_balance: Decimal) -> Connection:
    """Have a replay begin for whoever is signed in to `connection`, once Tradovate has said that it may; the one that
    runs, if one does. Raises CannotReplay."""
    user = connection.user
    if running := of(user):
        return running
    _ask_whether_allowed(connection, starts_at)
    environment = Environment(connection.environment).replay
    identity = {"environment": environment, "tradovate_user_id": connection.tradovate_user_id}
    try:
        with transaction.atomic():
            # One that nobody could end, because its source was signed out.
            Connection.objects.filter(**identity).delete()
            made = Connection.objects.create(user=user, source=connection, name=connection.name, **identity)
            Replay.objects.create(connection=made, starts_at=starts_at, speed=speed, initial_balance=initial_balance)
    except IntegrityError:
        # Pressed twice.
        running = of(user)
        if running is None:
            raise
        return running
    return made


def ask_speed(replay: Connection, speed: int) -> None:
    """Have a replay go on at another speed, in percent."""
    Replay.objects.filter(connection=replay).update(speed=speed, speed_asked_at=timezone.now())
    doorbell.ring_replay(replay.pk)


def end(replay: Connection) -> None:
    """End a replay: nothing of it stays. Tradovate discards it with its last socket."""
    connection_id = replay.pk
    replay.delete()
    doorbell.ring_closed(connection_id)


def on_closed(sender: object, connection: Connection, **_: Any) -> None:
    """Who signs out has no replay any more."""
    for replay in connection.replays.all():
        end(replay)


def _ask_whether_allowed(connection: Connection, starts_at: dt.datetime) -> None:
    try:
        token = renewal.access_token(connection.pk)
        checked = async_to_sync(_checked)(connection, token, starts_at)
    except renewal.NoToken as trouble:
        raise NotNow(str(trouble)) from trouble
    except TradovateError as trouble:
        raise NotNow(f"Tradovate could not be asked about a replay. {trouble}") from trouble
    if checked.check_status == ReplayCheckStatus.INELIGIBLE:
        raise CannotReplay("Your Tradovate subscription has no Market Replay of that time.")
    if checked.start_timestamp is not None and checked.start_timestamp > starts_at:
        raise TooOld(checked.start_timestamp)


async def _checked(connection: Connection, token: str, starts_at: dt.datetime) -> CheckReplaySessionResponse:
    """Asked on the replay's own host: the documents differ on whether others answer that."""
    async with (
        budgets(connection.environment, connection.tradovate_user_id) as own,
        await ReplaySocket.connect(connection.hosts.replay_socket, token, budgets=own) as socket,
    ):
        return await socket.check_session(starts_at)
