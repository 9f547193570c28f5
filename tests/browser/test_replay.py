"""A trader opens a Market Replay: the badge says so, its clock goes, and its desk sends nothing."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, open_desk
from tests.browser.stack import Stack
from tests.browser.test_accessibility import violations
from trading.views.replay import suggested

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SOON = 20_000


def bell() -> dt.datetime:
    """The opening bell of the last day that had one."""
    return suggested(dt.datetime.now(dt.UTC))


def fill_in(page: Page, start: str, speed: str = "100") -> None:
    page.get_by_label("Start (").fill(start)
    page.get_by_label("Speed in percent").fill(speed)
    page.get_by_role("button", name="Begin the replay").click()


def seconds_of(page: Page) -> float:
    told = page.locator("[data-clock]").get_attribute("datetime") or ""
    return dt.datetime.fromisoformat(told).timestamp()


def test_a_replay_is_begun_watched_steered_and_ended(portal: Stack, open_page: OpenPage) -> None:
    page = open_page(timezone_id="Asia/Tokyo")
    open_desk(page, portal, "trader")
    page.get_by_role("link", name="Market Replay").click()
    expect(page.locator("[data-zone]")).to_have_text("(your time)")
    assert violations(page) == []

    # What is wrong is said at its field, and what was typed stays.
    local = bell() + dt.timedelta(hours=9)
    fill_in(page, f"{local:%Y-%m-%dT%H:%M}", "900")
    expect(page.locator("#id_speed_error")).to_contain_text("from 0 (paused) to 400")
    expect(page.get_by_label("Start (")).to_have_value(f"{local:%Y-%m-%dT%H:%M}")
    assert violations(page) == []

    page.get_by_label("Speed in percent").fill("100")
    page.get_by_role("button", name="Begin the replay").click()
    badge = page.locator(".upstream .environment")
    expect(badge).to_have_text("REPLAY")
    expect(page.locator("[data-upstream-words]")).to_have_text("streaming", timeout=SOON)
    expect(page.locator("[data-row^='account:']")).to_contain_text(re.compile(r"REPLAY\d+\s+50,000\.00"), timeout=SOON)
    clock = page.locator("[data-clock]")
    expect(clock).to_have_text(re.compile(f"{local:%Y-%m-%d %H:}3\\d:"), timeout=SOON)
    begun = seconds_of(page)
    assert 0 <= begun - bell().timestamp() < 120
    page.wait_for_function(
        "(begun) => Date.parse(document.querySelector('[data-clock]').dateTime) / 1000 > begun + 1", arg=begun
    )

    page.get_by_label("Contract", exact=True).fill(portal.front_month("MES"))
    page.get_by_label("Contract", exact=True).press("Enter")
    expect(page.locator("[data-chart-words]")).to_contain_text("Last", timeout=SOON)
    assert violations(page) == []

    # Nothing here sends anything, not even the keys of a desk.
    expect(page.get_by_text("no orders go out from a replay")).to_be_visible()
    page.locator("#content").focus()
    for key in ("b", "x", "Shift+F", "Shift+F"):
        page.keyboard.press(key)
    expect(page.get_by_role("button", name=re.compile("Send|Flatten|Cancel|Stop trading"))).to_have_count(0)
    assert portal.ledger()["received"] == []

    page.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-speed]")).to_have_text("paused", timeout=SOON)
    page.get_by_role("button", name="400 %").click()
    expect(page.locator("[data-speed]")).to_have_text("400 %", timeout=SOON)
    expect(page.get_by_role("button", name="400 %")).to_have_attribute("aria-current", "true")

    # The trader's own desk is beside it, as it was.
    own = page.context.new_page()
    own.goto(portal.url)
    expect(own.locator(".upstream .environment")).to_have_text("SIM")
    own.close()

    page.get_by_role("button", name="End the replay").click()
    expect(page.get_by_text("The replay has ended.")).to_be_visible()
    expect(badge).to_have_text("SIM")


def test_on_a_phone_all_of_it_fits_and_a_page_left_open_is_told_the_end(portal: Stack, open_page: OpenPage) -> None:
    page = open_page(PHONE)
    open_desk(page, portal, "pro")
    page.goto(f"{portal.url}/replay/")
    fill_in(page, f"{bell():%Y-%m-%dT%H:%M}")
    expect(page.locator("[data-row^='account:']")).to_be_visible(timeout=SOON)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]

    other = page.context.new_page()
    other.goto(f"{portal.url}/replay/")
    other.get_by_role("button", name="End the replay").click()
    expect(page.get_by_text("The replay has ended.")).to_be_visible(timeout=SOON)
