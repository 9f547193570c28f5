"""A page of which a part did not come: it would look alive and show no fill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import open_desk
from tests.browser.stack import Stack

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
