"""A busy day: the desk stays quick with thousands of fills, and nothing of them is lost."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_desk
from tests.browser.stack import Stack
from tests.browser.test_personal import LISTEN
from tests.browser.test_walk import is_streaming

pytestmark = pytest.mark.browser
SOON = 30_000
MANY = 1000


def test_the_newest_of_many_fills_are_shown_and_all_when_asked(portal: Stack, open_page: Callable[..., Page]) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    page.evaluate(LISTEN)
    portal.control("emit", user="trader", entity_type="fill", count=MANY, batch=50)
    fills, count = page.locator("[data-row^='fill:']"), page.locator("[data-kind='fill'] [data-count]")
    expect(count).to_have_text(f"newest 300 of {MANY}", timeout=SOON)
    expect(fills).to_have_count(300)
    # A burst is read out in a few sentences, and nothing else is.
    assert [text for text in page.evaluate("window.said") if not re.match("Bought|Sold", text)] == []
    assert 1 <= page.evaluate("window.said.length") <= MANY / 20
    newest = fills.first.get_attribute("data-row")

    portal.control("emit", user="trader", entity_type="fill", count=1)
    expect(count).to_have_text(f"newest 300 of {MANY + 1}", timeout=SOON)
    expect(fills).to_have_count(300)
    assert fills.nth(1).get_attribute("data-row") == newest

    page.reload()
    expect(count).to_have_text(f"newest 300 of {MANY + 1}")
    expect(fills).to_have_count(300)
    page.get_by_role("button", name="Show all").click()
    expect(fills).to_have_count(MANY + 1)
    expect(count).to_have_text(str(MANY + 1))
    expect(page.get_by_role("button", name="Show all")).to_be_hidden()
    ids = [int(re.sub(r"\D", "", key)) for key in fills.evaluate_all("rows => rows.map((row) => row.dataset.row)")]
    assert ids == sorted(ids, reverse=True)
