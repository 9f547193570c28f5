"""Market Replay: the form that begins one, and the desk that shows it. Nothing on these pages sends an order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Connection, User
from accounts.sign_in import current_connection
from trading.orders.trading_days import CHICAGO
from trading.sync import replays
from trading.views.desk import of_kind, read, totals
from trading.views.ticket import EARLIEST, LATEST

SPEEDS = (0, 50, 100, 200, 400)
FASTEST = 400
_SPEED_WORDS = f"Write a whole number of percent from 0 (paused) to {FASTEST}."
_NO_TIME = "Choose a date and a time."
_TO_COME = "That is still to come: choose a time that has passed."


@dataclass(frozen=True)
class Table:
    """A table of the replay's desk: the kind of its rows, its words, and its columns as (field, title, how it is
    shown)."""

    kind: str
    title: str
    empty: str
    columns: tuple[tuple[str, str, str], ...]


TABLES = (
    Table(
        "position",
        "Positions",
        "No open positions",
        (
            *(("symbol", "Symbol", "symbol"), ("side", "Side", "side"), ("qty", "Qty", "num")),
            *(("average", "Average", "num"), ("mark", "Mark", "num"), ("open_pnl", "Open P&L", "signed")),
        ),
    ),
    Table(
        "order",
        "Working orders",
        "No working orders",
        (
            *(("symbol", "Symbol", "symbol"), ("action", "Side", "side"), ("qty", "Qty", "num")),
            *(("type", "Type", ""), ("price", "Price", "num"), ("stop", "Stop", "num"), ("status", "Status", "")),
        ),
    ),
    Table(
        "fill",
        "Fills",
        "No fills",
        (
            *(("at", "Time", "time"), ("symbol", "Symbol", "symbol"), ("action", "Side", "side")),
            *(("qty", "Qty", "num"), ("price", "Price", "num")),
        ),
    ),
    Table(
        "account",
        "Replay account",
        "No account yet",
        (
            *(("name", "Account", "symbol"), ("net_liq", "Net liq", "num"), ("cash", "Cash", "num")),
            *(("open_pnl", "Open P&L", "signed"), ("day_pnl", "Day P&L", "signed")),
        ),
    ),
)


class SpeedForm(forms.Form):
    """How fast a replay goes."""

    speed = forms.IntegerField(
        min_value=0,
        max_value=FASTEST,
        initial=100,
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), _SPEED_WORDS),
    )


class BeginForm(SpeedForm):
    """A replay as it is to begin. When it is valid, `start` is its time (aware)."""

    starts_at = forms.DateTimeField(
        validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)],
        error_messages={
            "required": _NO_TIME,
            "invalid": _NO_TIME,
            "min_value": "That is too long ago.",
            "max_value": _TO_COME,
        },
    )
    # As in the ticket: minutes that the trader's clock was behind UTC at that time; without JavaScript the time is UTC.
    utc_offset = forms.IntegerField(required=False, min_value=-14 * 60, max_value=14 * 60)
    initial_balance = forms.DecimalField(
        min_value=1,
        max_value=100_000_000,
        decimal_places=2,
        initial=50_000,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value", "max_decimal_places"),
            "Write dollars from 1 to 100,000,000, such as 50000.",
        ),
    )

    start: dt.datetime

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        said = cleaned.get("starts_at")
        if said is not None and "utc_offset" in cleaned:
            self.start = said.replace(tzinfo=dt.UTC) + self._behind
            if words := why_not(self.start, timezone.now(), self.told):
                self.add_error("starts_at", words)
        return cleaned

    @property
    def _behind(self) -> dt.timedelta:
        return dt.timedelta(minutes=self.cleaned_data.get("utc_offset") or 0)

    def told(self, moment: dt.datetime) -> str:
        """A moment as the trader's clock shows it."""
        whose = "UTC" if self.cleaned_data.get("utc_offset") is None else "by your clock"
        return f"{moment.astimezone(dt.UTC) - self._behind:%A %Y-%m-%d %H:%M} {whose}"


def why_not(start: dt.datetime, now: dt.datetime, told: Callable[[dt.datetime], str]) -> str:
    """Why nothing can be replayed from that time on, as far as one needs not ask Tradovate; "" when it may."""
    if start >= now:
        return _TO_COME
    closed = replays.closed_at(start)
    if closed is None:
        return ""
    why = f" for {closed.holiday}" if closed.holiday else ""
    opens = f" They opened next on {told(closed.opens_at)}." if closed.opens_at else ""
    return f"The futures markets were closed then{why}.{opens}"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def replay(request: HttpRequest) -> HttpResponse:
    """The desk of the trader's replay, or the form that begins one; a POST begins it."""
    connection = current_connection(_user(request), request.session)
    if connection is None:
        return render(request, "trading/no_connection.html")
    if running := replays.of(_user(request)):
        return redirect("trading:replay") if request.method == "POST" else _desk(request, running)
    form = BeginForm(request.POST) if request.method == "POST" else BeginForm()
    if form.is_valid() and _begin(connection, form):
        return redirect("trading:replay")
    # Pages of a replay that are told its end come here like those that have to sign in, and say where they were.
    has_ended = "next" in request.GET
    context = {"form": form, "has_ended": has_ended, "suggested": suggested(timezone.now()), "fastest": FASTEST}
    return render(request, "trading/replay/begin.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def speed(request: HttpRequest) -> HttpResponse:
    """Have the trader's replay go on at another speed."""
    running, form = replays.of(_user(request)), SpeedForm(request.POST)
    if not form.is_valid():
        messages.error(request, _SPEED_WORDS)
    elif running is not None:
        replays.ask_speed(running, form.cleaned_data["speed"])
    return redirect("trading:replay")


@login_required
@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """End the trader's replay."""
    if running := replays.of(_user(request)):
        replays.end(running)
    return redirect(f"{reverse('trading:replay')}?next={reverse('trading:replay')}")


def suggested(now: dt.datetime) -> dt.datetime:
    """The opening bell of the last day before today on which there was one."""
    day = now.astimezone(CHICAGO).date()
    while True:
        day -= dt.timedelta(days=1)
        bell = dt.datetime.combine(day, dt.time(8, 30), CHICAGO)
        if replays.closed_at(bell) is None:
            return bell.astimezone(dt.UTC)


def _begin(connection: Connection, form: BeginForm) -> bool:
    """Whether it has begun; else the form says why not."""
    given = form.cleaned_data
    try:
        replays.begin(connection, form.start, speed=given["speed"], initial_balance=given["initial_balance"])
    except replays.TooOld as problem:
        words = f"Your Tradovate subscription replays nothing before {form.told(problem.earliest)}."
        form.add_error("starts_at", f"That is too long ago. {words}")
    except replays.NotNow as problem:
        form.add_error(None, str(problem))
    except replays.CannotReplay as problem:
        form.add_error("starts_at", str(problem))
    return not form.errors


def _desk(request: HttpRequest, running: Connection) -> HttpResponse:
    snapshot = read(running.pk)
    accounts = of_kind(snapshot, "account")
    context = {
        # What the page's frame shows is the replay's, too.
        "connection": running,
        "upstream": snapshot.rows.get("upstream", {}),
        "clock": snapshot.rows.get("replay", {}),
        "is_waiting": not snapshot.epoch,
        "tables": [(table, of_kind(snapshot, table.kind)) for table in TABLES],
        "totals": totals(row for _, row in accounts),
        "speeds": SPEEDS,
    }
    return render(request, "trading/replay/desk.html", context)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
