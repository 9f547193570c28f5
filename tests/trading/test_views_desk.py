"""The desk's first paint: what the stream holds, for its owner and for nobody else."""

import re
from datetime import timedelta

import pytest
import redis.asyncio
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Connection, User
from accounts.sign_in import SESSION_KEY
from accounts.tokens import Tokens
from tests.trading.cast import use_up
from tests.trading.signed_in import browser_of
from trading.models import Account, OrderIntent, TradingLimit
from trading.sync import doorbell
from trading.sync.stream import Stream
from trading.tradovate import RedisStore
from trading.tradovate.limits import USER
from trading.views import desk as desk_view

pytestmark = pytest.mark.django_db

ACCOUNT = {
    "net_liq": "100,125.00",
    "cash": "100,000.00",
    "open_pnl": "+125.00",
    "day_pnl": "-37.50",
    "margin_used": "0.00",
}
POSITION = {"side": "Long", "qty": "2", "average": "6850.25", "mark": "6851.50", "open_pnl": "+125.00"}
ORDER = {"action": "Sell", "qty": "1", "filled": "0", "type": "Limit", "price": "6900.00", "stop": "—"}
ORDER |= {"time_in_force": "Day", "status": "Working"}
FILL = {"action": "Buy", "qty": "2", "price": "6850.25", "order_id": "7"}
UPSTREAM = {
    "environment": "SIM",
    "state": "up",
    "detail": "",
    "marks": "",
    "last_message_at": "2026-11-21T14:30:00.125Z",
}


def account(number: int, name: str, **fields: str) -> dict[str, dict[str, str]]:
    return {f"account:{number}": ACCOUNT | {"id": str(number), "name": name} | fields}


def placed(kind: str, number: int, symbol: str, **fields: str) -> dict[str, dict[str, str]]:
    """A row of a position, an order or a fill in account 1."""
    common = {"position": POSITION, "order": ORDER, "fill": FILL}[kind]
    here = {"id": str(number), "account_id": "1", "account": "DEMO1", "symbol": symbol}
    return {f"{kind}:{number}": common | here | {"at": "2026-11-21T14:30:00.000Z"} | fields}


def trader(name: str, number: int, environment: str = "sim") -> Connection:
    user = User.objects.create(username=f"{environment}:{number}")
    connection = Connection.objects.create(
        user=user, environment=environment, tradovate_user_id=number, name=name, signed_in_at=timezone.now()
    )
    connection.store_tokens(Tokens("an-access-token"), timezone.now() + timedelta(hours=1))
    return connection


def publish(
    redis_url: str, connection: Connection, *rows: dict[str, dict[str, str]], upstream: dict[str, str] = UPSTREAM
) -> None:
    async def write() -> None:
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            merged = {key: row for some in rows for key, row in some.items()}
            await Stream(client, connection.pk).replace(merged | {"upstream": upstream})

    async_to_sync(write)()


def page(connection: Connection) -> str:
    answer = browser_of(connection).get("/")
    assert answer.status_code == 200
    # What the script clones is not on the page yet.
    return re.sub(r"<template.*?</template>", "", answer.content.decode(), flags=re.DOTALL)


def symbols(html: str, kind: str) -> list[str]:
    return re.findall(rf'<tr data-row="{kind}:\d+".*?data-field="symbol">(\w+)<', html, flags=re.DOTALL)


def test_everything_the_stream_holds_is_there_before_any_script_runs(redis_url: str) -> None:
    connection = trader("pat", 1)
    rows = [account(1, "DEMO1"), placed("position", 2, "ESZ6"), placed("order", 3, "CLF7"), placed("fill", 4, "GCG7")]
    publish(redis_url, connection, *rows)
    html = page(connection)
    for key in ("account:1", "position:2", "order:3", "fill:4"):
        assert f'data-row="{key}"' in html
    assert 'data-field="open_pnl" data-signed data-tone="up">+125.00<' in html
    assert 'data-field="day_pnl" data-signed data-tone="down">-37.50<' in html
    assert "6851.50" in html
    assert 'data-state="up"' in html
    assert ">SIM<" in html
    assert 'data-last-message-at="2026-11-21T14:30:00.125Z"' in html


