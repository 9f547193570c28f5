"""The limits page as a trader walks it, what support has set on it, and what a stranger sees: nothing."""

import datetime as dt
import threading
from decimal import Decimal

import pytest
import time_machine
from django.db import connection as database
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Connection
from tests.trading.cast import sign_in
from tests.trading.signed_in import browser_of, connection_of
from trading.models import TradingLimit
from trading.orders import facts, limit_changes
from trading.orders.facts import AccountFacts, Facts
from trading.orders.trading_days import next_day_opens
from trading.simulator import RunningSimulator
from trading.tradovate.entities import UserAccountAutoLiq, UserAccountPositionLimit, UserAccountRiskParameter

pytestmark = pytest.mark.usefixtures("redis_url")


def page(browser: Client) -> str:
    answer = browser.get("/limits/")
    assert answer.status_code == 200
    return answer.content.decode()


def add(browser: Client, **given: object) -> str:
    """Add a limit; the page that comes of it."""
    answer = browser.post("/limits/", given, follow=True)
    return answer.content.decode()


def trail() -> list[str]:
    return list(AuditEvent.objects.filter(kind="limits-changed").order_by("id").values_list("detail", flat=True))


def test_a_limit_is_set_changed_and_removed_and_each_is_in_the_trail(browser: Client, connection: Connection) -> None:
    account = connection.accounts.get()
    shown = add(browser, account=account.pk, product="es", max_order_qty=5, collar_ticks=40)
    assert "The limit holds from now on." in shown
    assert "40 ticks" in shown
    limit = TradingLimit.objects.get()
    assert (limit.user, limit.account, limit.product, limit.set_by) == (connection.user, account, "ES", "trader")

    answer = browser.post(f"/limits/{limit.pk}/", {"max_order_qty": 3, "collar_percent": "1.5"})
    assert answer.status_code == 302
    limit.refresh_from_db()
    assert (limit.max_order_qty, limit.collar_ticks, limit.collar_percent) == (3, None, Decimal("1.5"))

    assert "The limit is removed." in browser.post(f"/limits/{limit.pk}/remove/", follow=True).content.decode()
    assert not TradingLimit.objects.exists()
    assert trail() == [
        "Trading limit for DEMO1001001, ES set: at most 5 contracts an order, prices within 40 ticks; by the trader",
        "Trading limit for DEMO1001001, ES changed to: at most 3 contracts an order, prices within 1.5 %; "
        "by the trader",
        "Trading limit for DEMO1001001, ES removed; left: nothing; by the trader",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Write at least one figure."),
        ({"max_order_qty": "0"}, "Write a number above zero, or leave it empty"),
        ({"daily_loss": "-5"}, "Write a number above zero, or leave it empty"),
        ({"max_position": "many"}, "Enter a whole number."),
        ({"max_order_qty": "5", "product": "ZZZZ"}, "Tradovate has no product ZZZZ."),
        ({"daily_loss": "500", "product": "ES"}, "A daily loss counts over all products"),
        ({"max_order_qty": "5", "account": "999999"}, "Choose one of your accounts."),
        ({"max_order_qty": "5", "product": "\x00"}, "Null characters are not allowed."),
        ({"max_order_qty": "99999999999999999999"}, "less than or equal to 1000000"),
        ({"daily_loss": "NaN"}, "Enter a number."),
    ],
)
def test_what_makes_no_sense_is_said_and_kept_in_the_form(browser: Client, given: dict[str, str], words: str) -> None:
    answer = browser.post("/limits/", given)
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not TradingLimit.objects.exists()
    assert trail() == []


def test_a_second_limit_for_the_same_is_refused(browser: Client, connection: Connection) -> None:
    add(browser, max_order_qty=5)
    assert "You have a limit for this account and product" in add(browser, max_order_qty=9)
    add(browser, account=connection.accounts.get().pk, max_order_qty=5)
    assert "You have a limit" in add(browser, account=connection.accounts.get().pk, max_order_qty=9)
    assert TradingLimit.objects.count() == 2


def test_a_daily_loss_is_tightened_at_once_and_loosened_for_the_next_trading_day(browser: Client) -> None:
    add(browser, daily_loss=500)
    limit = TradingLimit.objects.get()
    browser.post(f"/limits/{limit.pk}/", {"daily_loss": "400"})
    limit.refresh_from_db()
    assert (limit.daily_loss, limit.next_from) == (400, None)

    shown = browser.post(f"/limits/{limit.pk}/", {"daily_loss": "1000"}, follow=True).content.decode()
    assert "The daily loss of $400.00 holds until" in shown
    limit.refresh_from_db()
    now = timezone.now()
    assert (limit.daily_loss, limit.next_daily_loss, limit.next_from) == (400, 1000, next_day_opens(now))
    assert limit.daily_loss_at(now) == 400
    assert limit.daily_loss_at(next_day_opens(now)) == 1000

    browser.post(f"/limits/{limit.pk}/", {"daily_loss": "300"})
    limit.refresh_from_db()
    assert (limit.daily_loss, limit.next_from) == (300, None), "what was to come is forgotten"


def test_on_a_holiday_a_looser_daily_loss_waits_for_the_end_of_the_trade_date(connection: Connection) -> None:
    limit = limit_changes.add(connection.user, None, "", {"daily_loss": Decimal(500)})
    with time_machine.travel("2026-11-26T10:06-06:00", tick=False):  # Thanksgiving counts for Friday
        limit = limit_changes.change(limit.pk, connection.user, {"daily_loss": Decimal(5000)})
    assert limit.daily_loss_at(dt.datetime.fromisoformat("2026-11-27T16:59-06:00")) == 500
    assert limit.daily_loss_at(dt.datetime.fromisoformat("2026-11-29T17:00-06:00")) == 5000


