"""Whatever is killed, cut off or comes twice: all that is told is what is so; and the comparison would notice."""

import json
import os
import subprocess
import sys
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from accounts.models import Connection, User
from tests import own_redis
from tests.browser import chromium
from tests.chaos.portal import LONGEST_WAIT, TWO_OF_EACH
from tests.faults.screen import unlike
from tests.faults.truth import (
    Differences,
    Facts,
    absent_fills,
    cash_lines_of_journal,
    cash_lines_of_ledger,
    differences,
    of_journal,
    of_ledger,
    of_rows,
    shown,
)
from tests.faults.verdict import WANTED, WRONG, shortcomings

POSTGRES_URL = os.environ.get("TEST_DATABASE_URL", "")


@pytest.mark.alone
@pytest.mark.timeout(300 + LONGEST_WAIT)
def test_book_journal_and_pages_are_what_the_broker_s_ledger_is() -> None:
    command = [sys.executable, "-m", "tests.faults", "--events", "600", "--drop", "3", "--taken", "10"]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    # A page that hangs meets no database: once is enough here, `make faults` takes any.
    run = subprocess.run(
        [*command, *(["--postgres", POSTGRES_URL, "--no-hang"] if POSTGRES_URL else [])],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=280 + LONGEST_WAIT,
    )
    print(run.stdout)  # noqa: T201 - the figures belong to the test's output
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr[-8000:]}"
    figures = json.loads(run.stdout.splitlines()[-1])
    assert figures["screens"] == (own_redis.in_ci() or bool(chromium.executable()))


def test_a_run_that_shows_it_all_is_good() -> None:
    assert falls_short() == []


@pytest.mark.parametrize(
    ("figures", "phase", "words"),
    [
        ({"fills missed": 1}, {}, "fills missed: 1"),
        ({"gave up": "Not connected."}, {}, "gave up: Not connected."),
        ({"fills while the broker was away": 0}, {}, "fills while the broker was away: none"),
        ({"met by events": {"batch_events": 0}}, {}, "no event met batch_events"),
        ({"kills": dict.fromkeys(TWO_OF_EACH, 1)}, {}, "redis was not killed"),
        ({"snapshots for pages that hung": 1}, {}, "pages that hung got no snapshot"),
        ({}, {"fills": 0}, "kill -9 sync-1: nothing was filled"),
        ({}, {"equal": 2.5}, "kill -9 sync-1: late to be right again"),
        ({}, {"told": 2.5}, "kill -9 sync-1: late to be right again"),
        ({}, {"back": 5.5}, "kill -9 sync-1: late to be connected again"),
        ({}, {"taken": 5.5}, "kill -9 sync-1: late to be taken over"),
        ({}, {"taken": None}, "kill -9 sync-1: nobody took over"),
    ],
)
def test_a_run_falls_short_of_what_it_is_to_show(figures: dict[str, Any], phase: dict[str, Any], words: str) -> None:
    assert falls_short(figures, **phase) == [words]


def test_a_run_may_do_without_takeovers_where_none_is_due_and_without_pages_that_hang() -> None:
    assert falls_short(name="kill -9 web-1", taken=None) == []
    assert falls_short(back=24.0, grace=20.0) == []
    assert falls_short({"snapshots for pages that hung": 0}, hangs=False) == []


def falls_short(figures: dict[str, Any] | None = None, *, hangs: bool = True, **phase: Any) -> list[str]:
    """What is said of a good run's figures with these in their place, in all or in its one phase."""
    good = {"name": "kill -9 sync-1", "grace": 0.0, "fills": 3, "taken": 2.5, "back": 3.0, "told": 0.1, "equal": 0.2}
    told = dict.fromkeys(WRONG, 0) | dict.fromkeys(WANTED, 1) | {"phases": [good | phase]}
    told |= {"met by events": {"batch_events": 9}, "snapshots for pages that hung": 2}
    told |= {"kills": dict.fromkeys((*TWO_OF_EACH, "redis"), 1)} | (figures or {})
    return shortcomings(told, within=2.0, taken=5.0, back=5.0, hangs=hangs)


