"""The page of an order that was placed here, after it was changed: the terms of now, and every change of it."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts.models import Connection
from tests.trading.signed_in import browser_of, connection_of
from tests.trading.test_views_desk import trader
from trading.models import Account, Order, OrderIntent, OrderVersion
from trading.orders import intents
from trading.orders.spec import OrderSpec
from trading.orders.states import State
from trading.orders.wishes import Modification

pytestmark = pytest.mark.django_db
NOON = datetime(2100, 11, 20, 12, tzinfo=UTC)  # after what the tests themselves do


@pytest.fixture
def pat(redis_url: str) -> Connection:
    return trader("pat", 1)


@pytest.fixture
def account(pat: Connection) -> Account:
    return Account.objects.create(connection=pat, tradovate_id=1, name="DEMO1")


def limit(account: Account, qty: int, price: str, action: Any = "Buy") -> OrderSpec:
    return OrderSpec(
        account_id=account.pk, symbol="ESZ6", action=action, order_qty=qty, order_type="Limit", price=Decimal(price)
    )


@pytest.fixture
def entry(account: Account) -> OrderIntent:
    """A working order for two contracts at 5000.25, Tradovate's order 50, placed at noon."""
    return working(intents.create(limit(account, 2, "5000.25"), "click:entry"), 50)


def working(intent: OrderIntent, order_id: int, **fields: Any) -> OrderIntent:
    OrderIntent.objects.filter(pk=intent.pk).update(state=State.WORKING, order_id_at_broker=order_id, **fields)
    version(intent.connection, order_id, order_id, intent.order_qty, str(intent.price))
    intent.refresh_from_db()
    return intent


def version(connection: Connection, order_id: int, number: int, qty: int, price: str, **fields: Any) -> None:
    """Terms of an order, `number` seconds after noon less the order's id."""
    OrderVersion.objects.create(
        connection=connection,
        tradovate_id=number,
        order_id_at_broker=order_id,
        order_qty=qty,
        order_type="Limit",
        price=Decimal(price),
        time_in_force="Day",
        at=NOON + timedelta(seconds=number - order_id),
        **fields,
    )


def changed_here(entry: OrderIntent, qty: int, price: str, state: State, **fields: Any) -> OrderIntent:
    becomes = limit(entry.account, qty, price)
    change = intents.create(Modification(order_id=50, becomes=becomes), f"click:{qty}:{price}")
    at = NOON + timedelta(seconds=fields.pop("after"))
    OrderIntent.objects.filter(pk=change.pk).update(state=state, created_at=at, **fields)
    return change


def page(intent: OrderIntent) -> str:
    return browser_of(intent.connection).get(f"/orders/{intent.pk}/").content.decode()


def drawn_with(html: str) -> dict[str, Any]:
    [drawn] = re.findall(r'data-drawn="([^"]*)"', html)
    return json.loads(unescape(drawn))


def steps(html: str) -> list[tuple[str, str]]:
    found = re.findall(r'<th scope="row" class="strong">([^<]+)</th>.*?<td class="wrap soft">(.*?)</td>', html)
    return [(name, re.sub(r" <a .*", "", said)) for name, said in found]


def test_an_order_that_was_changed_says_its_terms_of_now(pat: Connection, entry: OrderIntent) -> None:
    assert "Now:" not in page(entry)
    version(pat, 50, 55, 2, "5005.25")
    version(pat, 50, 56, 3, "5010.00")
    html = page(entry)
    assert "Now: 3 Limit at 5010, Day" in html
    assert [step for step in steps(html) if step[0] == "changed"] == [
        ("changed", "2 Limit at 5005.25, Day"),
        ("changed", "3 Limit at 5010, Day"),
    ]
    OrderIntent.objects.update(state=State.CANCELLED)
    assert "Last terms: 3 Limit at 5010, Day" in page(entry)


def test_terms_that_were_refused_are_not_those_of_now(pat: Connection, entry: OrderIntent) -> None:
    version(pat, 50, 55, 2, "5005.25")
    refused = changed_here(entry, 9, "5020", State.REJECTED, after=6, command_id_at_broker=56, reason="No margin.")
    version(pat, 50, 56, 9, "5020", refused=True)
    html = page(entry)
    assert "Now: 2 Limit at 5005.25, Day" in html
    assert steps(html)[-1] == ("change refused", "9 Limit at 5020, Day. No margin.")
    assert f'href="/orders/{refused.pk}/"' in html


