"""A trader's desk in a real Chromium: what it shows, beside the rows of the book."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie

from playwright.async_api import Page, async_playwright

from tests.browser import chromium
from tests.faults.truth import Differences
from trading.views.desk import FILLS_SHOWN

Rows = Mapping[str, Mapping[str, str]]

# What a table shows of a row just as the stream has it.
_SAME = {
    "position": ("side", "qty", "average"),
    "order": ("action", "qty", "type", "price", "status"),
    "fill": ("action", "qty", "price", "fee"),
    "account": ("cash",),
}
_READ = """() => Object.fromEntries([...document.querySelectorAll("tbody [data-row]")].map((row) =>
  [row.dataset.row, Object.fromEntries([...row.querySelectorAll("[data-field]")].map((cell) =>
    [cell.dataset.field, cell.textContent]))]))"""


@dataclass
class Screen:
    """A desk that is open in Chromium, with all accounts and the orders that work. `troubles`: errors of its page."""

    page: Page
    troubles: list[str] = field(default_factory=list)

    async def is_streaming(self) -> bool:
        """Whether it says that it is up to date."""
        return await self.page.locator("[data-upstream-words]").text_content() == "streaming"

    async def differences(self, book: Rows) -> Differences:
        """What it shows otherwise than the rows of the book."""
        return unlike(book, await self.page.evaluate(_READ))


def unlike(book: Rows, drawn: Rows) -> Differences:
    """Where the tables of a desk, as `drawn`, are not what the rows of the book say: open positions, accounts, orders
    that work, and the newest fills."""
    wanted = {key for key in book if key.partition(":")[0] in _SAME and not key.startswith("fill:")}
    fills = [key for key in book if key.startswith("fill:")]
    wanted.update(sorted(fills, key=lambda key: (book[key]["at"], int(book[key]["id"])))[-FILLS_SHOWN:])
    return Differences(
        missed=sorted(wanted - drawn.keys()),
        wrong=sorted(key for key in wanted & drawn.keys() if not _is_shown(key, book[key], drawn[key])),
        made_up=sorted(key for key in drawn.keys() - wanted if key.partition(":")[0] in _SAME),
    )


def _is_shown(key: str, row: Mapping[str, str], drawn: Mapping[str, str]) -> bool:
    return all(drawn[name] == row[name] for name in _SAME[key.partition(":")[0]])


@asynccontextmanager
async def opened(web: str, cookie: str) -> AsyncIterator[Screen | None]:
    """The desk of whoever has this cookie, at this web process; None where there is no Chromium."""
    if not chromium.executable():
        yield None
        return
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium.executable(), args=list(chromium.FLAGS))
        context = await browser.new_context(reduced_motion="reduce")
        await context.add_cookies(
            [{"name": name, "value": morsel.value, "url": web} for name, morsel in SimpleCookie(cookie).items()]
        )
        screen = Screen(await context.new_page())
        context.on("weberror", lambda error: screen.troubles.append(str(error.error)))
        await screen.page.goto(web)
        yield screen
        await browser.close()
