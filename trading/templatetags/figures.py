"""How display strings of trading/sync/rows.py look in a template; portal/static/portal/figures.js does the same."""

import re

from django import template

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
