"""From a working order on the desk to its code, and into the clipboard."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, open_desk
from tests.browser.stack import Stack

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SOON = 20_000


def test_a_working_order_becomes_code_that_can_be_copied(portal: Stack, open_page: OpenPage) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    open_desk(page, portal, "pro")
    expect(page.locator("[data-upstream-words]")).to_have_text("streaming", timeout=SOON)
    row = page.locator("tbody [data-row^='order:']").first
    order_id = (row.get_attribute("data-row") or "").removeprefix("order:")
    symbol = row.locator("[data-field='symbol']").inner_text()
    row.get_by_role("link", name=f"Order {order_id} as code").click()
    expect(page).to_have_url(f"{portal.url}/orders/{order_id}/code/")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Order {order_id} as code")
    page.get_by_role("button", name="Copy the JSON").click()
    expect(page.get_by_role("button", name="Copied the JSON")).to_be_visible()
    assert json.loads(page.evaluate("navigator.clipboard.readText()"))["symbol"] == symbol
    page.get_by_role("button", name="Copy the Python").click()
    expect(page.locator("#announcer")).to_contain_text("Copied")
    assert f'"{symbol}"'.replace('"', "'") in page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("link", name="Back to the desk").click()
    page.get_by_role("link", name="Latest order as code").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"Order \d+ as code"))


def test_where_the_browser_keeps_the_clipboard_to_itself_the_text_is_selected(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page(PHONE)
    page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('denied'))")
    open_desk(page, portal, "pro")
    page.goto(f"{portal.url}/orders/latest/code/")
    page.get_by_role("button", name="Copy the JSON").click()
    expect(page.get_by_role("button", name="Selected: press Ctrl+C")).to_be_visible()
    assert page.evaluate("getSelection().toString()").strip() == page.locator("#json-code").inner_text().strip()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") == 0
