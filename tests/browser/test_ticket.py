"""Every order type of the ticket: the fields that it shows, and the order that reaches the broker."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import open_desk, reload_until
from tests.browser.stack import Stack
from tests.browser.test_accessibility import violations
from tests.browser.test_orders import answer, fill_in, one_click, one_click_desk, send, working
from tests.browser.test_rows import Holding
from tests.browser.test_walk import is_streaming

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
SOON = 20_000
# The prices that a type takes: field, its name at Tradovate, and for an order to buy how far from the market in points.
FIELDS = {
    "price": "price",
    "stop_price": "stopPrice",
    "limit_if_touched_price": "limitIfTouchedPrice",
    "peg_difference": "pegDifference",
}
TYPES: dict[str, dict[str, int]] = {
    "Market": {},
    "Limit": {"price": -200},
    "Stop": {"stop_price": 200},
    "StopLimit": {"stop_price": 200, "price": 210},
    "MIT": {"price": -200},
    "LimitIfTouched": {"limit_if_touched_price": -200, "price": -190},
    "TrailingStop": {"stop_price": 200, "peg_difference": 0},
    "TrailingStopLimit": {"stop_price": 200, "price": 210, "peg_difference": 0},
}


def newest_order(portal: Stack) -> dict[str, Any]:
    """The order that the simulator took last, with its first terms in `terms`."""
    entities = portal.ledger()["entities"]
    order = max(entities["order"], key=lambda one: one["id"])
    terms = min((one for one in entities["orderVersion"] if one["orderId"] == order["id"]), key=lambda one: one["id"])
    return order | {"terms": terms}


@pytest.mark.parametrize("order_type", TYPES)
def test_an_order_of_each_type_is_asked_for_its_prices_and_placed(
    portal: Stack, open_page: OpenPage, order_type: str
) -> None:
    page = one_click_desk(portal, open_page)
    symbol, before = portal.front_month("MES"), newest_order(portal)["id"]
    market = round(Decimal(str(portal.market(symbol)["last"])))
    away = TYPES[order_type]
    prices = {name: f"{market + points if points else 250}.50" for name, points in away.items()}
    send_button = fill_in(page, symbol, order_type=order_type)
    for name in FIELDS:
        field = page.locator(f"#ticket-{name}")
        expect(field).to_be_visible() if name in away else expect(field).to_be_hidden()
        assert field.is_disabled() == (name not in away), "what is hidden must not be sent"
    page.get_by_role("group", name="Quantity presets").get_by_role("button", name="3", exact=True).click()
    expect(page.get_by_label("Quantity", exact=True)).to_have_value("3")
    expect(send_button).to_contain_text(f"Buy 3 {symbol}")
    fill_in(page, symbol, **prices)
    send(page)
    expect(answer(page)).to_contain_text(f"Buy 3 {symbol}", timeout=SOON)
    expect(answer(page).get_by_role("link", name="Order page")).to_be_visible(timeout=SOON)

    order = newest_order(portal)
    assert order["id"] > before
    assert order["action"] == "Buy"
    assert (order["terms"]["orderType"], order["terms"]["orderQty"]) == (order_type, 3)
    sent = {name: order["terms"].get(wire) for name, wire in FIELDS.items()}
    assert {name: Decimal(str(value)) for name, value in sent.items() if value is not None} == {
        name: Decimal(price) for name, price in prices.items()
    }
    if order_type == "Market":
        page.get_by_role("button", name=f"Flatten {symbol}").click()
    else:
        page.get_by_role("button", name=f"Cancel {symbol} order {order['id']}").click()
    expect(page.locator("[data-row^='position:']")).to_have_count(0, timeout=SOON)
    expect(page.locator(f"[data-group='working'][data-row='order:{order['id']}']")).to_have_count(0, timeout=SOON)


def test_an_account_that_cannot_trade_is_not_offered(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "pro")
    is_streaming(page)
    options = page.locator("#ticket-account option")
    expect(options).to_have_count(5)
    last = options.last.get_attribute("value") or ""
    portal.control("account", accountId=int(last), readonly=True)
    try:
        reload_until(page, page.locator(f"#ticket-account:not(:has(option[value='{last}']))"))
        is_streaming(page)  # which it says after what the stream tells of the accounts
        expect(page.locator(f"[data-row='account:{last}']")).to_have_count(1)
        expect(options).to_have_count(4)
    finally:
        portal.control("account", accountId=int(last), readonly=False)


def test_a_ticket_whose_check_takes_long_says_so(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    fill_in(page, portal.front_month("MES"), order_type="Limit", price="1000.25")
    held: list[Route] = []
    page.route("**/desk/preview/", lambda route: held.append(route))
    with page.expect_request("**/desk/preview/"):
        page.locator("[data-send]").click()
    expect(answer(page)).to_have_text("Checking…")
    for route in held:
        route.continue_()
    page.locator("#confirm").get_by_role("button", name="Back").click()
    expect(answer(page)).to_be_empty()


def test_what_is_folded_away_under_more_is_told_before_it_goes_out(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "trader")
    is_streaming(page)
    more = page.locator("[data-ticket] details > summary")
    expect(more).to_have_text("More")
    more.click()
    page.get_by_label("Show at most").fill("1")
    page.get_by_label("Text").fill("mine")
    more.click()
    expect(page.get_by_label("Show at most")).to_be_hidden()
    expect(more).to_have_text("More: shows 1, with a text")
    symbol = portal.front_month("MES")
    expect(fill_in(page, symbol, order_type="Limit")).to_have_text(f"Buy 1 {symbol} Limit showing 1")


@pytest.mark.parametrize(("unit", "target", "stop"), [("points", "10", "5"), ("dollars", "50", "25")])
def test_exits_are_told_in_points_or_dollars_and_what_they_risk_and_may_gain(
    portal: Stack, open_page: OpenPage, unit: str, target: str, stop: str
) -> None:
    page, symbol = one_click_desk(portal, open_page), portal.front_month("MES")
    page.locator("#ticket-exits").select_option("distance")
    bracket = page.get_by_role("group", name="Bracket")
    bracket.get_by_label("Target").fill(target)
    bracket.get_by_label("Stop loss").fill(stop)
    bracket.get_by_label("In", exact=True).select_option(unit)
    fill_in(page, symbol, order_qty="2")
    expect(page.locator("[data-stakes]")).to_have_text("Risk $50.00 · reward $100.00 · 2.00 R", timeout=SOON)
    fill_in(page, symbol, order_qty="1")
    expect(page.locator("[data-stakes]")).to_have_text("Risk $25.00 · reward $50.00 · 2.00 R", timeout=SOON)
    send(page)
    row = page.locator("[data-row^='position:']", has_text=symbol)
    expect(working(page, symbol)).to_have_count(2, timeout=SOON)
    holding = Holding(portal, int(row.get_attribute("data-account") or 0), symbol)
    average = Decimal(str(holding.position()["netPrice"]))
    assert [one[:3] + one[4:] for one in holding.at_work()] == [
        ("Sell", "Limit", 1, average + 10),
        ("Sell", "Stop", 1, average - 5),
    ]
    row.get_by_role("button", name=f"Flatten {symbol}").click()
    expect(row).to_have_count(0, timeout=SOON)


def test_a_ticket_for_another_account_than_the_desk_shows_says_so_and_asks(portal: Stack, open_page: OpenPage) -> None:
    page = open_page()
    open_desk(page, portal, "pro")
    is_streaming(page)
    one_click(page)
    field, said = page.locator("#ticket-account"), page.locator("[data-elsewhere]")
    picker, before = page.locator("#account-picker"), newest_order(portal)["id"]
    expect(said).to_be_empty()
    ids = [option.get_attribute("value") or "" for option in page.locator("#ticket-account option").all()]
    names = {key: page.locator(f"#account-picker option[value='{key}']").inner_text() for key in ids}
    picker.select_option(ids[1])
    expect(field).to_have_value(ids[1])
    expect(said).to_be_empty()
    # Of the accounts one can trade; the desk shows all of them.
    page.locator("#ticket-account").evaluate("field => [...field.options].slice(1).forEach((one) => one.remove())")
    picker.select_option(ids[2])
    expect(field).to_be_visible()
    words = f"This order is for {names[ids[0]]}. The desk shows {names[ids[2]]}."
    expect(said).to_have_text(words)
    expect(field).to_have_accessible_description(words)
    assert violations(page) == []

    fill_in(page, portal.front_month("MES"), order_type="Limit", price="1000.25")
    with page.expect_response("**/desk/preview/"):
        page.locator("#ticket-price").fill("1000.50")
    page.locator("[data-send]").click()
    question = page.get_by_role("dialog", name="Send this order?")
    expect(question).to_have_accessible_description(re.compile(re.escape(words)), timeout=SOON)
    question.get_by_role("button", name="Back").click()
    assert newest_order(portal)["id"] == before
    picker.select_option("")
    expect(said).to_be_empty()
