"""Order files while processes, database and broker fail at random; and that the count would notice."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from accounts.models import Connection, User
from tests.chaos import audit
from trading.models import Account, IntentTransition, OrderIntent
from trading.orders import intents
from trading.orders.states import State
from trading.orders.templates import buy_market

POSTGRES_URL = os.environ.get("TEST_DATABASE_URL", "")


@pytest.mark.timeout(560)
def test_no_order_is_sent_twice_or_lost_whatever_is_killed() -> None:
    on = ["--postgres", POSTGRES_URL, "--trials", "60"] if POSTGRES_URL else ["--trials", "200"]
    command = [sys.executable, "-m", "tests.chaos", "--parallel", "60", *on]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    run = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False, timeout=540
    )
    print(run.stdout)  # noqa: T201 - the figures belong to the test's output
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr[-8000:]}"
    figures = json.loads(run.stdout[run.stdout.index("{") :])
    assert figures["intents"] >= 3 * figures["trials"]
    assert figures["sent twice"] == 0
    assert figures["kills"]
    assert figures["were unknown"]


@pytest.fixture
def intent(db: None) -> OrderIntent:
    """Two contracts, accepted as order 55 and filled."""
    user = User.objects.create_user("sim:1")
    connection = Connection.objects.create(user=user, environment="sim", tradovate_user_id=1, name="trader")
    account = Account.objects.create(connection=connection, tradovate_id=7, name="DEMO7")
    made = intents.create(buy_market("ESZ6", 2).set_account(account.pk).build(), "test:1")
    intents.claim(made.pk)
    intents.accept(made.pk, 55)
    intents.observe_order(connection.pk, 55, "Filled", 2, Decimal(5000))
    connection.fills.create(
        tradovate_id=90, order_id_at_broker=55, symbol="ESZ6", action="Buy", qty=2, price=5000, at=datetime.now(UTC)
    )
    made.refresh_from_db()
    return made


def truth(*cl_ord_ids: str) -> dict[str, Any]:
    """A ledger with an order of two contracts, filled, for each clOrdId: 55, 56, ..."""
    orders = list(enumerate(cl_ord_ids, start=55))
    return {
        "entities": {
            "command": [
                {"id": 100 + number, "clOrdId": cl_ord_id, "orderId": number, "commandType": "New"}
                for number, cl_ord_id in orders
            ],
            "order": [{"id": number, "ordStatus": "Filled"} for number, _ in orders],
            "fill": [{"id": 35 + number, "orderId": number, "qty": 2} for number, _ in orders],
        }
    }


def found(ledger: dict[str, Any]) -> set[str]:
    return {kind for kind, cases in audit.disagreements(ledger).items() if cases}


def test_agreement_is_found_to_be_one(intent: OrderIntent) -> None:
    assert found(truth(intent.cl_ord_id)) == set()


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({"state": State.UNKNOWN}, {"never answered"}),
        ({"state": State.ABSENT}, {"at the broker and not said to be"}),
        ({"order_id_at_broker": 77}, {"another order's id"}),
        ({"filled_qty": 1}, {"filled otherwise"}),
        ({"cl_ord_id": "tp-another"}, {"unknown to the portal", "said to be at the broker and is not"}),
    ],
)
def test_what_the_portal_says_wrongly_is_found(intent: OrderIntent, change: dict[str, Any], kinds: set[str]) -> None:
    ledger = truth(intent.cl_ord_id)
    OrderIntent.objects.update(**change)
    assert found(ledger) == kinds


def test_an_order_that_was_sent_twice_is_found(intent: OrderIntent) -> None:
    assert "sent twice" in found(truth(intent.cl_ord_id, intent.cl_ord_id))


def test_a_fill_that_the_journal_lacks_is_found(intent: OrderIntent) -> None:
    intent.connection.fills.all().delete()
    assert found(truth(intent.cl_ord_id)) == {"fills that the journal lacks"}


def test_a_doubt_is_measured_from_the_end_of_the_faults(intent: OrderIntent) -> None:
    now = datetime.now(UTC)
    for state, later in ((State.UNKNOWN, -60), (State.ACCEPTED, 4)):
        step = IntentTransition.objects.create(
            intent=intent,
            from_state=State.SUBMITTING if state == State.UNKNOWN else State.UNKNOWN,
            to_state=state,
        )
        IntentTransition.objects.filter(pk=step.pk).update(at=now + timedelta(seconds=later))
    assert audit.longest_doubt(now) == timedelta(seconds=4)
