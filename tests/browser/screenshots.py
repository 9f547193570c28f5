"""Pictures of every page, from the portal itself: `python -m tests.browser.screenshots DIRECTORY`.

1440 and 390 px wide, dark and light, to look at while a page is changed. The desk and the report of 1440-dark are the
README's docs/desk.png and docs/file.png.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium, stack
from tests.browser.conftest import PHONE, SCREEN, sign_in

SOON = 30_000
GOOD = "# opening basket\n{0} 2\n{1} -3   # hedge\n\n{2} 1\n"
WRONG = "{0} 2\nESZ9 1\n{1} three\n{0} -1\nCLF7 5000\n"


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with stack.running() as portal, chromium.launched() as browser:
        symbols = [portal.front_month(product) for product in ("MES", "MNQ", "MGC")]
        for width, viewport in (("1440", SCREEN), ("390", PHONE)):
            for theme in ("dark", "light"):
                walk(browser, portal, symbols, viewport, theme, directory / f"{width}-{theme}")


def walk(
    browser: Browser, portal: stack.Stack, symbols: list[str], viewport: dict[str, int], theme: str, target: Path
) -> None:
    """Go through the pages as the trader with five accounts and picture each."""
    target.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(viewport=viewport, color_scheme=theme)
    page = context.new_page()

    def picture(name: str) -> None:
        page.screenshot(path=target / f"{name}.png", full_page=viewport is PHONE)

    page.goto(portal.url)
    picture("sign-in")
    page.get_by_role("button", name="Sign in with Tradovate").click()
    picture("simulator")
    page.get_by_role("button", name="Cancel").click()
    picture("cancelled")
    sign_in(page, portal, "pro")
    expect(page.locator("[data-upstream-words]")).to_have_text("streaming", timeout=SOON)
    expect(page.locator("[data-row^='position:'] [data-field='mark']").first).not_to_have_text("—", timeout=SOON)
    upload(page, portal, WRONG.format(*symbols))
    picture("refused")
    upload(page, portal, GOOD.format(*symbols))
    picture("preview")
    page.get_by_role("button", name=re.compile("Confirm")).click()
    expect(page.locator("h1 + .badge")).to_have_text("finished", timeout=SOON)
    expect(page.locator("[data-line][data-state='filled']")).to_have_count(3, timeout=SOON)
    expect(page.locator("#file-summary")).to_contain_text("3 filled", timeout=SOON)
    picture("report")
    page.goto(f"{portal.url}/files/")
    picture("files")
    page.goto(portal.url)
    expect(page.locator("[data-upstream-words]")).to_have_text("streaming", timeout=SOON)
    page.wait_for_timeout(1500)
    picture("desk")
    page.goto(f"{portal.url}/nothing-here/")
    picture("not-found")
    context.close()


def upload(page: Page, portal: stack.Stack, text: str) -> None:
    page.goto(f"{portal.url}/files/")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "orders.txt", "mimeType": "text/plain", "buffer": text.encode()}
    )
    page.get_by_role("button", name="Upload and check").click()
    expect(page.locator("#file-summary")).to_be_visible()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
