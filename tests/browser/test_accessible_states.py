"""axe-core on what is seen seldom: refusals, errors, notices, open dialogs and editors, an empty desk, the admin; and
what it cannot see: where the focus is, and that colour is never the only sign."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.urls import get_resolver
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import PHONE, SCREEN, Line, open_desk, sign_in_as_staff
from tests.browser.elsewhere import OtherProgram
from tests.browser.stack import STAFF_PASSWORD, Stack
from tests.browser.test_accessibility import settle, violations
from tests.browser.test_orders import answer, fill_in, one_click_desk, send
from tests.browser.test_walk import is_streaming, overflow, upload
from tests.portal.test_addresses import addresses, filled_in

# axe takes a second a page, and of the admin's there are many.
pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.timeout(300)]
OpenPage = Callable[..., Page]
SOON = 20_000
PAGES = "links => links.map((link) => link.href)"
# A row's page in the admin.
ONE = "**/change/**"
ERRORS = ("400", "403", "403_csrf", "404", "413", "500", "503")


class Inspector:
    """Gathers what axe finds on one page after another, and which are too wide, by the names that they have here."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def look(self, page: Page, name: str) -> None:
        found = violations(page)
        if (pixels := overflow(page)) > 0:
            found.append(f"{pixels} px wider than its window")
        if found:
            self.found[name] = found

    def finish(self) -> None:
        """Fail with all that was found."""
        assert not self.found, "\n".join(f"{name}: {one}" for name, found in self.found.items() for one in found)


def test_refusals_and_error_pages(portal: Stack, open_page: OpenPage) -> None:
    inspector, page = Inspector(), open_page()
    page.goto(portal.url)
    page.get_by_role("button", name="Sign in with Tradovate").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("cancel")
    inspector.look(page, "sign-in failed")

    def fail(route: Route) -> None:
        """Answer as the portal does where it cannot do better; few of these can be had on demand."""
        template = route.request.url.split("/")[-2]
        body = render_to_string(f"{template}.html")
        route.fulfill(status=int(template[:3]), body=body, content_type="text/html")

    page.route("**/broken/*/", fail)
    for template in ERRORS:
        page.goto(f"{portal.url}/broken/{template}/")
        expect(page.locator(".code")).to_have_text(template[:3])
        expect(page.get_by_role("img", name="Tradeport")).to_be_visible()
        inspector.look(page, template)
    inspector.finish()


def test_open_dialogs_editors_and_notices(portal: Stack, open_page: OpenPage) -> None:
    inspector, page = Inspector(), open_page()
    line = Line(page)
    open_desk(page, portal, "pro")
    is_streaming(page)
    fill_in(page, portal.front_month("MES"), order_type="Limit", price="1000.25")
    page.locator("[data-send]").click()
    expect(page.locator("#confirm[open] [data-words]")).to_contain_text("Buy 1", timeout=SOON)
    inspector.look(page, "confirm")
    page.get_by_role("button", name="Back").click()
    page.get_by_role("button", name=re.compile("^Modify ")).first.click()
    page.get_by_role("button", name=re.compile("^Add exits")).first.click()
    expect(page.locator("[data-editor-of]")).to_have_count(2)
    page.locator("[data-editor-of]").first.get_by_role("button", name=re.compile("Place exits|Change")).click()
    expect(page.locator("[data-errors]").first).not_to_be_empty(timeout=SOON)
    inspector.look(page, "editors")

    line.cut()
    expect(page.locator("#link-notice")).to_be_visible()
    inspector.look(page, "no link")
    line.mend()
    is_streaming(page)
    portal.control("faults", kind="shutdown", user="pro", reason="ConnectionQuotaReached")
    expect(page.locator("[data-upstream-words]")).to_have_text("taken over", timeout=SOON)
    inspector.look(page, "taken over")
    page.get_by_role("button", name="Reconnect").click()
    is_streaming(page)

    page.locator(".kill-menu summary").click()
    cookies = [one for one in page.context.cookies() if one["name"] == "csrftoken"]
    page.context.add_cookies([{**one, "value": "x" * 32} for one in cookies])
    page.get_by_role("button", name="Stop trading now").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    inspector.look(page, "stale kill page")
    inspector.finish()


