"""Fills and performance in a real browser: what was traded a moment ago is there, with fees, and can be taken away."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PHONE, SCREEN, open_desk, reload_until
from tests.browser.stack import Stack
from tests.browser.test_accessibility import violations
from tests.browser.test_walk import overflow

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SOON = 20_000


def cells(rows: Locator, column: str) -> list[str]:
    """What a column of the blotter says, from the newest fill to the oldest."""
    return rows.locator(f"td.{column}").all_inner_texts()


@pytest.mark.parametrize(("theme", "viewport"), [("dark", SCREEN), ("light", PHONE)], ids=["dark", "light phone"])
def test_what_was_filled_can_be_read_filtered_and_downloaded(
    portal: Stack, open_page: OpenPage, theme: str, viewport: dict[str, int]
) -> None:
    page = open_page(viewport, color_scheme=theme)
    open_desk(page, portal, "pro")
    expect(page.locator("[data-row^='fill:']").first).to_be_visible(timeout=SOON)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Fills").click()
    rows = page.locator(".blotter tbody tr:not(.date)")
    expect(rows.first).to_be_visible()
    assert violations(page) == []
    assert overflow(page) <= 0
    everything = cells(rows, "symbol")
    symbol = portal.front_month("ES")
    # The book decides in how many pieces an order is filled.
    assert 2 <= everything.count(symbol) < len(everything)
    page.get_by_label("Symbol").select_option(label=symbol)
    page.get_by_role("button", name="Show").click()
    expect(rows).to_have_count(everything.count(symbol))
    assert set(cells(rows, "symbol")) == {symbol}
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    kept = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert [row["symbol"] for row in kept] == [symbol] * everything.count(symbol)
    assert all(float(row["fees"]) > 0 for row in kept)
    orders = cells(rows, "order")
    rows.first.get_by_role("link").click()
    expect(rows).to_have_count(orders.count(orders[0]))
    assert set(cells(rows, "order")) == {orders[0]}
    expect(page.get_by_text(re.compile(r"^Order \d+: Buy"))).to_be_visible()


@pytest.mark.parametrize(("theme", "viewport"), [("light", SCREEN), ("dark", PHONE)], ids=["light", "dark phone"])
def test_performance_has_the_day_and_the_curve(
    portal: Stack, open_page: OpenPage, theme: str, viewport: dict[str, int]
) -> None:
    page = open_page(viewport, color_scheme=theme)
    open_desk(page, portal, "pro")
    expect(page.locator("[data-row^='fill:']").first).to_be_visible(timeout=SOON)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Performance").click()
    # What accounts are worth is written a moment after the first sync.
    reload_until(page, page.locator("[data-equity]"))
    expect(page.locator("[data-equity] canvas").first).to_be_visible()
    expect(page.locator("#equity-words")).to_contain_text("since the curve begins")
    expect(page.locator(".calendar [data-result]")).to_have_count(1)
    assert violations(page) == []
    assert overflow(page) <= 0
    # Days of the neighbouring months are legible, too; what has two digits is looked at.
    whole = page.url
    page.goto(f"{portal.url}/performance/?month=2026-12")
    expect(page.locator(".calendar .outside").first).to_contain_text("30")
    assert violations(page) == []
    page.goto(whole)
    page.get_by_label("Account").select_option(index=1)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Account")).not_to_have_value("")
