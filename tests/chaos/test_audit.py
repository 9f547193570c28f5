"""The count that chaos ends with: whatever intents and ledger do not agree about is found."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import QuerySet

from accounts.models import Connection, User
from tests.chaos import audit
from trading.models import Account, IntentTransition, KillSwitch, OrderFile, OrderIntent, OrderLine
from trading.orders import intents, reports, verify
from trading.orders.states import State
from trading.orders.templates import buy_limit, buy_market
from trading.orders.wishes import Cancellation, Liquidation, Modification
from trading.simulator.clock import stamp

PRESS, FILE = "0123456789abcdef" * 2, "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


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


def truth(
    *cl_ord_ids: str, received: list[dict[str, Any]] | None = None, **more: list[dict[str, Any]]
) -> dict[str, Any]:
    """A ledger with an order of two contracts, filled, for each clOrdId: 55, 56, ...; and the position that the first
    one made. `received` are the requests, with what each was told."""
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
    return {"entities": entities, "contracts": {"5": "ESZ6", "6": "NQZ6"}, "received": received or []}


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


@pytest.mark.parametrize("state", [State.CREATED, State.ABSENT])
def test_a_line_that_waits_when_time_is_over_is_not_finished_and_not_lost(line: OrderLine, state: State) -> None:
    OrderFile.objects.update(state=OrderFile.State.STOPPED)
    assert found(truth()) == set()
    OrderIntent.objects.update(state=state)
    assert found(truth()) == {"not finished within the limit"}
    OrderIntent.objects.update(state=State.UNKNOWN)
    assert found(truth()) == {"never answered"}
    OrderIntent.objects.update(state=State.CANCELLED)
    assert found(truth()) == {"lost"}


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


@pytest.mark.parametrize(
    ("wish", "request_of"),
    [
        (Cancellation, lambda tag: {"route": "order/cancelorder", "params": {"orderId": 55, "clOrdId": tag}}),
        (
            Liquidation,
            lambda tag: {"route": "order/liquidateposition", "params": {"contractId": 5, "customTag50": tag}},
        ),
    ],
)
def test_a_way_out_that_was_sent_twice_is_found_though_nothing_came_of_it(
    account: Account, wish: type[Cancellation | Liquidation], request_of: Callable[[str], dict[str, Any]]
) -> None:
    about = {"order_id": 55} if wish is Cancellation else {"contract_id": 5, "symbol": "ESZ6"}
    made = intents.create(wish(account_id=account.pk, **about), "test:4")
    arrived = request_of(made.cl_ord_id)
    intents.claim(made.pk)
    OrderIntent.objects.update(state=State.INEFFECTIVE)
    assert found(truth(received=[arrived])) == set()
    assert found(truth(received=2 * [arrived])) == {"sent twice"}
    # Its owner wanted it once more: it left no trace the first time, either.
    OrderIntent.objects.update(state=State.ABSENT)
    assert intents.want_again(made.pk)
    OrderIntent.objects.update(state=State.INEFFECTIVE)
    assert found(truth(received=2 * [arrived])) == set()
    assert found(truth(received=3 * [arrived])) == {"sent twice"}


@pytest.mark.parametrize(
    ("source_key", "claimed", "arrived", "is_found"),
    [
        (f"file:{FILE}:1", 1, 2, True),
        # On its way when the switch was thrown, and sent once it was released.
        (f"file:{FILE}:1", -1, 2, False),
        (f"file:{FILE}:1", 1, 11, False),
        # It may close a position.
        (f"click:{PRESS}", 1, 2, False),
    ],
)
def test_what_was_sent_while_trading_was_stopped_is_found(
    account: Account, source_key: str, claimed: int, arrived: int, is_found: bool
) -> None:
    thrown = datetime.now(UTC)
    made = intents.create(buy_market("ESZ6", 2).set_account(account.pk).build(), source_key)
    intents.claim(made.pk)
    claim = IntentTransition.objects.get(to_state=State.SUBMITTING)
    QuerySet(IntentTransition).filter(pk=claim.pk).update(at=thrown + timedelta(seconds=claimed))
    user = account.connection.user
    over = {"released_at": thrown + timedelta(seconds=10), "released_by": user}
    switch = KillSwitch.objects.create(scope="user", user=user, thrown_by=user, by_staff=False, **over)
    request = {
        "route": "order/placeorder",
        "params": {"clOrdId": made.cl_ord_id},
        "timestamp": stamp(thrown + timedelta(seconds=arrived)),
    }
    found = audit.sent_while_stopped(truth(received=[request]), {switch.pk: thrown})
    assert [f"(intent {made.pk}," in one for one in found] == [True] * is_found


@pytest.mark.parametrize(
    ("account_id", "session", "strategies", "kinds"),
    [
        (7, 2, [], {"without a tag"}),
        # The broker's own.
        (7, None, [], set()),
        (8, 2, [], set()),
        (7, 2, [{"id": 400, "orderStrategyId": 300, "orderId": 60}], set()),
    ],
)
def test_an_order_that_came_under_none_of_our_tags_is_found(
    account: Account, account_id: int, session: int | None, strategies: list[dict[str, Any]], kinds: set[str]
) -> None:
    ledger = truth(
        command=[{"id": 110, "orderId": 60, "commandType": "New", "userSessionId": session}],
        order=[{"id": 60, "ordStatus": "Working", "accountId": account_id, "contractId": 5, "action": "Buy"}],
        orderStrategyLink=strategies,
    )
    assert found(ledger) == kinds


def test_what_traders_decided_about_lines_is_counted(line: OrderLine) -> None:
    assert not any(audit.decided().values())
    OrderIntent.objects.update(state=State.ABSENT)
    assert intents.want_again(OrderIntent.objects.get().pk)
    OrderLine.objects.update(passed_over=True)
    counted = {name: times for name, times in audit.decided().items() if times}
    assert counted == {"sent again what never arrived": 1, "resumed a file in doubt": 1}
    OrderFile.objects.update(stop_reason="The lines that had not been sent were given up.")
    counted = {name: times for name, times in audit.decided().items() if times}
    assert counted == {"sent again what never arrived": 1, "gave up a file": 1}


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
