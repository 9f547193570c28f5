"""axe-core looks at the pages: nothing that keeps a person from using them, in either theme."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_desk
from tests.browser.stack import Stack

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SOON = 20_000
AXE = settings.BASE_DIR / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """What axe finds serious or worse, and of colours in the other theme too: "rule: selector (summary)"."""
    is_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    found = _run(page, "{resultTypes: ['violations']}")
    page.emulate_media(color_scheme="light" if is_dark else "dark")
    found += [f"In the other theme, {one}" for one in _run(page, "{runOnly: ['color-contrast']}")]
    page.emulate_media(color_scheme="dark" if is_dark else "light")
    return found


def settle(page: Page) -> None:
    """Wait for transitions: a colour that is half way to another one, or what slides in, is nobody's."""
    page.evaluate(
        "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
        ".then(() => Promise.allSettled(document.getAnimations().map((one) =>"
        " one instanceof CSSTransition && one.finished)))"
    )


def _run(page: Page, options: str) -> list[str]:
    settle(page)
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.read_text())
    found = page.evaluate(f"axe.run(document, {options})")["violations"]
    return [
        f"{rule['id']}: {node['target']} ({node['failureSummary']})"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def test_nothing_keeps_a_person_from_using_the_pages(portal: Stack, open_page: OpenPage) -> None:
    page = open_page(color_scheme="dark")
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
    open_desk(page, portal, "pro")
    expect(page.locator("[data-row^='fill:']").first).to_be_visible(timeout=SOON)
    assert violations(page) == []
    page.get_by_role("link", name=re.compile(r"Order \d+ as code")).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("as code")
    assert violations(page) == []
    page.goto(f"{portal.url}/limits/")
    page.get_by_role("button", name="Set the limit").click()
    expect(page.get_by_text("Write at least one figure.")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Most contracts in an order").fill("50")
    page.get_by_role("button", name="Set the limit").click()
    page.get_by_role("link", name="Change").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Your limit for")
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
    # What is still being redrawn is paler.
    expect(page.locator(".htmx-request")).to_have_count(0)
    assert violations(page) == []
