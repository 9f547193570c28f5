"""Support sets limits with a permission of its own, and leaves the trader's alone."""

import datetime as dt
import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Connection, User
from trading.models import Account, Contract, Product, TradingLimit


@pytest.fixture
def trader(db: None) -> User:
    trader = User.objects.create(username="sim:1001", first_name="Tess Trader")
    connection = Connection.objects.create(user=trader, environment="sim", tradovate_user_id=1001, name="trader")
    Account.objects.create(connection=connection, tradovate_id=1001001, name="DEMO1001001")
    return trader


def staff(*permissions: str) -> Client:
    person = User.objects.create(username="sam", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return browser


ALL = [
    *(f"{what}_tradinglimit" for what in ("view", "add", "change", "delete")),
    *("view_user", "view_account"),
]


def shown(browser: Client, page: str) -> dict[str, str]:
    """What a form would send as it stands."""
    form = browser.get(page).context["adminform"].form
    return {name: form[name].value() for name in form.fields if form[name].value() is not None}


def test_support_sets_changes_and_removes_a_limit(trader: User) -> None:
    browser = staff(*ALL)
    account = Account.objects.get()
    given = {"user": trader.pk, "account": account.pk, "product": "es", "max_order_qty": 4}
    assert browser.post("/admin/trading/tradinglimit/add/", given).status_code == 302
    limit = TradingLimit.objects.get()
    assert (limit.set_by, limit.product, limit.max_order_qty) == ("staff", "ES", 4)
    page = f"/admin/trading/tradinglimit/{limit.pk}/change/"
    assert browser.post(page, shown(browser, page) | {"max_order_qty": 9}).status_code == 302
    limit.refresh_from_db()
    assert limit.max_order_qty == 9
    assert browser.post(f"/admin/trading/tradinglimit/{limit.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not TradingLimit.objects.exists()
    trail = AuditEvent.objects.filter(kind="limits-changed").order_by("id")
    assert {event.user for event in trail} == {trader}
    assert [event.detail for event in trail] == [
        "Trading limit for DEMO1001001, ES set: at most 4 contracts an order; by support (sam)",
        "Trading limit for DEMO1001001, ES changed to: at most 9 contracts an order; by support (sam)",
        "Trading limit for DEMO1001001, ES removed, was: at most 9 contracts an order; by support (sam)",
    ]


def test_who_changed_a_limit_is_told_whatever_it_limits(trader: User) -> None:
    browser = staff(*ALL)
    User.objects.update(username=Concat(F("username"), Value(".of.the.night.shift")))
    Account.objects.update(alias="Evaluation of the second quarter")
    figures = {"max_order_qty": 100, "max_position": 100, "collar_ticks": 1000, "collar_percent": "12.25"}
    given = {"user": trader.pk, "account": Account.objects.get().pk, "daily_loss": "12500.50", **figures}
    browser.post("/admin/trading/tradinglimit/add/", given)
    limit = TradingLimit.objects.get()
    browser.post(f"/admin/trading/tradinglimit/{limit.pk}/delete/", {"post": "yes"})
    for event in AuditEvent.objects.filter(kind="limits-changed"):
        assert "Evaluation of the second quarter" in event.detail
        assert event.detail.endswith("; by support (sam.of.the.night.shift)")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Write at least one figure."),
        ({"max_order_qty": 4, "account": "other"}, "This is not an account of that trader."),
        ({"daily_loss": 4, "product": "ES"}, "A daily loss counts over all products"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(trader: User, given: dict, words: str) -> None:
    other = User.objects.create(username="sim:1002")
    connection = Connection.objects.create(user=other, environment="sim", tradovate_user_id=1002, name="pro")
    foreign = Account.objects.create(connection=connection, tradovate_id=1002001, name="DEMO1002001")
    given = {key: foreign.pk if value == "other" else value for key, value in given.items()}
    answer = staff(*ALL).post("/admin/trading/tradinglimit/add/", {"user": trader.pk, **given})
    assert words in answer.content.decode()
    assert not TradingLimit.objects.exists()


def test_a_member_of_staff_has_no_limits(trader: User) -> None:
    browser = staff(*ALL)
    given = {"user": User.objects.get(username="sam").pk, "max_order_qty": 4}
    answer = browser.post("/admin/trading/tradinglimit/add/", given)
    assert answer.context["adminform"].errors == {"user": ["That is a member of staff: choose a trader."]}
    assert not TradingLimit.objects.exists()


ES = {"tradovate_id": 1, "name": "ES", "description": "E-mini", "tick_size": "0.25", "value_per_point": 50}


@pytest.mark.parametrize("product", ["esz6", "NQH27", "ESZ6-ESH7"])
def test_a_contract_is_no_product(trader: User, product: str) -> None:
    of = {"environment": "sim", "product": Product.objects.create(environment="sim", **ES)}
    Contract.objects.create(tradovate_id=2, name="ESZ6-ESH7", expiration_date=timezone.now(), **of)
    given = {"user": trader.pk, "product": product, "max_position": 1}
    answer = staff(*ALL).post("/admin/trading/tradinglimit/add/", given)
    assert "Write it without a month, such as ES." in answer.content.decode()
    assert not TradingLimit.objects.exists()


@pytest.mark.parametrize(
    ("product", "is_known"), [("es", True), ("FXN1", True), ("", True), ("E-MINI", False), ("ZN", False)]
)
def test_a_limit_for_a_product_that_nobody_has_seen_comes_with_a_warning(
    trader: User, product: str, is_known: bool
) -> None:
    Product.objects.create(environment="sim", **ES)
    Product.objects.create(environment="sim", **{**ES, "tradovate_id": 2, "name": "FXN1"})
    Product.objects.create(environment="live", **{**ES, "name": "ZN"})
    given = {"user": trader.pk, "product": product, "max_position": 1}
    page = staff(*ALL).post("/admin/trading/tradinglimit/add/", given, follow=True).content.decode()
    assert TradingLimit.objects.get().product == product.upper()
    assert ("is not known here yet" in page) != is_known


def test_a_limit_stays_where_it_was_set(trader: User) -> None:
    limit = TradingLimit.objects.create(user=trader, product="ES", set_by="staff", max_order_qty=4)
    page = f"/admin/trading/tradinglimit/{limit.pk}/change/"
    browser = staff(*ALL)
    other = User.objects.create(username="sim:1002")
    browser.post(page, shown(browser, page) | {"user": other.pk, "product": "NQ", "max_order_qty": 5})
    limit.refresh_from_db()
    assert (limit.user, limit.product, limit.max_order_qty) == (trader, "ES", 5)
    answer = browser.post(page, {"daily_loss": 400})
    assert "leave the product empty" in answer.content.decode()


def test_of_two_who_change_a_limit_at_once_the_second_is_told(trader: User) -> None:
    limit = TradingLimit.objects.create(user=trader, set_by="staff", max_order_qty=10, daily_loss=5000)
    page, browser = f"/admin/trading/tradinglimit/{limit.pk}/change/", staff(*ALL)
    mine, others = shown(browser, page), shown(browser, page)
    assert browser.post(page, others | {"daily_loss": 500}).status_code == 302
    for _ in range(2):
        answer = browser.post(page, mine | {"max_order_qty": 5}).content.decode()
        assert "changed meanwhile" in answer
        assert "at most 10 contracts an order, daily loss $500.00" in answer
    limit.refresh_from_db()
    assert (limit.max_order_qty, limit.daily_loss) == (10, 500)
    assert browser.post(page, shown(browser, page) | {"max_order_qty": 5}).status_code == 302
    limit.refresh_from_db()
    assert (limit.max_order_qty, limit.daily_loss) == (5, 500)


def test_a_second_limit_for_the_same_is_refused(trader: User) -> None:
    TradingLimit.objects.create(user=trader, set_by="staff", max_order_qty=4)
    answer = staff(*ALL).post("/admin/trading/tradinglimit/add/", {"user": trader.pk, "max_order_qty": 5})
    assert "change that one" in answer.content.decode()
    assert TradingLimit.objects.get().max_order_qty == 4


def test_the_traders_own_limit_is_only_read(trader: User) -> None:
    limit = TradingLimit.objects.create(user=trader, max_order_qty=4)
    browser = staff(*ALL)
    page = browser.get(f"/admin/trading/tradinglimit/{limit.pk}/change/")
    assert page.status_code == 200
    assert "_save" not in page.content.decode()
    browser.post(f"/admin/trading/tradinglimit/{limit.pk}/change/", {"user": trader.pk, "max_order_qty": 40})
    assert browser.post(f"/admin/trading/tradinglimit/{limit.pk}/delete/", {"post": "yes"}).status_code == 403
    limit.refresh_from_db()
    assert limit.max_order_qty == 4


@pytest.mark.parametrize(
    ("hours", "then", "told"),
    [
        (1, Decimal(5000), "$400.00, then $5,000.00 from 2026-11-30 23:00 UTC"),
        (1, None, "$400.00, then none from 2026-11-30 23:00 UTC"),
        (-1, Decimal(5000), "$5,000.00"),
        (-1, None, "-"),
    ],
)
def test_a_traders_daily_loss_is_told_as_it_holds(trader: User, time_machine, hours, then, told) -> None:
    begins = dt.datetime(2026, 11, 30, 23, tzinfo=dt.UTC)
    limit = TradingLimit.objects.create(
        user=trader, max_order_qty=4, daily_loss=400, next_daily_loss=then, next_from=begins
    )
    time_machine.move_to(begins - dt.timedelta(hours=hours), tick=False)
    browser = staff(*ALL)
    for page in ("", f"{limit.pk}/change/"):
        text = browser.get(f"/admin/trading/tradinglimit/{page}").content.decode()
        shown = re.findall(r"field-daily_loss.*?>\s*([-$][^<]*)<", text, re.DOTALL)
        assert shown == [told]
    assert ("$400" in str(limit)) == (hours > 0)


def test_without_the_permission_nothing_is_set(trader: User) -> None:
    browser = staff("view_tradinglimit")
    assert browser.get("/admin/trading/tradinglimit/").status_code == 200
    answer = browser.post("/admin/trading/tradinglimit/add/", {"user": trader.pk, "max_order_qty": 4})
    assert answer.status_code == 403
    assert not TradingLimit.objects.exists()
