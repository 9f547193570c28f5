"""Every address of the portal, as those may ask for it whom it is none of: nothing of a trader's is shown or changed.

A new address is looked at by itself; one that names something new wants it among `ours`.
"""

import uuid
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core import serializers
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.models import AuditEvent, Connection, User
from tests.trading.signed_in import browser_of, person
from trading.models import Account, Fill, KillSwitch, Order, OrderFile, OrderIntent, OrderLine, TradingLimit
from trading.orders import intents, kill_switch
from trading.orders.spec import OrderSpec
from trading.views import desk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_url")]

# What stands for a trader on every page that shows anything of theirs.
MARK = "Zebra"
FOR_ALL = {"accounts:sign-in", "accounts:api-key", "accounts:callback", "accounts:sign-out", "health", "health-of-all"}


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Ids of a trader's rows by the name that addresses give them; the trader's own words hold the mark."""
    monkeypatch.setattr(desk, "FIRST_SYNC_PATIENCE", 0.0)
    trader = person(f"sim:{MARK}", 1)
    account = Account.objects.create(connection=trader, tradovate_id=7, name=f"{MARK}7", alias=f"{MARK} own")
    spec = OrderSpec(account_id=account.pk, symbol=f"{MARK.upper()}Z6", action="Buy", order_qty=2)
    intent = intents.create(spec, "click:ours")
    OrderIntent.objects.update(state="absent", order_id_at_broker=55, reason=MARK)
    file = OrderFile.objects.create(account=account, name=f"{MARK}.txt", content=MARK, state="ready")
    OrderLine.objects.create(file=file, number=1, text=MARK)
    broker = {"connection": trader, "symbol": MARK, "action": "Buy", "at": timezone.now()}
    Order.objects.create(tradovate_id=55, account_id_at_broker=7, status="Filled", **broker)
    Fill.objects.create(tradovate_id=66, order_id_at_broker=55, qty=1, price=5000, **broker)
    switch = kill_switch.throw(trader.user, user=trader.user, reason=MARK)
    limit = TradingLimit.objects.create(user=trader.user, account=account, max_order_qty=1)
    return {
        "intent_id": intent.pk,
        "file_id": file.pk,
        "order_id": 55,
        "switch_id": switch.pk,
        "limit_id": limit.pk,
        "account_id": account.pk,
    }


def addresses(patterns: list[URLPattern | URLResolver], prefix: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    """(name, route) of every address but the admin's."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                yield from addresses(
                    pattern.url_patterns, route, f"{pattern.namespace}:" if pattern.namespace else space
                )
        elif not route.startswith("admin/"):
            yield f"{space}{pattern.name}", route


ALL = sorted(addresses(get_resolver().url_patterns))


def filled_in(route: str, ids: dict[str, object]) -> str:
    for name, value in ids.items():
        for kind in ("int", "uuid"):
            route = route.replace(f"<{kind}:{name}>", str(value))
    assert "<" not in route, f"say in `ours` what {route} is about"
    return f"/{route}"


def everything() -> str:
    """All that is kept, but for failed sign-ins."""
    kept = [model for model in apps.get_models() if model not in (Session, AuditEvent)]
    return serializers.serialize("json", [row for model in kept for row in model._default_manager.order_by("pk")])


def ask(browser: Client, url: str) -> list[HttpResponse]:
    """As a page, and as a press of every button that a stranger may have seen elsewhere."""
    sent = {
        "key": "k" * 32,
        "order": "7:55",
        "position": "7:1",
        "account": "7",
        "symbol": "ESZ6",
        "action": "Buy",
        "order_qty": "1",
        "order_type": "Market",
        "time_in_force": "Day",
        "text": "ESZ6 1",
        "max_order_qty": "9",
        "target": "1",
        "stop": "1",
        "unit": "ticks",
        "order_id": "55",
    }
    return [
        browser.get(url),
        browser.get(url, {"account": "7", "order": "55", "symbol": "ESZ6"}),
        browser.get(url, headers={"HX-Request": "true"}),
        browser.post(url, sent),
        browser.post(url, sent, headers={"Accept": "application/json"}),
    ]


def test_a_stranger_is_led_to_the_sign_in(ours: dict[str, object]) -> None:
    before = everything()
    for name, route in ALL:
        for answer in ask(Client(), filled_in(route, ours)):
            assert MARK.lower() not in answer.content.decode().lower(), route
            if name not in FOR_ALL:
                assert answer.status_code == 302, route
                assert answer.url.startswith("/accounts/sign-in/"), route
    assert everything() == before


@pytest.mark.parametrize("who", ["another trader", "staff", "switched off", "session ended"])
def test_nothing_of_a_trader_is_shown_or_changed_by_anybody_else(ours: dict[str, object], who: str) -> None:
    trader = Connection.objects.get()
    browser = browser_of(trader)
    match who:
        case "another trader":
            browser = browser_of(person("sim:other", 2))
        case "staff":
            browser = Client()
            boss = User.objects.create_superuser("boss")
            browser.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
        case "switched off":
            User.objects.update(is_active=False)
        case _:
            Session.objects.all().delete()
    before = theirs_alone()
    for name, route in ALL:
        if name == "accounts:sign-out":
            continue
        for answer in ask(browser, filled_in(route, ours)):
            assert answer.status_code != 500, route
            assert MARK.lower() not in answer.content.decode().lower(), route
        assert theirs_alone() == before, route


def theirs_alone() -> str:
    """All that is kept of the first trader."""
    first = Connection.objects.order_by("pk")[0]
    rows = [
        *Account.objects.filter(connection=first),
        *OrderIntent.objects.filter(connection=first),
        *OrderFile.objects.filter(account__connection=first),
        *KillSwitch.objects.filter(user=first.user),
        *TradingLimit.objects.filter(user=first.user),
        *Order.objects.filter(connection=first),
    ]
    return serializers.serialize("json", rows)


def test_an_id_that_is_nobodys_is_as_anothers(ours: dict[str, object]) -> None:
    browser = browser_of(person("sim:other", 2))
    nobodys = {name: uuid.uuid4() if name == "file_id" else 10**6 for name in ours}
    for _, route in ALL:
        if "<" in route:
            for method in (browser.get, browser.post):
                theirs, none = method(filled_in(route, ours)), method(filled_in(route, nobodys))
                assert (theirs.status_code, theirs.headers.get("Location")) == (
                    none.status_code,
                    none.headers.get("Location"),
                ), route
