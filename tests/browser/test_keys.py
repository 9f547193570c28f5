"""The keys of the desk: each does what its sheet says, none while somebody types."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_desk
from tests.browser.stack import Stack
from tests.browser.test_accessibility import violations
from tests.browser.test_orders import SOON, answer, fill_in
from tests.browser.test_walk import is_streaming

pytestmark = [pytest.mark.browser, pytest.mark.long]
OpenPage = Callable[..., Page]


def test_flatten_all_is_forgotten_when_no_second_press_follows(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    page.clock.install()
    open_desk(page, portal, "pro")
    is_streaming(page)
    rows, guard = page.locator("[data-row^='position:']"), page.locator("[data-guard='flatten-all']")
    expect(rows.first).to_be_visible(timeout=SOON)
    held = rows.count()
    for _ in range(2):
        page.locator("body").press("Shift+F")
        expect(guard).to_have_attribute("open", "")
        page.clock.fast_forward(5_100)
        expect(guard).not_to_have_attribute("open", "")
    is_streaming(page)
    assert rows.count() == held
    own = {row.get_attribute("data-account") for row in rows.all()}
    asked = [one for one in portal.ledger()["received"] if "liquidateposition" in one["route"]]
    assert not [one for one in asked if str(one["params"]["accountId"]) in own]  # others' tests have theirs


def test_keys_do_nothing_while_somebody_types_and_have_a_sheet(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    page.locator("body").press("/")
    expect(page.get_by_label("Symbol", exact=True)).to_be_focused()
    page.keyboard.type("sb?F")
    expect(page.get_by_label("Symbol", exact=True)).to_have_value("sb?F")
    expect(page.locator("#shortcuts[open], [data-guard][open]")).to_have_count(0)
    page.locator("#content").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.locator("#content").focus()
    page.keyboard.press("2")
    expect(page.locator("[data-tab='filled']")).to_have_attribute("aria-current", "true")
    page.reload()
    expect(page.locator("[data-tab='filled']")).to_have_attribute("aria-current", "true")


def test_every_key_of_the_sheet_does_what_the_sheet_says(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    ticket, sheet = page.locator("[data-ticket]"), page.locator("#shortcuts")
    fill_in(page, "", order_type="Limit")
    marked = "aria-current"
    effects = {
        "/": lambda: expect(ticket.get_by_label("Symbol")).to_be_focused(),
        "S": lambda: expect(ticket.locator("[data-send]")).to_contain_text("Sell"),
        "B": lambda: expect(ticket.locator("[data-send]")).to_contain_text("Buy"),
        "Q": lambda: expect(ticket.get_by_label("Quantity", exact=True)).to_be_focused(),
        "P": lambda: expect(ticket.locator("#ticket-price")).to_be_focused(),
        "3": lambda: expect(page.locator("[data-tab='ended']")).to_have_attribute(marked, "true"),
        "2": lambda: expect(page.locator("[data-tab='filled']")).to_have_attribute(marked, "true"),
        "1": lambda: expect(page.locator("[data-tab='working']")).to_have_attribute(marked, "true"),
        "Enter": lambda: expect(answer(page)).to_contain_text("Nothing was sent"),
        "X": lambda: expect(page.get_by_role("dialog", name="Cancel all working orders?")).to_be_visible(),
        "Shift+F": lambda: expect(page.locator("[data-guard='flatten-all']")).to_have_attribute("open", ""),
        "?": lambda: expect(sheet).to_be_visible(),
    }
    keys = sheet.locator("dt").evaluate_all(
        "all => all.flatMap((one) => [...one.children].map((key) => key.textContent))"
    )
    assert set(" ".join(keys).replace("Shift F", "Shift+F").split()) == set(effects)
    for key, is_done in effects.items():
        (ticket.get_by_label("Symbol") if key == "Enter" else page.locator("#content")).focus()
        page.keyboard.press(key if len(key) > 1 else key.lower())
        is_done()
        if page.locator("dialog[open]").count():
            page.keyboard.press("Escape")
