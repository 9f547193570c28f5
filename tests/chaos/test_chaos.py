"""Order files and clicks while processes, database and broker fail at random; and that the count would notice."""

import itertools
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from django.conf import settings
from django.db.models import QuerySet

from accounts.models import Connection, User
from tests.chaos import audit, clicks, long, traders
from tests.chaos import monkey as monkeys
from tests.chaos.portal import LONGEST_WAIT, Portal
from trading.models import Account, IntentTransition, OrderFile, OrderIntent, OrderLine
from trading.orders import intents, reports, verify
from trading.orders.states import State
from trading.orders.templates import buy_limit, buy_market
from trading.orders.wishes import Cancellation, Modification

POSTGRES_URL = os.environ.get("TEST_DATABASE_URL", "")
IN_CI = (os.environ.get("CI") or "false") != "false"
PRESS, FILE = "0123456789abcdef" * 2, "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
ALL_KINDS = {"order", "oco", "leg", "oso", "bracket", "modify", "cancel", "liquidate"}


@pytest.mark.alone
@pytest.mark.timeout(560 + LONGEST_WAIT)
def test_no_order_is_sent_twice_or_lost_whatever_is_killed(record_property: Callable[[str, object], None]) -> None:
    # Every trial at the same time has a database connection of its own, of which PostgreSQL commonly has a hundred.
    postgres = ["--postgres", POSTGRES_URL, "--trials", "40", "--parallel", "40"]
    options = postgres if POSTGRES_URL else ["--trials", "200", "--parallel", "80"]
    command = [sys.executable, "-m", "tests.chaos", *options]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    run = subprocess.run(
        command,
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=540 + LONGEST_WAIT,
    )
    figures = long.figures_of(run.stdout)
    if figures is not None:
        record_property("chaos", long.summary(figures, "PostgreSQL" if POSTGRES_URL else "SQLite"))
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr[-8000:]}"
    assert figures is not None
    assert figures["intents"] >= 2 * figures["trials"]
    # One throw of the kill switch in so short a run can leave nothing to be changed.
    always = {"order", "leg"} if POSTGRES_URL else ALL_KINDS
    assert always <= figures["kinds"].keys() <= ALL_KINDS
    assert figures["sent twice"] == 0
    assert figures["kills"].keys() == monkeys.WEIGHTS.keys()
    # In so few trials as PostgreSQL has, a rare one may meet no order.
    met = {"lose_reply"} if POSTGRES_URL else {*monkeys.BROKER_FAULTS, "modify_ignored"}
    assert met <= figures["faults met"].keys()
    assert figures["were unknown"]
    assert figures["unknown when the faults ended"], "nothing for the doubt to be measured by"
    if IN_CI and not POSTGRES_URL:
        assert figures["seconds"] < 300, f"200 trials took {figures['seconds']} s; they have to take less than 300"


def test_everything_is_killed_before_anything_is_killed_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(monkeys, "ABSENCE", (0.0, 0.0))
    monkeypatch.setattr(Portal, "control", Mock())
    monkeypatch.setattr(Portal, "faults", Mock(return_value=[]), raising=False)
    portal = Portal([], "", tmp_path, "", Mock(ended=list, alive=list(monkeys.WEIGHTS)))
    monkey = monkeys.Monkey(portal, f"sqlite:///{tmp_path / 'a.sqlite3'}", 1, itertools.count(step=100).__next__)
    monkey.begin()
    while sum(portal.kills.values()) < len(monkeys.WEIGHTS):
        time.sleep(0.01)
    monkey.stop(Mock())
    assert portal.kills.keys() == monkeys.WEIGHTS.keys()


def test_the_figures_of_runs_add_up() -> None:
    first = 'seed 3\n{"trials": 200, "sent twice": 1, "kills": {"web": 2, "sync": 1}, "stuck": ["x"]}\nsent twice: 5\n'
    assert long.figures_of("seed 3\nno portal") is None
    figures = long.figures_of(first)
    assert figures is not None
    assert long.counted(figures) == {"trials": 200, "sent twice": 1, "kills": 3, "stuck": 1}


@pytest.fixture
def account(db: None) -> Account:
    user = User.objects.create_user("sim:1")
    connection = Connection.objects.create(user=user, environment="sim", tradovate_user_id=1, name="trader")
    return Account.objects.create(connection=connection, tradovate_id=7, name="DEMO7")