LEDGER: dict[str, list[dict[str, Any]]] = {
    "order": [
        {"id": 11, "accountId": 7, "action": "Buy", "ordStatus": "Filled"},
        {"id": 12, "accountId": 7, "action": "Sell", "ordStatus": "Working"},
        {"id": 13, "accountId": 8, "action": "Buy", "ordStatus": "Working"},
        {"id": 3, "accountId": 7, "action": "Buy", "ordStatus": "Filled"},
    ],
    "orderVersion": [
        {"id": 11, "orderId": 11, "orderQty": 2, "orderType": "Market"},
        {"id": 14, "orderId": 12, "orderQty": 3, "orderType": "Limit", "price": 5010.5},
        {"id": 12, "orderId": 12, "orderQty": 1, "orderType": "Limit", "price": 5010.25},
        {"id": 13, "orderId": 13, "orderQty": 1, "orderType": "Market"},
        {"id": 3, "orderId": 3, "orderQty": 1, "orderType": "Market"},
    ],
    "fill": [
        {"id": 21, "orderId": 11, "action": "Buy", "qty": 2, "price": 5000.25},
        {"id": 4, "orderId": 3, "action": "Buy", "qty": 1, "price": 4990.0},
    ],
    "fillFee": [{"id": 21, "clearingFee": 0.2, "clearingCurrencyId": 1, "commission": 0.78}, {"id": 4}],
    "position": [
        {"id": 31, "accountId": 7, "netPos": -2, "netPrice": 5000.123456},
        {"id": 32, "accountId": 7, "netPos": 0, "netPrice": 0},
    ],
    "cashBalance": [{"id": 41, "accountId": 7, "amount": 99998.28}],
}
ROWS = {
    "done:11": {"account_id": "7", "action": "Buy", "status": "Filled", "qty": "2", "type": "Market", "price": "—"},
    "order:12": {"account_id": "7", "action": "Sell", "status": "Working", "qty": "3", "type": "Limit"}
    | {"price": "5010.50"},
    "done:3": {"account_id": "7", "action": "Buy", "status": "Filled", "qty": "1", "type": "Market", "price": "—"},
    "fill:21": {"order_id": "11", "action": "Buy", "qty": "2", "price": "5000.25", "fee": "0.98"},
    "position:31": {"account_id": "7", "side": "Short", "qty": "2", "average": "5000.1235"},
    "account:7": {"cash": "99,998.28"},
    "upstream": {"state": "up"},
}


def truth() -> Facts:
    return of_ledger(LEDGER, {7}, since=10)


def test_rows_that_tell_what_is_so_agree() -> None:
    assert not differences(shown(truth()), of_rows(ROWS, since=10))
    assert len(shown(truth())) == 5


@pytest.mark.parametrize(
    ("key", "change", "found"),
    [
        ("fill:21", None, {"missed": ["fill:21"]}),
        ("fill:21", {"fee": "—"}, {"wrong": ["fill:21"]}),
        ("done:11", {"status": "Working"}, {"wrong": ["order:11"]}),
        ("order:12", {"price": "5010.25"}, {"wrong": ["order:12"]}),
        ("position:31", {"side": "Long"}, {"wrong": ["position:31"]}),
        ("account:7", {"cash": "99,998.27"}, {"wrong": ["cash:7"]}),
        ("fill:22", ROWS["fill:21"], {"made_up": ["fill:22"]}),
    ],
)
def test_what_rows_tell_otherwise_is_found(key: str, change: dict[str, str] | None, found: dict[str, Any]) -> None:
    rows = deepcopy(ROWS)
    if change is None:
        del rows[key]
    else:
        rows[key] = rows.get(key, {}) | change
    told = differences(shown(truth()), of_rows(rows, since=10))
    assert {kind: keys for kind, keys in vars(told).items() if keys} == found


@pytest.mark.parametrize(
    ("key", "change", "found"),
    [
        ("fill:21", None, {"missed": ["fill:21"]}),
        ("order:12", None, {"missed": ["order:12"]}),
        ("position:31", {"qty": "1"}, {"wrong": ["position:31"]}),
        ("account:7", {"cash": "99,998.27"}, {"wrong": ["account:7"]}),
        ("order:11", ROWS["done:11"], {"made_up": ["order:11"]}),
    ],
)
def test_what_a_screen_shows_otherwise_than_the_book_is_found(
    key: str, change: dict[str, str] | None, found: dict[str, Any]
) -> None:
    book = {key: row | {"id": key.partition(":")[2], "at": "2026-11-27T15:00:00Z"} for key, row in ROWS.items()}
    drawn = {key: row for key, row in deepcopy(ROWS).items() if not key.startswith(("done:", "upstream"))}
    assert not unlike(book, drawn)
    if change is None:
        del drawn[key]
    else:
        drawn[key] = drawn.get(key, {}) | change
    told = unlike(book, drawn)
    assert {kind: keys for kind, keys in vars(told).items() if keys} == found


