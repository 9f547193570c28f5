"""A desk whose stream does not come: what the server painted stays, can be pressed, and says what it waits for."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Line, open_desk
from tests.browser.stack import Stack
from tests.browser.test_walk import is_streaming

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]


@pytest.fixture
def line(portal: Stack, open_page: OpenPage) -> Line:
    """A cut one, of a desk that has streamed before."""
    page = open_page()
    line = Line(page)
    open_desk(page, portal, "pro")
    is_streaming(page)
    line.cut()
    page.reload()
    expect(page.locator("[data-upstream-words]")).to_have_text("reconnecting")
    return line


def test_a_tab_of_orders_is_painted_by_the_server_and_the_rows_stay_until_then(portal: Stack, line: Line) -> None:
    page = line.page
    tab = {name: page.locator(f"[data-tab='{name}']") for name in ("working", "filled")}
    rows = page.locator("[data-orders] [data-row]")
    expect(rows.first).to_have_attribute("data-group", "working")
    tab["filled"].click()
    page.wait_for_url("**/?orders=filled#orders")
    expect(tab["filled"]).to_have_attribute("aria-current", "true")
    expect(page.locator("[data-orders] [data-group='working']")).to_have_count(0)
    # The tab of last time is shown with its rows, not over others.
    page.goto(portal.url)
    expect(page.locator("[data-upstream-words]")).to_have_text("reconnecting")
    expect(tab["working"]).to_have_attribute("aria-current", "true")
    expect(rows.first.get_by_role("button", name=re.compile("^Cancel"))).to_be_visible()
    line.mend()
    is_streaming(page)
    expect(tab["filled"]).to_have_attribute("aria-current", "true")
    expect(tab["working"]).not_to_have_attribute("aria-current", "true")
    expect(page.locator("[data-orders] [data-group='working']")).to_have_count(0)


def test_the_totals_are_those_of_the_account_that_is_chosen(line: Line) -> None:
    page = line.page
    account = page.locator("[data-row^='account:']").nth(1)
    cash, all_cash = account.locator("[data-field='cash']"), page.locator("[data-total='cash']").text_content()
    assert cash.text_content() != all_cash
    picker = page.locator("[data-account-picker]")
    picker.select_option(account.get_attribute("data-account"))
    expect(page.locator("[data-total='cash']")).to_have_text(cash.text_content() or "")
    page.reload()
    expect(page.locator("[data-total='cash']")).to_have_text(cash.text_content() or "")
    picker.select_option("")
    expect(page.locator("[data-total='cash']")).to_have_text(all_cash or "")


def test_a_row_that_cannot_be_changed_yet_says_so(line: Line) -> None:
    page = line.page
    for name in ("Modify", "Add exits"):
        page.get_by_role("button", name=re.compile(f"^{name}")).first.click()
        notice = page.locator("#toasts .toast", has_text="nothing can be changed here yet")
        notice.get_by_role("button", name="Close this notice").click()
    expect(page.locator("[data-editor-of]")).to_have_count(0)
    line.mend()
    is_streaming(page)
    page.get_by_role("button", name=re.compile("^Modify")).first.click()
    expect(page.locator("[data-editor-of]")).to_have_count(1)
