"""Support staff find a trader's files and intents, read everything, change nothing, and never see a token."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent, Connection, User
from accounts.tokens import Tokens
from trading.models import (
    Account,
    CashEntry,
    Contract,
    Fill,
    Order,
    OrderFile,
    OrderIntent,
    OrderLine,
    Product,
    Upstream,
)
from trading.orders import intents
from trading.orders.spec import OrderSpec
from trading.sync import crew, stream

pytestmark = pytest.mark.django_db

KEPT = ["orderversion", "fillfee", "cashbalance", "cashentry", "position", "equitypoint", "comparison"]
OF_A_TRADER = ["orderfile", "orderintent", "account", "order", "fill", "upstream", *KEPT]
SHOWN = [*OF_A_TRADER, "product", "contract"]


@pytest.fixture
def staff() -> Client:
    person = User.objects.create_superuser("support")
    browser = Client()
    browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return browser


@pytest.fixture
def file() -> OrderFile:
    """One trader with one row of everything; their order was rejected."""
    now = timezone.now()
    user = User.objects.create_user("sim:1001")
    connection = Connection(
        user=user,
        environment="sim",
        tradovate_user_id=1001,
        name="tess",
        full_name="Tess Trader",
        signed_in_at=now,
        email="tess@example.com",
    )
    connection.store_tokens(Tokens("secret-access", "secret-refresh"), now + timedelta(hours=1))
    account = Account.objects.create(connection=connection, tradovate_id=7, name="DEMO7")
    product = Product.objects.create(
        environment="sim", tradovate_id=1, name="ES", description="E-mini", tick_size="0.25", value_per_point=50
    )
    contract = Contract.objects.create(
        environment="sim", tradovate_id=2, product=product, name="ESZ6", expiration_date=now
    )
    intent = intents.create(OrderSpec(account_id=account.pk, symbol="ESZ6", action="Buy", order_qty=2), "file:1")
    intents.claim(intent.pk)
    intents.transition(intent.pk, {"submitting"}, "rejected", "no margin left", reason="no margin left")
    file = OrderFile.objects.create(account=account, name="morning.txt", content="ESZ6 2", state="finished")
    OrderLine.objects.create(file=file, number=1, text="ESZ6 2", symbol="ESZ6", contract=contract, intent=intent)
    broker = {"connection": connection, "symbol": "ESZ6", "action": "Buy", "at": now}
    Order.objects.create(tradovate_id=55, account_id_at_broker=7, status="Rejected", **broker)
    Fill.objects.create(tradovate_id=66, order_id_at_broker=55, qty=1, price=5000, **broker)
    Upstream.objects.create(connection=connection, since=now)
    for name in KEPT:
        make(name, connection)
    return file


def make(name: str, connection: Connection) -> None:
    """A row of the journal in which nothing but what must not be empty is filled in."""
    values = {
        models.BigIntegerField: 55,
        models.IntegerField: 1,
        models.PositiveIntegerField: 0,
        models.DecimalField: 1,
        models.DateField: timezone.now().date(),
        models.DateTimeField: timezone.now(),
        models.CharField: "x",
    }
    model = apps.get_model("trading", name)
    needed = [field for field in model._meta.concrete_fields if type(field) in values and not field.null]
    model._default_manager.create(connection=connection, **{field.name: values[type(field)] for field in needed})


@pytest.mark.parametrize("query", ["tess", "Tess Trader", "tess@example.com", "1001", "sim:1001"])
@pytest.mark.parametrize("name", OF_A_TRADER)
def test_rows_are_found_by_their_trader(staff: Client, file: OrderFile, name: str, query: str) -> None:
    url = reverse(f"admin:trading_{name}_changelist")
    assert staff.get(url, {"q": query}).context["cl"].result_count == 1
    assert staff.get(url, {"q": "somebody-else"}).context["cl"].result_count == 0


def test_a_files_page_tells_what_became_of_each_line(staff: Client, file: OrderFile) -> None:
    text = staff.get(reverse("admin:trading_orderfile_change", args=[file.pk])).content.decode()
    for words in ("morning.txt", "ESZ6 2", "rejected", "no margin left", "0 of 2", "tess (SIM)"):
        assert words in text


def test_how_much_filled_is_not_told_where_nobody_knows_it(staff: Client, file: OrderFile) -> None:
    OrderIntent.objects.update(order_qty=3000, filled_qty=1717, average_price="5000.25", reason="on its way")
    listed = reverse("admin:trading_orderintent_changelist")
    single = reverse("admin:trading_orderintent_change", args=[file.lines.get().intent_id])
    of_file = reverse("admin:trading_orderfile_change", args=[file.pk])

    def told(url: str) -> list[str]:
        text = staff.get(url).content.decode()
        return [words for words in ("1717 of 3000", "1717", "5000.25") if words in text]

    assert [told(url) for url in (listed, single, of_file)] == [
        ["1717"], ["1717", "5000.25"], ["1717 of 3000", "1717", "5000.25"],
    ]  # fmt: skip
    for reason in OrderIntent.UNSEEN:
        OrderIntent.objects.update(state="expired", reason=reason)
        assert [told(url) for url in (listed, single, of_file)] == [[], [], []]


def test_a_connections_page_leads_to_that_traders_rows(staff: Client, file: OrderFile, redis_url: str) -> None:
    connection = file.account.connection
    other = Connection.objects.create(
        user=User.objects.create_user("sim:2"), environment="sim", tradovate_user_id=2, name="other"
    )
    audit.record(AuditEvent.Kind.SIGNED_IN, connection=connection)
    for row, expected in ((connection, 1), (other, 0)):
        text = staff.get(reverse("admin:accounts_connection_change", args=[row.pk])).content.decode()
        links = [unescape(link) for link in re.findall(r'href="(/admin/[^"]*__exact=\d+)"', text)]
        assert len(links) == 11
        assert [staff.get(link).context["cl"].result_count for link in links] == [expected] * 11
    Upstream.objects.update(state="down", detail="Tradovate does not answer.")
    page = staff.get(reverse("admin:accounts_connection_change", args=[connection.pk])).content.decode()
    assert "down, reconnecting, since 20" in page
    assert "but no sync process answers" in page
    assert "Tradovate does not answer." in page


def test_a_sockets_state_is_known_while_a_sync_process_lives(staff: Client, file: OrderFile, redis_url: str) -> None:
    stream.client().zadd(crew.KEY, {"one": timezone.now().timestamp()})
    page = staff.get(reverse("admin:accounts_connection_change", args=[file.account.connection_id])).content.decode()
    assert ", since 20" in page
    assert "no sync process" not in page


def test_an_intents_page_tells_every_step(staff: Client, file: OrderFile) -> None:
    intent = file.lines.get().intent
    text = staff.get(reverse("admin:trading_orderintent_change", args=[intent.pk])).content.decode()
    for words in (intent.cl_ord_id, "sending", "no margin left"):
        assert words in text


def test_an_intents_page_says_it_in_words_and_leads_to_all_that_belongs_to_it(staff: Client, file: OrderFile) -> None:
    intent = file.lines.get().intent
    OrderIntent.objects.update(order_id_at_broker=55)
    text = unescape(staff.get(reverse("admin:trading_orderintent_change", args=[intent.pk])).content.decode())
    for words in ("Buy 2 ESZ6: rejected. no margin left", "Quantity: 2", "Side: Buy", "line 1 of"):
        assert words in text
    assert '"order_qty"' not in text
    assert reverse("admin:trading_orderfile_change", args=[file.pk]) in text
    assert reverse("admin:accounts_user_timeline", args=[intent.connection.user_id]) in text
    found = {}
    for link in re.findall(r'href="(/admin/trading/[a-z]+/\?connection__id__exact=[^"]*)"', text):
        found[link.split("/")[3]] = staff.get(link).context["cl"].result_count
    assert found == {"order": 1, "fill": 1, "orderversion": 1, "orderintent": 1}
    for name in ("order", "fill"):
        row = apps.get_model("trading", name).objects.get()
        page = unescape(staff.get(reverse(f"admin:trading_{name}_change", args=[row.pk])).content.decode())
        assert f"orderintent/?connection__id__exact={intent.connection_id}&order_id_at_broker__exact=55" in page
    assert "DEMO7" in staff.get(reverse("admin:trading_order_changelist")).content.decode()


def test_a_long_files_page_takes_no_more_queries_than_a_short_ones(staff: Client, file: OrderFile) -> None:
    page, counts = reverse("admin:trading_orderfile_change", args=[file.pk]), []
    for _ in range(2):
        staff.get(page)
        with CaptureQueriesContext(connection) as asked:
            staff.get(page)
        counts.append(len(asked))
        for number in range(2, 20):
            spec = OrderSpec(account_id=file.account_id, symbol="ESZ6", action="Buy", order_qty=2)
            intent = intents.create(spec, f"file:{len(counts)}:{number}")
            OrderLine.objects.create(file=file, number=20 * len(counts) + number, text="ESZ6 2", intent=intent)
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", OF_A_TRADER)
def test_the_list_of_one_traders_rows_goes_through_no_whole_table(staff: Client, file: OrderFile, name: str) -> None:
    lookup = "account__connection__id__exact" if name == "orderfile" else "connection__id__exact"
    with CaptureQueriesContext(connection) as asked:
        staff.get(reverse(f"admin:trading_{name}_changelist"), {lookup: file.account.connection_id})
    of_all = [query["sql"] for query in asked if re.search("COUNT|DISTINCT", query["sql"])]
    assert [sql for sql in of_all if "WHERE" not in sql] == []


@pytest.mark.parametrize(
    ("name", "lookup", "kept", "other"),
    [
        ("order", "status__exact", "Rejected", "Working"),
        ("cashentry", "change_type__exact", "Commission", "FundTransaction"),
    ],
)
def test_orders_and_cash_are_filtered_by_what_tradovate_calls_them(
    staff: Client, file: OrderFile, name: str, lookup: str, kept: str, other: str
) -> None:
    CashEntry.objects.update(change_type="Commission")
    page = reverse(f"admin:trading_{name}_changelist")
    assert f"?{lookup}={other}" in staff.get(page).content.decode()
    for value, found in ((kept, 1), (other, 0)):
        assert staff.get(page, {lookup: value}).context["cl"].result_count == found


@pytest.mark.parametrize("name", SHOWN)
def test_nothing_can_be_changed_and_no_token_is_shown(staff: Client, file: OrderFile, name: str) -> None:
    model = apps.get_model("trading", name)
    row = model._default_manager.get()
    change = reverse(f"admin:trading_{name}_change", args=[row.pk])
    for url in (reverse(f"admin:trading_{name}_changelist"), change):
        answer = staff.get(url)
        assert answer.status_code == 200
        text = answer.content.decode()
        assert 'name="_save"' not in text
        for secret in ("secret-access", "secret-refresh", Connection.objects.get().sealed_tokens):
            assert secret not in text
    assert staff.post(change, {}).status_code == 403
    assert staff.get(reverse(f"admin:trading_{name}_add")).status_code == 403
    assert staff.post(reverse(f"admin:trading_{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert model._default_manager.count() == 1


def test_every_registered_table_of_trading_is_covered_here() -> None:
    registered = {model._meta.model_name for model in admin.site._registry if model._meta.app_label == "trading"}
    not_only_read = {"killswitch", "tradinglimit"}
    assert registered == {*SHOWN, *not_only_read}, "test_admin_kill_switch.py and test_admin_limits.py have those"


def test_a_trader_does_not_get_in(file: OrderFile) -> None:
    browser = Client()
    browser.force_login(file.account.connection.user, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get(reverse("admin:trading_orderfile_changelist")).status_code == 302