def test_a_removed_daily_loss_holds_until_the_next_trading_day(browser: Client) -> None:
    add(browser, daily_loss=500, max_order_qty=5)
    limit = TradingLimit.objects.get()
    shown = browser.post(f"/limits/{limit.pk}/remove/", follow=True).content.decode()
    assert "The daily loss of $500.00 holds until" in shown
    limit.refresh_from_db()
    assert (limit.max_order_qty, limit.daily_loss_at(timezone.now())) == (None, 500)
    browser.post(f"/limits/{limit.pk}/remove/")
    assert TradingLimit.objects.exists(), "removing it twice does not remove it earlier"

    TradingLimit.objects.update(next_from=timezone.now() - dt.timedelta(seconds=1))
    assert "No limits of your own" in page(browser)
    assert not TradingLimit.objects.exists()


@pytest.mark.parametrize("how", ["it is removed", "it is tidied away"])
def test_a_limit_that_is_changed_while_it_goes_is_not_lost(
    browser: Client, connection: Connection, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Its trader is told that the new figure holds, or that there is no such limit any more."""
    past = timezone.now() - dt.timedelta(seconds=1)
    limit = TradingLimit.objects.create(user=connection.user, daily_loss=500, next_from=past)
    limits_nothing, told = TradingLimit.limits_nothing, []

    def change() -> None:
        try:
            limit_changes.change(limit.pk, connection.user, {"max_order_qty": 3})
            told.append("holds")
        except TradingLimit.DoesNotExist:
            told.append("is gone")
        finally:
            database.close()

    other = threading.Thread(target=change)

    def interrupted(self: TradingLimit, now: dt.datetime) -> bool:
        monkeypatch.setattr(TradingLimit, "limits_nothing", limits_nothing)
        other.start()
        other.join(1)  # it waits for this one's end
        return limits_nothing(self, now)

    monkeypatch.setattr(TradingLimit, "limits_nothing", interrupted)
    if how == "it is removed":
        limit_changes.remove(limit.pk, connection.user)
    else:
        limit_changes.tidy(connection.user, timezone.now())
    other.join(30)
    assert told == (["holds"] if TradingLimit.objects.exists() else ["is gone"])


def test_what_support_has_set_is_shown_and_cannot_be_touched(browser: Client, connection: Connection) -> None:
    limit = TradingLimit.objects.create(user=connection.user, set_by="staff", max_position=7)
    shown = page(browser)
    assert "Set by support" in shown
    assert f"/limits/{limit.pk}/" not in shown
    assert browser.get(f"/limits/{limit.pk}/").status_code == 404
    assert browser.post(f"/limits/{limit.pk}/", {"max_position": 70}).status_code == 404
    assert browser.post(f"/limits/{limit.pk}/remove/").status_code == 404
    limit.refresh_from_db()
    assert limit.max_position == 7


def test_a_limit_of_an_account_names_its_environment(browser: Client, connection: Connection) -> None:
    account = connection.accounts.get()
    for reader in (browser, browser_of(connection_of(connection.user, "live", 7))):
        assert f">{account} (SIM)</option>" in page(reader)
        shown = add(reader, account=account.pk, product="", max_order_qty=5)
        assert f">{account} (SIM)</td>" in shown
        limit = TradingLimit.objects.get()
        assert f"{limit.scope} (SIM)</h1>" in reader.get(f"/limits/{limit.pk}/").content.decode()


def test_another_trader_sees_and_changes_nothing(browser: Client, simulator: RunningSimulator) -> None:
    add(browser, max_order_qty=1234)
    limit = TradingLimit.objects.get()
    stranger = browser_of(sign_in(simulator, "pro"))
    assert "1234" not in page(stranger)
    assert stranger.get(f"/limits/{limit.pk}/").status_code == 404
    assert stranger.post(f"/limits/{limit.pk}/", {"max_order_qty": 9}).status_code == 404
    assert stranger.post(f"/limits/{limit.pk}/remove/").status_code == 404
    account = Connection.objects.get(name="trader").accounts.get()
    assert "Choose one of your accounts." in add(stranger, account=account.pk, max_order_qty=9)
    assert Client().get("/limits/").status_code == 302
    limit.refresh_from_db()
    assert limit.max_order_qty == 1234


def test_tradovates_own_limits_are_in_words(browser: Client, connection: Connection) -> None:
    assert "Not known right now" in page(browser)
    account = connection.accounts.get().tradovate_id
    limits = {"id": account, "daily_loss_auto_liq": Decimal(1500), "weekly_loss_auto_liq": Decimal(-4000)}
    known = Facts(
        heard_at=timezone.now(),
        accounts=[AccountFacts(id=account, auto_liq=UserAccountAutoLiq(**limits))],
        position_limits=[UserAccountPositionLimit(id=1, account_id=account, total_by="Overall", exposed_limit=30)],
        risk_parameters=[UserAccountRiskParameter(id=2, user_account_position_limit_id=1, max_opening_order_qty=10)],
    )
    facts._client().set(facts.key(connection.pk), facts.encode(known))
    shown = page(browser)
    assert "closes all positions and locks the account at a day&#x27;s loss of $1,500.00." in shown
    assert "locks the account at a week&#x27;s loss of $4,000.00." in shown
    assert "All together: at most 30 contracts, at most 10 in an order that opens." in shown


def test_a_broker_that_does_not_answer_costs_nothing_but_the_check(
    browser: Client, connection: Connection, settings
) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    Connection.objects.update(api_hosts={})
    answer = browser.post("/limits/", {"product": "GC", "max_order_qty": 5})
    assert answer.status_code == 400
    assert "GC could not be checked." in answer.content.decode()
    assert 'value="5"' in answer.content.decode()