@pytest.fixture
def intent(account: Account) -> OrderIntent:
    """Two contracts, accepted as order 55 and filled."""
    connection = account.connection
    made = intents.create(buy_market("ESZ6", 2).set_account(account.pk).build(), "test:1")
    intents.claim(made.pk)
    reports.accept(made.pk, 55)
    reports.observe_order(connection.pk, 55, "Filled", 2, Decimal(5000))
    now = datetime.now(UTC)
    connection.fills.create(
        tradovate_id=90, order_id_at_broker=55, symbol="ESZ6", action="Buy", qty=2, price=5000, at=now
    )
    connection.positions.create(
        tradovate_id=5, account_id_at_broker=7, symbol="ESZ6", trade_date=now.date(), net_pos=2, at=now
    )
    made.refresh_from_db()
    return made


@pytest.fixture
def change(account: Account) -> OrderIntent:
    """A change of order 55 that took effect, by command 101."""
    becomes = buy_limit("ESZ6", 2, "5000").set_account(account.pk).build()
    made = intents.create(Modification(order_id=55, becomes=becomes), "test:2")
    intents.claim(made.pk)
    verify.observe_answer(account.connection_id, made.cl_ord_id, 101, took=True)
    made.refresh_from_db()
    assert made.state == State.DONE
    return made


def truth(*cl_ord_ids: str, **more: list[dict[str, Any]]) -> dict[str, Any]:
    """A ledger with an order of two contracts, filled, for each clOrdId: 55, 56, ...; and the position that the first
    one made."""
    orders = list(enumerate(cl_ord_ids, start=55))
    entities: dict[str, list[dict[str, Any]]] = {
        "command": [
            {"id": 100 + number, "clOrdId": cl_ord_id, "orderId": number, "commandType": "New"}
            for number, cl_ord_id in orders
        ],
        "order": [
            {"id": number, "ordStatus": "Filled", "accountId": 7, "contractId": 5, "action": "Buy"}
            for number, _ in orders
        ],
        "orderVersion": [
            {"id": 100 + number, "orderId": number, "orderQty": 2, "orderType": "Market", "timeInForce": "Day"}
            for number, _ in orders
        ],
        "fill": [{"id": 35 + number, "orderId": number, "qty": 2} for number, _ in orders],
        "position": [{"id": 5, "accountId": 7, "netPos": 2}] if orders else [],
    }
    entities = {name: entities.get(name, []) + more.get(name, []) for name in entities.keys() | more.keys()}
    return {"entities": entities, "contracts": {"5": "ESZ6", "6": "NQZ6"}}


def found(ledger: dict[str, Any]) -> set[str]:
    return {kind for kind, cases in audit.disagreements(ledger).items() if cases}


def command(cl_ord_id: str, kind: str = "Modify") -> dict[str, Any]:
    return {"id": 101, "clOrdId": cl_ord_id, "orderId": 55, "commandType": kind}


def test_agreement_is_found_to_be_one(intent: OrderIntent) -> None:
    assert found(truth(intent.cl_ord_id)) == set()


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({"state": State.UNKNOWN}, {"never answered"}),
        ({"state": State.ABSENT}, {"at the broker and not said to be"}),
        ({"order_id_at_broker": 77}, {"another order's id"}),
        ({"filled_qty": 1}, {"filled otherwise"}),
        ({"state": State.WORKING}, {"ended otherwise"}),
        ({"cl_ord_id": "tp-another"}, {"unknown to the portal", "said to be at the broker and is not"}),
    ],
)
def test_what_the_portal_says_wrongly_is_found(intent: OrderIntent, change: dict[str, Any], kinds: set[str]) -> None:
    ledger = truth(intent.cl_ord_id)
    OrderIntent.objects.update(**change)
    assert found(ledger) == kinds


def test_an_order_that_was_sent_twice_is_found(intent: OrderIntent) -> None:
    assert "sent twice" in found(truth(intent.cl_ord_id, intent.cl_ord_id))


@pytest.mark.parametrize(
    ("first", "second", "kinds"),
    [
        (f"click:{PRESS}", f"click:{PRESS}:2", {"sent twice"}),
        (f"click:{PRESS}-modify-55", f"click:{PRESS}-modify-55-b", {"sent twice"}),
        (f"click:{PRESS}-flatten-7", f"click:{PRESS}-flatten-8", {"sent twice"}),
        (f"file:{FILE}:1", f"file:{FILE}:1:2", {"sent twice"}),
        (f"click:{PRESS}", f"click:{PRESS[::-1]}", set()),
        (f"file:{FILE}:1", f"file:{FILE}:11", set()),
    ],
)
def test_one_press_or_line_that_made_two_intents_is_found(
    account: Account, first: str, second: str, kinds: set[str]
) -> None:
    spec = buy_market("ESZ6", 2).set_account(account.pk).build()
    for key in (first, second):
        intents.create(spec, key)
    OrderIntent.objects.update(state=State.REJECTED)
    assert found(truth()) == kinds


