"""The contracts that are listed: months, expiry, names, tick sizes."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from trading.simulator.catalog import Catalog
from trading.simulator.products import MONTH_CODES, PRODUCTS

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("product", "year", "month", "expected"),
    [
        ("ES", 2026, 12, date(2026, 12, 18)),
        ("NQ", 2025, 3, date(2025, 3, 21)),
        ("CL", 2025, 12, date(2025, 11, 20)),
        ("CL", 2025, 2, date(2025, 1, 21)),
        ("NG", 2025, 2, date(2025, 1, 29)),
        ("GC", 2026, 2, date(2026, 2, 25)),
        ("ZN", 2025, 9, date(2025, 9, 19)),
        ("ZF", 2026, 12, date(2026, 12, 31)),
        ("6E", 2026, 12, date(2026, 12, 14)),
        ("ZC", 2026, 12, date(2026, 12, 14)),
        ("BTC", 2026, 11, date(2026, 11, 27)),
        ("HE", 2026, 12, date(2026, 12, 14)),
    ],
)
def test_last_trading_days(product: str, year: int, month: int, expected: date) -> None:
    assert PRODUCTS[product].expiry(year, month) == expected


@pytest.mark.parametrize(
    ("product", "tick", "tick_value"),
    [
        ("ES", "0.25", "12.50"),
        ("MES", "0.25", "1.25"),
        ("NQ", "0.25", "5"),
        ("MNQ", "0.25", "0.50"),
        ("YM", "1", "5"),
        ("RTY", "0.1", "5"),
        ("CL", "0.01", "10"),
        ("MCL", "0.01", "1"),
        ("NG", "0.001", "10"),
        ("GC", "0.1", "10"),
        ("SI", "0.005", "25"),
        ("HG", "0.0005", "12.50"),
        ("ZB", "0.03125", "31.25"),
        ("ZN", "0.015625", "15.625"),
        ("ZF", "0.0078125", "7.8125"),
        ("ZT", "0.00390625", "7.8125"),
        ("6E", "0.00005", "6.25"),
        ("6J", "0.0000005", "6.25"),
        ("ZC", "0.25", "12.50"),
        ("LE", "0.025", "10"),
        ("BTC", "5", "25"),
        ("MBT", "5", "0.50"),
    ],
)
def test_tick_sizes_and_values(product: str, tick: str, tick_value: str) -> None:
    spec = PRODUCTS[product]
    assert (spec.tick, spec.tick_value) == (Decimal(tick), Decimal(tick_value))


def test_every_product_can_be_traded_today() -> None:
    catalog = Catalog(NOW)
    assert len(PRODUCTS) >= 20
    for spec in PRODUCTS.values():
        listings = [listing for listing in catalog.listings.values() if listing.spec is spec]
        assert sum(listing.expires > NOW for listing in listings) == 6
        assert sum(listing.expires <= NOW for listing in listings) == 2
        fronts = [m for m in catalog.maturities.values() if m.is_front and m.product_id == 100 + spec.number]
        assert len(fronts) == 1
        assert spec.ticks(spec.start) is not None
        assert set(spec.months) <= set(MONTH_CODES)


@pytest.mark.parametrize(
    ("symbol", "name"),
    [("ESZ6", "ESZ6"), ("esz26", "ESZ6"), (" MNQZ6 ", "MNQZ6"), ("3012612", "ESZ6"), ("6EH7", "6EH7")],
)
def test_symbols_are_found(symbol: str, name: str) -> None:
    found = Catalog(NOW).find(symbol)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("symbol", ["", "ES", "ESZ36", "XXZ6", "ESF7", "ESZ6 ESZ6", "99", "E S Z 6", "ESZ¹"])
def test_other_symbols_are_not(symbol: str) -> None:
    assert Catalog(NOW).find(symbol) is None


def test_an_expired_contract_is_found_and_dated_in_the_past() -> None:
    catalog = Catalog(NOW)
    expired = catalog.find("ESU6")
    assert expired is not None
    assert expired.expires < NOW


def test_ids_stay_the_same_from_day_to_day_and_contracts_stay_findable() -> None:
    early, late = Catalog(NOW), Catalog(datetime(2027, 3, 1, tzinfo=UTC))
    first, second = early.find("ESH7"), late.find("ESH7")
    assert first is not None
    assert second is not None
    assert first.contract_id == second.contract_id
    early.extend(datetime(2027, 9, 1, tzinfo=UTC))
    assert early.find("ESH7") is not None
    assert early.find("ESZ8") is not None
