"""A trader changes what is special to an order's type: the touch price, the contracts shown, a trailing stop's size."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Line, open_desk
from tests.browser.elsewhere import OtherProgram
from tests.browser.stack import Stack
from tests.browser.test_accessibility import violations
from tests.browser.test_orders import SOON, fill_in, send, working
from tests.browser.test_walk import is_streaming, overflow

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]


def place(page: Page, portal: Stack, product: str, **terms: str) -> Locator:
    """Send an order from the ticket; returns its row once it works."""
    symbol = portal.front_month(product)
    fill_in(page, symbol, **terms)
    send(page)
    row = working(page, symbol)
    expect(row.locator("[data-field='status']")).to_have_text("Working", timeout=SOON)
    return row


def modify(page: Page, row: Locator) -> Locator:
    """Open a row's editor, once that of the change before has gone with its answer: news of it may come sooner."""
    expect(page.locator("[data-editor-of]")).to_have_count(0, timeout=SOON)
    row.get_by_role("button", name=re.compile("Modify")).click()
    return page.locator("[data-editor-of]")


def cancel(row: Locator) -> None:
    row.get_by_role("button", name=re.compile("^Cancel ")).click()
    expect(row).to_have_count(0, timeout=SOON)


def test_a_touch_price_and_the_contracts_shown_are_told_and_changed(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    terms = {"order_qty": "3", "price": "1000.25", "limit_if_touched_price": "1000.00"}
    row = place(page, portal, "MES", order_type="LimitIfTouched", **terms)
    expect(row.locator("[data-field='price']")).to_have_text("1000.25")
    expect(row.locator("[data-field='terms']")).to_have_text("touched at 1000.00")
    page.reload()
    is_streaming(page)
    expect(row.locator("[data-field='terms']")).to_have_text("touched at 1000.00")
    editor = modify(page, row)
    expect(editor.get_by_label("Stop")).to_be_hidden()
    expect(editor.get_by_label("Shown")).to_be_hidden()
    expect(editor.get_by_label("Touch")).to_have_value("1000.00")
    assert violations(page) == []
    assert overflow(page) <= 0
    editor.get_by_label("Touch").fill("999.90")
    editor.get_by_role("button", name="Change").click()
    expect(editor.locator("[data-errors]")).to_contain_text("nearest 999.75 or 1000.00", timeout=SOON)
    expect(editor.get_by_label("Touch")).to_have_attribute("aria-invalid", "true")
    editor.get_by_label("Touch").fill("999.75")
    editor.get_by_role("button", name="Change").click()
    expect(row.locator("[data-field='terms']")).to_have_text("touched at 999.75", timeout=SOON)
    expect(row.locator("[data-field='price']")).to_have_text("1000.25")
    cancel(row)

    page.locator("[data-ticket] details:has([name='max_show']) > summary").click()
    row = place(page, portal, "MES", order_type="Limit", order_qty="5", price="1000.25", max_show="1")
    expect(row.locator("[data-field='terms']")).to_have_text("shows 1")
    editor = modify(page, row)
    editor.get_by_label("Shown").fill("2")
    editor.get_by_role("button", name="Change").click()
    expect(row.locator("[data-field='terms']")).to_have_text("shows 2", timeout=SOON)
    cancel(row)


def test_of_a_trailing_stop_the_quantity_alone_is_changed(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    row = place(page, portal, "MNQ", order_type="TrailingStop", stop_price="90000", peg_difference="40000")
    expect(row.locator("[data-field='terms']")).to_have_text("trails by 40000.00")
    editor = modify(page, row)
    expect(editor.get_by_label("Stop")).to_be_hidden()
    expect(editor.get_by_text("nothing but the quantity")).to_be_visible()
    editor.get_by_label("Qty").fill("2")
    editor.get_by_role("button", name="Change").click()
    expect(row.locator("[data-field='qty']")).to_have_text("2", timeout=SOON)
    expect(row.locator("[data-field='terms']")).to_have_text("trails by 40000.00")

    # An order that ends while it is being changed takes what was written with it, and says so.
    modify(page, row).get_by_label("Qty").fill("3")
    order = int((row.get_attribute("data-row") or "").removeprefix("order:"))
    OtherProgram(portal, "trader").cancel(order)
    expect(editor).to_have_count(0, timeout=SOON)
    expect(page.locator("#toasts")).to_contain_text("is canceled by now: what you were changing was not sent.")


def test_an_editor_says_what_its_order_is_by_now(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    other = OtherProgram(portal, "trader")
    page.locator("[data-ticket] details:has([name='max_show']) > summary").click()
    row = place(page, portal, "MES", order_type="Limit", order_qty="5", price="1000.25", max_show="1")
    order = int((row.get_attribute("data-row") or "").removeprefix("order:"))

    editor = modify(page, row)
    editor.get_by_label("Qty").fill("4")
    other.modify(order, 6, "Limit", price=1001.25, maxShow=1)
    expect(editor.get_by_label("Price")).to_have_value("1001.25")
    expect(editor.get_by_label("Qty")).to_have_value("4")
    expect(editor.locator("[data-about]")).to_contain_text("Buy 6 ")
    expect(editor.locator("[data-moved]")).to_have_text("Changed meanwhile: Qty is 6, Price is 1001.25.")
    # Back to what it was when the editor was opened.
    editor.get_by_label("Price").fill("1000.25")
    editor.get_by_role("button", name="Change").click()
    expect(row.locator("[data-field='price']")).to_have_text("1000.25", timeout=SOON)
    expect(row.locator("[data-field='qty']")).to_have_text("4")

    editor = modify(page, row)
    expect(editor.locator("[data-moved]")).to_be_empty()
    editor.get_by_label("Qty").fill("3")
    editor.get_by_label("Shown").fill("")
    editor.get_by_role("button", name="Change").click()
    expect(editor.locator("[data-errors]")).to_have_text("Shown is empty. Write a value, or 1 to leave it as it is.")
    expect(editor.get_by_label("Shown")).to_have_attribute("aria-invalid", "true")
    editor.get_by_label("Shown").fill("1")
    editor.get_by_role("button", name="Change").click()
    expect(row.locator("[data-field='qty']")).to_have_text("3", timeout=SOON)
    expect(row.locator("[data-field='terms']")).to_have_text("shows 1")
    href = row.locator("[data-order-page]").get_attribute("href")

    # Its page was drawn with the terms that it had then.
    page.goto(f"{portal.url}{href}")
    is_streaming(page)
    expect(page.locator("strong[data-told]", has_text="Now: 3 Limit at 1000.25, shows 1, Day")).to_be_visible()
    expect(page.locator(".timeline").get_by_role("link", name="Its page")).to_have_count(2)
    other.modify(order, 2, "Limit", price=999.75, maxShow=1)
    expect(page.locator("strong[data-told]", has_text="Now: 2 Limit at 999.75, shows 1, Day")).to_be_visible(
        timeout=SOON
    )
    assert violations(page) == []
    assert overflow(page) <= 0
    other.cancel(order)
    expect(page.locator("strong[data-told]", has_text="Last terms: 2 Limit at 999.75")).to_be_visible(timeout=SOON)


def test_an_order_page_shows_terms_that_changed_before_it_was_told_anything(portal: Stack, open_page: OpenPage) -> None:
    desk = open_page()
    open_desk(desk, portal, "trader")
    is_streaming(desk)
    row = place(desk, portal, "MES", order_type="Limit", order_qty="3", price="1000.25")
    link = row.locator("[data-order-page]")
    expect(link).to_have_attribute("href", re.compile(r"^/orders/\d+/$"), timeout=SOON)
    order = int((row.get_attribute("data-row") or "").removeprefix("order:"))
    other = OtherProgram(portal, "trader")

    page = desk.context.new_page()
    line = Line(page)
    line.cut()
    opened = page.goto(f"{portal.url}{link.get_attribute('href')}")
    assert opened is not None
    late = [opened.text()]
    other.modify(order, 2, "Limit", price=999.75)
    expect(row.locator("[data-field='qty']")).to_have_text("2", timeout=SOON)

    # The journal is late: of the page that is drawn anew first it has told nothing new.
    def draw(route: Route) -> None:
        if late:
            route.fulfill(body=late.pop(), content_type="text/html; charset=utf-8")
        else:
            route.continue_()

    page.route(page.url, draw)
    line.mend()
    expect(page.locator("strong[data-told]", has_text="Now: 2 Limit at 999.75, Day")).to_be_visible(timeout=SOON)
    assert not late
    other.cancel(order)
    expect(page.locator("strong[data-told]", has_text="Last terms: 2 Limit at 999.75")).to_be_visible(timeout=SOON)


def test_an_editor_whose_answer_was_lost_follows_its_order_once_another_press_is_another_change(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page()
    page.clock.install()
    open_desk(page, portal, "trader")
    is_streaming(page)
    row = place(page, portal, "MES", order_type="Limit", order_qty="5", price="1000.25")
    order = int((row.get_attribute("data-row") or "").removeprefix("order:"))
    other = OtherProgram(portal, "trader")

    editor = modify(page, row)
    editor.get_by_label("Qty").fill("4")
    page.route("**/desk/modify/", lambda route: route.fulfill(body="No answer of Tradeport's."))
    editor.get_by_role("button", name="Change").click()
    expect(page.locator("#toasts")).to_contain_text("Tradeport did not answer.", timeout=SOON)
    page.unroute("**/desk/modify/")
    other.modify(order, 6, "Limit", price=1001.25)
    expect(row.locator("[data-field='qty']")).to_have_text("6", timeout=SOON)
    # To press again is to say the same again.
    expect(editor.locator("[data-about]")).to_contain_text("Buy 5 ")
    expect(editor.get_by_label("Price")).to_have_value("1000.25")

    page.clock.fast_forward(61_000)
    expect(editor.locator("[data-about]")).to_contain_text("Buy 6 ")
    expect(editor.get_by_label("Price")).to_have_value("1001.25")
    expect(editor.get_by_label("Qty")).to_have_value("4")
    expect(editor.locator("[data-moved]")).to_have_text("Changed meanwhile: Qty is 6, Price is 1001.25.")
    editor.get_by_role("button", name="Change").click()
    expect(row.locator("[data-field='qty']")).to_have_text("4", timeout=SOON)
    expect(row.locator("[data-field='price']")).to_have_text("1001.25")

    cancel(row)


def test_an_editor_does_not_change_while_what_it_says_is_on_its_way(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    row = place(page, portal, "MES", order_type="Limit", order_qty="5", price="1000.25")
    order = int((row.get_attribute("data-row") or "").removeprefix("order:"))
    other = OtherProgram(portal, "trader")

    editor = modify(page, row)
    editor.get_by_label("Qty").fill("4")
    held: list[Route] = []
    page.route("**/desk/modify/", lambda route: held.append(route))
    with page.expect_request("**/desk/modify/"):
        editor.get_by_role("button", name="Change").click()
    # An impatient second press is none.
    editor.get_by_label("Qty").press("Enter")
    other.modify(order, 6, "Limit", price=1001.25)
    expect(row.locator("[data-field='qty']")).to_have_text("6", timeout=SOON)
    expect(editor.locator("[data-about]")).to_contain_text("Buy 5 ")
    expect(editor.get_by_label("Price")).to_have_value("1000.25")
    [pressed] = held
    pressed.continue_()
    expect(row.locator("[data-field='qty']")).to_have_text("4", timeout=SOON)
    expect(row.locator("[data-field='price']")).to_have_text("1001.25")
    expect(editor).to_have_count(0, timeout=SOON)
    cancel(row)
