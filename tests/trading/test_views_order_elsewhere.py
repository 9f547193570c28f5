"""The page of an order that was placed in Tradovate's own app, from the journal."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import Connection
from tests.trading.signed_in import browser_of
from tests.trading.test_views_desk import account as account_row
from tests.trading.test_views_desk import page, placed, publish, trader
from trading.models import Account, Fill, Order, OrderIntent, OrderVersion

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def pat(redis_url: str) -> Connection:
    """With an order of five contracts that was changed, has filled in two parts and was cancelled then."""
    connection = trader("pat", 1)
    Account.objects.create(connection=connection, tradovate_id=1, name="DEMO1", alias="scalps")
    common = {"symbol": "ESZ6", "action": "Buy"}
    Order.objects.create(
        connection=connection,
        tradovate_id=50,
        account_id_at_broker=1,
        status="Canceled",
        order_qty=5,
        order_type="LimitIfTouched",
        at=NOON,
        **common,
    )
    for number, touch in enumerate(("4999.75", "4998")):
        OrderVersion.objects.create(
            connection=connection,
            tradovate_id=60 + number,
            order_id_at_broker=50,
            order_qty=5,
            order_type="LimitIfTouched",
            price=Decimal("5000.25"),
            limit_if_touched_price=Decimal(touch),
            time_in_force="GTC",
            at=NOON + timedelta(seconds=number),
        )
    for number in (2, 3):
        Fill.objects.create(
            connection=connection,
            tradovate_id=70 + number,
            order_id_at_broker=50,
            qty=number,
            price=Decimal(5000),
            at=NOON + timedelta(seconds=number),
            **common,
        )
    return connection


def steps(browser: Client) -> list[tuple[str, str]]:
    html = browser.get("/orders/tradovate/50/").content.decode()
    return re.findall(r'<th scope="row" class="strong">(\w+)</th>.*?<td class="wrap soft">(.*?)</td>', html)


def test_the_page_tells_what_tradovate_has_said_of_the_order(pat: Connection) -> None:
    assert steps(browser_of(pat)) == [
        ("placed", "5 LimitIfTouched at 5000.25, touched at 4999.75, GTC"),
        ("changed", "5 LimitIfTouched at 5000.25, touched at 4998, GTC"),
        ("filled", "2 at 5000"),
        ("filled", "3 at 5000"),
    ]
    html = browser_of(pat).get("/orders/tradovate/50/").content.decode()
    for words in ("Buy 5 ESZ6", "Canceled", "scalps (DEMO1)", "elsewhere", "Tradovate&#x27;s order 50"):
        assert words in html.replace("Tradovate's", "Tradovate&#x27;s")
    assert "Cancel this order" not in html


def test_a_working_order_can_be_cancelled_there(pat: Connection) -> None:
    Order.objects.update(status="Working")
    html = browser_of(pat).get("/orders/tradovate/50/").content.decode()
    assert 'name="order" value="1:50">Cancel this order<' in html


def test_it_is_its_trader_s_alone(pat: Connection) -> None:
    assert browser_of(trader("sam", 2)).get("/orders/tradovate/50/").status_code == 404
    assert browser_of(pat).get("/orders/tradovate/51/").status_code == 404
    assert Client().get("/orders/tradovate/50/").status_code == 302


def test_an_order_of_the_portal_has_its_own_page(pat: Connection) -> None:
    intent = OrderIntent.objects.create(
        connection=pat, account=Account.objects.get(), source_key="k", cl_ord_id="tp-1", spec={}, order_id_at_broker=50
    )
    answer = browser_of(pat).get("/orders/tradovate/50/")
    assert (answer.status_code, answer["Location"]) == (302, f"/orders/{intent.pk}/")


def test_the_desk_leads_there(redis_url: str, pat: Connection) -> None:
    publish(redis_url, pat, account_row(1, "DEMO1"), placed("order", 50, "ESZ6", source="elsewhere"))
    assert 'href="/orders/tradovate/50/" data-field="source">elsewhere<' in page(pat)
