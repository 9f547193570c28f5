"""Display strings: what a trader reads."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.sync import rows


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("1250", "+1,250.00"), ("-37.5", "-37.50"), ("0", "0.00"), ("-0.001", "0.00"), ("0.004", "0.00"), (None, "—")],
)
def test_profit_and_loss_carries_its_sign(amount: str | None, shown: str) -> None:
    assert rows.signed(None if amount is None else Decimal(amount)) == shown


@pytest.mark.parametrize(("amount", "shown"), [("102345", "102,345.00"), ("-37.5", "-37.50"), (None, "—")])
def test_money(amount: str | None, shown: str) -> None:
    assert rows.money(None if amount is None else Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("value", "tick", "shown"),
    [
        ("5000.25", "0.25", "5000.25"),
        ("5000", "0.25", "5000.00"),
        ("5000", "1", "5000"),
        ("5000", "5", "5000"),
        ("0.006545", "0.0000005", "0.0065450"),
        ("110.015625", "0.015625", "110.015625"),
        ("5000.5", None, "5000.5"),
        ("5E+3", "10", "5000"),
    ],
)
def test_a_price_has_the_decimals_of_its_tick(value: str, tick: str | None, shown: str) -> None:
    assert rows.price(Decimal(value), Decimal(tick) if tick else None) == shown


def test_an_average_between_ticks_keeps_two_more_decimals() -> None:
    assert rows.average(Decimal("5000.333333333"), Decimal("0.25")) == "5000.3333"
    assert rows.average(Decimal("5000.50"), Decimal("0.25")) == "5000.50"


def test_a_moment_is_utc_with_milliseconds() -> None:
    elsewhere = datetime(2026, 11, 21, 9, 30, 0, 125_400, tzinfo=timezone(timedelta(hours=-5)))
    assert rows.moment(elsewhere) == "2026-11-21T14:30:00.125Z"
    assert rows.moment(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"
    assert rows.moment(None) == "—"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_what_is_shown_is_the_amount_to_the_cent(amount: Decimal) -> None:
    shown = rows.signed(amount)
    assert Decimal(shown.replace(",", "")) == amount.quantize(Decimal("0.01"))
    assert (shown[0] in "+-") == (Decimal(shown.replace(",", "")) != 0)


@pytest.mark.parametrize(
    ("touch", "trail", "shown", "words"),
    [
        (None, None, None, ""),
        ("5000", None, None, "touched at 5000.00"),
        (None, "-2.5", None, "trails by 2.50"),
        ("5000.25", None, 1, "touched at 5000.25, shows 1"),
        (None, None, 0, ""),
    ],
)
def test_what_an_order_has_beside_its_prices_is_told_in_words(
    touch: str | None, trail: str | None, shown: int | None, words: str
) -> None:
    prices = [None if price is None else Decimal(price) for price in (touch, trail)]
    assert rows.more_terms(*prices, shown, Decimal("0.25")) == words