# How an address answers that has no page: with another one's, or that it is for a press.
NO_PAGE = {302, 405}
# Whose session has been lost is sent on from each of these.
PAGES_OF_A_TRADER = {
    *("desk", "order", "order-elsewhere", "code", "files", "file", "fills", "performance", "chart", "replay"),
    *("settings", "own-limits", "own-limit", "kill-switch", "limits"),
}


def test_every_address_that_has_a_page(portal: Stack, open_page: OpenPage, tmp_path: Path) -> None:
    """A new address is looked at by itself; one that names something new wants it among `made`."""
    inspector, page = Inspector(), one_click_desk(portal, open_page)
    symbol, made = portal.front_month("MES"), {"switch_id": "1"}
    fill_in(page, symbol, order_type="Limit", price="1000.25")
    send(page)
    row = page.locator("[data-orders] [data-row^='order:']").first
    intent = row.locator("[data-order-page]")
    expect(intent).to_have_attribute("href", re.compile(r"^/orders/\d+/$"))
    made["intent_id"] = (intent.get_attribute("href") or "").split("/")[2]
    row.get_by_role("button", name=re.compile("^Cancel")).click()
    expect(row).to_have_count(0)
    # Of an order of the portal's own Tradovate's page of it leads to the order's.
    made["order_id"] = str(OtherProgram(portal, "trader").order(symbol, order_type="Limit", price=1000.25))
    expect(page.locator(f"[data-row='order:{made['order_id']}']")).to_be_visible(timeout=SOON)
    upload(page, portal, tmp_path, "ESZ9 1")
    made["file_id"] = page.url.split("/")[-2]
    page.goto(f"{portal.url}/kill-switch/")
    limits = page.locator("a[href*='/kill-switch/limits/']").first
    made["account_id"] = (limits.get_attribute("href") or "").split("/")[-2]
    page.goto(f"{portal.url}/limits/")
    page.get_by_label("Most contracts in an order", exact=True).fill("10")
    page.get_by_role("button", name="Set the limit").click()
    made["limit_id"] = (page.get_by_role("link", name="Change").get_attribute("href") or "").split("/")[-2]
    looked_at = set[str]()
    for name, route in addresses(get_resolver().url_patterns):
        if name == "accounts:sign-out":
            continue
        url = portal.url + filled_in(route, made)
        answer = page.context.request.get(url, max_redirects=0)
        if answer.status in NO_PAGE or "text/html" not in answer.headers.get("content-type", ""):
            continue
        assert answer.ok or answer.status == 400, f"{url}: {answer.status}"
        page.goto(url)
        inspector.look(page, name)
        looked_at.add(name)
    assert looked_at >= {f"trading:{name}" for name in PAGES_OF_A_TRADER}
    inspector.finish()


def test_desks_without_anything(portal: Stack, open_page: OpenPage) -> None:
    inspector, page = Inspector(), open_page()
    open_desk(page, portal, "empty")
    is_streaming(page)
    inspector.look(page, "empty desk")
    for part in ("files", "fills", "performance", "chart", "limits"):
        page.goto(f"{portal.url}/{part}/")
        inspector.look(page, f"empty {part}")
    staff = open_page()
    sign_in_as_staff(staff, portal)
    staff.goto(portal.url)
    expect(staff.get_by_role("heading", name="No Tradovate connection")).to_be_visible()
    inspector.look(staff, "no connection")
    inspector.finish()


