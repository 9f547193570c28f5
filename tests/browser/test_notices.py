"""Notices and sounds: each fill and each refusal is told once, wherever it was caused, whatever the page has missed."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Line, authorize, open_desk, sign_in
from tests.browser.elsewhere import OtherProgram
from tests.browser.stack import Stack
from tests.browser.test_orders import fill_in, one_click, send
from tests.browser.test_walk import is_streaming

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SOON = 20_000
LOCKED = "Trading is locked on this account, by a risk limit or by Tradovate."
# Keeps the words of every notice that was ever shown, and every tone that would have sounded, in hertz.
RECORD = """
window.told = [];
new MutationObserver((changes) => {
  const toasts = changes.flatMap(({ addedNodes }) => [...addedNodes]).filter((node) => node.matches?.(".toast"));
  window.told.push(...toasts.map((toast) => toast.querySelector("span").textContent));
}).observe(document, { childList: true, subtree: true });
window.tones = [];
window.AudioContext = class {
  state = "suspended";
  resume() { this.state = "running"; }
  currentTime = 0;
  destination = {};
  createGain() { return { gain: { value: 1 }, connect() {} }; }
  createOscillator() {
    const frequency = { value: 440 };
    const start = () => this.state === "running" && window.tones.push(frequency.value);
    return { frequency, connect() {}, start, stop() {} };
  }
};
"""
# Keeps the kinds of the frames that the stream has told.
HEARD = """
window.heard = [];
window.WebSocket = class extends WebSocket {
  constructor(...of) {
    super(...of);
    this.addEventListener("message", ({ data }) => window.heard.push(JSON.parse(data).t));
  }
};
"""
AWAY = "window.isAway = false; Object.defineProperty(document, 'hidden', { get: () => window.isAway });"
TOAST = "async () => (await import('/static/portal/toasts.js')).toast('error', 'Rejected.')"
FILLS = "async () => { for (const text of '123456') (await import('/static/portal/toasts.js')).toast('success', text) }"
TICK = Decimal("0.10")  # of the M2K
FILL, REFUSAL = [660, 880], [220, 180]


def told(page: Page) -> list[str]:
    return page.evaluate("window.told")


def tones(page: Page) -> list[int]:
    """The tones since this was asked last."""
    return page.evaluate("window.tones.splice(0)")


def is_told(page: Page, pattern: str, times: int = 1) -> None:
    """Wait until a notice that matches has been shown so often."""
    counted = "([pattern, times]) => window.told.filter((text) => text.match(pattern)).length >= times"
    page.wait_for_function(counted, arg=[pattern, times], timeout=SOON)


def test_what_happened_while_the_socket_was_cut_is_told_once(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    page.add_init_script(RECORD)
    line = Line(page)
    open_desk(page, portal, "trader")
    is_streaming(page)
    witness = page.context.new_page()
    witness.goto(f"{portal.url}/?orders=ended")
    is_streaming(witness)
    program, symbol = OtherProgram(portal, "trader"), portal.front_month("MES")

    expect(page).to_have_title(re.compile(r"^[+-]?\d.* · Desk · Tradeport$"))
    line.cut()
    expect(page.locator("[data-upstream-words]")).to_have_text("reconnecting")
    fills = witness.locator("[data-row^='fill:']").count()
    program.order(symbol)
    refused = program.refused_order(symbol, "SessionClosed")
    expect(witness.locator("[data-row^='fill:']")).to_have_count(fills + 1, timeout=SOON)
    expect(witness.locator(f"[data-orders] [data-row='order:{refused}']")).to_contain_text("Rejected", timeout=SOON)
    assert told(page) == []
    expect(page).to_have_title("Desk · Tradeport")

    line.mend()
    is_streaming(page)
    is_told(page, f"^Bought 1 {symbol} at ")
    is_told(page, f"^Sell 1 {symbol}: rejected")
    announced = page.locator("#announcer > p")
    expect(announced.filter(has_text=re.compile(f"^Bought 1 {symbol} at "))).to_have_count(1)
    expect(announced.filter(has_text=re.compile(f"^Sell 1 {symbol}: rejected"))).to_have_count(1)
    link = page.locator("#toasts .toast", has_text="rejected").get_by_role("link", name="Order page")
    expect(link).to_have_attribute("href", f"/orders/tradovate/{refused}/")

    # Another snapshot tells nothing anew, and what comes after it does.
    line.drop()
    expect(page.locator("[data-upstream-words]")).to_have_text("reconnecting")
    is_streaming(page)
    program.order(symbol, "Sell")
    is_told(page, f"^Sold 1 {symbol} at ")
    assert [text.partition(f" {symbol}")[0] for text in told(page)] == ["Bought 1", "Sell 1", "Sold 1"]

    page.reload()
    is_streaming(page)
    program.order(symbol)
    is_told(page, f"^Bought 1 {symbol} at ")
    assert len(told(page)) == 1, "what was there before the page was told"
    program.order(symbol, "Sell")
    is_told(page, f"^Sold 1 {symbol} at ")


def test_a_stop_that_ends_with_its_targets_first_fill_is_told_and_one_that_ends_with_its_last_is_not(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page()
    page.add_init_script(RECORD)
    open_desk(page, portal, "trader")
    is_streaming(page)
    program, symbol = OtherProgram(portal, "trader"), portal.front_month("M2K")
    row = page.locator("[data-row^='position:']", has_text=symbol)
    working = page.locator("[data-orders] [data-group='working']", has_text=symbol)
    # Of so many that one contract at a time trades for long, however slowly that is told.
    for qty, is_whole in ((3, True), (40, False)):
        portal.control("price", symbol=symbol, price="2000")
        program.order(symbol, qty=qty)
        expect(row.locator("[data-field='qty']")).to_have_text(str(qty), timeout=SOON)
        row.get_by_role("button", name=f"Add exits to {symbol}").click()
        editor = page.locator("[data-editor-of]")
        expect(editor).to_contain_text("One contract that trades cancels all of the other.")
        editor.get_by_label("Target").fill("10")
        editor.get_by_label("Stop").fill("100")
        editor.get_by_label("in").select_option("points")
        editor.get_by_role("button", name="Place exits").click()
        expect(working).to_have_count(2, timeout=SOON)
        target = Decimal(working.filter(has_text="Limit").locator("[data-field='price']").inner_text())
        portal.control("liquidity", symbol=symbol, size=None if is_whole else 1)
        portal.control("price", symbol=symbol, price=str(target + (5 if is_whole else TICK)))
        if is_whole:
            expect(row).to_have_count(0, timeout=SOON)
            is_told(page, f"^Sold 3 {symbol} at ")
            page.wait_for_timeout(1_000)
            assert not [text for text in told(page) if "left without" in text]
    is_told(page, f"^The stop of {symbol} was cancelled, as the target has traded: ")
    notice = page.locator("#toasts .toast[data-level='error']", has_text="left without a stop")
    expect(notice.get_by_role("link", name="Order page")).to_be_visible()
    portal.control("liquidity", symbol=symbol, size=None)
    expect(row).to_have_count(0, timeout=SOON)
    page.wait_for_timeout(1_000)
    assert len([text for text in told(page) if "left without" in text]) == 1


def test_a_page_that_a_change_has_not_reached_asks_for_all_of_it(portal: Stack, open_page: OpenPage) -> None:
    lost: list[str] = []

    def loses(frame: str) -> bool:
        is_lost = not lost and frame.startswith('{"t":"delta"') and '"order:' in frame
        lost.extend([frame] * is_lost)
        return is_lost

    page = open_page()
    Line(page, loses)
    open_desk(page, portal, "trader")
    is_streaming(page)
    program, symbol = OtherProgram(portal, "trader"), portal.front_month("MNQ")
    orders = [program.order(symbol, order_type="Limit", price=price) for price in (1000, 1001)]
    for order in orders:
        expect(page.locator(f"[data-orders] [data-row='order:{order}']")).to_contain_text("Working", timeout=SOON)
    assert lost
    for order in orders:
        program.cancel(order)


def test_sounds_tell_a_fill_from_a_refusal_and_are_off_unless_wanted(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    page.add_init_script(RECORD)
    open_desk(page, portal, "trader")
    is_streaming(page)
    program, symbol = OtherProgram(portal, "trader"), portal.front_month("MNQ")
    sound = page.get_by_role("button", name="Sound")
    expect(sound).to_have_attribute("aria-pressed", "false")
    program.order(symbol)
    program.refused_order(symbol, "SessionClosed")
    is_told(page, f"^Bought 1 {symbol} at ")
    is_told(page, f"^Sell 1 {symbol}: rejected")
    assert tones(page) == []

    sound.click()
    expect(sound).to_have_attribute("aria-pressed", "true")
    assert tones(page) == FILL, "how it sounds is heard when it is switched on"
    program.order(symbol, "Sell")
    is_told(page, f"^Sold 1 {symbol} at ")
    assert tones(page) == FILL
    program.refused_order(symbol, "SessionClosed")
    is_told(page, f"^Sell 1 {symbol}: rejected", times=2)
    assert tones(page) == REFUSAL

    sound.click()
    program.order(symbol)
    is_told(page, f"^Bought 1 {symbol} at ", times=2)
    assert tones(page) == []
    program.order(symbol, "Sell")
    is_told(page, f"^Sold 1 {symbol} at ", times=2)


def test_a_notice_in_a_tab_behind_others_waits_until_it_is_looked_at(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    page.add_init_script(AWAY)
    open_desk(page, portal, "trader")
    page.clock.install()
    page.goto(f"{portal.url}/settings/")
    page.evaluate("window.isAway = true")
    page.evaluate(TOAST)
    # What was refused is not pushed out by what was filled.
    page.evaluate(FILLS)
    expect(page.locator("#toasts .toast > span")).to_have_text(["Rejected.", "4", "5", "6"])
    notice = page.locator("#toasts .toast[data-level='error']")
    page.clock.fast_forward(60_000)
    expect(notice).to_have_text(re.compile("^Rejected."))
    page.evaluate("window.isAway = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(notice).to_be_visible()
    page.clock.fast_forward(13_000)
    expect(notice).to_have_count(0)


def test_a_notice_behind_a_question_waits_until_that_is_answered(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    page.clock.install()
    page.goto(portal.url)
    page.get_by_role("button", name="Keys").click()
    page.evaluate(TOAST)
    page.clock.fast_forward(60_000)
    expect(page.locator("#toasts .toast")).to_have_count(1)
    # Nor is it read out in vain: a dialog makes all else deaf.
    page.evaluate(FILLS)
    expect(page.locator("#announcer")).to_be_empty()
    page.locator("#shortcuts").get_by_role("button", name="Close").click()
    expect(page.locator("#announcer > p")).to_have_text(["Rejected. · 1 · 2 · 3 · 4 · 5 · 6"])
    page.clock.fast_forward(13_000)
    expect(page.locator("#toasts .toast")).to_have_count(0)


def test_a_refusal_says_why_on_every_desk_and_leads_to_the_order(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    page.add_init_script(RECORD + HEARD)
    open_desk(page, portal, "trader")
    is_streaming(page)
    page.wait_for_function("() => window.heard.includes('intents')")
    other = page.context.new_page()
    other.add_init_script(RECORD)
    other.goto(portal.url)
    is_streaming(other)
    one_click(other)
    other.get_by_role("button", name="Sound").click()
    tones(other)
    account = OtherProgram(portal, "trader").account
    portal.control("refuse", accountId=account["id"], reason="TradingLocked", stage="risk")
    symbol = portal.front_month("MGC")
    fill_in(other, symbol, order_type="Limit", price="100.0")
    send(other)
    why = f"Buy 1 {symbol}: rejected. {LOCKED}"
    expect(other.locator("[data-outcome] .notice")).to_contain_text(why, timeout=SOON)
    expect(other.locator("[data-outcome] .notice")).to_have_attribute("data-level", "error")

    notice = page.locator("#toasts .toast")
    expect(notice).to_contain_text(why, timeout=SOON)
    expect(notice).to_have_attribute("data-level", "error")
    link = notice.get_by_role("link", name="Order page")
    link.focus()  # and so it stays
    outcome_link = other.locator("[data-outcome]").get_by_role("link", name="Order page")
    assert link.get_attribute("href") == outcome_link.get_attribute("href")
    link.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(symbol)
    expect(page.locator("h1 .badge")).to_have_text("rejected")
    assert told(other) == [], "told twice where it was sent"
    assert tones(other) == REFUSAL


def test_what_becomes_of_the_tickets_order_later_or_behind_a_question_is_told_as_of_any_other(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page()
    page.clock.install()
    page.add_init_script(RECORD)
    # Tells of intents only what a new socket begins with: when is for the test to say.
    line = Line(page, loses=lambda frame: frame.startswith('{"t":"intent",'))
    open_desk(page, portal, "trader")
    is_streaming(page)
    page.get_by_role("button", name="Sound").click()
    account, symbol = OtherProgram(portal, "trader").account, portal.front_month("MGC")

    def answer_early(route: Route) -> None:
        """Answer with what was known when the order was accepted, before it was refused."""
        answer = route.fetch().json()
        for row in answer["rows"].values():
            row |= {"state": "accepted", "level": "info", "words": "Accepted so far.", "version": "0"}
        route.fulfill(json=answer)

    page.route("**/desk/place/", answer_early)
    question = page.get_by_role("dialog", name="Send this order?")
    why = f"^Buy 1 {symbol}: rejected. {LOCKED}"
    for times, is_asked in enumerate((False, True), 1):
        portal.control("refuse", accountId=account["id"], reason="TradingLocked", stage="risk")
        button = fill_in(page, symbol, order_type="Limit", price=f"10{times}.0")
        button.click()
        question.locator("[data-yes]").click()
        expect(page.locator("[data-outcome]")).to_contain_text("Accepted so far.", timeout=SOON)
        tones(page)
        if is_asked:
            button.click()
            expect(question).to_be_visible(timeout=SOON)
        else:
            page.clock.fast_forward(6_000)
        line.drop()
        is_told(page, why, times)
        assert tones(page) == REFUSAL
    question.get_by_role("button", name="Back").click()
    expect(page.locator("#toasts .toast", has_text=re.compile(why)).last).to_be_visible()
    assert len(told(page)) == 2


def test_a_page_of_the_sign_in_before_shows_nothing_of_the_next_one(portal: Stack, open_page: OpenPage) -> None:
    old = open_page()
    line = Line(old)
    sign_in(old, portal, "pro")
    expect(old.locator("[data-row^='account:']")).to_have_count(5)
    names = old.locator("[data-row^='account:'] [data-field='name']").all_text_contents()
    line.cut()
    new = old.context.new_page()
    new.goto(f"{portal.url}/accounts/sign-in/")
    authorize(new, portal, "trader")
    line.mend()
    expect(old.locator("#upstream-notice")).to_contain_text("signed in to another connection")
    expect(old.locator("#link-notice")).to_be_hidden()
    assert old.locator("[data-row^='account:'] [data-field='name']").all_text_contents() == names
    old.reload()
    expect(old.locator(".trader")).to_have_text("trader")
    expect(old.locator("[data-upstream-words]")).to_have_text("streaming")