def test_positions_are_in_order_of_symbol_and_fills_newest_first(redis_url: str) -> None:
    connection = trader("pat", 1)
    positions = [placed("position", number, symbol) for number, symbol in ((1, "NQZ6"), (2, "CLF7"), (3, "ESZ6"))]
    times = {"CLF7": "14:30:00.000Z", "ESZ6": "14:30:00.250Z", "GCG7": "09:00:00.000Z"}
    fills = [
        placed("fill", number, symbol, at=f"2026-11-21T{at}") for number, (symbol, at) in enumerate(times.items(), 1)
    ]
    publish(redis_url, connection, account(1, "DEMO1"), *positions, *fills)
    html = page(connection)
    assert symbols(html, "position") == ["CLF7", "ESZ6", "NQZ6"]
    assert symbols(html, "fill") == ["ESZ6", "CLF7", "GCG7"]


@pytest.mark.parametrize(
    ("tab", "status"), [("working", "Working"), ("filled", "Filled"), ("ended", "Rejected"), ("ended", "Canceled")]
)
def test_an_order_becomes_code_on_every_tab(redis_url: str, tab: str, status: str) -> None:
    connection = trader("pat", 1)
    kind = "order" if tab == "working" else "done"
    [(_, row)] = placed("order", 3, "CLF7", status=status).items()
    publish(redis_url, connection, account(1, "DEMO1"), {f"{kind}:3": row})
    html = browser_of(connection).get("/", {"orders": tab}).content.decode()
    [line] = re.findall(r'<tr data-row="order:3".*?</tr>', html, flags=re.DOTALL)
    assert f'data-group="{tab}"' in line
    assert re.search(r'data-when="order" href="/orders/3/code/"[^>]*>Code<', line)


def test_a_fill_says_who_asked_for_its_order(redis_url: str) -> None:
    connection = trader("pat", 1)
    kept = Account.objects.create(connection=connection, tradovate_id=1, name="DEMO1")
    placed_here = {"connection": connection, "account": kept, "spec": {}, "order_id_at_broker": 7}
    OrderIntent.objects.create(**placed_here, source_key="file:1:1", cl_ord_id="c1")
    orders = [placed("order", 7, "ESZ6"), placed("order", 8, "ESZ6", source="elsewhere")]
    fills = [placed("fill", number, "ESZ6", order_id=str(order)) for number, order in ((1, 7), (2, 8), (3, 9))]
    publish(redis_url, connection, account(1, "DEMO1"), *orders, *fills)
    found = re.findall(r'<tr data-row="fill:(\d)".*?data-field="source">(\w*)<', page(connection), flags=re.DOTALL)
    assert dict(found) == {"1": "file", "2": "elsewhere", "3": ""}


def test_missing_marks_are_explained_beside_the_positions(redis_url: str) -> None:
    connection = trader("pat", 1)
    words = "Marks are the last known prices: no market data for ESZ6"
    publish(
        redis_url, connection, account(1, "DEMO1"), placed("position", 2, "ESZ6"), upstream=UPSTREAM | {"marks": words}
    )
    html = page(connection)
    assert re.search(rf"Positions</h2>.*<span [^>]*data-marks[^>]*>{words}</span>", html)
    assert "streaming" in html


def test_totals_add_up_over_accounts_to_the_cent(redis_url: str) -> None:
    connection = trader("pat", 1)
    second = account(2, "DEMO2", cash="0.10", open_pnl="-200.05", net_liq="1,000,000.20", margin_used="—")
    publish(redis_url, connection, account(1, "DEMO1"), second)
    html = page(connection)
    assert 'data-total="cash">100,000.10<' in html
    assert 'data-total="net_liq">1,100,125.20<' in html
    assert 'data-total="open_pnl" data-tone="down">-75.05<' in html
    assert 'data-total="margin_used">—<' in html, "the sum of something unknown is unknown"


def test_a_desk_with_nothing_on_it_says_so_in_words(redis_url: str) -> None:
    connection = trader("pat", 1)
    publish(redis_url, connection)
    html = page(connection)
    for words in ("No open positions", "No orders here", "No fills today", "No trading accounts"):
        assert words in html
    assert 'data-total="cash">—<' in html


def test_before_the_first_sync_the_page_says_that_it_waits(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_view, "FIRST_SYNC_PATIENCE", 0.05)
    assert "data-waiting" in page(trader("pat", 1))


