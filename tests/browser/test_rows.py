"""The buttons of a position's row, pressed in a real browser and read back from the simulator's ledger."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import open_desk, reload_until
from tests.browser.elsewhere import OtherProgram
from tests.browser.stack import Stack
from tests.browser.test_orders import fill_in, one_click_desk, send, working
from tests.browser.test_walk import is_streaming, orders_sent

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SOON = 20_000
TICK = Decimal("0.25")


FLASH_TWICE = """
async () => {
  const { flash } = await import("/static/portal/dom.js");
  for (let times = 0; times < 2; times += 1) {
    const started = new Promise((resolve) => document.body.addEventListener("animationstart", resolve, { once: true }));
    flash(document.body, "flash");
    await started;
  }
  return document.body.className;
}
"""


class Holding:
    """An account's position in a contract and the orders that work there, as the simulator has them."""

    def __init__(self, portal: Stack, account: int, symbol: str) -> None:
        self._portal = portal
        self._whose = {"accountId": account, "contractId": portal.market(symbol)["contractId"]}

    def _is_ours(self, entity: dict) -> bool:
        return self._whose.items() <= entity.items()

    def position(self) -> dict:
        [found] = filter(self._is_ours, self._portal.ledger()["entities"]["position"])
        return found

    def at_work(self) -> list[tuple]:
        """(side, type, quantity, time in force, price or stop price) of each working order, by type."""
        ledger = self._portal.ledger()
        entities = ledger["entities"]
        terms = {one["orderId"]: one for one in sorted(entities["orderVersion"], key=lambda one: one["id"])}
        working = [one for one in filter(self._is_ours, entities["order"]) if one["id"] in ledger["working"]]
        return sorted((one["action"], *_how(terms[one["id"]])) for one in working)


def _how(terms: dict) -> tuple:
    price = Decimal(str(terms.get("stopPrice") or terms.get("price")))
    return terms["orderType"], terms["orderQty"], terms["timeInForce"], price


