"""How display strings of trading/sync/rows.py look in a template; portal/static/portal/figures.js does the same."""

import re
from datetime import datetime
from decimal import Decimal

from django import template
from django.urls import reverse

from trading.orders.prices import plain
from trading.sync import rows

register = template.Library()

GAIN = re.compile(r"\+.*[1-9]")
LOSS = re.compile(r"-.*[1-9]")


@register.filter
def tone(text: str | None) -> str:
    """ "up" or "down" for a figure that carries its sign ("+1,250.00", "-37.50"), else the empty string."""
    if text and GAIN.match(text):
        return "up"
    if text and LOSS.match(text):
        return "down"
    return ""


@register.filter
def time_of_day(iso: str | None) -> str:
    """ "14:30:00" of "2026-11-21T14:30:00.125Z" (UTC; the page's script turns it into the browser's own time)."""
    return iso[11:19] if iso and len(iso) > 19 else iso or ""


@register.filter
def date_and_seconds(iso: str | None) -> str:
    """ "2026-11-21 14:30:00" of "2026-11-21T14:30:00.125Z"; "" for nothing."""
    return (iso or "")[:19].replace("T", " ")


@register.filter
def field_of(row: rows.Row | str, name: str) -> str:
    """A field of a row by its name; "" when it has none."""
    return row.get(name, "") if isinstance(row, dict) else ""


@register.filter
def exact_time(iso: str | None) -> str:
    """ "14:30:00.125" of "2026-11-21T14:30:00.125Z"."""
    return iso[11:23] if iso and len(iso) > 23 else iso or ""


@register.filter
def order_page(intent: str | None) -> str:
    """The address of an intent's page by its row's key, "intent:12"; "" for none."""
    number = (intent or "").partition(":")[2]
    return reverse("trading:order", args=[number]) if number.isdecimal() else ""


@register.filter
def moment(at: datetime) -> str:
    """A time as rows have it: "2026-11-21T14:30:00.125Z"."""
    return rows.moment(at)


@register.filter
def points(price: Decimal) -> str:
    """A price without the zeros that only its column has."""
    return plain(price)