def test_a_socket_that_did_not_open_yet_brings_no_figures_either(redis_url: str) -> None:
    connection = trader("pat", 1)
    publish(redis_url, connection, upstream=UPSTREAM | {"state": "down", "detail": "Tradovate cannot be reached."})
    assert "data-waiting" in page(connection)
    publish(redis_url, connection)
    assert "data-waiting" not in page(connection)


def test_without_redis_the_page_opens_and_says_that_it_waits(settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    assert "data-waiting" in page(trader("pat", 1))


def spend(connection: Connection, requests: int, refused: float = 0) -> None:
    """Count requests of a trader, and let Tradovate refuse more for some seconds."""

    async def count() -> None:
        async with redis.asyncio.Redis.from_url(settings.REDIS_URL) as client:
            store, key = RedisStore(client, prefix="budget:sim:"), f"user:{connection.tradovate_user_id}"
            if refused:
                await store.block(key, USER, refused)

    use_up(connection, requests)
    async_to_sync(count)()


def gauge(html: str) -> tuple[str, str, str]:
    """State, figures and words of the request gauge."""
    state = re.search(r'data-gauge data-state="(\w+)"', html)
    text = re.search(r"data-gauge-text>([^<]*)<", html)
    words = re.search(r"data-gauge-words[^>]*>([^<]*)<", html)
    assert state
    assert text
    assert words
    assert ("hidden" in words[0]) is (words[1] == "")
    return state[1], text[1], words[1]


@pytest.mark.parametrize(
    ("requests", "refused", "state", "text", "words"),
    [
        (0, 0, "ok", "0 of 5,000", ""),
        (3999, 0, "ok", "3,999 of 5,000", ""),
        (
            4000,
            0,
            "low",
            "4,000 of 5,000",
            "after 4,500 Tradeport looks nothing up for a while, after 4,700 new",
        ),
        (4500, 0, "spent", "4,500 of 5,000", "Orders and cancels go out all the same"),
        (4700, 0, "spent", "4,700 of 5,000", "new orders are refused, next room at"),
        (
            12,
            40,
            "spent",
            "12 of 5,000",
            "no more requests: Tradeport looks nothing up for up to 1 minute, and new orders are refused until then.",
        ),
    ],
)
def test_the_gauge_tells_how_many_requests_the_hour_has_left(
    redis_url: str, requests: int, refused: float, state: str, text: str, words: str
) -> None:
    connection = trader("pat", 1)
    publish(redis_url, connection)
    spend(connection, requests, refused)
    html = page(connection)
    shown = gauge(html)
    assert shown[:2] == (state, text)
    assert words in shown[2]
    assert f'max="5000" value="{requests}"' in html


def test_without_redis_there_is_no_gauge(settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    assert re.search(r"data-gauge data-state=\"ok\" hidden", page(trader("pat", 1)))


def test_a_trader_sees_nothing_of_another(redis_url: str) -> None:
    mine, theirs = trader("pat", 1), trader("kim", 2)
    publish(redis_url, mine, account(1, "PATS-ACCOUNT"))
    publish(redis_url, theirs, account(2, "KIMS-ACCOUNT"))
    assert "KIMS-ACCOUNT" not in page(mine)
    browser = browser_of(mine)
    session = browser.session
    session[SESSION_KEY] = theirs.pk
    session.save()
    assert "KIMS-ACCOUNT" not in browser.get("/").content.decode()


def test_the_pill_names_the_environment_that_this_browser_signed_in_to(redis_url: str) -> None:
    live = trader("pat", 1, "live")
    demo = Connection.objects.create(
        user=live.user, environment="demo", tradovate_user_id=1, name="pat", signed_in_at=timezone.now()
    )
    demo.store_tokens(Tokens("another-token"), timezone.now() + timedelta(hours=1))
    publish(redis_url, live, account(1, "LIVE1"))
    publish(redis_url, demo, account(1, "DEMO1"))
    assert 'class="environment" data-environment="LIVE">LIVE<' in page(live)
    assert "DEMO1" not in page(live)
    assert 'class="environment" data-environment="DEMO">DEMO<' in page(demo)


def test_what_tradovate_sends_is_text_and_never_markup(redis_url: str) -> None:
    connection = trader("pat", 1)
    publish(redis_url, connection, account(1, "<script>alert(1)</script>"))
    html = page(connection)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def queries_of(connection: Connection) -> int:
    """How many queries the desk of a browser that has it open already takes."""
    browser = browser_of(connection)
    browser.get("/")
    with CaptureQueriesContext(database) as made:
        assert browser.get("/").status_code == 200
    return len(made)


def test_fifty_accounts_take_as_many_queries_as_one(redis_url: str) -> None:
    def fill(connection: Connection, count: int) -> None:
        numbers = range(1, count + 1)
        kept = [Account(connection=connection, tradovate_id=n, name=f"DEMO{n}", alias=f"Mine {n}") for n in numbers]
        Account.objects.bulk_create(kept)
        for one in kept:
            TradingLimit.objects.create(user=connection.user, account=one, daily_loss=500)
            OrderIntent.objects.create(
                connection=connection,
                account=one,
                source_key=f"click:{one.pk}",
                cl_ord_id=f"c{one.pk}",
                symbol="ESZ6",
                action="Buy",
                order_qty=1,
                order_type="Market",
                spec={},
            )
        rows = [account(n, f"DEMO{n}") for n in numbers]
        rows += [placed(kind, n, "ESZ6", account_id=str(n)) for kind in ("position", "order", "fill") for n in numbers]
        publish(redis_url, connection, *rows)

    one, fifty = trader("pat", 1), trader("kim", 2)
    fill(one, 1)
    fill(fifty, 50)
    assert page(fifty).count('data-row="account:') == 50
    assert page(fifty).count('data-row="intent:') == 50
    assert queries_of(one) == queries_of(fifty) > 0


def test_who_is_not_signed_in_is_sent_to_the_sign_in_page() -> None:
    answer = Client().get("/")
    assert answer.status_code == 302
    assert answer.url == "/accounts/sign-in/?next=/"


def test_staff_without_a_connection_are_shown_the_way_to_the_admin() -> None:
    browser = Client()
    staff = User.objects.create_superuser("staff", password="only-for-tests-123")
    browser.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    html = browser.get("/").content.decode()
    assert 'href="/admin/"' in html
    assert "data-stream" not in html


def test_a_trader_whose_tokens_are_gone_is_asked_to_sign_in_again(redis_url: str) -> None:
    connection = trader("pat", 1)
    browser = browser_of(connection)
    connection.forget_tokens()
    html = browser.get("/").content.decode()
    assert "Your connection to Tradovate has ended" in html
    assert "Sign in with Tradovate" in html


def test_reconnecting_rings_for_ones_own_connection_and_leads_back(redis_url) -> None:
    connection = trader("tess", 1001)
    client = browser_of(connection)
    with redis.Redis.from_url(settings.REDIS_URL).pubsub(ignore_subscribe_messages=True) as bell:
        bell.subscribe(doorbell.channel())
        bell.get_message(timeout=1)
        reply = client.post(reverse("trading:reconnect"), headers={"referer": "http://testserver/files/"})
        assert reply.url == "http://testserver/files/"
        assert bell.get_message(timeout=5)["data"].decode() == f"reconnect {connection.pk}"
    assert client.post(reverse("trading:reconnect"), headers={"referer": "http://elsewhere/"}).url == "/"
    assert client.get(reverse("trading:reconnect")).status_code == 405


def test_a_stranger_reconnects_nothing(client: Client) -> None:
    assert client.post(reverse("trading:reconnect")).status_code == 302


def test_an_order_of_yesterday_shows_who_asked_for_it_and_that_a_change_of_it_failed(redis_url: str) -> None:
    connection = trader("pat", 1)
    publish(redis_url, connection, account(1, "DEMO1"), placed("order", 50, "CLF7"))
    kept = Account.objects.create(connection=connection, tradovate_id=1, name="DEMO1")
    wishes = {
        "signal:1": {"order_id_at_broker": 50, "state": "working"},
        "click:2": {"kind": "modify", "target_order_id": 50, "state": "ineffective"},
    }
    for key, fields in wishes.items():
        OrderIntent.objects.create(
            connection=connection, account=kept, source_key=key, cl_ord_id=key, spec={}, symbol="CLF7", **fields
        )
    OrderIntent.objects.update(created_at=timezone.now() - timedelta(days=2))
    placing, change = OrderIntent.objects.order_by("pk")
    html = page(connection)
    assert f'href="/orders/{placing.pk}/" data-field="source">signal<' in html
    assert f'formaction="/orders/{change.pk}/replace/"' in html
    assert html.count("<tr data-row") == 2, "an order and the account"
