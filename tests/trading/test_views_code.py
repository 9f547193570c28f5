"""The page that shows an order as code: one's own orders only, and words when there is none."""

import re
from html import unescape

import pytest
from django.test import Client

from accounts.models import Connection
from tests.trading.cast import sign_in
from tests.trading.orders.test_order_code import orders, place
from tests.trading.signed_in import browser_of
from tests.trading.test_views_desk import spend
from trading.models import Account
from trading.simulator import RunningSimulator
from trading.tradovate.limits import USER
from trading.tradovate.priorities import Priority

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(simulator: RunningSimulator) -> Connection:
    return sign_in(simulator)


@pytest.fixture
def account(connection: Connection) -> Account:
    return Account.objects.filter(connection=connection).earliest("pk")


def words(answer: object) -> str:
    """The page's text."""
    html = answer.content.decode()  # type: ignore[attr-defined]
    return unescape(re.sub(r"<[^>]+>", " ", html))


def test_an_order_and_the_latest_one_are_shown_in_three_ways(
    connection: Connection, account: Account, symbol: str
) -> None:
    market = place(connection, account, orders(symbol)["market"].set_account(account.pk))
    limit = place(connection, account, orders(symbol)["limit"].set_account(account.pk))
    browser = browser_of(connection)
    chosen = browser.get(f"/orders/{market}/code/")
    assert chosen.status_code == 200
    assert f"Order {market} as code" in words(chosen)
    assert f"buy_market('{symbol}', 2)" in words(chosen)
    assert re.search(rf"\n?\s*{symbol} 2\s", words(chosen))
    assert '"orderType": "Market"' in words(chosen)
    latest = browser.get("/orders/latest/code/")
    assert f"Order {limit} as code" in words(latest)
    assert "is a market order for the day" in words(latest)
    # What a trader wrote into the order is shown, not obeyed.
    assert "it's mine" in words(latest)


def test_another_ones_order_is_not_there(
    simulator: RunningSimulator, connection: Connection, account: Account, symbol: str
) -> None:
    order_id = place(connection, account, orders(symbol)["market"].set_account(account.pk))
    other = browser_of(sign_in(simulator, "empty"))
    answer = other.get(f"/orders/{order_id}/code/")
    assert answer.status_code == 404
    assert f"Tradovate shows no order {order_id} today." in words(answer)
    assert symbol not in words(answer)
    assert Client().get(f"/orders/{order_id}/code/").status_code == 302
    assert other.post(f"/orders/{order_id}/code/").status_code == 405


def test_what_keeps_it_from_being_shown_is_said(
    redis_url: str, simulator: RunningSimulator, connection: Connection
) -> None:
    browser = browser_of(connection)
    assert "You have placed no order today." in words(browser.get("/orders/latest/code/"))
    simulator.control.fault("reset_before", route="order/list")
    away = browser.get("/orders/latest/code/")
    assert away.status_code == 503
    assert "The connection broke before Tradovate's answer." in words(away)


def test_it_costs_no_more_than_the_reads_of_the_hour(
    redis_url: str, simulator: RunningSimulator, connection: Connection
) -> None:
    spend(connection, USER.up_to(Priority.READ), 0)
    answer = browser_of(connection).get("/orders/latest/code/")
    assert answer.status_code == 503
    assert "the rest is kept for orders. Nothing was looked up. Next room at" in words(answer)
