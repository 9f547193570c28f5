"""The kill switch in real pages: thrown in one tab it shows in the other, works without JavaScript, and is released
only after a fresh sign-in."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.browser.conftest import PHONE, Line, authorize, sign_in, sign_in_as_staff
from tests.browser.stack import STAFF_PASSWORD, Stack
from tests.browser.test_accessibility import violations
from tests.browser.test_orders import answer, fill_in, send, working
from tests.browser.test_walk import is_streaming

pytestmark = [pytest.mark.browser, pytest.mark.long]
OpenPage = Callable[..., Page]
SOON = 20_000
STOPPED = "Trading is stopped by you: only exits and cancels go through."


def throw(page: Page, *, reason: str = "", flatten: bool = False) -> None:
    page.locator(".kill-menu summary").click()
    page.get_by_label("Reason, if you like").fill(reason)
    page.get_by_label("Close all positions at the market").set_checked(flatten)
    page.get_by_role("button", name="Stop trading now").click()


def release(page: Page, portal: Stack, name: str) -> None:
    page.goto(f"{portal.url}/kill-switch/")
    page.get_by_role("link", name="Sign in again to release").click()
    authorize(page, portal, name, lands_on="/kill-switch/")
    page.get_by_role("button", name="Release and trade again").click()
    expect(page.get_by_text("The kill switch is released.")).to_be_visible()


def test_thrown_in_one_tab_it_shows_in_every_other(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    sign_in(page, portal, "trader")
    other = page.context.new_page()
    other.goto(f"{portal.url}/files/")
    expect(other.locator("[data-upstream-words]")).to_have_text("streaming", timeout=SOON)
    expect(other.locator("#kill-banner")).to_be_hidden()
    other.evaluate("window.sameDocument = true")

    throw(page, reason="lunch")
    expect(page.get_by_role("heading", name=STOPPED)).to_be_visible()
    expect(other.locator("#kill-banner")).to_contain_text(f"{STOPPED} lunch", timeout=SOON)
    expect(other.locator(".kill-menu summary")).to_have_text("Trading stopped", use_inner_text=True)
    assert violations(page) == []

    # Another browser of the same trader: its sign-in is another session's, and that is fresh for it alone.
    stranger = open_page()
    sign_in(stranger, portal, "trader")
    page.reload()
    expect(page.get_by_role("button", name="Release and trade again")).to_have_count(0)

    release(page, portal, "trader")
    stranger.goto(f"{portal.url}/files/")
    expect(stranger.locator("#kill-banner")).to_be_hidden()
    # The new sign-in has ended the old session of this browser: its other tab is a page of the new one after a reload.
    other.reload()
    expect(other.locator("#kill-banner")).to_be_hidden()


def test_its_page_shows_what_was_thrown_before_it_heard_anything(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    sign_in(page, portal, "empty")
    other = page.context.new_page()
    line = Line(other)
    line.cut()
    other.goto(f"{portal.url}/kill-switch/")
    expect(other.get_by_role("heading", name="Trading goes on")).to_be_visible()
    throw(page)
    line.mend()
    expect(other.get_by_role("heading", name=STOPPED)).to_be_visible()
    expect(other.locator("#announcer")).to_contain_text(STOPPED)
    release(page, portal, "empty")


def test_it_shows_on_the_page_of_an_order_that_has_moved(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    sign_in(page, portal, "trader")
    is_streaming(page)
    symbol = portal.front_month("MES")
    fill_in(page, symbol, order_type="Limit", price="1000.25")
    send(page)
    link = answer(page).get_by_role("link", name="Order page")
    expect(link).to_be_visible(timeout=SOON)
    order = page.context.new_page()
    order.goto(f"{portal.url}{link.get_attribute('href')}")
    is_streaming(order)
    working(page, symbol).get_by_role("button", name=re.compile("^Cancel ")).click()
    expect(order.locator("h1 .badge")).to_have_text("cancelled", timeout=SOON)
    throw(page)
    expect(order.locator("#kill-banner")).to_contain_text(STOPPED, timeout=SOON)
    release(page, portal, "trader")


def test_support_stops_everybody_while_they_look(portal: Stack, open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE)
    sign_in(page, portal, "empty")
    expect(page.locator("[data-upstream-words]")).to_have_text("streaming", timeout=SOON)
    page.evaluate("window.sameDocument = true")
    staff = open_page()
    sign_in_as_staff(staff, portal)
    staff.goto(f"{portal.url}/admin/trading/killswitch/add/")
    staff.get_by_label("Scope").select_option("global")
    staff.get_by_label("Reason").fill("exchange outage")
    staff.get_by_role("button", name="Stop trading now").click()
    banner = page.locator("#kill-banner")
    expect(banner).to_contain_text("All trading is stopped by support (staff)", timeout=SOON)
    expect(banner).to_contain_text("exchange outage")

    staff.locator("#result_list tbody tr th a").first.click()
    staff.get_by_role("link", name="Release", exact=True).click()
    staff.get_by_label("Your password").fill(STAFF_PASSWORD)
    staff.get_by_role("button", name="Release").click()
    expect(banner).to_be_hidden(timeout=SOON)
    assert page.evaluate("window.sameDocument") is True


def test_it_works_without_javascript(portal: Stack, open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE, java_script_enabled=False)
    page.goto(portal.url)
    authorize(page, portal, "empty")
    throw(page)
    expect(page.get_by_role("heading", name=STOPPED)).to_be_visible()
    page.goto(portal.url)
    expect(page.locator("#kill-banner")).to_contain_text(STOPPED)
    release(page, portal, "empty")
    expect(page.locator("#kill-banner")).to_be_hidden()


def test_orders_are_cancelled_and_positions_closed_while_the_trader_looks(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    sign_in(page, portal, "pro")
    desk = page.context.new_page()
    desk.goto(portal.url)
    expect(desk.locator("[data-row^='position:']").first).to_be_visible(timeout=SOON)
    throw(page, flatten=True)
    expect(page.locator("#thrown")).to_contain_text(re.compile(r"[1-9] positions? closed"), timeout=SOON)
    expect(page.locator("#thrown .notice")).to_contain_text("Done: ", timeout=SOON)
    expect(desk.locator("[data-row^='position:']")).to_have_count(0, timeout=SOON)
    expect(desk.locator("[data-row^='order:']")).to_have_count(0, timeout=SOON)
    release(page, portal, "pro")


def test_of_two_steps_in_one_moment_the_last_one_is_shown(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    sign_in(page, portal, "empty")
    throw(page)
    told = page.locator("#thrown [data-progress]")
    expect(told).to_contain_text("Done: ")
    is_streaming(page)
    held: list[tuple[Route, APIResponse]] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    page.wait_for_load_state("networkidle")
    page.route("**/kill-switch/", hold_the_first)
    with page.expect_request("**/kill-switch/"):
        told.dispatch_event("progress-changed")
    while not held:
        page.wait_for_timeout(50)
    told.dispatch_event("progress-changed")
    [(route, answer)] = held
    route.fulfill(response=answer, body=answer.text().replace("Done: ", "Under way: "))
    page.wait_for_timeout(500)
    expect(told).to_contain_text("Done: ")
    page.unroute_all()
    release(page, portal, "empty")


def test_its_page_asks_again_for_what_was_not_answered_and_for_what_came_while_it_asked(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page()
    sign_in(page, portal, "empty")
    other = page.context.new_page()
    # htmx tells there of the request that fails.
    other.add_init_script("console.error = () => {}")
    other.goto(f"{portal.url}/kill-switch/")
    is_streaming(other)
    other.wait_for_load_state("networkidle")
    asked: list[Route] = []
    held: list[tuple[Route, APIResponse]] = []

    def answer_late(route: Route) -> None:
        asked.append(route)
        if len(asked) == 1:
            route.fulfill(status=503, body="")
        elif len(asked) == 2:
            held.append((route, route.fetch()))
        else:
            route.continue_()

    other.route("**/kill-switch/", answer_late)
    throw(page)
    while not held:
        other.wait_for_timeout(50)
    throw(page, flatten=True)
    expect(page.locator("#thrown .notice")).to_contain_text("Done: ", timeout=SOON)
    [(route, answer)] = held
    route.fulfill(response=answer, body=answer.text().replace("Done: ", "Under way: "))
    expect(other.get_by_role("heading", name=STOPPED)).to_be_visible()
    expect(other.locator("#thrown [data-progress]")).to_contain_text("Done: ")
    other.unroute_all()
    release(page, portal, "empty")


def test_what_a_person_is_about_to_press_stays_under_the_finger(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    sign_in(page, portal, "empty")
    other = page.context.new_page()
    other.goto(f"{portal.url}/files/")
    is_streaming(other)
    throw(page)
    told = page.locator("#thrown .notice")
    expect(told).to_contain_text("Done: ", timeout=SOON)
    is_streaming(page)
    page.get_by_text("Close all positions", exact=True).click()
    yes = page.get_by_role("button", name="Yes, at the market, now")
    yes.focus()
    yes.evaluate("button => { window.pressed = button; }")
    told.evaluate("notice => { notice.dataset.before = ''; }")
    throw(other, flatten=True)
    expect(page.locator("#thrown .notice:not([data-before])")).to_contain_text("Done: ", timeout=SOON)
    expect(yes).to_be_focused()
    # All of it is drawn anew, as for another switch.
    page.locator("#thrown").dispatch_event("switches-changed")
    page.wait_for_load_state("networkidle")
    expect(yes).to_be_focused()
    assert page.evaluate("window.pressed.isConnected")
    release(page, portal, "empty")


def test_nothing_keeps_a_person_from_using_it(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    sign_in(page, portal, "pro")
    page.locator(".kill-menu summary").click()
    assert violations(page) == []
    page.goto(f"{portal.url}/kill-switch/")
    page.locator(".account-limits summary").first.click()
    expect(page.get_by_label("Daily loss")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Daily loss").fill("2500")
    page.get_by_role("button", name="Set at Tradovate").click()
    expect(page.get_by_text("Tradovate keeps these limits")).to_be_visible()
    expect(page.get_by_label("Daily loss")).to_have_value("2500")
    assert violations(page) == []
