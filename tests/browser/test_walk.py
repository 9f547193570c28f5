"""What a trader does, in a real browser against real processes: issue by issue the pages must keep carrying this."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import PHONE, Line, authorize, fill_in_api_key, open_desk, sign_in, sign_in_as_staff
from tests.browser.stack import CLIENT_SECRET, Stack

pytestmark = [pytest.mark.browser, pytest.mark.long]
OpenPage = Callable[..., Page]
SOON = 20_000  # milliseconds; a worker on a busy machine


def is_streaming(page: Page) -> None:
    expect(page.locator("[data-upstream-words]")).to_have_text("streaming", timeout=SOON)
    expect(page.locator("[data-upstream-age]")).to_contain_text("ago", timeout=SOON)


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def upload(page: Page, portal: Stack, directory: Path, text: str) -> None:
    """Upload an order file and come to its page."""
    path = directory / "orders.txt"
    path.write_text(text)
    page.goto(f"{portal.url}/files/")
    page.get_by_label("File", exact=True).set_input_files(path)
    page.get_by_role("button", name="Upload and check").click()
    expect(page.locator("#file-summary")).to_be_visible(timeout=SOON)


def order_file(portal: Stack, directory: Path) -> Path:
    path = directory / "orders.txt"
    front = portal.front_month
    path.write_text(f"# three micro orders\n{front('MES')} 2\n\n{front('MNQ')} -3   # a short\n{front('MGC')} 1\n")
    return path


def orders_sent(portal: Stack) -> list[dict]:
    return [received for received in portal.ledger()["received"] if "placeorder" in received["route"]]


def test_a_trader_signs_in_executes_an_order_file_and_signs_out(
    portal: Stack, open_page: OpenPage, tmp_path: Path
) -> None:
    desk = open_page()
    already = len(orders_sent(portal))
    sign_in(desk, portal, "trader")
    is_streaming(desk)
    expect(desk.locator(".environment").first).to_have_text("SIM")
    account = desk.locator("[data-row^='account:']")
    expect(account).to_have_count(1, timeout=SOON)
    expect(account.locator("[data-field='net_liq']")).to_have_text(re.compile(r"^[\d,]+\.\d\d$"))
    expect(desk.get_by_text("No open positions")).to_be_visible()
    desk.evaluate("window.sameDocument = true")

    page = desk.context.new_page()
    page.goto(portal.url)
    page.get_by_role("link", name="Order files").click()
    page.get_by_label("File", exact=True).set_input_files(order_file(portal, tmp_path))
    page.get_by_role("button", name="Upload and check").click()
    lines = page.locator("[data-line]")
    expect(lines).to_have_count(3)
    expect(lines.nth(1)).to_contain_text("Sell 3")
    assert len(orders_sent(portal)) == already, "sent before it was confirmed"

    other = desk.context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("button", name="Discard")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "hx-request" in request.headers else None)
    page.evaluate("window.beforeConfirming = true")
    page.get_by_role("button", name=re.compile("Confirm and send 3 orders")).click()
    page.wait_for_function("!window.beforeConfirming")
    page.evaluate("window.sameDocument = true")
    expect(page.locator("[data-line][data-state='filled']")).to_have_count(3, timeout=SOON)
    expect(page.locator("h1 + .badge")).to_have_text("finished", timeout=SOON)
    expect(lines.nth(0).locator("[data-field='filled']")).to_have_text("2")
    expect(lines.nth(0).locator("[data-field='average']")).to_have_text(re.compile(r"^\d+\.\d\d"))
    expect(page.locator("#file-summary")).to_contain_text("3 of 3", timeout=SOON)
    expect(page.locator("[data-total='states']")).to_have_text("3 filled", timeout=SOON)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0, timeout=SOON)
    # Two states follow `queued`; frames of two processes that cross may have one looked at again.
    assert len(asked) <= 4, "only the file's own state may ask the server for other buttons"
    expect(other.locator("[data-line][data-state='filled']")).to_have_count(3, timeout=SOON)
    expect(other.get_by_role("button", name="Discard")).to_have_count(0)
    assert page.evaluate("window.sameDocument") is True

    with page.expect_download() as download:
        page.get_by_role("link", name="Results as CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert len(rows) == 3
    assert any("filled" in row.values() for row in rows)

    fills = desk.locator("[data-row^='fill:']")
    expect(fills.filter(has_text=portal.front_month("MES")).first).to_be_visible(timeout=SOON)
    expect(fills.locator("[data-field='source']").first).to_have_text("file", timeout=SOON)
    expect(desk.locator("[data-row^='position:']")).to_have_count(3, timeout=SOON)
    short = desk.locator("[data-row^='position:']", has_text=portal.front_month("MNQ"))
    expect(short.locator("[data-field='side']")).to_have_text("Short")
    expect(short.locator("[data-field='qty']")).to_have_text("3")
    assert desk.evaluate("window.sameDocument") is True, "the fills reached the desk by a reload"

    mark = short.locator("[data-field='mark']")
    expect(mark).not_to_have_text("—", timeout=SOON)
    before = mark.text_content()
    expect(mark).not_to_have_text(before or "", timeout=SOON)

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in with Tradovate")).to_be_visible()
    desk.wait_for_url("**/accounts/sign-in/?next=%2F", timeout=SOON)
    desk.goto(portal.url)
    expect(desk.get_by_role("button", name="Sign in with Tradovate")).to_be_visible()


def test_a_trader_signs_in_with_an_api_key_after_a_penalty_and_reaches_the_live_desk(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page(PHONE)
    page.goto(f"{portal.url}/files/")
    portal.control("faults", kind="penalty", route="auth/accesstokenrequest", seconds=2)
    fill_in_api_key(page, "trader")
    assert overflow(page) <= 0
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Tradovate asks you to wait")
    assert overflow(page) <= 0
    expect(page.get_by_label("Tradovate user name")).to_have_value("trader")
    expect(page.get_by_label("Tradovate password")).to_have_value("")
    expect(page.get_by_label("Secret (sec)")).to_have_value("")
    expect(page.get_by_text("You can try again now.")).to_be_visible(timeout=SOON)
    page.get_by_label("Tradovate password").fill("trader-pass")
    page.get_by_label("Secret (sec)").fill(CLIENT_SECRET)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{portal.url}/files/")
    page.get_by_role("link", name="Desk").click()
    is_streaming(page)
    expect(page.locator("[data-row^='account:']")).to_have_count(1, timeout=SOON)


def test_a_file_with_a_wrong_line_offers_no_way_to_send_it(portal: Stack, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    open_desk(page, portal, "pro")
    is_streaming(page)
    wrong = tmp_path / "wrong.txt"
    wrong.write_text(f"{portal.front_month('MES')} 1\nNOPE9 1\n{portal.front_month('MNQ')} zero\n")
    page.goto(f"{portal.url}/files/")
    page.get_by_label("File", exact=True).set_input_files(wrong)
    page.get_by_role("button", name="Upload and check").click()
    expect(page.get_by_role("alert")).to_contain_text("Line 2")
    expect(page.get_by_role("alert")).to_contain_text("Line 3")
    expect(page.get_by_role("button", name=re.compile("Confirm"))).to_have_count(0)


def test_cancelling_at_tradovate_signs_nobody_in(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(portal.url)
    page.get_by_role("button", name="Sign in with Tradovate").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Sign in with Tradovate")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("cancel")
    page.goto(portal.url)
    expect(page).to_have_url(re.compile("sign-in"))


def test_several_accounts_can_be_looked_at_one_at_a_time(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "pro")
    is_streaming(page)
    accounts = page.locator("[data-row^='account:']")
    expect(accounts).to_have_count(5, timeout=SOON)
    first = accounts.first.locator("[data-field='name']").text_content()
    page.locator("#account-picker").select_option(label=first)
    expect(accounts.locator("visible=true")).to_have_count(1)
    cash = accounts.first.locator("[data-field='cash']").text_content()
    expect(page.locator("[data-total='cash']")).to_have_text(cash or "")
    page.reload()
    expect(accounts.locator("visible=true")).to_have_count(1)


def test_a_lost_connection_is_said_and_mends_itself(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    line = Line(page)
    open_desk(page, portal, "pro")
    is_streaming(page)
    page.locator("#account-picker").select_option(index=1)
    ticket = page.locator("#ticket-account")
    expect(ticket).to_have_value(page.locator("#account-picker").input_value())
    ticket.select_option(index=2)
    other = ticket.input_value()
    for code, words in ((1011, "lost its connection"), (4429, "too many Tradeport pages")):
        line.drop(code)
        expect(page.locator("[data-upstream-words]")).to_have_text("reconnecting")
        expect(page.locator("#link-notice")).to_contain_text(words)
        is_streaming(page)
    expect(page.locator("#link-notice")).to_be_hidden()
    expect(ticket).to_have_value(other)  # and not that of the account that is shown


def test_a_page_that_wakes_up_finds_that_its_socket_is_dead(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    sockets: list[WebSocketRoute] = []
    asleep: set[WebSocketRoute] = set()

    def relay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: None if socket in asleep else socket.send(message))
        sockets.append(socket)

    page.route_web_socket("**/ws/desk/**", relay)
    open_desk(page, portal, "pro")
    is_streaming(page)
    asleep.update(sockets)
    age = page.locator("[data-upstream-age]")
    expect(age).to_have_text(re.compile(r"^([7-9]\.\d|\d\d) s ago"), timeout=SOON)
    # By itself it would ask for an answer after twenty seconds of silence, and wait five for that.
    by_itself = 25 - float((age.text_content() or "").partition(" ")[0])
    seconds = page.evaluate("""async () => {
        const words = document.querySelector("[data-upstream-words]");
        const started = performance.now();
        document.dispatchEvent(new Event("visibilitychange"));
        while (words.textContent !== "reconnecting") await new Promise(requestAnimationFrame);
        return (performance.now() - started) / 1000;
    }""")
    assert seconds < by_itself - 2
    is_streaming(page)


def test_ages_are_right_whatever_the_browsers_clock_says(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    page.add_init_script(
        "const now = Date.now.bind(Date); window.wrong = 300000; Date.now = () => now() + window.wrong;"
    )
    open_desk(page, portal, "pro")
    is_streaming(page)
    # Something is heard every 2.5 s, or some seconds later on a busy machine; the clock is minutes ahead.
    fresh = re.compile(r"^\d\d?(\.\d)? s ago")
    expect(page.locator("[data-upstream-age]")).to_have_text(fresh, timeout=SOON)
    ages = page.evaluate("""async () => {
        window.wrong = 900000; // the clock is set, or the machine has slept
        const ages = [];
        const seen = new MutationObserver(() => ages.push(document.querySelector("[data-upstream-age]").textContent));
        seen.observe(document.querySelector("[data-upstream-age]"), {childList: true});
        while (ages.length < 8) await new Promise(requestAnimationFrame);
        return ages;
    }""")
    assert all(fresh.match(age) for age in ages[3:])


def test_missing_marks_are_said_beside_the_positions(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "pro")
    is_streaming(page)
    expect(page.locator("[data-marks]")).to_be_empty(timeout=SOON)
    portal.control("faults", kind="reset_before", route="md/subscribequote", times=1000)
    portal.control("faults", kind="kick", user="pro")
    expect(page.locator("[data-marks]")).to_contain_text("Marks are the last known prices", timeout=SOON)
    is_streaming(page)
    portal.control("faults", kind="clear")
    expect(page.locator("[data-marks]")).to_be_empty(timeout=SOON)


def test_a_dropped_upstream_socket_and_another_login_are_told_apart(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    portal.control("faults", kind="kick", user="trader")
    expect(page.locator("[data-upstream-words]")).to_have_text("reconnecting", timeout=SOON)
    is_streaming(page)
    expect(page.locator("#upstream-notice")).to_be_hidden()

    portal.log_in_elsewhere("trader", times=2)
    expect(page.locator("[data-upstream-words]")).to_have_text("taken over", timeout=SOON)
    expect(page.locator("#upstream-notice")).to_contain_text("Another login took over")
    page.get_by_role("link", name="Sign in again").click()
    authorize(page, portal, "trader")
    is_streaming(page)
    expect(page.locator("#upstream-notice")).to_be_hidden()


def test_a_session_that_was_taken_is_given_back_at_the_press_of_a_button(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    button = page.get_by_role("button", name="Reconnect")
    expect(button).to_be_hidden()
    portal.control("faults", kind="shutdown", user="trader", reason="ConnectionQuotaReached")
    expect(page.locator("[data-upstream-words]")).to_have_text("taken over", timeout=SOON)
    button.click()
    is_streaming(page)
    expect(button).to_be_hidden()
    assert page.url == portal.url + "/"


def test_signing_in_on_a_third_device_leaves_every_desk_live(portal: Stack, open_page: OpenPage) -> None:
    desks = [open_page() for _ in range(3)]
    for desk in desks:
        sign_in(desk, portal, "pro")
        is_streaming(desk)
    # Tradovate has closed the oldest session now, which was the one that the stream ran on.
    for desk in desks:
        expect(desk.locator("[data-upstream-words]")).to_have_text("streaming", timeout=SOON)
        expect(desk.locator("#upstream-notice")).to_be_hidden(timeout=SOON)


def test_a_trader_without_accounts_gets_words_instead_of_tables(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "empty")
    expect(page.get_by_text("No trading accounts")).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="Order files").click()
    expect(page.get_by_text("No trading accounts")).to_be_visible()


def test_no_page_scrolls_sideways_on_a_phone(portal: Stack, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(PHONE)
    page.goto(f"{portal.url}/accounts/sign-in/")
    assert overflow(page) <= 0
    page.goto(f"{portal.url}/nothing-here/")
    expect(page.get_by_role("heading")).to_have_text("There is nothing at this address")
    assert overflow(page) <= 0
    open_desk(page, portal, "pro")
    is_streaming(page)
    expect(page.locator("[data-row^='position:']").first).to_be_visible(timeout=SOON)
    expect(page.locator("[data-row^='order:']").first).to_be_visible()
    assert overflow(page) <= 0
    page.goto(f"{portal.url}/files/")
    assert overflow(page) <= 0
    page.get_by_label("File", exact=True).set_input_files(order_file(portal, tmp_path))
    page.get_by_role("button", name="Upload and check").click()
    expect(page.locator("[data-line]")).to_have_count(3)
    assert overflow(page) <= 0


def test_the_chosen_theme_is_remembered(portal: Stack, open_page: OpenPage) -> None:
    page = open_page(color_scheme="light")
    open_desk(page, portal, "pro")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Use the dark theme").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    for width in (1280, 1024, 800):
        page.set_viewport_size({"width": width, "height": 800})
        for role, name in (("link", "Settings"), ("button", "Sign out")):
            expect(page.get_by_role(role, name=name)).to_be_in_viewport(ratio=1)
        assert page.get_by_role("button", name="Sign out").bounding_box()["height"] < 40, "in one line"


def test_staff_without_a_connection_are_shown_the_way_to_the_admin(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    sign_in_as_staff(page, portal)
    page.goto(portal.url)
    expect(page.get_by_role("link", name="Open the admin")).to_be_visible()


def test_a_429_of_tradovate_shows_on_the_desk_and_what_closes_a_position_still_goes_out(
    portal: Stack, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page()
    open_desk(page, portal, "pro")
    gauge = page.locator("[data-gauge]")
    expect(gauge).to_contain_text(re.compile(r"\d+ of 5,000"))
    expect(gauge.get_by_role("meter", name="Requests to Tradovate this hour")).to_be_visible()
    upload(page, portal, tmp_path, f"{portal.front_month('ES')} -1\n")  # the first account is long
    ready = page.url

    portal.control("faults", kind="rate_limit", route="contract/find")
    upload(page, portal, tmp_path, f"{portal.front_month('HG')} 1\n")
    page.goto(portal.url)
    expect(gauge).to_have_attribute("data-state", "spent")
    words = page.get_by_text("Tradovate takes no more requests")
    expect(words).to_contain_text("new orders are refused until then. Exits and cancels go out all the same")

    page.goto(ready)
    page.get_by_role("button", name=re.compile("Confirm")).click()
    expect(page.locator("#file-summary")).to_contain_text("1 filled", timeout=SOON)
    # What Tradovate took proves that it takes requests again; the page is told.
    page.goto(portal.url)
    expect(gauge).to_have_attribute("data-state", "ok", timeout=SOON)
    expect(words).to_be_hidden()
