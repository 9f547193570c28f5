"""axe-core looks at the pages: nothing that keeps a person from using them, in either theme."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in
from tests.browser.stack import Stack

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SOON = 20_000
AXE = settings.BASE_DIR / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """What axe finds serious or worse: "rule: selector (summary)"."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{rule['id']}: {node['target']} ({node['failureSummary']})"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nothing_keeps_a_person_from_using_the_pages(portal: Stack, open_page: OpenPage, theme: str) -> None:
    # Still figures: a flash that axe meets half way has a colour of its own.
    page = open_page(color_scheme=theme, reduced_motion="reduce")
    page.goto(f"{portal.url}/accounts/sign-in/")
    assert violations(page) == []
    page.get_by_role("link", name="Sign in with an API key").click()
    assert violations(page) == []
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Tradovate user name").fill("nobody")
    page.get_by_label("Tradovate password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Wrong name or password")
    assert violations(page) == []
    sign_in(page, portal, "pro")
    expect(page.locator("[data-row^='fill:']").first).to_be_visible(timeout=SOON)
    assert violations(page) == []
    page.goto(f"{portal.url}/files/")
    assert violations(page) == []
    front = portal.front_month("MES")
    for orders, word in ((f"{front} 1\n{front} x\n", "has errors"), (f"{front} 1\n", "ready to confirm")):
        page.goto(f"{portal.url}/files/")
        page.get_by_text("Or write the orders here").click()
        page.get_by_label("Orders", exact=True).fill(orders)
        page.get_by_role("button", name="Upload and check").click()
        expect(page.locator("h1 + .badge")).to_have_text(word)
        assert violations(page) == []
    page.get_by_role("button", name="Confirm and send 1 order").click()
    expect(page.locator("h1 + .badge")).to_have_text("finished", timeout=SOON)
    assert violations(page) == []
