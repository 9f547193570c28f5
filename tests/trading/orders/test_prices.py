"""Ticks and distances: what is rounded lands on a tick, what is asked for is never exceeded."""

from decimal import Decimal

import pytest
from hypothesis import given

from tests.trading.orders.specs import distances, price_terms, prices
from trading.orders.prices import Distance, PriceTerms, Unit, plain

ES = PriceTerms(Decimal("0.25"), Decimal(50))


@given(prices, price_terms)
def test_a_rounded_price_is_the_nearest_on_a_tick(price: Decimal, terms: PriceTerms) -> None:
    rounded = terms.rounded(price)
    assert terms.is_on_tick(rounded)
    assert abs(rounded - price) * 2 <= terms.tick_size
    assert terms.rounded(rounded) == rounded


@given(prices, price_terms)
def test_neighbours_enclose_a_price(price: Decimal, terms: PriceTerms) -> None:
    below, above = terms.neighbours(price)
    assert below <= price < above
    assert above - below == terms.tick_size
    assert terms.is_on_tick(below)


@pytest.mark.parametrize(
    ("price", "rounded"), [("5000.12", "5000.00"), ("5000.125", "5000.25"), ("-0.125", "-0.25"), ("5000.25", "5000.25")]
)
def test_halves_are_rounded_away_from_zero(price: str, rounded: str) -> None:
    assert ES.rounded(Decimal(price)) == Decimal(rounded)


def test_dollars_say_nothing_about_what_is_priced_in_another_currency() -> None:
    bund = PriceTerms(Decimal("0.01"), Decimal(1000), "EUR")
    distance = Distance(Decimal(500), Unit.DOLLARS)
    assert distance.misfit(bund) == "is none of a contract that is priced in EUR: say it in ticks."
    assert "whose currency is not known" in distance.misfit(PriceTerms(Decimal("0.01"), Decimal(1000), ""))
    assert distance.misfit(PriceTerms(Decimal("0.01"), Decimal(1000))) == ""
    assert bund.tick_words == "0.01 points, 10.00 EUR on one contract"


@given(distances, price_terms)
def test_dollars_never_risk_more_than_was_asked(distance: Distance, terms: PriceTerms) -> None:
    points = distance.points(terms)
    if distance.unit is Unit.DOLLARS:
        assert terms.is_on_tick(points)
        assert distance.amount - terms.tick_value < points * terms.value_per_point <= distance.amount
    elif distance.unit is Unit.TICKS:
        assert points == distance.amount * terms.tick_size
    assert (points > 0) is (distance.unit is not Unit.DOLLARS or distance.amount >= terms.tick_value)


@pytest.mark.parametrize(
    ("distance", "points"),
    [
        (Distance(Decimal(8), Unit.TICKS), "2.00"),
        (Distance(Decimal("2.25"), Unit.POINTS), "2.25"),
        (Distance(Decimal(110), Unit.DOLLARS), "2.00"),
    ],
)
def test_a_distance_in_points(distance: Distance, points: str) -> None:
    assert distance.points(ES) == Decimal(points)


@pytest.mark.parametrize(("number", "written"), [("1E+2", "100"), ("5000.2500", "5000.25"), ("0.00", "0")])
def test_numbers_are_written_as_people_write_them(number: str, written: str) -> None:
    assert plain(Decimal(number)) == written