def test_changes_asked_for_here_are_linked_with_or_without_terms_of_theirs(pat: Connection, entry: OrderIntent) -> None:
    version(pat, 50, 55, 2, "5005.25")
    taken = changed_here(entry, 2, "5005.25", State.DONE, after=4, command_id_at_broker=55)
    lost = changed_here(entry, 2, "5030", State.UNKNOWN, after=7, reason="No answer.")
    other = changed_here(entry, 2, "5040", State.DONE, after=8)
    OrderIntent.objects.filter(pk=other.pk).update(target_order_id=51)
    html = page(entry)
    assert steps(html)[-2:] == [
        ("changed", "2 Limit at 5005.25, Day"),
        ("change", "2 Limit at 5030, Day: unknown. No answer."),
    ]
    assert [int(number) for number in re.findall(r'href="/orders/(\d+)/"', html)] == [taken.pk, lost.pk]


def test_linked_orders_are_listed_with_their_terms_of_now(
    pat: Connection, entry: OrderIntent, account: Account
) -> None:
    made = intents.create(limit(account, 2, "5020", "Sell"), "click:exit")
    working(made, 60, lead=entry, kind=OrderIntent.Kind.LEG)
    version(pat, 60, 65, 1, "5025.75")
    html = page(entry)
    [leg] = re.findall(r"<tr data-state=.*?</tr>", html)
    assert re.findall(r"<td[^>]*>([^<]*)</td>", leg)[:4] == ["Sell", "1", "Limit", "5025.75"]
    assert drawn_with(html)["order:60"] == "65 1 5025.75 —"


def test_a_page_says_what_it_was_drawn_with(pat: Connection, entry: OrderIntent) -> None:
    before = {f"intent:{entry.pk}": [entry.version, ""], "order:50": "50 2 5000.25 —"}
    assert drawn_with(page(entry)) == before
    version(pat, 50, 55, 2, "5005.25")
    refused = changed_here(entry, 9, "5020", State.REJECTED, after=6, command_id_at_broker=56, version=3)
    version(pat, 50, 56, 9, "5020", refused=True)
    assert drawn_with(page(entry)) == before | {"order:50": "55 2 5005.25 —", f"intent:{refused.pk}": [3, ""]}


def test_an_order_that_was_refused_itself_has_the_terms_that_it_asked_for(pat: Connection, entry: OrderIntent) -> None:
    OrderVersion.objects.update(refused=True)
    OrderIntent.objects.update(state=State.REJECTED)
    html = page(entry)
    assert drawn_with(html)["order:50"] == "50 2 5000.25 —"
    assert "Last terms" not in html


@pytest.fixture
def live_browser(pat: Connection) -> Client:
    """The trader's browser, signed in to their other connection."""
    return browser_of(connection_of(pat.user, "live", 7))


BUTTONS = "Cancel this order", "As code", "Send again", "Give up", "Cancel and replace"


@pytest.mark.parametrize("state", [State.WORKING, State.ABSENT])
def test_an_order_of_another_connection_is_read_there_and_not_acted_on(
    pat: Connection, entry: OrderIntent, live_browser: Client, state: State
) -> None:
    OrderIntent.objects.update(state=state)
    change = changed_here(entry, 2, "5030", State.INEFFECTIVE, after=7)
    for intent in (entry, change):
        html = live_browser.get(f"/orders/{intent.pk}/").content.decode()
        assert "This belongs to SIM, and you are signed in to LIVE. To act on it, sign in to SIM." in html
        assert [words for words in BUTTONS if words in html] == []
        assert "data-intent-page" not in html
        assert "This belongs to" not in page(intent)
    assert "Cancel and replace" in page(change)
    assert ("Cancel this order" if state == State.WORKING else "Send again") in page(entry)


def test_no_press_reaches_an_order_of_another_connection(
    entry: OrderIntent, live_browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    acted: list[str] = []
    for name in ("resend.again", "resend.give_up", "cancel_and_replace"):
        monkeypatch.setattr(f"trading.views.actions.{name}", lambda *_, **__: acted.append("something"))
    for act in ("again", "give-up", "replace"):
        answer = live_browser.post(
            f"/orders/{entry.pk}/{act}/", {"key": "k" * 32}, headers={"Accept": "application/json"}
        )
        assert answer.json()["refused"]
        assert answer.json()["words"].startswith("This belongs to SIM, and you are signed in to LIVE.")
    assert acted == []


def test_the_page_of_an_order_from_elsewhere_tells_refused_changes_as_such(pat: Connection, account: Account) -> None:
    Order.objects.create(
        connection=pat,
        tradovate_id=50,
        account_id_at_broker=1,
        symbol="ESZ6",
        action="Buy",
        status="Working",
        order_qty=2,
        order_type="Limit",
        at=NOON,
    )
    version(pat, 50, 50, 2, "5000.25")
    version(pat, 50, 55, 2, "5005.25")
    version(pat, 50, 56, 9, "5020", refused=True)
    html = browser_of(pat).get("/orders/tradovate/50/").content.decode()
    assert [name for name, _ in steps(html)] == ["placed", "changed", "change refused"]
    assert "Now: 2 Limit at 5005.25, Day" in html
