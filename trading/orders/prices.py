"""Prices on the tick, and distances from an entry in ticks, points or dollars. Pure arithmetic over Decimals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

from trading.tradovate.entities.terms import DOLLAR

# What OrderIntent's columns hold.
HIGHEST_PRICE: Final = 10**10
PRICE_PLACES: Final = 8


@dataclass(frozen=True)
class PriceTerms:
    """How a product is priced (openapi.json, Product): `tick_size` in points, `value_per_point` on one contract in a
    `currency`, whose name is "" when it is not known. Both are above zero."""

    tick_size: Decimal
    value_per_point: Decimal
    currency: str = DOLLAR

    @property
    def tick_value(self) -> Decimal:
        """What one tick is worth on one contract."""
        return self.tick_size * self.value_per_point

    @property
    def tick_words(self) -> str:
        """One tick, as people write it: "0.25 points, $12.50 on one contract"."""
        return f"{plain(self.tick_size)} points, {self.money(self.tick_value)} on one contract"

    def money(self, amount: Decimal) -> str:
        """An amount of the currency as people write it: "$1,250.00", "1,250.00 EUR"; more decimals where cents do not
        tell it (half a 32nd of a note)."""
        exact = amount.normalize()
        number = f"{exact:,f}" if exact != round(exact, 2) else f"{exact:,.2f}"
        return f"${number}" if self.currency == DOLLAR else f"{number} {self.currency}".rstrip()

    def is_on_tick(self, price: Decimal) -> bool:
        return price % self.tick_size == 0

    def rounded(self, price: Decimal) -> Decimal:
        """The price on a tick that is nearest to `price`; of two as near, the one further from zero."""
        return self.tick_size * (price / self.tick_size).quantize(Decimal(1), ROUND_HALF_UP)

    def quoted(self, price: Decimal) -> str:
        """See quoted."""
        return quoted(price, self.tick_size)

    def neighbours(self, price: Decimal) -> tuple[Decimal, Decimal]:
        """The prices on a tick at or below and above `price`."""
        below = self.tick_size * (price / self.tick_size).quantize(Decimal(1), ROUND_FLOOR)
        return below, below + self.tick_size


def quoted(price: Decimal, tick_size: Decimal) -> str:
    """As the exchange quotes it: with the decimals of its tick, and more where it lies between ticks: "5000.50"."""
    return f"{price:.{max(decimals(price), decimals(tick_size))}f}"


def decimals(number: Decimal) -> int:
    """How many a number has, without zeros behind the last digit that says something."""
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


class Unit(StrEnum):
    """What a distance is counted in; dollars are those on one contract."""

    TICKS = "ticks"
    POINTS = "points"
    DOLLARS = "dollars"


@dataclass(frozen=True)
class Distance:
    """How far from the entry; above zero, the side follows from the order."""

    amount: Decimal
    unit: Unit = Unit.POINTS

    def __str__(self) -> str:
        return f"{plain(self.amount)} {self.unit}"

    def problem(self) -> str:
        """What is wrong with the distance by itself, for a trader; "" when nothing is."""
        if not self.amount.is_finite() or self.amount <= 0:
            return f"must be above zero, not {self.amount}: whether it lies above or below follows from the side."
        if self.amount >= HIGHEST_PRICE or self.amount != round(self.amount, PRICE_PLACES):
            return f"must be below {HIGHEST_PRICE:,} and have {PRICE_PLACES} decimals at most."
        if self.unit is Unit.TICKS and self.amount % 1:
            return f"must be a whole number of ticks, not {plain(self.amount)}."
        return ""

    def misfit(self, terms: PriceTerms) -> str:
        """Why such prices are never so far apart, for a trader: points between two ticks, less dollars than one tick is
        worth, dollars of what is priced in another currency; "" when they may be."""
        if self.unit is Unit.DOLLARS and terms.currency != DOLLAR:
            priced = f"that is priced in {terms.currency}" if terms.currency else "whose currency is not known"
            return f"is none of a contract {priced}: say it in ticks."
        fits = terms.is_on_tick(self.amount) if self.unit is Unit.POINTS else self.points(terms) > 0
        return "" if fits else f"is not a multiple of the tick: {terms.tick_words}."

    def points(self, terms: PriceTerms) -> Decimal:
        """The distance in points, where it fits. Dollars are rounded down to whole ticks: a stop never risks more than
        was asked."""
        match self.unit:
            case Unit.TICKS:
                return self.amount * terms.tick_size
            case Unit.DOLLARS:
                return terms.tick_size * (self.amount / terms.tick_value).quantize(Decimal(1), ROUND_DOWN)
            case _:
                return self.amount


def plain(number: Decimal) -> str:
    """The number as people write it: no exponent, no zeros behind the last digit that says something."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
