"""What every entity shares: the base struct, and the types of money, moments and dates."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec

# Aware by construction: the codec mends the time stamps that Tradovate abbreviates before they get here.
Timestamp = Annotated[dt.datetime, msgspec.Meta(tz=True)]


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A thing on the wire: snake_case here, camelCase there; fields that we do not know are ignored."""


class Secret(Wire, frozen=True, kw_only=True):
    """A struct whose repr names what it is and never what it holds."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return []


class Entity(Wire, frozen=True, kw_only=True):
    """A thing with an id of its own, unique within its entity type (official Conventions text, By ID)."""

    id: int


class TradeDate(Wire, frozen=True, kw_only=True, order=True):
    """The exchange's business day, which begins on the evening before (openapi.json, TradeDate)."""

    year: int
    month: int
    day: int

    def to_date(self) -> dt.date:
        """Return the day as a date; ValueError when Tradovate sent one that no calendar has."""
        return dt.date(self.year, self.month, self.day)


class TradeTime(Wire, frozen=True, kw_only=True):
    """A time of day at the exchange (openapi.json, TradeTime)."""

    hour: int
    minute: int
