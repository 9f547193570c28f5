"""Performance: days, figures and the curve as the journal has them, for their owner."""

import datetime as dt
import json
import re
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from trading.history.days import Span, curve, days
from trading.history.fills import Wanted, select
from trading.models import CashBalance, EquityPoint

NOW = dt.datetime(2026, 11, 27, 18, 0, tzinfo=dt.UTC)
MONDAY, TUESDAY, WEDNESDAY = (dt.date(2026, 11, day) for day in (23, 24, 25))


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


def result(connection, on: dt.date, realized: str, account: int = 11) -> None:
    CashBalance.objects.create(
        connection=connection, account_id_at_broker=account, trade_date=on, amount=0, realized_pnl=realized, at=NOW
    )


def worth(connection, hours_ago: float, net_liq: str, account: int = 11) -> dt.datetime:
    at = NOW - dt.timedelta(hours=hours_ago)
    figures = {"net_liq": Decimal(net_liq), "cash": 0, "open_pnl": 0}
    EquityPoint.objects.create(connection=connection, account_id_at_broker=account, at=at, **figures)
    return at


def page(browser: Client, query: str = "") -> str:
    answer = browser.get(f"/performance/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def figure(html: str, name: str) -> list[str]:
    row = re.search(rf'<th scope="row">{name}</th>(.*?)</tr>', html, flags=re.DOTALL)
    assert row
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", cell)).strip() for cell in row[1].split("</td>")[:-1]]


def test_days_are_told_before_and_after_fees(browser, alice, fill) -> None:
    result(alice, dt.date(2026, 10, 5), "-300.00")
    result(alice, MONDAY, "100.00")
    result(alice, TUESDAY, "-40.00")
    result(alice, WEDNESDAY, "0.00")
    fill(alice, "Buy", 1, "6850.25", on=MONDAY, fee="1.50")
    fill(alice, "Sell", 1, "6870.25", on=MONDAY, fee="1.50")
    html = page(browser)
    assert figure(html, "Total") == ["+57.00", "-243.00"]
    assert figure(html, "Fees") == ["3.00 as far as known", "3.00 as far as known"]
    assert figure(html, "Best day") == ["+97.00 23 Nov", "+97.00 23 Nov 2026"]
    assert figure(html, "Worst day") == ["-40.00 24 Nov", "-300.00 5 Oct 2026"]
    assert figure(html, "Days won") == ["1 of 2 50%", "1 of 3 33%"]
    assert figure(html, "Max drawdown") == ["40.00", "300.00"]
    assert html.count("data-result=") == 2
    gross = page(browser, "?pnl=gross")
    assert figure(gross, "Total")[0] == "+60.00"
    october = page(browser, "?month=2026-10")
    assert figure(october, "Total") == ["-300.00", "-243.00"]
    assert "month=2026-11" in october


def test_a_day_of_several_accounts_is_their_sum_and_one_account_is_its_own(browser, alice, fill) -> None:
    result(alice, MONDAY, "100.00")
    result(alice, MONDAY, "-30.00", account=12)
    fill(alice, "Buy", 1, "6850.25", on=MONDAY, account=12, fee="1.00")
    assert [(day.gross, day.fees, day.fills) for day in days(alice)] == [(70, 1, 1)]
    assert [(day.gross, day.fees, day.fills) for day in days(alice, 11)] == [(100, None, 0)]
    assert figure(page(browser, "?account=12"), "Total")[0] == "-31.00"


def test_fills_of_before_trade_dates_were_kept_count_for_their_own(alice, fill) -> None:
    fill(alice, "Buy", 1, "1", on=None, at=dt.datetime(2026, 11, 23, 23, 30, tzinfo=dt.UTC), fee="1.00")
    fill(alice, "Buy", 1, "1", on=TUESDAY, fee=None)
    assert [(day.date, day.fees, day.fills) for day in days(alice)] == [(TUESDAY, None, 2)]


def test_a_day_that_is_ahead_of_the_calendar_is_in_the_month_that_is_shown(browser, alice) -> None:
    result(alice, dt.date(2026, 12, 1), "5.00")
    html = page(browser)
    assert figure(html, "Total") == ["+5.00", "+5.00"]
    assert "December 2026" in html


def test_at_a_weekend_the_month_that_has_ended_last_is_shown(browser, alice) -> None:
    with time_machine.travel(dt.datetime(2026, 10, 31, 18, 0, tzinfo=dt.UTC), tick=False):
        assert "October 2026" in page(browser)


def test_a_holiday_s_undated_fills_are_of_the_business_day_after_it(alice, fill) -> None:
    fill(alice, "Buy", 1, "1", on=None, at=dt.datetime(2026, 11, 26, 16, 0, tzinfo=dt.UTC), fee="1.00")
    friday = dt.date(2026, 11, 27)
    assert [day.date for day in days(alice)] == [friday]
    assert select(alice, Wanted(since=friday, until=friday)).exists()
    assert not select(alice, Wanted(until=friday - dt.timedelta(days=1))).exists()


def test_the_curve_is_of_all_accounts_or_of_one(browser, alice) -> None:
    worth(alice, 100, "1000.00")
    worth(alice, 30, "500.00", account=12)
    late = worth(alice, 2, "1100.00")
    found = curve(alice, None, Span.DAY, NOW)
    assert found == [(NOW - dt.timedelta(days=1), 1500), (late, 1600)]
    assert [amount for _, amount in curve(alice, 12, Span.ALL, NOW)] == [500]
    html = page(browser, "?span=1D")
    points = re.search(r'<script id="equity-points" type="application/json">(.*?)</script>', html)
    assert points
    assert [amount for _, amount in json.loads(points[1])] == ["1500.00", "1600.00"]
    assert "+100.00" in html


def test_of_a_long_time_the_last_worth_of_each_day_is_drawn(alice) -> None:
    for hour in range(0, 24 * 10, 2):
        worth(alice, hour + 0.5, str(1000 + hour))
    assert len(curve(alice, None, Span.ALL, NOW)) == 11
    assert curve(alice, None, Span.ALL, NOW)[-1][1] == 1000


def test_what_moves_from_one_account_to_another_within_a_day_makes_no_dip(alice) -> None:
    for hour, account, amount in ((50, 11, "1000"), (50, 12, "1000"), (26, 11, "100"), (25, 12, "1900")):
        worth(alice, hour, amount, account=account)
    assert [amount for _, amount in curve(alice, None, Span.ALL, NOW)] == [2000, 2000]


def test_empty_pages_say_when_figures_will_appear(browser, alice, bob) -> None:
    result(bob, MONDAY, "100.00", account=21)
    worth(bob, 1, "1000.00", account=21)
    html = page(browser)
    assert "The curve appears after the first minutes" in html
    assert "appears here with its first fill" in html
    assert "equity.js" not in html
    assert figure(html, "Total") == ["0.00", "0.00"]


@pytest.mark.parametrize(
    "query", ["?month=2026-13", "?month=0001-01", "?month=9999-12", "?account=21", "?span=x", "?pnl=x", "?account=x"]
)
def test_what_cannot_be_read_is_not_asked_for(browser, alice, query: str) -> None:
    assert "November 2026" in page(browser, query)
