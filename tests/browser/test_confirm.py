"""What goes out is what its trader was asked about: no press slips past the question, and no answer is another's."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import SCREEN, open_desk
from tests.browser.elsewhere import OtherProgram
from tests.browser.stack import Stack
from tests.browser.test_orders import answer, fill_in, one_click_desk, send, working
from tests.browser.test_walk import is_streaming, orders_sent

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SOON = 20_000
PREVIEW = "**/desk/preview/"


def test_one_click_asks_before_a_twin_of_the_order_that_was_just_sent(portal: Stack, open_page: OpenPage) -> None:
    page = one_click_desk(portal, open_page)
    symbol, before = portal.front_month("MES"), len(orders_sent(portal))
    fill_in(page, symbol, order_type="Limit", price="1000.25")
    # The button and what warns are seen, however low the window is.
    page.set_viewport_size({"width": 1440, "height": 500})
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator("[data-said] li").first).to_be_in_viewport(ratio=1, timeout=SOON)
    expect(page.locator("[data-send]")).to_be_in_viewport(ratio=1)
    page.set_viewport_size(SCREEN)
    send(page)
    expect(answer(page)).to_contain_text(re.compile("accepted|working"), timeout=SOON)
    page.locator("[data-send]").click()
    question = page.get_by_role("dialog", name="Send this order?")
    expect(question.locator("[data-level='warning']").first).to_be_visible(timeout=SOON)
    expect(question).to_have_accessible_description(re.compile(f"Buy 1 {symbol} Limit at 1000.25 Day.* makes two"))
    question.get_by_role("button", name="Back").click()
    assert len(orders_sent(portal)) == before + 1
    working(page, symbol).get_by_role("button", name=re.compile("^Cancel")).first.click()
    expect(working(page, symbol)).to_have_count(0, timeout=SOON)


def test_a_symbol_that_is_taken_away_and_written_again_is_asked_for_as_before(
    portal: Stack, open_page: OpenPage
) -> None:
    page = one_click_desk(portal, open_page)
    symbol, before = portal.front_month("MES"), len(orders_sent(portal))
    finding = {"field": "price", "severity": "warning", "message": "That is far away."}
    answered = {"findings": [finding], "described": "", "stakes": None}
    page.route(PREVIEW, lambda route: route.fulfill(json=answered))
    fill_in(page, symbol, order_type="Limit", price="1000.25")
    said = page.locator("[data-said] li")
    expect(said).to_have_text("That is far away.", timeout=SOON)
    fill_in(page, "")
    expect(said).to_have_count(0, timeout=SOON)
    # Faster than the ticket is looked at.
    page.get_by_label("Symbol").evaluate(
        """(field, symbol) => {
          field.value = symbol;
          field.dispatchEvent(new Event("input", { bubbles: true }));
          field.form.requestSubmit();
        }""",
        symbol.lower(),
    )
    question = page.get_by_role("dialog", name="Send this order?")
    expect(question).to_be_visible(timeout=SOON)
    question.get_by_role("button", name="Back").click()
    assert len(orders_sent(portal)) == before


def test_what_the_checks_refuse_is_not_sent_unasked_though_they_would_take_it_now(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    before = len(orders_sent(portal))
    finding = {"field": "symbol", "severity": "error", "message": "It could not be checked."}
    page.route(PREVIEW, lambda route: route.fulfill(json={"findings": [finding], "described": "", "stakes": None}))
    fill_in(page, portal.front_month("MES"), order_type="Limit", price="1000.25").click()
    expect(answer(page)).to_have_text("Nothing was sent. Mend what is marked.", timeout=SOON)
    expect(page.locator("#ticket-symbol-error")).to_have_text("It could not be checked.")
    expect(page.locator("#ticket-symbol")).to_be_focused()
    page.unroute(PREVIEW)
    page.locator("#ticket-price").fill("")
    page.locator("[data-send]").click()
    expect(page.locator("#ticket-price-error")).not_to_be_empty(timeout=SOON)
    expect(page.locator("#confirm[open]")).to_have_count(0)
    assert len(orders_sent(portal)) == before


def test_an_answer_is_about_the_question_that_was_read(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    before, held = len(orders_sent(portal)), list[Route]()
    button = fill_in(page, portal.front_month("MES"), order_type="Limit", price="1000.25")
    page.route(PREVIEW, lambda route: held.append(route))
    with page.expect_request(PREVIEW):
        button.click()
    page.locator("#content").focus()
    page.keyboard.press("x")
    question = page.locator("#confirm[open]")
    expect(question.locator("[data-title]")).to_have_text("Cancel all working orders?")
    for route in held:
        route.continue_()
    expect(page.locator("#toasts")).to_contain_text("Send this order? Nothing was done", timeout=SOON)
    expect(question.locator("[data-title]")).to_have_text("Cancel all working orders?")
    question.locator("[data-yes]").click()
    expect(page.locator("#toasts")).to_contain_text("There is no working order", timeout=SOON)
    assert len(orders_sent(portal)) == before


def test_a_key_that_came_before_the_question_could_be_read_does_not_answer_it(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    before, question = len(orders_sent(portal)), page.locator("#confirm[open]")
    fill_in(page, portal.front_month("MES"), order_type="Limit", price="1000.25")
    page.evaluate("window.clicksAt = performance.now()")
    page.locator("#ticket-price").press("Enter")
    expect(question).to_be_visible(timeout=SOON)
    page.keyboard.press("Enter")
    expect(question).to_be_visible()
    assert len(orders_sent(portal)) == before
    page.evaluate("delete window.clicksAt")
    page.keyboard.press("Enter")
    expect(question).to_have_count(0)
    expect(answer(page)).to_contain_text(re.compile("accepted|working"), timeout=SOON)
    assert len(orders_sent(portal)) == before + 1
    working(page, portal.front_month("MES")).get_by_role("button", name=re.compile("^Cancel")).first.click()
    expect(working(page, portal.front_month("MES"))).to_have_count(0, timeout=SOON)


def test_the_key_that_cancels_all_orders_asks_with_one_click_too(portal: Stack, open_page: OpenPage) -> None:
    page = one_click_desk(portal, open_page)
    page.locator("#content").focus()
    page.keyboard.press("x")
    question = page.get_by_role("dialog", name="Cancel all working orders?")
    question.get_by_role("button", name="Back").click()
    expect(page.locator("#toasts .toast")).to_have_count(0)
    page.keyboard.press("x")
    question.locator("[data-yes]").click()
    expect(page.locator("#toasts")).to_contain_text("There is no working order", timeout=SOON)
    page.locator("[data-cancel-all]").click()
    expect(question).to_have_count(0)


def test_a_question_names_the_position_and_the_accounts_that_it_is_about(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "pro")
    is_streaming(page)
    words = page.locator("#confirm [data-words]")
    position = page.locator("[data-row^='position:']").first
    account = position.locator("[data-field='account']").text_content()
    position.get_by_role("button", name=re.compile("^Flatten ")).click()
    expect(words).to_have_text(re.compile(rf"^(Long|Short) \d+ \w+ in {account}$"))
    page.get_by_role("button", name="Back").click()
    cancel_all = page.locator("[data-cancel-all]")
    cancel_all.click()
    expect(words).to_have_text("In all accounts.")
    page.get_by_role("button", name="Back").click()
    page.locator("[data-account-picker]").select_option(label=account)
    cancel_all.click()
    expect(words).to_have_text(f"In {account}.")
    page.get_by_role("button", name="Back").click()
    expect(page.locator("[data-guard='flatten-all'] .sure")).to_have_text(
        f"Close all positions, cancel all orders in {account}"
    )
    fill_in(page, portal.front_month("MES"), order_type="Limit", price="1000.25").click()
    expect(words).to_have_text(re.compile(rf" Day, in {account}$"), timeout=SOON)


def test_the_position_that_was_asked_about_is_reversed_or_none(portal: Stack, open_page: OpenPage) -> None:
    page, symbol = open_page(), portal.front_month("MNQ")
    open_desk(page, portal, "trader")
    is_streaming(page)
    program = OtherProgram(portal, "trader")
    program.order(symbol, qty=2)
    row = page.locator("[data-row^='position:']", has_text=symbol)
    qty, question = row.locator("[data-field='qty']"), page.locator("#confirm[open]")
    expect(qty).to_have_text("2", timeout=SOON)
    row.get_by_role("button", name=f"Reverse {symbol}").click()
    expect(question.locator("[data-words]")).to_contain_text(f"Long 2 {symbol}")
    program.order(symbol, qty=8)
    expect(qty).to_have_text("10", timeout=SOON)
    question.locator("[data-yes]").click()
    expect(page.locator("#toasts")).to_contain_text("It is Long 10 by now, not Long 2", timeout=SOON)
    row.get_by_role("button", name=f"Reverse {symbol}").click()
    expect(question.locator("[data-words]")).to_contain_text(f"Long 10 {symbol}")
    question.locator("[data-yes]").click()
    expect(row.locator("[data-field='side']")).to_have_text("Short", timeout=SOON)
    expect(qty).to_have_text("10")
    program.order(symbol, qty=10)
    expect(row).to_have_count(0, timeout=SOON)


def test_one_click_asks_what_the_checks_warn_of_where_they_had_not_spoken_before(
    portal: Stack, open_page: OpenPage
) -> None:
    page = one_click_desk(portal, open_page)
    before = len(orders_sent(portal))
    warning = {"field": "price", "severity": "warning", "message": "That is far away."}

    def check(route: Route) -> None:
        if 'name="whole"' in (route.request.post_data or ""):
            route.fulfill(json={"findings": [warning], "checked": True, "described": "", "stakes": None})
        else:
            route.continue_()

    page.route(PREVIEW, check)
    page.route("**/desk/place/", lambda route: route.fulfill(json={"rows": {}, "findings": []}))
    with page.expect_response(PREVIEW):
        button = fill_in(page, "ESZ6-ESH7", order_type="Limit", price="1.25")
    button.click()
    question = page.get_by_role("dialog", name="Send this order?")
    expect(question.locator("[data-findings]")).to_have_text("That is far away.")
    question.get_by_role("button", name="Back").click()
    assert len(orders_sent(portal)) == before


def test_what_is_chosen_in_another_tab_holds_here_and_is_shown(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    asks, keys, sound = page.locator("[data-ask-mode]"), page.locator("[data-keys-on]"), page.locator("[data-sound]")
    expect(asks).to_have_value("always")
    settings = page.context.new_page()
    settings.goto(f"{portal.url}/settings/")
    settings.get_by_label("Before an order goes out").select_option("never")
    settings.locator("[data-keys-wanted]").uncheck()
    settings.get_by_label("A sound on fills and rejects").check()
    settings.get_by_label("Theme", exact=True).select_option("dark")
    expect(asks).to_have_value("never")
    expect(keys).not_to_be_checked()
    expect(sound).to_have_attribute("aria-pressed", "true")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("#content").focus()
    page.keyboard.press("s")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts[open]")).to_have_count(1)
    expect(page.locator("[data-send]")).to_contain_text("Buy")
    keys.check()
    expect(settings.locator("[data-keys-wanted]")).to_be_checked()
