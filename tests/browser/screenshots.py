"""Pictures of every page in every state, from the portal itself: `python -m tests.browser.screenshots DIRECTORY`.

1440 and 390 px wide, dark and light, to look at while a page is changed. The set README is 1440 px wide: its desk and
file-finished are docs/desk.png and docs/file.png. Names after the directory (1440-dark, README, ...) take only these.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, expect

from tests import turn
from tests.browser import chromium, stack
from tests.browser.conftest import HAND, PHONE, SCREEN, authorize, fill_in_api_key, sign_in, sign_in_as_staff

SOON = 30_000
SETS = {
    "1440-dark": (SCREEN, "dark"),
    "1440-light": (SCREEN, "light"),
    "390-dark": (PHONE, "dark"),
    "390-light": (PHONE, "light"),
    "README": ({"width": 1440, "height": 860}, "dark"),
}
GOOD = "# opening basket\n{0} 2\n{1} -3   # hedge\n\n{2} 1\n"
WRONG = "{0} 2\nESZ9 1\n{1} three\n{0} -1\nCLF7 5000\n"
NEVER_SEEN = "HG"  # Tradovate has to be asked about it


def main(directory: Path, names: list[str]) -> None:
    for name in names or SETS:
        viewport, theme = SETS[name]
        turn.wait_out(turn.ROOM)
        with stack.running() as portal, chromium.launched() as browser:
            symbols = [portal.front_month(product) for product in ("MES", "MNQ", "MGC")]
            walk = Walk(browser, portal, symbols, viewport, theme, directory / name)
            for part in (
                walk.strangers,
                walk.files,
                walk.desks,
                walk.orders,
                walk.history,
                walk.limits,
                walk.replay,
                walk.settings,
                walk.troubles,
                walk.kill_switch,
                walk.staff,
            ):
                part()


class Walk:
    """One pass through the pages with one size and theme."""

    def __init__(
        self,
        browser: Browser,
        portal: stack.Stack,
        symbols: list[str],
        viewport: dict[str, int],
        theme: str,
        target: Path,
    ) -> None:
        self.portal = portal
        self.symbols = symbols
        self.target = target
        self._full = viewport is PHONE

        def opened() -> Page:
            page = browser.new_context(viewport=viewport, color_scheme=theme).new_page()
            page.add_init_script(HAND)
            return page

        self._open: Callable[[], Page] = opened
        target.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def page(self, trader: str = "") -> Iterator[Page]:
        page = self._open()
        if trader:
            sign_in(page, self.portal, trader)
            is_streaming(page)
        yield page
        page.context.close()

    def picture(self, page: Page, name: str) -> None:
        options = {"path": self.target / f"{name}.png", "full_page": self._full, "animations": "disabled"}
        try:
            page.screenshot(**options)
        except Error:
            # Chromium without a GPU fails at this now and then.
            page.screenshot(**options)

    def strangers(self) -> None:
        with self.page() as page:
            page.goto(self.portal.url)
            self.picture(page, "sign-in")
            page.get_by_role("button", name="Sign in with Tradovate").click()
            self.picture(page, "simulator")
            page.get_by_role("button", name="Cancel").click()
            self.picture(page, "cancelled")
            page.goto(f"{self.portal.url}/nothing-here/")
            self.picture(page, "not-found")
            page.goto(f"{self.portal.url}/accounts/sign-in/")
            page.context.clear_cookies()
            page.get_by_role("button", name="Sign in with Tradovate").click()
            self.picture(page, "form-expired")
        with self.page() as page:
            page.goto(self.portal.url)
            fill_in_api_key(page, "trader")
            self.picture(page, "api-key")
            page.get_by_label("Tradovate password").fill("wrong")
            page.get_by_label("Client id (cid)").fill("eight")
            page.get_by_role("button", name="Sign in").click()
            self.picture(page, "api-key-mistyped")
            for fault, name in (({"kind": "penalty", "seconds": 75}, "penalised"), ({"kind": "rate_limit"}, "busy")):
                self.portal.control("faults", route="auth/accesstokenrequest", **fault)
                page.get_by_label("Tradovate user name").fill(name)
                page.get_by_label("Tradovate password").fill("wrong")
                page.get_by_label("Client id (cid)").fill("8")
                page.get_by_label("Secret (sec)").fill("wrong")
                page.get_by_role("button", name="Sign in").click()
                self.picture(page, f"api-key-{name}")
        with self.page("empty") as page:
            self.picture(page, "desk-empty")
            for part in ("files", "fills", "performance", "chart"):
                page.goto(f"{self.portal.url}/{part}/")
                self.picture(page, f"{part}-empty")

    def files(self) -> None:
        fault, symbols = self.portal.control, self.symbols
        with self.page("pro") as page:
            self.upload(page, WRONG.format(*symbols))
            self.picture(page, "file-refused")
            fault("faults", kind="error_500", route="contract/find", times=9)
            self.upload(page, f"{self.portal.front_month(NEVER_SEEN)} 1\n")
            self.picture(page, "file-unchecked")
            fault("faults", kind="clear")
            self.upload(page, GOOD.format(*symbols))
            self.picture(page, "file-ready")
            confirm(page)
            expect(page.locator("#file-summary")).to_contain_text("3 filled", timeout=SOON)
            expect(page.locator("h1 + .badge")).to_have_text("finished", timeout=SOON)
            self.picture(page, "file-finished")
            self.upload(page, GOOD.format(*symbols))
            self.picture(page, "file-again")
            fault("faults", kind="slow_before", route="order/placeorder", seconds=4)
            confirm(page)
            expect(page.locator("[data-line][data-state='submitting']")).to_have_count(1, timeout=SOON)
            self.picture(page, "file-executing")
            expect(page.locator("h1 + .badge")).to_have_text("finished", timeout=SOON)
            self.upload(page, GOOD.format(*symbols))
            fault("faults", kind="reset_before", route="order/placeorder")
            confirm(page)
            expect(page.get_by_role("button", name="Resume")).to_be_visible(timeout=SOON)
            self.picture(page, "file-stopped")
            expect(page.get_by_role("button", name="Resume with 3 lines")).to_be_visible(timeout=SOON)
            self.picture(page, "file-absent")
            page.get_by_role("button", name="Resume").click()
            expect(page.locator("#file-summary")).to_contain_text("3 filled", timeout=SOON)
            expect(page.locator("h1 + .badge")).to_have_text("finished", timeout=SOON)
            page.goto(f"{self.portal.url}/files/")
            self.picture(page, "files")

    def desks(self) -> None:
        with self.page("pro") as page:
            expect(page.locator("[data-row^='position:'] [data-field='mark']").first).not_to_have_text(
                "—", timeout=SOON
            )
            expect(page.locator("[data-chart-words]")).to_contain_text("Last", timeout=SOON)
            page.wait_for_timeout(1500)
            self.picture(page, "desk")
            page.locator("#account-picker").select_option(index=1)
            self.picture(page, "desk-one-account")
            page.get_by_role("link", name=re.compile(r"Order \d+ as code")).first.click()
            self.picture(page, "code")
            page.goto(f"{self.portal.url}/orders/1/code/")
            self.picture(page, "code-not-there")

    def history(self) -> None:
        with self.page("pro") as page:
            for part in ("fills", "performance"):
                page.goto(f"{self.portal.url}/{part}/")
                self.picture(page, part)
            page.goto(f"{self.portal.url}/fills/?since=yesterday")
            self.picture(page, "fills-mistyped")
            page.goto(f"{self.portal.url}/chart/")
            expect(page.locator("[data-chart-words]")).to_contain_text("Last", timeout=SOON)
            self.picture(page, "chart")
            page.get_by_label("Contract", exact=True).fill("ZZZZ9")
            page.get_by_label("Contract", exact=True).press("Enter")
            expect(page.locator("[data-chart-status]")).to_contain_text("No market data", timeout=SOON)
            self.picture(page, "chart-refused")

    def limits(self) -> None:
        with self.page("pro") as page:
            page.goto(f"{self.portal.url}/limits/")
            self.picture(page, "limits-none")
            for given in (
                {"Most contracts in an order": "10", "Daily loss limit": "15000"},
                {"Product": "NQ", "Largest position": "4", "Price collar in ticks": "80"},
            ):
                for label, value in given.items():
                    page.get_by_label(label, exact=True).fill(value)
                page.get_by_role("button", name="Set the limit").click()
            page.get_by_role("link", name="Change the limit for each account, each product").click()
            self.picture(page, "limits-change")
            page.get_by_label("Daily loss limit").fill("25000")
            page.get_by_role("button", name="Change the limit").click()
            self.picture(page, "limits")
            page.get_by_label("Most contracts in an order").fill("0")
            page.get_by_label("Product", exact=True).fill("ZZZZ")
            page.get_by_role("button", name="Set the limit").click()
            self.picture(page, "limits-mistyped")
            page.goto(f"{self.portal.url}/limits/")
            page.get_by_role("button", name="Remove the limit").last.click()

    def replay(self) -> None:
        with self.page("pro") as page:
            page.goto(f"{self.portal.url}/replay/")
            self.picture(page, "replay-form")
            page.get_by_label("Start (").fill("2026-11-21T12:00")
            page.get_by_label("Speed in percent").fill("900")
            page.get_by_label("Starting balance").fill("much")
            page.get_by_role("button", name="Begin the replay").click()
            self.picture(page, "replay-mistyped")
            page.goto(f"{self.portal.url}/replay/")
            page.get_by_role("button", name="Begin the replay").click()
            is_streaming(page)
            page.get_by_label("Contract", exact=True).fill(self.symbols[0])
            page.get_by_label("Contract", exact=True).press("Enter")
            expect(page.locator("[data-chart-words]")).to_contain_text("Last", timeout=SOON)
            self.picture(page, "replay")
            page.get_by_role("button", name="End the replay").click()

    def orders(self) -> None:
        symbol = self.symbols[0]
        with self.page("pro") as page:
            ticket = page.locator("[data-ticket]")
            ticket.get_by_label("Symbol").fill(symbol)
            ticket.locator("[name='order_type']").select_option("Limit")
            ticket.locator("[name='price']").fill("1000.10")
            ticket.locator("[name='exits']").select_option("distance")
            ticket.locator("[name='target']").fill("40")
            ticket.locator("[name='stop_loss']").fill("20")
            expect(page.locator("#ticket-price-error")).not_to_be_empty(timeout=SOON)
            self.picture(page, "ticket-wrong")
            ticket.locator("[name='price']").fill("1000.25")
            ticket.locator("[name='exits']").select_option("prices")
            ticket.locator("[name='target_price']").fill("1010")
            ticket.locator("[name='exit_stop_price']").fill("995")
            expect(page.locator("[data-stakes]")).to_be_visible(timeout=SOON)
            ticket.locator("[data-send]").click()
            expect(page.locator("#confirm[open] [data-words]")).to_contain_text("Buy", timeout=SOON)
            self.picture(page, "ticket-confirm")
            page.locator("#confirm [data-yes]").click()
            expect(page.locator("[data-outcome] a")).to_be_visible(timeout=SOON)
            page.get_by_role("button", name=re.compile(f"Modify {symbol}")).first.click()
            self.picture(page, "orders-changing")
            page.get_by_role("button", name=re.compile("Add exits")).first.click()
            page.locator("summary.button", has_text="Flatten all").click()
            self.picture(page, "positions-acting")
            page.locator("[data-outcome] a").click()
            expect(page.locator(".timeline")).to_be_visible()
            self.picture(page, "order")
            page.go_back()
            is_streaming(page)
            page.get_by_role("link", name=re.compile("Rejected and other")).click()
            page.locator("#content").focus()
            page.keyboard.press("?")
            self.picture(page, "keys")

    def settings(self) -> None:
        with self.page("pro") as page:
            page.goto(f"{self.portal.url}/settings/")
            page.get_by_label("DEMO1002001").fill("Prop evaluation")
            page.get_by_label("DEMO1002002").fill("Prop evaluation")
            page.get_by_role("button", name="Save names").click()
            self.picture(page, "settings-mistyped")
            page.get_by_label("DEMO1002002").fill("Own money")
            page.get_by_role("button", name="Save names").click()
            page.get_by_label("Times are told in").select_option("America/Chicago")
            self.picture(page, "settings")
            page.goto(self.portal.url)
            is_streaming(page)
            for label in ("chart", "accounts"):
                page.get_by_role("button", name=f"Show {label}").click()
            self.picture(page, "desk-named")

    def troubles(self) -> None:
        fault = self.portal.control
        with self.page("pro") as page:
            fault("faults", kind="reset_before", route="md/subscribequote", times=1000)
            fault("faults", kind="kick", user="pro")
            expect(page.locator("[data-marks]")).not_to_be_empty(timeout=SOON)
            self.picture(page, "desk-no-marks")
            fault("faults", kind="reset_before", route="user/syncrequest", times=1000)
            fault("faults", kind="kick", user="pro")
            expect(page.locator("#upstream-notice")).to_be_visible(timeout=SOON)
            self.picture(page, "desk-down")
            fault("faults", kind="clear")
            is_streaming(page)
            fault("faults", kind="rate_limit", route="contract/find")
            self.upload(page, f"{self.portal.front_month(NEVER_SEEN)} 1\n")
            page.goto(self.portal.url)
            expect(page.locator("[data-gauge]")).to_have_attribute("data-state", "spent")
            self.picture(page, "desk-refused")
            self.portal.log_in_elsewhere("pro", times=2)
            expect(page.locator("[data-upstream-words]")).to_have_text("taken over", timeout=SOON)
            self.picture(page, "desk-evicted")

    def kill_switch(self) -> None:
        with self.page("pro") as page:
            page.locator(".kill-menu summary").click()
            self.picture(page, "kill-menu")
            cookies = [one for one in page.context.cookies() if one["name"] == "csrftoken"]
            page.context.add_cookies([{**one, "value": "x" * 32} for one in cookies])
            page.get_by_role("button", name="Stop trading now").click()
            self.picture(page, "kill-stale")
            page.context.add_cookies(cookies)
            page.go_back()
            page.locator(".kill-menu summary").click()
            page.get_by_label("Reason, if you like").fill("Lost the plan, back after lunch")
            page.get_by_label("Close all positions at the market").check()
            page.get_by_role("button", name="Stop trading now").click()
            expect(page.locator("#thrown")).to_contain_text("Done: ", timeout=SOON)
            self.picture(page, "kill-thrown")
            page.goto(self.portal.url)
            is_streaming(page)
            self.picture(page, "kill-desk")
            self.upload(page, GOOD.format(*self.symbols))
            confirm(page)
            expect(page.get_by_role("button", name="Resume")).to_be_visible(timeout=SOON)
            self.picture(page, "kill-file")
            page.goto(f"{self.portal.url}/kill-switch/")
            page.get_by_role("link", name="Sign in again to release").click()
            authorize(page, self.portal, "pro", lands_on="/kill-switch/")
            self.picture(page, "kill-release")
            page.get_by_role("button", name="Release and trade again").click()
            page.locator(".account-limits summary").first.click()
            expect(page.get_by_label("Daily loss")).to_be_visible()
            self.picture(page, "kill-limits")

    def staff(self) -> None:
        with self.page() as page:
            page.goto(f"{self.portal.url}/admin/")
            self.picture(page, "admin-login")
            sign_in_as_staff(page, self.portal)
            self.picture(page, "admin")
            page.goto(f"{self.portal.url}/admin/trading/killswitch/add/")
            self.picture(page, "admin-kill")
            page.get_by_label("Scope").select_option("global")
            page.get_by_label("Reason").fill("Exchange outage")
            page.get_by_role("button", name="Stop trading now").click()
            page.wait_for_url("**/admin/trading/killswitch/")
            seen = ("accounts/connection", "trading/orderfile", "trading/orderintent", "accounts/auditevent")
            for kind in (*seen, "trading/killswitch", "trading/tradinglimit"):
                page.goto(f"{self.portal.url}/admin/{kind}/")
                self.picture(page, f"admin-{kind.rpartition('/')[2]}s")
                page.locator("#result_list tbody tr th a").first.click()
                page.wait_for_url("**/change/**")
                self.picture(page, f"admin-{kind.rpartition('/')[2]}")
            page.goto(f"{self.portal.url}/admin/accounts/user/?q=pro")
            self.picture(page, "admin-users")
            page.locator("#result_list tbody tr th a").first.click()
            page.wait_for_url("**/change/**")
            self.picture(page, "admin-user")
            for link, name in (("What happened", "timeline"), ("End access", "access")):
                page.get_by_role("link", name=link).click()
                self.picture(page, f"admin-{name}")
                page.go_back()
            page.goto(self.portal.url)
            self.picture(page, "staff")

    def upload(self, page: Page, text: str) -> None:
        page.goto(f"{self.portal.url}/files/")
        page.get_by_label("File", exact=True).set_input_files(
            {"name": "orders.txt", "mimeType": "text/plain", "buffer": text.encode()}
        )
        page.get_by_role("button", name="Upload and check").click()
        expect(page.locator("#file-summary")).to_be_visible()


def confirm(page: Page) -> None:
    page.get_by_role("button", name=re.compile("Confirm")).click()


def is_streaming(page: Page) -> None:
    expect(page.locator("[data-upstream-words]")).to_have_text("streaming", timeout=SOON)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