@pytest.fixture
def line(account: Account) -> OrderLine:
    """The one line of a finished file, refused by Tradovate."""
    spec = buy_market("ESZ6", 2).set_account(account.pk).build()
    made = intents.create(spec, f"file:{FILE}:1")
    OrderIntent.objects.update(state=State.REJECTED)
    file = account.order_files.create(name="orders.txt", content="ESZ6 2\n", state=OrderFile.State.FINISHED)
    return file.lines.create(number=1, text="ESZ6 2", symbol="ESZ6", quantity=2, intent=made)


def test_a_line_of_a_file_that_nobody_gave_up_and_that_never_arrived_is_found(line: OrderLine) -> None:
    assert found(truth()) == set()
    OrderIntent.objects.update(state=State.CANCELLED)
    assert found(truth()) == {"lost"}
    cancelled = truth(OrderIntent.objects.get().cl_ord_id)
    cancelled["entities"] |= {
        "order": [cancelled["entities"]["order"][0] | {"ordStatus": "Canceled"}],
        "fill": [],
        "position": [],
    }
    OrderIntent.objects.update(order_id_at_broker=55)
    assert found(cancelled) == set(), "it was there, and then cancelled"
    OrderIntent.objects.update(state=State.ABSENT, order_id_at_broker=None)
    assert found(truth()) == {"lost"}
    OrderLine.objects.update(passed_over=True)
    assert found(truth()) == set()


def test_a_line_that_its_finished_file_has_no_intent_for_is_found(line: OrderLine) -> None:
    line.file.content += "NQZ6 -1\n"
    line.file.save()
    assert found(truth()) == {"lost"}
    line.file.lines.create(number=2, text="NQZ6 -1")
    assert found(truth()) == {"lost"}


def test_a_fill_that_the_journal_lacks_is_found(intent: OrderIntent) -> None:
    intent.connection.fills.all().delete()
    assert found(truth(intent.cl_ord_id)) == {"fills that the journal lacks"}


def test_a_position_that_the_journal_tells_otherwise_is_found(intent: OrderIntent) -> None:
    intent.connection.positions.update(net_pos=1)
    assert found(truth(intent.cl_ord_id)) == {"positions told otherwise"}


def test_a_change_agrees_when_it_was_carried_out(change: OrderIntent) -> None:
    carried_out = [{"commandId": 101, "execType": "Replaced"}]
    assert found(truth(command=[command(change.cl_ord_id)], executionReport=carried_out)) == set()
    assert found(truth(command=[command(change.cl_ord_id)])) == {"effect told otherwise"}
    assert found(truth(command=2 * [command(change.cl_ord_id)], executionReport=carried_out)) == {"sent twice"}
    assert found(truth()) == {"said to be at the broker and is not"}


@pytest.mark.parametrize(
    ("entity", "wrong"),
    [
        ("order", {"action": "Sell"}),
        ("order", {"accountId": 8}),
        ("order", {"contractId": 6}),
        ("orderVersion", {"orderQty": 3}),
        ("orderVersion", {"orderType": "Limit"}),
        ("orderVersion", {"timeInForce": "GTC"}),
    ],
)
def test_an_order_that_is_another_one_than_was_wished_for_is_found(
    intent: OrderIntent, entity: str, wrong: dict[str, Any]
) -> None:
    ledger = truth(intent.cl_ord_id)
    assert found(ledger) == set()
    ledger["entities"][entity][0] |= wrong
    assert "sent otherwise" in found(ledger)


def test_a_change_to_other_terms_or_of_another_order_is_found(change: OrderIntent) -> None:
    terms = {"orderQty": 2, "orderType": "Limit", "price": 5000, "timeInForce": "Day"}
    ledger = truth(
        command=[command(change.cl_ord_id)],
        executionReport=[{"commandId": 101, "execType": "Replaced"}],
        order=[{"id": 55, "ordStatus": "Working", "accountId": 7, "contractId": 5, "action": "Buy"}],
        orderVersion=[{"id": 101, "orderId": 55, **terms}],
    )
    assert found(ledger) == set()
    ledger["entities"]["orderVersion"][0]["price"] = 5001
    assert found(ledger) == {"sent otherwise"}
    ledger["entities"]["orderVersion"][0] |= terms
    ledger["entities"]["command"][0]["orderId"] = 56
    assert found(ledger) == {"sent otherwise"}


@pytest.mark.parametrize("state", [State.INEFFECTIVE, State.REJECTED])
def test_a_cancellation_that_ended_its_order_and_is_told_to_have_failed_is_found(
    account: Account, state: State
) -> None:
    made = intents.create(Cancellation(account_id=account.pk, order_id=55), "test:3")
    intents.claim(made.pk)
    OrderIntent.objects.update(state=state, command_id_at_broker=101)
    ledger = truth(command=[command(made.cl_ord_id, "Cancel")])
    assert found(ledger) == set()
    ledger["entities"]["executionReport"] = [{"commandId": 101, "execType": "Canceled"}]
    assert found(ledger) == {"effect told otherwise"}
    OrderIntent.objects.update(state=State.DONE)
    assert found(ledger) == set()