def test_the_admin(portal: Stack, open_page: OpenPage, tmp_path: Path) -> None:
    trader = open_page()
    open_desk(trader, portal, "pro")
    is_streaming(trader)
    fill_in(trader, portal.front_month("MES"), order_type="Limit", price="1000.25")
    send(trader)
    upload(trader, portal, tmp_path, "ESZ9 1")
    trader.goto(f"{portal.url}/limits/")
    trader.get_by_label("Most contracts in an order", exact=True).fill("10")
    trader.get_by_role("button", name="Set the limit").click()
    inspector, page = Inspector(), open_page(PHONE)
    look = partial(inspector.look, page)

    def look_at_list(address: str) -> bool:
        """Look at a list and its first row's page; whether there is one."""
        page.goto(f"{portal.url}{address}")
        look(address)
        first = page.locator("#result_list tbody tr th a").first
        if there := bool(first.count()):
            first.click()
            page.wait_for_url(ONE)
            look(f"one of {address}")
        return there

    page.goto(f"{portal.url}/admin/")
    look("sign-in")
    sign_in_as_staff(page, portal)
    look("index")
    lists = page.locator("#content-main th a").evaluate_all("links => links.map((link) => link.pathname)")
    assert len(lists) > 20
    page.goto(f"{portal.url}/admin/trading/killswitch/add/")
    look("stop trading")
    page.get_by_label("Scope").select_option("global")
    page.get_by_label("Reason").fill("Exchange outage")
    page.get_by_role("button", name="Stop trading now").click()
    page.wait_for_url("**/admin/trading/killswitch/")
    shown = {address for address in lists if look_at_list(address)}
    # There was no reconnect, nobody mistyped a password, and who signed in where axes keeps by other means.
    assert {address.split("/")[-2] for address in set(lists) - shown} <= {"comparison", "accessattempt"}
    page.goto(f"{portal.url}/admin/password_change/")
    look("password_change")
    page.goto(f"{portal.url}/admin/accounts/user/?q=pro")
    page.locator("#result_list tbody tr th a").click()
    page.wait_for_url(ONE)
    trader_page = page.url
    page.get_by_role("link", name="End access").click()
    look("end of an access")
    page.goto(trader_page)
    page.get_by_role("link", name="What happened").click()
    expect(page.get_by_role("link", name="signed in from 127.0.0.1 (OAuth)")).to_be_visible()
    look("what happened")
    assert look_at_list("/admin/trading/killswitch/")
    page.get_by_role("link", name=re.compile("Release")).click()
    look("release")
    page.get_by_label("Password").fill(STAFF_PASSWORD)
    page.get_by_role("button", name="Release").click()
    page.wait_for_url("**/change/")
    inspector.finish()


def test_what_the_admin_adds_and_removes_and_what_it_has_changed(portal: Stack, open_page: OpenPage) -> None:
    trader = open_page()
    open_desk(trader, portal, "pro")
    is_streaming(trader)
    inspector, page = Inspector(), open_page(PHONE)
    page.goto(f"{portal.url}/admin/")
    sign_in_as_staff(page, portal)
    lists = page.locator("#content-main th a").evaluate_all(PAGES)
    traders = next(address for address in lists if address.endswith("/accounts/user/"))
    page.goto(f"{traders}?q=pro")
    number = (page.locator("#result_list tbody tr th a").get_attribute("href") or "").split("/")[-3]
    page.goto(f"{portal.url}/admin/trading/tradinglimit/add/")
    choose = "(field, number) => field.append(new Option('pro', number, true, true))"
    page.locator("#id_user").evaluate(choose, number)
    page.locator("#id_max_order_qty").fill("9")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/admin/trading/tradinglimit/")
    seen = set[str]()
    for address in lists:
        page.goto(address)
        found = page.locator(".object-tools .addlink").evaluate_all(PAGES)
        first = page.locator("#result_list tbody tr th a").first
        if first.count():
            first.click()
            page.wait_for_url(ONE)
            found += page.locator(".historylink, .deletelink").evaluate_all(PAGES)
        for link in found:
            page.goto(link)
            inspector.look(page, link)
            seen.add(link.rstrip("/").rpartition("/")[2].partition("?")[0])
    assert seen >= {"add", "history", "delete"}
    inspector.finish()


# What has the focus: its name, and whether an outline shows it. The box of a radio button is its label.
FOCUSED = """() => {
  const focused = document.activeElement;
  const box = focused.matches(".visually-hidden") ? focused.labels[0] : focused;
  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(box);
  const isSeen = box.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const isDrawn = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && !/, 0\\)$|transparent/.test(outlineColor);
  const { left, right, top, bottom } = box.getBoundingClientRect();
  const isInside = right > 0 && bottom > 0 && left < innerWidth && top < innerHeight;
  // Not wholly behind a bar or a foot that stays where it is.
  const places = [[left + 3, top + 3], [right - 3, bottom - 3], [(left + right) / 2, (top + bottom) / 2]];
  const there = places.map(([x, y]) => document.elementFromPoint(x, y)).filter(Boolean);
  const isClear = there.some((one) => box.contains(one) || one.contains(box));
  const name = focused.getAttribute("aria-label") ?? focused.labels?.[0]?.textContent ?? focused.textContent;
  return { tag: focused.tagName, name: name.trim().slice(0, 60), isShown: isSeen && isDrawn && isInside && isClear };
}"""


