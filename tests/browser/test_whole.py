"""A page of which a part did not come, or that nobody tells anything: it would look alive and show no fill."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import open_desk
from tests.browser.stack import Stack, without

pytestmark = [pytest.mark.browser, pytest.mark.long]
SOON = 30_000  # milliseconds; a worker on a busy machine
MODULE = "**/portal/figures.js"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page to which one of its modules does not come."""
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.route(MODULE, lambda route: route.abort())
        yield page


def test_a_desk_that_did_not_load_completely_says_so_and_is_loaded_again(portal: Stack, page: Page) -> None:
    open_desk(page, portal, "trader")
    expect(page.locator("#link-notice")).to_contain_text("did not load completely", timeout=SOON)
    expect(page.locator("[data-upstream-words]")).to_have_text("not live")
    page.unroute(MODULE)
    expect(page.locator("[data-upstream-words]")).to_have_text("streaming", timeout=2 * SOON)
    expect(page.locator("#link-notice")).to_be_hidden()


def test_what_is_half_written_on_it_is_not_thrown_away(portal: Stack, page: Page) -> None:
    page.add_init_script("sessionStorage.setItem('tradeport.tries', 9)")
    open_desk(page, portal, "trader")
    expect(page.locator("#link-notice")).to_contain_text("It is loaded again", timeout=SOON)
    page.locator("#ticket-order_qty").fill("7")
    expect(page.locator("#link-notice")).to_contain_text("Load it again.")
    expect(page.locator("#ticket-order_qty")).to_have_value("7")


def test_a_page_says_that_nobody_listens_to_tradovate_any_more(portal: Stack, open_page: Callable[..., Page]) -> None:
    page = open_page()
    open_desk(page, portal, "pro")
    words, notice = page.locator("[data-upstream-words]"), page.locator("#upstream-notice")
    expect(words).to_have_text("streaming", timeout=SOON)
    expect(page).to_have_title(re.compile(r"^[+-]?\d"), timeout=SOON)
    with without("sync"):
        for _ in "once it is gone", "on a page that is opened later":
            expect(words).to_have_text("not answering", timeout=SOON)
            expect(notice).to_contain_text("Tradeport's own process")
            expect(page).to_have_title("Desk · Tradeport")
            page.reload()
    expect(words).to_have_text("streaming", timeout=2 * SOON)
    expect(notice).to_be_hidden()


NO_CANVAS = "export class DeskChart { constructor() { throw new Error('no canvas'); } }"


@pytest.mark.parametrize(
    "answer",
    [
        lambda route: route.abort(),
        lambda route: route.fulfill(body=NO_CANVAS, content_type="text/javascript"),
    ],
    ids=["does not come", "cannot be drawn"],
)
def test_a_chart_that_did_not_load_says_so_and_the_desk_goes_on_without_it(
    portal: Stack, page: Page, answer: Callable[[Route], None]
) -> None:
    page.unroute(MODULE)
    page.route("**/chart.js", answer)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    open_desk(page, portal, "trader")
    expect(page.locator("[data-chart-status]")).to_have_text(
        "The chart did not load. Load the page again.", timeout=SOON
    )
    expect(page.locator("[data-upstream-words]")).to_have_text("streaming", timeout=SOON)
    assert errors == [], "not one for each thing that the desk hears"


def test_what_is_pressed_before_its_scripts_are_there_is_asked_as_after(portal: Stack, page: Page) -> None:
    open_desk(page, portal, "trader")
    page.get_by_label("Symbol", exact=True).fill(portal.front_month("MES"))
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    page.get_by_label("Symbol", exact=True).press("Enter")
    page.locator("[data-cancel-all]").click()
    page.locator("[data-guard='flatten-all'] summary").click()
    page.locator("[data-guard='flatten-all'] .sure").click()
    assert asked == [
        "Send this order? It has not been checked yet.",
        "Cancel all working orders? In all accounts.",
        "Close all positions, cancel all orders? In all accounts.",
    ]
    asked.clear()
    for change in (
        "(button) => { button.dataset.words = ''; }",  # as the desk has it where there is one account
        "(button) => { delete button.dataset.words; }",
        "(button) => { delete button.dataset.ofAll; }",
    ):
        page.locator("[data-cancel-all]").evaluate(change)
        page.locator("[data-cancel-all]").click()
    assert asked == [*["Cancel all working orders? In all accounts."] * 2, "Cancel all working orders?"]
    assert posted == []