def test_a_fill_that_one_of_all_does_not_tell_of_is_absent() -> None:
    assert absent_fills(truth(), [truth(), ROWS]) == set()
    for told in ({}, {key: row for key, row in ROWS.items() if key != "fill:21"}):
        assert absent_fills(truth(), [truth(), told]) == absent_fills(truth(), [told, ROWS]) == {"fill:21"}


@pytest.mark.django_db
def test_what_the_journal_lacks_or_tells_otherwise_is_found() -> None:
    user = User.objects.create_user("sim:1")
    connection = Connection.objects.create(user=user, environment="sim", tradovate_user_id=1, name="trader")
    at = "2026-11-27T15:00:00Z"
    day = "2026-11-27"
    shared = {"account_id_at_broker": 7, "symbol": "ESZ6", "at": at}
    connection.orders.create(tradovate_id=11, action="Buy", status="Filled", order_qty=2, order_type="Market", **shared)
    connection.orders.create(
        tradovate_id=12,
        action="Sell",
        status="Working",
        order_qty=3,
        order_type="Limit",
        price=Decimal("5010.5"),
        **shared,
    )
    fill = connection.fills.create(
        tradovate_id=21, order_id_at_broker=11, symbol="ESZ6", action="Buy", qty=2, price=Decimal("5000.25"), at=at
    )
    connection.fill_fees.create(tradovate_id=21, total=Decimal("0.98"))
    connection.positions.create(tradovate_id=31, trade_date=day, net_pos=-2, net_price=Decimal("5000.123456"), **shared)
    terms = {"order_qty": 3, "order_type": "Limit", "price": Decimal("5010.5"), "at": at}
    connection.order_versions.create(tradovate_id=14, order_id_at_broker=12, **terms)
    connection.order_versions.create(tradovate_id=12, order_id_at_broker=12, **terms | {"order_qty": 1})
    connection.order_versions.filter(tradovate_id=12).update(price=Decimal("5010.25"))
    connection.order_versions.create(tradovate_id=11, order_id_at_broker=11, order_qty=2, order_type="Market", at=at)
    connection.cash_balances.create(account_id_at_broker=7, trade_date=day, amount=Decimal("99998.28"), at=at)
    assert not differences(truth(), of_journal(connection.pk, since=10))
    connection.positions.update(net_pos=-1)
    connection.order_versions.filter(tradovate_id=12).delete()
    connection.order_versions.filter(tradovate_id=14).update(order_qty=1)
    fill.delete()
    told = differences(truth(), of_journal(connection.pk, since=10))
    assert told.missed == ["fill:21", "version:12"]
    assert told.wrong == ["position:31", "version:14"]


@pytest.mark.django_db
def test_what_the_journal_tells_otherwise_of_a_cash_book_is_found() -> None:
    user = User.objects.create_user("sim:1")
    connection = Connection.objects.create(user=user, environment="sim", tradovate_user_id=1, name="trader")
    book = [
        {"id": 51, "accountId": 7, "cashChangeType": "Commission", "delta": -0.78, "amount": 99999.22},
        {"id": 52, "accountId": 7, "cashChangeType": "TradePaired", "delta": 5, "amount": 100004.22},
        {"id": 53, "accountId": 8, "cashChangeType": "TradePaired", "delta": 5, "amount": 5},
        {"id": 9, "accountId": 7, "cashChangeType": "FundTransaction", "delta": 5, "amount": 5},
    ]
    for line in book[:2]:
        connection.cash_entries.create(
            tradovate_id=line["id"],
            account_id_at_broker=7,
            change_type=line["cashChangeType"],
            delta=Decimal(str(line["delta"])),
            amount=Decimal(str(line["amount"])),
            at="2026-11-27T15:00:00Z",
        )

    def told() -> Differences:
        lines = cash_lines_of_ledger({"cashBalanceLog": book}, {7}, since=10)
        return differences(lines, cash_lines_of_journal(connection.pk, since=10))

    assert not told()
    connection.cash_entries.filter(tradovate_id=51).update(amount=1)
    connection.cash_entries.filter(tradovate_id=52).delete()
    assert (told().missed, told().wrong) == (["cash line:52"], ["cash line:51"])