def test_a_line_that_was_given_up_is_not_lost(line: OrderLine) -> None:
    OrderIntent.objects.update(state=State.CANCELLED)
    OrderFile.objects.update(stop_reason="The lines that had not been sent were given up.")
    assert found(truth()) == set()


def test_a_strategy_and_a_closing_that_were_sent_twice_are_found(intent: OrderIntent) -> None:
    uuid, tag = "tp-strategy", "tp-closing"
    closings = [{"id": number, "customTag50": tag, "orderId": number, "commandType": "New"} for number in (200, 201)]
    strategies = [{"id": number, "uuid": uuid} for number in (300, 301)]
    twice = audit.disagreements(truth(intent.cl_ord_id, command=closings, orderStrategy=strategies))["sent twice"]
    assert set(twice) == {uuid, tag}


def test_a_doubt_is_measured_from_the_end_of_the_faults(intent: OrderIntent) -> None:
    now = datetime.now(UTC)
    for state, later in ((State.UNKNOWN, -60), (State.ACCEPTED, 4)):
        step = IntentTransition.objects.create(
            intent=intent,
            from_state=State.SUBMITTING if state == State.UNKNOWN else State.UNKNOWN,
            to_state=state,
        )
        QuerySet(IntentTransition).filter(pk=step.pk).update(at=now + timedelta(seconds=later))
    assert audit.longest_doubt(now) == timedelta(seconds=4)


def test_the_time_of_a_killed_sender_counts_until_it_is_clear_what_became_of_its_order(account: Account) -> None:
    now = datetime.now(UTC)
    spec = buy_market("ESZ6", 2).set_account(account.pk).build()
    sent, line, click = (intents.create(spec, key) for key in ("click:1", "file:1:1", "click:2"))
    QuerySet(IntentTransition).delete()

    def moved(intent: OrderIntent, *steps: tuple[State, float]) -> timedelta:
        before = State.CREATED
        for state, seconds in steps:
            made = IntentTransition.objects.create(intent=intent, from_state=before, to_state=state)
            before = state
            QuerySet(IntentTransition).filter(pk=made.pk).update(at=now + timedelta(seconds=seconds))
        return audit.longest_open(now)

    assert moved(sent, (State.SUBMITTING, -60), (State.UNKNOWN, 12), (State.ACCEPTED, 15)) == timedelta(seconds=15)
    assert audit.longest_doubt(now) == timedelta(seconds=3)
    assert moved(line, (State.CREATED, -60), (State.SUBMITTING, 50), (State.ACCEPTED, 51)) == timedelta(seconds=15)
    assert moved(click, (State.CREATED, 1), (State.CANCELLED, 21)) == timedelta(seconds=20)


@pytest.mark.parametrize(
    ("verb", "answer", "is_promise"),
    [
        ("place", httpx.Response(302), True),
        ("place", httpx.Response(422), False),
        ("flatten", httpx.Response(200, json={"refused": False}), True),
        ("flatten", httpx.Response(200, json={"refused": True}), False),
        ("cancel", httpx.Response(302), True),
    ],
)
def test_a_press_that_was_taken_and_left_no_intent_gets_its_trader_stuck(
    monkeypatch: pytest.MonkeyPatch, account: Account, verb: str, answer: httpx.Response, is_promise: bool
) -> None:
    monkeypatch.setattr(clicks, "patiently", lambda query: query())
    trader = Mock(spec=traders.Trader)
    trader.name, trader.press.return_value = "trader", answer
    desk = clicks.Desk(trader, account, ["ESZ6"], random.Random(1))
    with pytest.raises(traders.Stuck) if is_promise else nullcontext():
        assert desk.wish(verb) == []


def test_a_run_is_told_in_one_line() -> None:
    figures = {"trials": 200, "seconds": 214, "intents": 857, "kills": {"web": 100, "sync": 85}, "stuck": []}
    figures |= {"sent": 972, "were unknown": 273, "were not at the broker": 153}
    figures |= {"sent twice": 0, "lost": 0, "never answered": 0}
    figures |= {long.DOUBT: 3.1, long.OPEN: 14.2}
    assert long.summary(figures, "SQLite") == (
        "SQLite: 200 trials in 214 s, 857 intents, 972 sent, 273 answers lost, 153 of these not at the broker, "
        "185 kills; sent twice 0, lost 0, never answered 0, longest doubt 3.1 s, longest until clear 14.2 s"
    )
