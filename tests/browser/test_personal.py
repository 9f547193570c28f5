"""What a trader has made his own: names of accounts, zone, sound, theme, the desk as it was left; and whose it is."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.browser.conftest import PHONE, authorize, open_desk
from tests.browser.stack import Stack
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SOON = 20_000
# Keeps in `said` what live regions say from then on: what was added, and where they were changed all of them.
LISTEN = """() => {
    window.said = [];
    const added = ({addedNodes}) => [...addedNodes].map((node) => node.textContent).join();
    const words = (change) => added(change) || change.target.textContent;
    const listen = new MutationObserver((changes) => window.said.push(...changes.map(words)));
    for (const region of document.querySelectorAll("[aria-live], [role=status], [role=alert], [role=log]")) {
        listen.observe(region, {childList: true, characterData: true, subtree: true});
    }
}"""
# What they say until the open P&L of a position has changed five times.
CHATTER = f"""async () => {{
    ({LISTEN})();
    let moves = 0;
    const figure = document.querySelector("[data-total=open_pnl]");
    new MutationObserver(() => (moves += 1)).observe(figure, {{childList: true, characterData: true, subtree: true}});
    while (moves < 5) await new Promise(requestAnimationFrame);
    return window.said;
}}"""


def is_told_in(zone: str, time: Locator) -> None:
    """Wait until a moment is told as the clocks of a zone showed it."""
    moment = dt.datetime.fromisoformat(time.get_attribute("datetime") or "")
    expect(time).to_have_text(moment.astimezone(ZoneInfo(zone)).strftime("%H:%M:%S"), timeout=SOON)


def test_settings_and_the_desk_as_it_was_left_are_remembered_for_their_person_alone(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page(color_scheme="dark", timezone_id="Asia/Tokyo")
    open_desk(page, portal, "pro")
    fill = page.locator("[data-row^='fill:'] time").first
    expect(fill).to_be_visible(timeout=SOON)
    is_told_in("Asia/Tokyo", fill)
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("DEMO1002001").fill("Prop evaluation")
    other = page.context.new_page()
    other.goto(portal.url)
    expect(other.locator("[data-row^='account:']", has_text="DEMO1002001")).to_have_count(1, timeout=SOON)
    page.get_by_role("button", name="Save names").click()
    expect(page.get_by_role("status").filter(has_text="The names are kept.")).to_be_visible()
    other.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(other.locator("[data-row^='account:']", has_text="Prop evaluation")).to_have_count(1, timeout=SOON)
    expect(other.locator("#ticket-account option", has_text="Prop evaluation")).to_have_count(1)
    other.close()
    page.get_by_label("Times are told in").select_option("America/Chicago")
    expect(page.locator("#zone-now")).to_contain_text("In Chicago it is")
    page.get_by_label("A sound on fills and rejects").check()
    page.get_by_label("Theme", exact=True).select_option("light")
    page.get_by_label("Before an order goes out").select_option("market")
    for _ in range(2):
        page.get_by_role("button", name="Up: Orders").press("Enter")
    expect(page.locator("[data-parts-order] li").first).to_have_text("Orders")
    assert violations(page) == []

    page.get_by_role("link", name="Desk").click()
    chart = page.get_by_role("button", name="Show chart")
    chart.click()
    expect(page.locator("[data-chart-canvas]")).to_be_hidden()
    page.get_by_role("link", name="Filled").click()
    for _ in range(2):
        expect(page.locator("[data-row^='account:']", has_text="Prop evaluation")).to_have_count(1, timeout=SOON)
        expect(page.locator("#account-picker")).to_contain_text("Prop evaluation")
        expect(page.locator("[data-row^='fill:']", has_text="Prop evaluation").first).to_be_visible()
        expect(page.locator("[data-row^='fill:']", has_text="DEMO1002001")).to_have_count(0)
        expect(page.locator("[data-tab='filled']")).to_have_attribute("aria-current", "true")
        expect(page.locator("[data-orders] [data-group='filled']").first).to_be_visible(timeout=SOON)
        expect(page.get_by_role("button", name="Sound")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("[data-ask-mode]")).to_have_value("market")
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        expect(chart).to_have_attribute("aria-expanded", "false")
        expect(page.locator("[data-chart-canvas]")).to_be_hidden()
        expect(page.locator("[data-zone]")).to_have_text("(Chicago)")
        expect(page.locator(".desk-main h2").first).to_have_text("Orders")
        is_told_in("America/Chicago", fill)
        page.reload()

    page.get_by_role("button", name="Sign out").click()
    authorize(page, portal, "trader")
    expect(page.locator("[data-chart-canvas]")).to_be_visible()
    expect(page.locator(".desk-main h2").first).to_have_text("Chart")
    expect(page.get_by_role("button", name="Sound")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("[data-ask-mode]")).to_have_value("always")
    expect(page.locator("[data-zone]")).to_have_text("(your time)")


def test_what_is_pressed_is_about_the_chosen_account_while_no_account_is_told(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page()
    is_told = True

    def relay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            frame = json.loads(message)
            if frame["t"] == "snapshot" and not is_told:
                # As it is until the hub has published anew in a Redis that was restarted.
                frame |= {"epoch": "", "seq": 0, "rows": {}}
            if frame["t"] != "delta" or is_told:
                socket.send(json.dumps(frame))

        server.on_message(pass_on)

    page.route_web_socket("**/ws/desk/**", relay)
    open_desk(page, portal, "pro")
    accounts, picker = page.locator("[data-row^='account:']"), page.locator("#account-picker")
    expect(accounts.first).to_be_visible(timeout=SOON)
    picker.select_option(index=1)
    chosen = picker.input_value()
    is_told = False
    page.reload()
    expect(page.locator("[data-desk]")).to_have_attribute("data-waiting", "", timeout=SOON)
    expect(accounts).to_have_count(0)
    expect(page.locator("[data-chosen-account]")).to_have_value(chosen)
    expect(picker).to_have_value(chosen)


def test_the_chart_shows_the_tickets_contract_and_that_of_a_position_that_is_pressed(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page()
    open_desk(page, portal, "pro")
    contract = page.get_by_label("Contract", exact=True)
    positions = page.locator("[data-row^='position:']")
    expect(positions.first).to_be_visible(timeout=SOON)
    held = positions.last.locator("[data-field='symbol']").text_content() or ""
    positions.last.get_by_role("link", name=held).press("Enter")
    expect(contract).to_have_value(held)
    first = positions.first.locator("[data-field='symbol']").text_content() or ""
    positions.first.locator("[data-field='average']").click()
    expect(contract).to_have_value(first)
    assert page.url == f"{portal.url}/"
    page.get_by_label("Symbol", exact=True).fill(held.lower())
    page.get_by_label("Quantity", exact=True).focus()
    expect(contract).to_have_value(held)
    expect(page.locator("[data-chart-words]")).to_contain_text("Last", timeout=SOON)


def test_the_header_tells_margin_limits_and_distances(portal: Stack, open_page: OpenPage) -> None:
    page = open_page(PHONE)
    rewritten = {"loss_left": "80.00", "loss_limit": "500.00"}
    rewritten |= {"drawdown_left": "1,250.00", "drawdown_limit": "2,000.00"}

    def rewrite(message: str) -> str:
        frame = json.loads(message)
        for key, row in (frame.get("rows") or {}).items():
            if key == "account:" + row.get("id", ""):
                row |= rewritten
            elif key.startswith("position:"):
                row["mark_source"] = "last quote"
        return json.dumps(frame)

    def relay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: socket.send(rewrite(str(message))))

    page.route_web_socket("**/ws/desk/**", relay)
    open_desk(page, portal, "pro")
    expect(page.locator("[data-limit='loss']")).to_have_attribute("data-nearness", "near", timeout=SOON)
    expect(page.locator("[data-limit='loss']")).to_contain_text("near of 500.00 in")
    expect(page.locator("[data-limit='drawdown']")).to_contain_text("1,250.00")
    expect(page.locator("[data-limit='own_loss']")).to_be_hidden()
    for total in ("margin_used", "excess", "day_net"):
        expect(page.locator(f"[data-total='{total}']")).to_have_text(re.compile(r"^[+-]?[\d,]+\.\d\d$"))
    expect(page.locator("[data-trips]")).to_have_text(re.compile(r"^\d+ \+ \d+ ms$"), timeout=SOON)
    expect(page.locator("[data-trip-words]")).to_contain_text("ms from there to Tradovate")
    expect(page.locator("[data-row^='position:']").first).to_contain_text("last quote")
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    expect(page.get_by_role("link", name="Settings")).to_be_in_viewport(ratio=1)
    expect(page.locator("[data-chart-words]")).to_contain_text("Last", timeout=SOON)
    # Marks tick, figures follow, and nothing of it is read out.
    assert page.evaluate(CHATTER) == []

    thumbs = page.get_by_role("navigation", name="One thumb away")
    thumbs.get_by_role("button", name="Cancel all").click()
    expect(page.get_by_role("dialog", name="Cancel all working orders?")).to_be_visible()
    page.keyboard.press("Escape")
    thumbs.get_by_text("Flatten all").click()
    # An account may have a long name.
    page.locator("[data-where]").evaluate_all(
        "all => all.forEach((one) => (one.textContent = ` in ${'W'.repeat(32)}`))"
    )
    sure = thumbs.get_by_role("button", name="Close all positions, cancel all orders")
    expect(sure).to_be_in_viewport(ratio=1)
