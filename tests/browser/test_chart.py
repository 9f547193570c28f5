"""The chart in a real browser: bars come and move, own orders and fills are on it, and it says what is missing."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.browser.conftest import PHONE, open_desk
from tests.browser.elsewhere import OtherProgram
from tests.browser.stack import Stack
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SOON = 20_000
# Keeps every text that is written on a canvas: titles of lines, letters at arrows, prices on the axis.
PENCIL = """
window.written = new Set();
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...where) {
  window.written.add(text);
  return write.call(this, text, ...where);
};
"""
BUDGET = 300_000  # bytes that a desk's assets may weigh compressed


def words(page: Page) -> str:
    return page.locator("[data-chart-words]").text_content() or ""


def shows(page: Page, pattern: str) -> None:
    expect(page.locator("[data-chart-words]")).to_have_text(re.compile(pattern), timeout=SOON)


def choose(page: Page, symbol: str) -> None:
    """Have a contract shown. By itself a chart shows the first of the trader's that the stream tells of."""
    field = page.get_by_label("Contract", exact=True)
    field.fill(symbol)
    field.press("Enter")


def redrawn(page: Page) -> set[str]:
    """What is written on the canvas when it is drawn anew: the market moves, so that is soon."""
    page.evaluate("window.written.clear()")
    page.wait_for_function("() => window.written.size > 0", timeout=SOON)
    return set(page.evaluate("[...window.written]"))


def is_written(page: Page, pattern: str) -> None:
    page.wait_for_function("(text) => [...window.written].some((one) => one.match(text))", arg=pattern, timeout=SOON)


