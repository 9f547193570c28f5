"""What happened to one trader around a moment, from everything that is kept: for the call "what happened at 14:32?"."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Model, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, User
from trading.admin.kill_switch import MAY_STOP
from trading.models import (
    Comparison,
    Fill,
    IntentTransition,
    KillSwitch,
    KillSwitchAction,
    Order,
    OrderFile,
    OrderIntent,
    OrderVersion,
)
from trading.orders.prices import plain

if TYPE_CHECKING:
    from django.db.models import QuerySet

# Of each kind, those nearest to the moment; who wants more asks for less time.
MOST = 300
# The zones that callers' clocks show.
ZONES = {
    "UTC": "UTC",
    "America/Chicago": "Chicago (the exchange)",
    "America/New_York": "New York",
    "America/Los_Angeles": "Los Angeles",
    "Europe/London": "London",
    "Europe/Berlin": "Berlin",
    "Asia/Tokyo": "Tokyo",
}
SPANS = {1: "1 minute", 5: "5 minutes", 15: "15 minutes", 60: "1 hour", 360: "6 hours", 1440: "1 day"}
_TIME = "%Y-%m-%d %H:%M"
_EARLIEST, _LATEST = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2000, 2100))
_NO_MOMENT = "Write a day and a time, such as 2026-11-27 14:32."


class MomentForm(forms.Form):
    """Which moment, by which clock, and how far around it."""

    at = forms.DateTimeField(
        label="Moment",
        input_formats=[_TIME, "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M"],
        widget=forms.TextInput(attrs={"size": 18, "placeholder": "2026-11-27 14:32"}),
        validators=[MinValueValidator(_EARLIEST, _NO_MOMENT), MaxValueValidator(_LATEST, _NO_MOMENT)],
        error_messages={"invalid": _NO_MOMENT},
    )
    zone = forms.ChoiceField(label="by the clock of", choices=list(ZONES.items()))
    minutes = forms.TypedChoiceField(label="and around it", choices=list(SPANS.items()), coerce=int)

    moment: dt.datetime

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            # Django takes it for a time of its own zone, which is UTC.
            self.moment = cleaned["at"].replace(tzinfo=ZoneInfo(cleaned["zone"]))
        return cleaned


@dataclass(frozen=True)
class Happening:
    """One line of the timeline: when (aware), what kind of thing, what happened, and the row that says more."""

    at: dt.datetime
    kind: str
    words: str
    row: Model


def happenings(
    user: User, since: dt.datetime, until: dt.datetime, models: set[type[Model]]
) -> tuple[list[Happening], bool]:
    """All of `models` that happened to a trader between two moments, in order, of each the MOST that are nearest to the
    middle; and whether there may be more."""
    found = [list(tell(user, since, until)) for model, tell in _TELLERS.items() if model in models]
    return sorted(chain(*found), key=lambda one: one.at), any(len(kind) >= MOST for kind in found)


def _within(rows: QuerySet[Any], field: str, since: dt.datetime, until: dt.datetime) -> list[Any]:
    moment = since + (until - since) / 2
    before = rows.filter(**{f"{field}__gte": since, f"{field}__lt": moment}).order_by(f"-{field}", "-pk")
    after = rows.filter(**{f"{field}__gte": moment, f"{field}__lte": until}).order_by(field, "pk")
    found = sorted([*before[:MOST], *after[:MOST]], key=lambda row: abs(getattr(row, field) - moment))
    return sorted(found[:MOST], key=lambda row: (getattr(row, field), row.pk))


def _audit(user: User, since: dt.datetime, until: dt.datetime) -> Iterator[Happening]:
    own = AuditEvent.objects.filter(Q(user=user) | Q(connection__user=user))
    for event in _within(own, "at", since, until):
        where = f" from {event.ip_address}" if event.ip_address else ""
        yield Happening(event.at, "access", _joined(f"{event.get_kind_display()}{where}", event.detail), event)


def _steps(user: User, since: dt.datetime, until: dt.datetime) -> Iterator[Happening]:
    own = IntentTransition.objects.filter(intent__connection__user=user).select_related("intent")
    for step in _within(own, "at", since, until):
        name = step.get_step_display() if step.step else step.get_to_state_display()
        yield Happening(step.at, "intent", _joined(f"{step.intent.described}: {name}", step.detail), step.intent)


def _files(user: User, since: dt.datetime, until: dt.datetime) -> Iterator[Happening]:
    own = OrderFile.objects.visible_to(user)
    for field, word in (("uploaded_at", "uploaded"), ("confirmed_at", "confirmed"), ("finished_at", "finished")):
        for file in _within(own, field, since, until):
            yield Happening(getattr(file, field), "file", f"{file.name}: {word}", file)
    for file in _within(own.filter(state=OrderFile.State.STOPPED), "progressed_at", since, until):
        yield Happening(
            file.progressed_at, "file", _joined(f"{file.name}: last progress, stopped", file.stop_reason), file
        )


def _orders(user: User, since: dt.datetime, until: dt.datetime) -> Iterator[Happening]:
    for order in _within(Order.objects.filter(connection__user=user), "at", since, until):
        # Its terms are the latest ones.
        now = f"{order.order_qty} contracts, {order.status}" if order.order_qty else order.status
        words = f"order {order.tradovate_id} placed: {order.action} {order.symbol}, now {now}"
        yield Happening(order.at, "order", _joined(words, order.reject_reason), order)


def _versions(user: User, since: dt.datetime, until: dt.datetime) -> Iterator[Happening]:
    for version in _within(OrderVersion.objects.filter(connection__user=user), "at", since, until):
        prices = " / ".join(plain(price) for price in (version.price, version.stop_price) if price is not None)
        terms = f"{version.order_qty} {version.order_type}{f' at {prices}' if prices else ''}"
        terms += " (refused)" if version.refused else ""
        yield Happening(version.at, "terms", f"order {version.order_id_at_broker}: {terms}", version)


def _fills(user: User, since: dt.datetime, until: dt.datetime) -> Iterator[Happening]:
    for fill in _within(Fill.objects.filter(connection__user=user), "at", since, until):
        what = f"{fill.action} {fill.qty} {fill.symbol} at {plain(fill.price)}, order {fill.order_id_at_broker}"
        yield Happening(fill.at, "fill", what if fill.active else f"{what} (busted)", fill)


def _switches(user: User, since: dt.datetime, until: dt.datetime) -> Iterator[Happening]:
    own = KillSwitch.objects.visible_to(user).select_related("user", "connection", "thrown_by", "released_by")
    for field, by, word in (("thrown_at", "thrown_by", "stopped"), ("released_at", "released_by", "released")):
        for switch in _within(own, field, since, until):
            who = getattr(switch, by).display_name
            words = _joined(f"trading of {switch.target} {word} by {who}", switch.reason)
            yield Happening(getattr(switch, field), "kill switch", words, switch)


def _clearings(user: User, since: dt.datetime, until: dt.datetime) -> Iterator[Happening]:
    own = KillSwitchAction.objects.filter(connection__user=user).select_related("switch", "connection")
    for action in _within(own, "changed_at", since, until):
        yield Happening(action.changed_at, "kill switch", str(action), action.switch)


def _comparisons(user: User, since: dt.datetime, until: dt.datetime) -> Iterator[Happening]:
    for compared in _within(Comparison.objects.filter(connection__user=user), "at", since, until):
        words = f"reconnected and compared: {compared.missed} missed, {compared.wrong} wrong"
        yield Happening(compared.at, "connection", _joined(words, compared.detail), compared)


_TELLERS = {
    AuditEvent: _audit,
    OrderIntent: _steps,
    OrderFile: _files,
    Order: _orders,
    OrderVersion: _versions,
    Fill: _fills,
    KillSwitch: _switches,
    KillSwitchAction: _clearings,
    Comparison: _comparisons,
}


def _joined(words: str, detail: str) -> str:
    return f"{words} ({detail})" if detail else words


def _told(at: dt.datetime, zone: ZoneInfo, *, exact: bool = False) -> str:
    """A moment as a clock of that zone shows it: templates would tell it in UTC."""
    return at.astimezone(zone).isoformat(" ", "milliseconds" if exact else "seconds")[: -len("+00:00")]


def _page_of(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def _readable(request: HttpRequest) -> set[type[Model]]:
    """What this member of staff may read."""
    may = request.user.has_perm
    of_switches = {KillSwitch, KillSwitchAction} if may(MAY_STOP) else set()
    return of_switches | {one for one in _TELLERS if may(f"{one._meta.app_label}.view_{one._meta.model_name}")}


def page(request: HttpRequest, site: admin.AdminSite, user_id: int) -> HttpResponse:
    """The timeline of a trader; without a moment the last hour. Whoever calls this has made sure that the reader may
    see the trader."""
    person = get_object_or_404(User, pk=user_id)
    now = timezone.now()
    asked = {"at": f"{now:{_TIME}}", "zone": "UTC", "minutes": "60", **request.GET.dict()}
    form = MomentForm(asked)
    context: dict[str, Any] = site.each_context(request) | {
        "title": f"What happened: {person.display_name}",
        "person": person,
        "form": form,
        "opts": User._meta,
    }
    if form.is_valid():
        around = dt.timedelta(minutes=form.cleaned_data["minutes"])
        readable = _readable(request)
        found, is_cut = happenings(person, form.moment - around, form.moment + around, readable)
        zone = ZoneInfo(form.cleaned_data["zone"])
        context |= {
            "lines": [
                {
                    "at": _told(one.at, zone, exact=True),
                    "utc": f"{one.at.astimezone(dt.UTC):%H:%M:%S}",
                    "kind": one.kind,
                    "words": one.words,
                    "page": _page_of(one.row),
                }
                for one in found
            ],
            "zone": ZONES[form.cleaned_data["zone"]],
            "is_utc": form.cleaned_data["zone"] == "UTC",
            "since": _told(form.moment - around, zone),
            "until": _told(form.moment + around, zone),
            "is_cut": is_cut,
            "unreadable": sorted(str(model._meta.verbose_name_plural) for model in _TELLERS.keys() - readable),
        }
    return TemplateResponse(request, "admin/accounts/user/timeline.html", context)
