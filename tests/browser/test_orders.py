"""A trader orders from the desk: a ticket, its answer, changes and ways out, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import PHONE, open_desk, reload_until
from tests.browser.elsewhere import OtherProgram
from tests.browser.stack import Stack
from tests.browser.test_accessibility import violations
from tests.browser.test_walk import is_streaming, orders_sent, overflow

pytestmark = [pytest.mark.browser, pytest.mark.long]
OpenPage = Callable[..., Page]
SOON = 20_000
# A desk that shows two orders of a tab, before its script runs.
FEW_ORDERS = """document.addEventListener("readystatechange", () => {
  document.querySelector("[data-orders]")?.setAttribute("data-most", "2");
});"""
# Clicks a button twice, the second time where it was and when another one has taken its place; the clicks themselves
# say that they come as soon after each other as those of a hand.
CLICK_TWICE = """
async (button) => {
  const { left, top, width, height } = button.getBoundingClientRect();
  const there = () => document.elementFromPoint(left + width / 2, top + height / 2)?.closest("button");
  const click = (detail) => new MouseEvent("click", { detail, bubbles: true, cancelable: true });
  const first = click(1), second = click(2);
  Object.defineProperty(second, "timeStamp", { value: first.timeStamp + 400, configurable: true });
  button.dispatchEvent(first);
  while (button.isConnected || !there()) await new Promise(requestAnimationFrame);
  there().dispatchEvent(second);
}
"""


def fill_in(page: Page, symbol: str, **more: str) -> Locator:
    """Fill the ticket in: fields by name; returns its button."""
    ticket = page.locator("[data-ticket]")
    ticket.get_by_label("Symbol").fill(symbol.lower())
    for name, value in more.items():
        field = ticket.locator(f"[name='{name}']:not([type='radio'])")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    return ticket.locator("[data-send]")


def answer(page: Page) -> Locator:
    return page.locator("[data-outcome]")


def one_click(page: Page) -> None:
    page.locator("[data-ask-mode]").select_option("never")


def one_click_desk(portal: Stack, open_page: OpenPage) -> Page:
    """The desk of the trader with one account: it streams, and asks nothing before it sends."""
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    one_click(page)
    return page


def send(page: Page) -> None:
    """Press the ticket's button, and the dialog's where something is to be warned of."""
    page.locator("[data-outcome] .notice").evaluate_all("notices => notices.forEach((one) => (one.dataset.old = ''))")
    page.locator("[data-send]").click()
    expect(page.locator("#confirm[open], [data-outcome] .notice:not([data-old])").first).to_be_visible(timeout=SOON)
    if page.locator("#confirm[open]").count():
        page.locator("#confirm [data-yes]").click()


def working(page: Page, symbol: str) -> Locator:
    return page.locator("[data-orders] [data-row^='order:']", has_text=symbol)


def test_an_order_is_placed_changed_and_cancelled(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    symbol, before = portal.front_month("MES"), len(orders_sent(portal))
    button = fill_in(page, symbol, order_type="Limit", price="1000.10")
    expect(page.locator("#ticket-price-error")).to_contain_text("nearest 1000.00 or 1000.25", timeout=SOON)
    expect(page.get_by_label("Price", exact=True).first).to_have_attribute("aria-invalid", "true")
    button.click()
    expect(page.locator("#confirm[open]")).to_have_count(0)
    expect(answer(page)).to_contain_text("Nothing was sent")
    fill_in(page, symbol, price="1000.25")
    expect(page.locator("#ticket-price-error")).to_be_empty(timeout=SOON)
    button.click()
    expect(page.locator("#confirm [data-words]")).to_have_text(f"Buy 1 {symbol} Limit at 1000.25 Day", timeout=SOON)
    page.get_by_role("button", name="Back").click()
    assert len(orders_sent(portal)) == before, "sent before it was confirmed"
    button.click()
    page.locator("#confirm [data-yes]").click()
    expect(answer(page)).to_contain_text(f"Buy 1 {symbol}", timeout=SOON)
    row = working(page, symbol)
    expect(row.locator("[data-field='price']")).to_have_text("1000.25", timeout=SOON)
    expect(row.locator("[data-field='source']")).to_have_text("click", timeout=SOON)
    assert len(orders_sent(portal)) == before + 1

    row.get_by_role("button", name=re.compile("Modify")).click()
    editor = page.locator("[data-editor-of]")
    editor.get_by_label("Price").fill("1001.10")
    editor.get_by_role("button", name="Change").click()
    expect(editor.locator("[data-errors]")).to_contain_text("nearest 1001.00 or 1001.25", timeout=SOON)
    editor.get_by_label("Price").fill("1001.25")
    held: list[Route] = []
    page.route("**/desk/modify/", lambda route: held.append(route))
    with page.expect_request("**/desk/modify/"):
        editor.get_by_role("button", name="Change").click()
    page.get_by_label("Symbol", exact=True).focus()
    held[0].continue_()
    expect(row.locator("[data-field='price']")).to_have_text("1001.25", timeout=SOON)
    expect(editor).to_have_count(0, timeout=SOON)
    # Else what is typed on would be keys of the desk.
    expect(page.get_by_label("Symbol", exact=True)).to_be_focused()
    page.get_by_label("Symbol", exact=True).fill("")
    expect(page.locator("#ticket-price-error")).to_be_empty()

    answer(page).get_by_role("link", name="Order page").click()
    timeline = page.locator(".timeline")
    expect(timeline).to_be_visible()
    # That it was seen is no news of the order: the page does not draw itself anew for that.
    reload_until(page, timeline.get_by_role("rowheader", name="seen by the trader"))
    for step in ("received", "checked", "queued", "sent", "acknowledged", "at the exchange", "seen by the trader"):
        expect(timeline.get_by_role("rowheader", name=step)).to_be_visible(timeout=SOON)
    assert violations(page) == []
    assert overflow(page) <= 0

    other = page.context.new_page()
    other.goto(portal.url)
    is_streaming(other)
    working(other, symbol).get_by_role("button", name=re.compile("Cancel")).click()
    expect(working(other, symbol)).to_have_count(0, timeout=SOON)
    expect(page.locator("h1 .badge")).to_have_text("cancelled", timeout=SOON)
    other.get_by_role("link", name=re.compile("Rejected and other")).click()
    expect(working(other, symbol).locator("[data-field='status']").first).to_have_text("Canceled")


def test_a_change_that_did_not_take_is_offered_as_cancel_and_replace_on_the_row(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    symbol = portal.front_month("MNQ")
    fill_in(page, symbol, order_type="Limit", price="1000.25")
    send(page)
    row = working(page, symbol)
    expect(row.get_by_role("button", name=re.compile("Modify"))).to_be_visible(timeout=SOON)
    offer = row.get_by_role("button", name=re.compile(f"Cancel and replace {symbol} order"))
    expect(offer).to_be_hidden()

    portal.control("faults", kind="modify_ignored")
    row.get_by_role("button", name=re.compile("Modify")).click()
    editor = page.locator("[data-editor-of]")
    editor.get_by_label("Price").fill("1001.25")
    editor.get_by_role("button", name="Change").click()
    expect(offer).to_be_visible(timeout=SOON)
    expect(row.locator("[data-field='reason']")).to_contain_text("Its change did not take.")
    page.reload()
    expect(offer).to_be_visible(timeout=SOON)
    before = len(orders_sent(portal))
    offer.click()
    # The stream may say something else of the row while the question is open: what was pressed is meant.
    offer.evaluate("button => button.setAttribute('formaction', '/orders/0/replace/')")
    page.locator("#confirm [data-yes]").click()
    expect(row.locator("[data-field='price']")).to_have_text("1001.25", timeout=SOON)
    expect(offer).to_be_hidden()
    assert len(orders_sent(portal)) == before + 1
    row.get_by_role("button", name=re.compile("^Cancel MNQ")).click()
    expect(row).to_have_count(0, timeout=SOON)  # else the page is gone before it has said so


def test_a_bracket_is_filled_and_the_position_flattened(portal: Stack, open_page: OpenPage) -> None:
    page = one_click_desk(portal, open_page)
    symbol = portal.front_month("MNQ")
    fill_in(page, symbol, exits="distance", target="400", stop_loss="200", unit="ticks")
    expect(page.locator("[data-stakes]")).to_have_text("Risk $100.00 · reward $200.00 · 2.00 R", timeout=SOON)
    fill_in(page, "")
    expect(page.locator("[data-stakes]")).to_be_hidden(timeout=SOON)
    fill_in(page, symbol)
    send(page)
    position = page.locator("[data-row^='position:']", has_text=symbol)
    expect(position.locator("[data-field='qty']")).to_have_text("1", timeout=SOON)
    expect(page.locator("#toasts")).to_contain_text(f"Bought 1 {symbol} at", timeout=SOON)
    exits = working(page, symbol)
    expect(exits).to_have_count(2, timeout=SOON)
    expect(exits.nth(1)).to_have_attribute("data-depth", "1")
    expect(exits.nth(0).locator("[data-field='source']")).to_have_text("click", timeout=SOON)
    assert violations(page) == []

    position.get_by_role("button", name=f"Flatten {symbol}").click()
    if page.locator("#confirm[open]").count():
        page.locator("#confirm [data-yes]").click()
    expect(position).to_have_count(0, timeout=SOON)
    expect(exits).to_have_count(0, timeout=SOON)


def test_each_fill_says_who_asked_for_it_here_or_elsewhere(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    page.add_init_script(FEW_ORDERS)
    open_desk(page, portal, "pro")
    is_streaming(page)
    one_click(page)
    here, elsewhere = portal.front_month("MCL"), portal.front_month("M2K")
    OtherProgram(portal, "pro").order(elsewhere)
    fill_in(page, here)
    send(page)
    for symbol, source in ((here, "click"), (elsewhere, "elsewhere")):
        fill = page.locator("[data-row^='fill:']", has_text=symbol).first
        expect(fill.locator("[data-field='source']")).to_have_text(source, timeout=SOON)
        page.locator("[data-tab='filled']").click()
        order = page.locator("[data-orders] [data-row^='order:']", has_text=symbol).first
        price = fill.locator("[data-field='price']").text_content() or ""
        expect(order.locator(".filled")).to_have_text(f"1 {price}", timeout=SOON)
        expect(page.locator("[data-cut]")).to_have_text(re.compile(r"^newest 2 of \d+$"))
    page_of_it = order.locator("[data-order-page]").get_attribute("href")
    page.goto(f"{portal.url}/fills/")
    for symbol, source in ((here, "click"), (elsewhere, "elsewhere")):
        row = page.locator("tr:not(.date)", has_text=symbol).first
        expect(row.locator(".source")).to_have_text(source)
    page.goto(f"{portal.url}{page_of_it}")
    expect(page.locator(".timeline")).to_contain_text("filled")
    assert violations(page) == []


def test_a_lost_answer_is_looked_for_and_what_never_arrived_can_be_sent_again(
    portal: Stack, open_page: OpenPage
) -> None:
    page = one_click_desk(portal, open_page)
    symbol, before = portal.front_month("MGC"), len(orders_sent(portal))
    portal.control("faults", kind="lose_reply", route="order/placeorder")
    fill_in(page, symbol, order_type="Limit", price="100.0")
    send(page)
    expect(answer(page)).to_contain_text(re.compile("will not be sent again|working|accepted"), timeout=SOON)
    expect(answer(page)).to_contain_text("working", timeout=SOON)
    assert len(orders_sent(portal)) == before + 1

    portal.control("faults", kind="reset_before", route="order/placeorder")
    fill_in(page, symbol, price="101.0")
    send(page)
    expect(answer(page)).to_contain_text("will not be sent again", timeout=SOON)
    again = answer(page).get_by_role("button", name="Send again")
    expect(again).to_be_visible(timeout=60_000)
    again.click()
    expect(answer(page)).to_contain_text(re.compile("working|accepted"), timeout=SOON)
    expect(working(page, symbol)).to_have_count(2, timeout=SOON)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/desk/cancel/" in request.url else None)
    # The next row has moved up to where the second click lands.
    cancel = working(page, symbol).first.get_by_role("button", name=re.compile("^Cancel "))
    cancel.scroll_into_view_if_needed()
    cancel.evaluate(CLICK_TWICE)
    expect(working(page, symbol)).to_have_count(1, timeout=SOON)
    assert len(asked) == 1
    page.get_by_role("button", name="Cancel all").click()
    if page.locator("#confirm[open]").count():
        page.locator("#confirm [data-yes]").click()
    expect(working(page, symbol)).to_have_count(0, timeout=SOON)


def test_of_a_pair_that_never_arrived_the_first_order_is_sent_again_with_the_second(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    one_click(page)
    symbol = portal.front_month("MGC")
    portal.control("faults", kind="reset_before", route="order/placeoco")
    fill_in(page, symbol, order_type="Limit", price="100.0", exits="pair", other_order_type="Limit", other_price="99.0")
    send(page)
    rows = page.locator("[data-orders] [data-row^='intent:']", has_text=symbol)
    again, given_up = (rows.get_by_role("button", name=name) for name in ("Send again", "Give up"))
    expect(again.first).to_be_visible(timeout=60_000)
    for _ in range(2):
        expect(rows).to_have_count(2)
        expect(again.filter(visible=True)).to_have_count(1)
        expect(given_up.filter(visible=True)).to_have_count(1)
        page.reload()
        is_streaming(page)
    given_up.filter(visible=True).click()
    expect(again.filter(visible=True)).to_have_count(0, timeout=SOON)


def test_a_double_click_sends_one_order(portal: Stack, open_page: OpenPage) -> None:
    page = one_click_desk(portal, open_page)
    symbol, before = portal.front_month("MES"), len(orders_sent(portal))
    already = working(page, symbol).count()
    fill_in(page, symbol, order_type="Limit", price="1000")
    page.locator("[data-send]").dblclick()
    asked = page.locator("#confirm[open]")
    expect(asked.or_(working(page, symbol).nth(already)).first).to_be_visible(timeout=SOON)
    if asked.count():
        page.locator("#confirm [data-yes]").dblclick()
    expect(working(page, symbol)).to_have_count(already + 1, timeout=SOON)
    assert len(orders_sent(portal)) == before + 1
    page.locator("body").press("Shift+F")
    expect(page.locator("[data-guard='flatten-all']")).to_have_attribute("open", "")
    page.locator("body").press("Shift+F")
    expect(working(page, symbol)).to_have_count(0, timeout=SOON)


def test_on_a_phone_the_ways_out_are_a_thumb_away(portal: Stack, open_page: OpenPage) -> None:
    page = open_page(PHONE)
    open_desk(page, portal, "pro")
    is_streaming(page)
    flatten = page.get_by_role("button", name=re.compile("^Flatten ")).first
    expect(flatten).to_be_visible(timeout=SOON)
    assert (flatten.bounding_box() or {})["height"] >= 44
    cancel = page.get_by_role("button", name=re.compile("^Cancel .* order")).first
    assert (cancel.bounding_box() or {})["height"] >= 44
    thumbs = page.get_by_role("navigation", name="One thumb away")
    for part in (0, 0.5, 1):
        page.evaluate("part => scrollTo(0, part * document.body.scrollHeight)", part)
        expect(thumbs.get_by_role("button", name="Cancel all")).to_be_in_viewport(ratio=1)
        expect(thumbs.get_by_text("Flatten all")).to_be_in_viewport(ratio=1)
    page.get_by_role("link", name="Ticket").click()
    expect(page.locator("[data-send]")).to_be_in_viewport()
    assert overflow(page) <= 0
    assert violations(page) == []


def test_without_javascript_the_ticket_and_the_rows_work(portal: Stack, open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    open_desk(page, portal, "trader")
    symbol, before = portal.front_month("MES"), len(orders_sent(portal))
    reload_until(page, page.locator("#ticket-account option"))
    fill_in(page, symbol, order_type="Limit", price="1000.10")
    page.get_by_role("button", name="Send order").click()
    expect(page.locator("#ticket-price-error")).to_contain_text("nearest 1000.00 or 1000.25")
    expect(page.locator("[data-ticket]").get_by_label("Symbol")).to_have_value(symbol.lower())
    page.locator("#ticket-price").fill("1000.25")
    page.get_by_role("button", name="Send order").click()
    expect(page.get_by_text(re.compile(f"Buy 1 {symbol}: (accepted|working)"))).to_be_visible()
    page.reload()
    assert len(orders_sent(portal)) == before + 1
    cancel = page.get_by_role("button", name=re.compile(f"Cancel {symbol} order"))
    reload_until(page, cancel)
    cancel.first.click()
    expect(page.get_by_text(re.compile("Cancel order"))).to_be_visible()
    held = portal.front_month("MYM")
    fill_in(page, held)
    page.get_by_role("button", name="Send order").click()
    reverse = page.get_by_role("button", name=f"Reverse {held}")
    reload_until(page, reverse)
    reverse.click()
    expect(page.get_by_text(re.compile(f"Sell 2 {held}: (accepted|working|filled)"))).to_be_visible()
    reload_until(page, page.locator("[data-row^='position:']", has_text=held).locator("[data-side='Short']"))
    page.get_by_role("button", name=f"Flatten {held}").click()
    expect(page.get_by_text(re.compile(f"Flatten .*{held}|Close .*{held}"))).to_be_visible()