def test_bars_move_and_an_own_fill_is_marked(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    page.goto(f"{portal.url}/chart/")
    symbol = page.get_by_label("Contract", exact=True)
    symbol.fill(portal.front_month("MES").lower())
    symbol.press("Enter")
    shows(page, r"^Last \d+\.\d\d · [+-]?\d+\.\d\d .* · 0 own fills shown$")
    last = words(page).partition(" · ")[0]
    expect(page.locator("[data-chart-words]")).not_to_contain_text(f"{last} ", timeout=SOON)
    OtherProgram(portal, "trader").order(portal.front_month("MES"))
    shows(page, r"Long 1 .* · 1 own fill shown$")
    page.get_by_label("Interval").select_option(label="1 min")
    shows(page, r"^Last .* · 1 own fill shown$")
    page.reload()
    expect(symbol).to_have_value(portal.front_month("MES"))
    expect(page.get_by_label("Interval")).to_have_value("1m")
    shows(page, r"^Last .* · 1 own fill shown$")


def test_own_orders_positions_and_fills_are_drawn_while_they_are_there(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    page.add_init_script(PENCIL)
    open_desk(page, portal, "trader")
    symbol = portal.front_month("MNQ")
    page.goto(f"{portal.url}/chart/?symbol={symbol}")
    shows(page, r"^Last .* · 0 own fills shown$")
    is_own = re.compile(r"^(Long|Short|Buy|Sell|B|S) \d")
    assert [text for text in redrawn(page) if is_own.match(text)] == []

    program = OtherProgram(portal, "trader")
    program.order(symbol)
    limit = f"{round(portal.market(symbol)['last']) + 6}.25"
    order = program.order(symbol, "Sell", order_type="Limit", price=limit)
    is_written(page, r"^Long 1 [+-]?\d")
    is_written(page, "^Sell 1 Limit$")
    is_written(page, "^B 1$")
    is_written(page, f"^{limit}$")

    program.cancel(order)
    program.order(symbol, "Sell")
    shows(page, r"^Last .*since[^·]* · 2 own fills shown$")
    now = {text for text in redrawn(page) if is_own.match(text)}
    assert now == {"B 1", "S 1"}


def test_a_desk_has_its_chart_with_own_orders_and_the_keys_scroll_back(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda text: asked.append(str(text))))
    open_desk(page, portal, "pro")
    choose(page, portal.front_month("ES"))
    shows(page, r"^Last .*Long 3 [+-][\d,.]+ · 2 orders · \d own fills shown$")
    assert page.locator("[data-chart-canvas] canvas").first.bounding_box()["height"] > 100
    page.locator("[data-chart-canvas]").focus()
    for _ in range(200):
        page.keyboard.press("ArrowLeft")
        if any('"older"' in text for text in asked):
            break
    else:
        pytest.fail("nothing older was asked for")
    page.keyboard.press("End")
    page.locator("[data-account-picker]").select_option(index=2)
    expect(page.locator("[data-chart-words]")).not_to_contain_text("Long 3", timeout=SOON)


@pytest.mark.parametrize("state", ["refused", "down"])
def test_without_market_data_the_chart_says_so_and_still_shows_what_is_own(
    portal: Stack, open_page: OpenPage, state: str
) -> None:
    page = open_page(PHONE)
    refused = f'{{"t":"status","state":"{state}","words":"No market data for this contract."}}'

    def refuse(socket: WebSocketRoute) -> None:
        socket.send(refused)

    page.route_web_socket("**/ws/chart/**", refuse)
    open_desk(page, portal, "pro")
    expect(page.locator("[data-chart-status]")).to_have_text("No market data for this contract.")
    choose(page, portal.front_month("ES"))
    shows(page, r"^Long 3 .* · 2 orders · [1-9]\d* own fills shown$")
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_the_first_bars_of_a_contract_that_had_none_are_told_to_the_tick(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()

    def tell(socket: WebSocketRoute) -> None:
        socket.send('{"t":"status","state":"live","words":"Prices are delayed."}')
        socket.send('{"t":"history","bars":[]}')
        socket.on_message(lambda _: None)
        sockets.append(socket)

    sockets: list[WebSocketRoute] = []
    page.route_web_socket("**/ws/chart/**", tell)
    open_desk(page, portal, "trader")
    page.goto(f"{portal.url}/chart/?symbol={portal.front_month('MES')}&interval=1m")
    expect(page.locator("[data-chart-status]")).to_contain_text("has no bars of")
    sockets[-1].send('{"t":"bars","bars":[[1795000000000,5000,5000.5,5000,5000.25,3]]}')
    shows(page, r"^Last 5000\.25 · \+0\.25 ")
    expect(page.locator("[data-chart-status]")).to_have_text("Prices are delayed.")
    sockets[-1].send('{"t":"bars","bars":[[1795000000000,5000,5000.5,5000,5000.125,4]]}')
    shows(page, r"^Last 5000\.125 ")


def test_what_is_typed_while_the_chart_still_loads_is_shown(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "pro")
    held: list[Route] = []
    page.route("**/chart.js", lambda route: held.append(route))
    page.goto(f"{portal.url}/chart/", wait_until="domcontentloaded")
    contract = page.get_by_label("Contract", exact=True)
    contract.fill("ZZZZ9")
    contract.press("Enter")
    contract.blur()
    page.wait_for_function("() => document.querySelector('[data-upstream]').dataset.state === 'up'")
    held[-1].continue_()
    expect(page.locator("[data-chart-status]")).to_contain_text("No market data for ZZZZ9", timeout=SOON)
    expect(contract).to_have_value("ZZZZ9")


def test_what_is_typed_before_any_script_has_come_is_shown(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "pro")
    page.route("**/stream.js", lambda route: route.fulfill(content_type="text/javascript", body=""))
    page.goto(f"{portal.url}/chart/")
    contract = page.get_by_label("Contract", exact=True)
    contract.fill("zzzz9")
    page.get_by_label("Interval").select_option(label="1 min")
    page.unroute("**/stream.js")
    with page.expect_navigation():
        contract.press("Enter")
    expect(page.locator("[data-chart-status]")).to_contain_text("No market data for ZZZZ9", timeout=SOON)
    expect(contract).to_have_value("ZZZZ9")
    expect(page.get_by_label("Interval")).to_have_value("1m")


def test_the_last_contract_chosen_outlasts_lost_sockets_and_what_the_stream_tells(
    portal: Stack, open_page: OpenPage
) -> None:
    page = open_page()
    asked: list[WebSocketRoute] = []
    page.route_web_socket("**/ws/chart/**", lambda socket: asked.append(socket))
    desks: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        desks.append(socket)

    page.route_web_socket("**/ws/desk/**", pass_on)
    open_desk(page, portal, "pro")
    page.goto(f"{portal.url}/chart/")
    contract = page.get_by_label("Contract", exact=True)
    expect(contract).not_to_have_value("", timeout=SOON)
    contract.fill("ZZZZ9")
    contract.press("Enter")
    contract.blur()
    late = '{"t":"status","state":"down","words":"Another login took over this Tradovate session."}'
    asked[-2].send(late)
    desks[-1].close()
    page.wait_for_function("() => document.querySelector('#link-notice').hidden === false")
    expect(page.locator("#link-notice")).to_be_hidden(timeout=SOON)
    before = len(asked)
    asked[-1].send(late)
    asked[-1].close()
    expect(page.locator("[data-chart-status]")).to_contain_text("is reconnecting")
    while len(asked) == before:
        page.wait_for_timeout(50)
    assert "symbol=ZZZZ9" in asked[-1].url
    asked[-1].send('{"t":"status","state":"refused","words":"No market data for ZZZZ9."}')
    expect(page.locator("[data-chart-status]")).to_have_text("No market data for ZZZZ9.")
    expect(contract).to_have_value("ZZZZ9")
    contract.fill("")
    contract.blur()
    expect(contract).to_have_value("ZZZZ9")


def test_nothing_keeps_a_person_from_using_the_chart(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "pro")
    page.goto(f"{portal.url}/chart/")
    shows(page, "^Last")
    assert violations(page) == []


def test_what_a_desk_loads_is_light(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "pro")
    loaded: set[str] = set()
    page.on("request", lambda request: loaded.add(request.url))
    page.reload()
    shows(page, "^Last")
    sizes = {url: len(gzip.compress(httpx.get(url).raise_for_status().content)) for url in loaded if "/static/" in url}
    assert any("lightweight-charts" in url for url in sizes)
    assert sum(sizes.values()) < BUDGET, sorted(sizes.items(), key=lambda item: -item[1])


@pytest.mark.parametrize(("own", "chosen"), [("America/Chicago", ""), ("Asia/Tokyo", "America/Chicago")])
def test_a_day_begins_on_the_axis_where_it_does_in_the_zone_of_the_times(
    portal: Stack, open_page: OpenPage, own: str, chosen: str
) -> None:
    page = open_page(timezone_id=own, locale="en-US")
    page.add_init_script(PENCIL)
    midnight = int(datetime(2026, 11, 1, tzinfo=ZoneInfo("America/Chicago")).timestamp())
    # November begins. 22:00 to 3:00 in Chicago is one date of UTC, and an hour comes twice; each bar is a point higher.
    bars = [[(midnight + minutes * 60) * 1000, *[7000 + minutes // 5] * 4, 1] for minutes in range(-120, 241, 5)]

    def tell(socket: WebSocketRoute) -> None:
        socket.send('{"t":"status","state":"live","words":""}')
        socket.send(json.dumps({"t": "history", "bars": bars}))
        socket.on_message(lambda _: None)

    page.route_web_socket("**/ws/chart/**", tell)
    open_desk(page, portal, "trader")
    page.goto(f"{portal.url}/settings/")
    page.get_by_label("Times are told in").select_option(chosen)
    page.goto(f"{portal.url}/chart/?symbol={portal.front_month('MES')}&interval=5m")
    shows(page, r"^Last 7048 ")
    is_written(page, "^Nov$")
    canvas = page.locator("[data-chart-canvas]")
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] - 400, "y": box["height"] / 3})
    shows(page, r"^O \d+ ")
    opened = int(words(page).split()[1])
    at = datetime.fromtimestamp(midnight + (opened - 7000) * 300, ZoneInfo("America/Chicago"))
    is_written(page, f"^{at:%b %d} {at:%H:%M:%S}$")
