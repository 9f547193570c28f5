"""An order whose end nobody was signed in to see does not work for ever."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db.models.functions import Now
from django.utils import timezone

from accounts import renewal
from accounts.models import Connection, User
from tests.trading.orders.pressing import limit, now, settled
from trading import tasks
from trading.models import Account, OrderIntent, Upstream
from trading.orders import desk, facts, lookup, missed_ends, reconcile
from trading.orders.facts import Facts, OrderFacts
from trading.orders.states import State
from trading.simulator import RunningSimulator
from trading.sync import wanted
from trading.tradovate import Tradovate
from trading.tradovate.entities import CancelOrder


@pytest.fixture
def resting(user: User, account: Account, symbol: str) -> OrderIntent:
    """An order good till cancelled, of which nothing has been heard for days; the hub has read the day."""
    [intent] = desk.place(user, limit(account, symbol), "click:rests").intents
    settled(account)
    days_ago = timezone.now() - timedelta(days=5)
    OrderIntent.objects.filter(pk=intent.pk).update(changed_at=days_ago, time_in_force="GTC")
    synced_at = timezone.now() - missed_ends.TOLD_WITHIN
    Upstream.objects.create(connection=account.connection, state=Upstream.State.UP, since=days_ago, synced_at=synced_at)
    return now(intent)


@pytest.fixture
def shows(account: Account) -> Callable[..., None]:
    """The hub shows these orders as working, one that has `finished`, and no others."""

    def tell(*order_ids: int, finished: int = 0, **more: object) -> None:
        terms = {"account_id": account.tradovate_id, "contract_id": 1, "action": "Buy", "left": 1}
        orders = [OrderFacts(id=number, **terms) for number in order_ids]  # type: ignore[arg-type]
        orders += [OrderFacts(id=finished, is_finished=True, **terms)] if finished else []  # type: ignore[arg-type]
        told = Facts(**{"heard_at": timezone.now(), "orders": orders} | more)  # type: ignore[arg-type]
        facts._client().set(facts.key(account.connection_id), facts.encode(told))

    return tell


def cancel_elsewhere(account: Account, order_id: int) -> None:
    async def send(client: Tradovate) -> None:
        await client.order.cancel(CancelOrder(order_id=order_id))

    reconcile.ask(account.connection, send)


def test_what_the_hub_shows_works_and_is_not_asked_for(
    resting: OrderIntent, shows: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "orders_now", None)
    shows(resting.order_id_at_broker)
    assert missed_ends.due(timezone.now()) == [resting.connection_id]
    assert missed_ends.look(resting.connection_id) == []
    assert now(resting).state == State.WORKING
    assert missed_ends.due(timezone.now()) == [], "once for each day that was read"


def test_what_ended_meanwhile_gets_the_end_that_tradovate_tells(
    simulator: RunningSimulator, account: Account, resting: OrderIntent, shows: Callable[..., None]
) -> None:
    assert resting.order_id_at_broker
    cancel_elsewhere(account, resting.order_id_at_broker)
    simulator.control.advance(1)
    shows()
    tasks.reconcile_orders()
    assert now(resting).state == State.CANCELLED


def test_what_tradovate_serves_no_more_has_expired_and_says_where_to_look(
    account: Account, resting: OrderIntent, shows: Callable[..., None]
) -> None:
    OrderIntent.objects.filter(pk=resting.pk).update(order_id_at_broker=404)
    assert account.connection_id in wanted._read().at_work
    shows()
    tasks.reconcile_orders()
    gone = now(resting)
    assert (gone.state, "statement" in gone.reason) == (State.EXPIRED, True)
    assert account.connection_id not in wanted._read().at_work


def test_what_the_hub_shows_as_finished_does_not_work(resting: OrderIntent, shows: Callable[..., None]) -> None:
    OrderIntent.objects.filter(pk=resting.pk).update(order_id_at_broker=404)
    shows(finished=404)
    assert missed_ends.look(resting.connection_id) == [resting.pk]
    assert now(resting).state == State.EXPIRED


@pytest.mark.parametrize(("told", "is_explained"), [(0, True), (1, True), (2, False)])
def test_what_filled_on_an_earlier_day_says_where_the_fills_are_that_tradovate_does_not_show(
    resting: OrderIntent, shows: Callable[..., None], monkeypatch: pytest.MonkeyPatch, told: int, is_explained: bool
) -> None:
    OrderIntent.objects.filter(pk=resting.pk).update(filled_qty=told)

    async def filled(_: Tradovate, numbers: set[int]) -> dict[int, lookup.Found]:
        return {number: lookup.Found(number, "Filled") for number in numbers}

    monkeypatch.setattr(lookup, "orders_now", filled)  # the simulator serves the fills of its past, too
    shows()
    assert missed_ends.look(resting.connection_id) == [resting.pk]
    gone = now(resting)
    assert (gone.state, gone.filled_qty, "statement" in gone.reason) == (State.FILLED, told, is_explained)


def test_what_is_there_though_the_hub_does_not_show_it_goes_on(
    resting: OrderIntent, shows: Callable[..., None]
) -> None:
    shows()
    assert missed_ends.look(resting.connection_id) == []
    assert now(resting).state == State.WORKING


def test_an_order_is_followed_on_a_socket_that_outlasts_its_tokens(resting: OrderIntent) -> None:
    Connection.objects.update(access_token_expires_at=timezone.now(), refresh_token_expires_at=timezone.now())
    assert renewal.lapsed() == {resting.connection_id}
    assert resting.connection_id in wanted._read().at_work


def test_an_order_for_the_day_is_followed_over_a_holiday(intent: OrderIntent) -> None:
    """Thanksgiving's session is of Friday's trade date: so is an order of Wednesday evening."""
    placed_at = datetime.fromisoformat("2026-11-25T17:05-06:00")
    OrderIntent.objects.filter(pk=intent.pk).update(state=State.WORKING, time_in_force="Day", changed_at=placed_at)
    for moment, is_followed in (("27T16:59", True), ("27T17:00", False)):
        with time_machine.travel(f"2026-11-{moment}-06:00", tick=False):
            assert wanted.followed().exists() is is_followed


@pytest.mark.parametrize(
    "before",
    [
        {"state": Upstream.State.DOWN},
        {"synced_at": Now() - timedelta(days=5)},
        {"synced_at": Now() - missed_ends.TOLD_WITHIN / 2},
        {"synced_at": None},
    ],
)
def test_before_the_hub_has_read_the_day_and_the_journal_has_told_it_nothing_is_looked_for(
    resting: OrderIntent, shows: Callable[..., None], before: dict[str, object]
) -> None:
    shows()
    Upstream.objects.update(**before)
    assert missed_ends.due(timezone.now()) == []


def test_what_the_hub_says_must_be_whole_and_of_now(resting: OrderIntent, shows: Callable[..., None]) -> None:
    OrderIntent.objects.filter(pk=resting.pk).update(order_id_at_broker=404)
    assert missed_ends.look(resting.connection_id) == []
    shows(is_whole=False)
    assert missed_ends.look(resting.connection_id) == []
    shows(heard_at=timezone.now() - 2 * missed_ends.TOLD_WITHIN)
    assert missed_ends.look(resting.connection_id) == []
    assert now(resting).state == State.WORKING


def test_what_was_heard_of_today_is_not_looked_for(resting: OrderIntent, shows: Callable[..., None]) -> None:
    shows()
    OrderIntent.objects.filter(pk=resting.pk).update(changed_at=timezone.now())
    assert missed_ends.due(timezone.now()) == []
