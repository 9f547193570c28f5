"""Pre-trade checks: small functions that look at one thing and return what they found, for a trader to read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum

from trading.models import Contract
from trading.orders.prices import PriceTerms, plain
from trading.orders.spec import WIRE_NAMES, OrderSpec


class Severity(StrEnum):
    """An error forbids the order, a warning asks for a second look, a note only tells."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """What a check says about one field of an order; kept as JSON beside what it is about."""

    severity: Severity
    field: str
    message: str

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def as_json(self) -> dict[str, str]:
        return {key: str(value) for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, kept: dict[str, str]) -> Finding:
        return cls(Severity(kept["severity"]), kept["field"], kept["message"])


def error(field: str, message: str) -> Finding:
    return Finding(Severity.ERROR, field, message)


def warning(field: str, message: str) -> Finding:
    return Finding(Severity.WARNING, field, message)


def quantity(signed: int, largest: int) -> Iterator[Finding]:
    """A signed quantity in contracts must not be zero nor exceed the portal's limit per order."""
    if signed == 0:
        yield error("quantity", "The quantity is zero. Write 1 or more to buy, -1 or less to sell.")
    elif abs(signed) > largest:
        yield error(
            "quantity", f"{abs(signed):,} contracts exceed this portal's limit of {largest:,} per order. Write fewer."
        )


def expiry(contract: Contract, front_month: str | None, now: dt.datetime) -> Iterator[Finding]:
    """A contract must not have expired (error); past its first intent date somebody may deliver (warning)."""
    if contract.expiration_date <= now:
        instead = f" The front month is {front_month}." if front_month else ""
        yield error("symbol", f"{contract.name} expired on {contract.expiration_date:%Y-%m-%d}.{instead}")
    elif contract.first_intent_date is not None and contract.first_intent_date <= now:
        day = f"{contract.first_intent_date:%Y-%m-%d}"
        yield warning("symbol", f"{contract.name} is past its first intent date, {day}: a delivery notice may follow.")


def on_tick(spec: OrderSpec, terms: PriceTerms) -> Iterator[Finding]:
    """Every price and every distance must lie on the product's tick."""
    tick = plain(terms.tick_size)
    for prefix, part in spec.parts:
        for name, price in part.prices():
            if not terms.is_on_tick(price):
                below, above = (_to_the_digit(one, terms) for one in terms.neighbours(price))
                words = f"{WIRE_NAMES[name]} {price:f} is not a multiple of {tick}: nearest {below} or {above}."
                yield error(prefix + name, words)
    for number, bracket in enumerate(spec.brackets):
        for name, distance in bracket.distances():
            if not distance.is_on_tick(terms):
                words = f"{name.replace('_', ' ').capitalize()} {distance} is not a multiple of the tick"
                worth = f"{tick} points, {plain(terms.tick_value)} dollars on one contract"
                yield error(f"brackets[{number}].{name}", f"{words}: {worth}.")


def _to_the_digit(price: Decimal, terms: PriceTerms) -> str:
    """A price with as many digits as its tick has, as the exchange quotes it."""
    return f"{price.quantize(terms.tick_size):f}"