# A screen at 400 %, and a phone on its side.
LOW = [{"width": 320, "height": 256}, {"width": 667, "height": 331}]


@pytest.mark.parametrize("viewport", [SCREEN, PHONE, *LOW], ids=["screen", "phone", "zoomed", "on its side"])
def test_whoever_tabs_through_the_desk_sees_where_they_are(
    portal: Stack, open_page: OpenPage, viewport: dict[str, int]
) -> None:
    page = open_page(viewport)
    open_desk(page, portal, "pro")
    is_streaming(page)
    expect(page.locator("[data-row^='position:']").first).to_be_visible(timeout=SOON)
    fill_in(page, portal.front_month("MES"), order_type="StopLimit")
    page.locator("body").evaluate("body => { body.tabIndex = -1; body.focus(); body.removeAttribute('tabindex'); }")
    stops = []
    for _ in range(400):
        page.keyboard.press("Tab")
        settle(page)
        stop = page.evaluate(FOCUSED)
        if stop["tag"] == "BODY":
            break
        stops.append(stop)
    assert [stop for stop in stops if not stop["isShown"]] == []
    reached = "\n".join(stop["name"] for stop in stops)
    for name in ("Symbol", "Buy", "Price", "Stop price", "Type", "Confirm", "Flatten", "Reverse", "Modify", "Cancel"):
        assert re.search(name, reached), f"{name} is not reached"


def test_an_order_that_is_drawn_anew_keeps_the_focus_and_is_read_out(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    symbol = portal.front_month("MES")
    fill_in(page, symbol, order_type="Limit", price="1000.25")
    send(page)
    answer(page).get_by_role("link", name="Order page").click(timeout=SOON)
    cancel = page.get_by_role("button", name="Cancel this order")
    cancel.focus(timeout=SOON)
    is_streaming(page)
    order = int(page.locator("[data-intent-page]").get_attribute("data-order") or 0)
    read_out = page.locator("#announcer")
    program = OtherProgram(portal, "trader")
    program.modify(order, 1, "Limit", price=1000.5)
    expect(page.locator("[data-told]").first).to_have_text("Now: 1 Limit at 1000.50, Day", timeout=SOON)
    expect(read_out).to_contain_text("Now: 1 Limit at 1000.50")
    expect(cancel).to_be_focused()
    # The button is gone with what it was for.
    program.cancel(order)
    expect(page.locator("h1 .badge")).to_have_text("cancelled", timeout=SOON)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(read_out).to_contain_text(re.compile("cancelled"))
    assert violations(page) == []


# What has a colour of gain or loss, or of a side, and no sign or word for it.
COLOUR_ALONE = """() => {
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
  const tell = (one) => one.outerHTML.slice(0, 120);
  const unsigned = shown("[data-tone='up'], [data-tone='down']").filter((one) =>
    !(one.dataset.tone === "up" ? /^\\+/ : /^[-\\u2212]/).test(one.textContent.trim()));
  const sides = shown("[data-side]").filter((one) => one.dataset.side);
  const unnamed = sides.filter((one) => !/Buy|Sell|Long|Short/.test(one.textContent));
  const counts = [shown("[data-tone='up'], [data-tone='down']").length, sides.length];
  return { alone: [...unsigned, ...unnamed].map(tell), counts };
}"""


def test_colour_is_never_the_only_sign(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "pro")
    is_streaming(page)
    expect(
        page.locator("[data-row^='position:'] [data-tone='up'], [data-row^='position:'] [data-tone='down']").first
    ).to_be_visible(timeout=SOON)
    page.get_by_role("link", name=re.compile("Filled")).click()
    page.wait_for_function(f"() => Math.min(...({COLOUR_ALONE})().counts) > 5", timeout=SOON)
    for part in ("", "fills/", "performance/"):
        if part:
            page.goto(f"{portal.url}/{part}")
        assert page.evaluate(COLOUR_ALONE)["alone"] == [], part