def test_a_figure_that_changes_once_more_flashes_once_more(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(portal.url)
    assert page.evaluate(FLASH_TWICE) == "flash"


def test_a_position_gets_exits_and_breaks_even_and_is_turned_around(portal: Stack, open_page: OpenPage) -> None:
    page = one_click_desk(portal, open_page)
    symbol = portal.front_month("MES")
    fill_in(page, symbol, order_qty="2")
    send(page)
    row = page.locator("[data-row^='position:']", has_text=symbol)
    expect(row.locator("[data-field='qty']")).to_have_text("2", timeout=SOON)
    holding = Holding(portal, int(row.get_attribute("data-account") or 0), symbol)
    average = Decimal(str(holding.position()["netPrice"]))
    even = -(-average // TICK) * TICK

    row.get_by_role("button", name=f"Add exits to {symbol}").click()
    editor = page.locator("[data-editor-of]")
    editor.get_by_label("Target").fill("400")
    editor.get_by_label("Stop").fill("x")
    editor.get_by_role("button", name="Place exits").click()
    expect(editor.locator("[data-errors]")).to_contain_text("Write a number", timeout=SOON)
    assert holding.at_work() == []
    editor.get_by_label("Stop").fill("200")
    editor.get_by_role("button", name="Place exits").click()
    expect(editor).to_have_count(0, timeout=SOON)
    expect(working(page, symbol)).to_have_count(2, timeout=SOON)
    [target, stop] = holding.at_work()
    assert target[:4] == ("Sell", "Limit", 2, "GTC")
    assert stop[:4] == ("Sell", "Stop", 2, "GTC")
    assert target[4] - stop[4] == 600 * TICK
    assert abs(target[4] - average - 400 * TICK) < TICK

    portal.control("price", symbol=symbol, price=str(even + 20))
    expect(row.locator("[data-field='open_pnl']")).to_have_text(re.compile(r"^\+[12]\d\d\."), timeout=SOON)
    button = row.get_by_role("button", name=f"Stop of {symbol} to break-even")
    moved = working(page, symbol).filter(has_text="Stop")
    there = moved.locator("[data-field='stop']", has_text=re.compile(f"^{even:.2f}$"))
    early = page.locator(".toast", has_text="would trade at once")
    for _ in range(20):
        button.click()
        expect(there.or_(early).first).to_be_visible(timeout=SOON)
        if there.count():
            break
        # The checks hear of a price some tenths of a second after the page.
        early.get_by_role("button", name="Close this notice").click()
        expect(button).not_to_have_attribute("aria-disabled", "true", timeout=SOON)
    expect(there).to_be_visible()
    assert holding.at_work() == [target, (*stop[:4], even)]

    already, reverse = len(orders_sent(portal)), row.get_by_role("button", name=f"Reverse {symbol}")
    reverse.focus()
    with page.expect_response("**/desk/reverse/**"):
        page.keyboard.down("Enter")
    expect(reverse).not_to_have_attribute("aria-disabled", "true")
    page.keyboard.down("Enter")  # as a key that is held repeats it
    page.keyboard.up("Enter")
    expect(row.locator("[data-field='side']")).to_have_text("Short", timeout=SOON)
    expect(row.locator("[data-field='qty']")).to_have_text("2")
    expect(working(page, symbol)).to_have_count(0, timeout=SOON)
    assert holding.position()["netPos"] == -2
    assert holding.at_work() == []
    assert len(orders_sent(portal)) == already + 1
    row.get_by_role("button", name=f"Flatten {symbol}").click()
    expect(row).to_have_count(0, timeout=SOON)
    assert holding.position()["netPos"] == 0


def middle(row: Locator) -> tuple[float, float]:
    """Where a row's Cancel is on the screen."""
    box = row.get_by_role("button", name=re.compile("^Cancel")).bounding_box() or {}
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_press_goes_through_once_what_came_above_the_rows_has_been_seen(portal: Stack, open_page: OpenPage) -> None:
    # So tall that nothing scrolls, and the page stays as high as the screen whatever comes.
    page = open_page(viewport={"width": 1440, "height": 2400})
    open_desk(page, portal, "trader")
    other, symbol = OtherProgram(portal, "trader"), portal.front_month("MGC")
    orders = [other.order(symbol, order_type="Limit", price=price) for price in (1000, 1001)]
    rows = [page.locator(f"[data-row='order:{order}']") for order in orders]
    for row in rows:
        reload_until(page, row)
    is_streaming(page)
    expect(rows[1]).to_contain_text("Working")
    told = page.locator("#toasts", has_text="The rows had just moved: nothing was done. Press again.")

    def press_once_the_banner_is(hidden: str, row: Locator, after: int) -> None:
        page.wait_for_timeout(1_000)  # what has come, has been seen
        before = middle(row)
        moves = f"document.querySelector('#kill-banner').hidden = {hidden}"
        page.evaluate(f"{moves}; window.clicksAt = performance.now() + {after}")
        page.wait_for_timeout(after)
        place = middle(row)
        assert abs(place[1] - before[1]) > 30
        page.mouse.click(*place)

    press_once_the_banner_is("false", rows[0], after=50)
    expect(told).to_have_count(1)
    told.get_by_role("button", name="Close this notice").click()
    press_once_the_banner_is("true", rows[1], after=1_000)
    expect(rows[1]).to_have_count(0)
    expect(told).to_have_count(0)
    rows[0].get_by_role("button", name=re.compile("^Cancel")).press("Enter")
    expect(rows[0]).to_have_count(0)


def test_the_focus_stays_in_the_table_whose_row_goes(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    other, symbol = OtherProgram(portal, "trader"), portal.front_month("MGC")
    orders = [other.order(symbol, order_type="Limit", price=price) for price in (1000, 1001)]
    rows = [page.locator(f"[data-row='order:{order}']") for order in orders]
    expect(rows[0]).to_have_count(1)
    rows[1].get_by_role("button", name=re.compile("^Cancel")).press("Enter")
    expect(rows[1]).to_have_count(0)
    expect(rows[0]).to_be_focused()
    page.keyboard.press("Tab")
    rows[0].get_by_role("button", name=re.compile("^Cancel")).press("Enter")
    expect(rows[0]).to_have_count(0)
    expect(page.get_by_role("heading", name="Orders", exact=True)).to_be_focused()


def test_the_focus_stays_in_the_panel_whose_row_goes_while_it_asks(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    other, symbol = OtherProgram(portal, "trader"), portal.front_month("MGC")
    other.order(symbol)
    row = page.locator("[data-row^='position:']", has_text=symbol)
    row.get_by_role("button", name=f"Flatten {symbol}").press("Enter")
    expect(page.locator("#confirm[open]")).to_have_count(1)
    other.order(symbol, "Sell")
    expect(row).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Positions", exact=True)).to_be_focused()


def test_exits_that_are_being_written_when_their_position_goes_are_told_as_lost(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    other, symbol = OtherProgram(portal, "trader"), portal.front_month("MGC")
    other.order(symbol)
    row = page.locator("[data-row^='position:']", has_text=symbol)
    row.get_by_role("button", name=f"Add exits to {symbol}").click()
    page.locator("[data-editor-of]").get_by_label("Target").fill("40")
    other.order(symbol, "Sell")
    expect(row).to_have_count(0)
    expect(page.locator("#toasts")).to_contain_text(f"Long 1 {symbol} is gone by now: no exits were placed.")
    expect(page.get_by_role("heading", name="Positions", exact=True)).to_be_focused()


def test_a_press_on_a_row_that_has_just_moved_under_the_pointer_does_nothing_once(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    other, symbol = OtherProgram(portal, "trader"), portal.front_month("MGC")
    orders = [other.order(symbol, order_type="Limit", price=price) for price in range(1000, 1005)]
    still, first, second, third, fourth = [page.locator(f"[data-row='order:{order}']") for order in reversed(orders)]
    reload_until(page, still)
    is_streaming(page)
    expect(third).to_contain_text("Working")
    page.wait_for_timeout(1_000)  # what has come, has been seen

    places, started = [middle(row) for row in (still, second)], page.evaluate("performance.now()")
    page.evaluate("at => (window.clicksAt = at)", started + 300)
    told = page.locator("#toasts", has_text="The rows had just moved: nothing was done. Press again.")
    other.cancel(orders[3])
    expect(first).to_have_count(0)
    assert middle(third) == places[1]
    page.mouse.click(*places[1])
    expect(told).to_have_count(1)
    # A second click so soon may be that of a double click: it says what it did as well.
    told.get_by_role("button", name="Close this notice").click()
    page.evaluate("window.clicksAt += 300")
    page.mouse.move(*places[1])
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    expect(told).to_have_count(1)
    expect(third).to_contain_text("Working")
    # What did not move goes at once, and what is meant after all at the second press.
    page.mouse.click(*places[0])
    expect(still).to_have_count(0)
    expect(third).to_contain_text("Working")
    page.mouse.click(*middle(second))
    page.mouse.click(*middle(second))
    expect(second).to_have_count(0)
    third.get_by_role("button", name=re.compile("^Cancel")).press("Enter")
    expect(third).to_have_count(0)
    # Nor is what somebody has scrolled a surprise.
    page.wait_for_timeout(1_000)
    page.mouse.wheel(0, 20)
    page.wait_for_function("() => scrollY === 20")
    page.evaluate("new Promise(requestAnimationFrame).then(() => (window.clicksAt = performance.now()))")
    page.mouse.click(*middle(fourth))
    expect(fourth).to_have_count(0)
