"""Settings: what a trader calls his accounts, and where that is shown."""

import datetime as dt
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import Connection
from tests.trading.signed_in import browser_of
from tests.trading.test_views_desk import account, page, placed, publish, trader
from trading.models import Account, Fill, Order, OrderFile, TradingLimit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]


@pytest.fixture
def connection(db: None) -> Connection:
    return trader("pat", 1)


def accounts(connection: Connection, *names: str) -> list[Account]:
    made = [
        Account(connection=connection, tradovate_id=number, name=name) for number, name in enumerate(names, start=1)
    ]
    return Account.objects.bulk_create(made)


def name(client: Client, **aliases: str) -> tuple[int, str]:
    """Post names of accounts by their keys ("a7"); the status of the answer and the page."""
    answer = client.post("/settings/", {f"alias-{key[1:]}": alias for key, alias in aliases.items()}, follow=True)
    return answer.status_code, answer.content.decode()


def test_a_name_is_kept_and_shown_wherever_the_account_is_and_an_empty_one_is_tradovates(
    redis_url: str, connection: Connection
) -> None:
    (own,) = accounts(connection, "DEMO1")
    client = browser_of(connection)
    _, html = name(client, **{f"a{own.pk}": "  Prop evaluation "})
    assert "The names are kept." in html
    assert 'value="Prop evaluation"' in html
    publish(redis_url, connection, account(1, "DEMO1"), placed("position", 2, "ESZ6"), placed("order", 3, "CLF7"))
    desk = page(connection)
    assert '<option value="1">Prop evaluation</option>' in desk
    assert '<option value="1">Prop evaluation (DEMO1)</option>' in desk
    assert desk.count(">Prop evaluation</td>") == 3, "of the account, its position and its order"
    OrderFile.objects.create(account=own, name="orders.txt", content="", state=OrderFile.State.READY)
    assert "Prop evaluation (DEMO1)" in client.get("/files/").content.decode()
    at = dt.datetime(2026, 11, 20, 15, tzinfo=dt.UTC)
    order = {"tradovate_id": 5, "account_id_at_broker": 1, "symbol": "ESZ6", "action": "Buy", "status": "Filled"}
    Order.objects.create(connection=connection, at=at, **order)
    fill = {"tradovate_id": 6, "order_id_at_broker": 5, "symbol": "ESZ6", "action": "Buy", "qty": 1, "price": 5000}
    Fill.objects.create(connection=connection, at=at, trade_date=at.date(), **fill)
    assert '<td class="soft account">Prop evaluation</td>' in client.get("/fills/").content.decode()
    assert ",DEMO1," in client.get("/fills/fills.csv").content.decode(), "others read the CSV, too"

    name(client, **{f"a{own.pk}": ""})
    assert "Prop evaluation" not in page(connection)
    assert ">DEMO1</td>" in page(connection)


def test_two_accounts_cannot_be_called_the_same(connection: Connection) -> None:
    first, second = accounts(connection, "DEMO1", "DEMO2")
    client = browser_of(connection)
    for alias in ("Main", "demo1"):
        status, html = name(client, **{f"a{first.pk}": "main", f"a{second.pk}": alias})
        assert status == 400
        assert "Another account is called so already." in html
    status, html = name(client, **{f"a{first.pk}": "x" * 33})
    assert status == 400
    assert "at most 32 characters" in html
    assert list(Account.objects.values_list("alias", flat=True)) == ["", ""]
    assert name(client, **{f"a{first.pk}": "demo1"})[0] == 200


def test_nobody_names_or_sees_another_traders_accounts(connection: Connection) -> None:
    (theirs,) = accounts(trader("kim", 2), "KIMS")
    status, html = name(browser_of(connection), **{f"a{theirs.pk}": "Mine"})
    assert status == 200
    assert "KIMS" not in html
    theirs.refresh_from_db()
    assert theirs.alias == ""
    assert browser_of(connection).get("/desk/own/").json() == {}
    for address in ("/settings/", "/desk/own/"):
        assert Client().get(address).status_code == 302


def test_names_are_text_and_never_markup(redis_url: str, connection: Connection) -> None:
    (own,) = accounts(connection, "DEMO1")
    name(browser_of(connection), **{f"a{own.pk}": "</script><b>x"})
    publish(redis_url, connection, account(1, "DEMO1"))
    assert "<b>x" not in page(connection)


def test_the_desk_tells_what_may_still_be_lost_by_the_nearest_of_the_accounts(
    redis_url: str, connection: Connection
) -> None:
    first, _ = accounts(connection, "DEMO1", "DEMO2")
    TradingLimit.objects.create(user=connection.user, daily_loss=Decimal(400))
    TradingLimit.objects.create(user=connection.user, account=first, daily_loss=Decimal(300))
    broker = {"loss_limit": "1,000.00", "loss_left": "900.00", "drawdown_limit": "—", "drawdown_left": "—"}
    second = account(2, "DEMO2", day_pnl="-350.00", **{**broker, "loss_left": "-1.00"})
    publish(redis_url, connection, account(1, "DEMO1", day_pnl="-37.50", **broker), second)
    html = page(connection)
    assert 'data-limit="loss" data-nearness="reached"><dt>' in html
    assert '<dd data-limit-left>-1.00</dd><dd class="sub" data-limit-words>reached of 1,000.00 in DEMO2</dd>' in html
    assert '<dd data-limit-left>50.00</dd><dd class="sub" data-limit-words>near of 400.00 in DEMO2</dd>' in html
    assert 'data-limit="drawdown" data-nearness="" hidden>' in html
