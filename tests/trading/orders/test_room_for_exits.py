"""When the hour's requests are nearly used up, or Tradovate takes no more: entries are refused, exits go out."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Connection
from tests.trading.cast import posts, refuse_more, use_up
from trading.models import Account, OrderIntent
from trading.orders import contracts, facts, gateway, intents
from trading.orders.facts import Facts, PositionFacts
from trading.orders.prices import Distance
from trading.orders.spec import Bracket, LinkedOrder, OrderSpec
from trading.orders.states import State
from trading.orders.wishes import Cancellation, Liquidation, Modification
from trading.simulator import RunningSimulator
from trading.tradovate import Priority
from trading.tradovate.limits import USER

pytestmark = pytest.mark.usefixtures("counts_matter")
KEPT = (
    r"4,7\d\d of 5,000 requests of this hour are used; the rest is kept for exits\. This order was not sent\. Next room"
)


@pytest.fixture
def contract_id(connection: Connection, symbol: str) -> int:
    return contracts.look_up(connection, [symbol]).found[symbol].tradovate_id


@pytest.fixture
def holding(account: Account, contract_id: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the hub say that the account holds `net` contracts."""

    def holding(net: int) -> None:
        position = PositionFacts(account_id=account.tradovate_id, contract_id=contract_id, net_pos=net)
        monkeypatch.setattr(facts, "read", lambda _: Facts(heard_at=timezone.now(), positions=[position]))

    return holding


def order(account: Account, symbol: str, action: str, key: str, **more: Any) -> OrderIntent:
    return intents.create(OrderSpec(account_id=account.pk, symbol=symbol, action=action, order_qty=2, **more), key)


def routes(simulator: RunningSimulator) -> list[str]:
    return [one["route"].lower() for one in simulator.control.ledger()["received"] if "order" in one["route"].lower()]


def test_an_entry_is_refused_in_words_and_every_way_out_goes(
    redis_url: str, simulator: RunningSimulator, account: Account, symbol: str, contract_id: int, holding: Any
) -> None:
    resting = order(account, symbol, "Buy", "click:1", order_type="Limit", price=Decimal(4000))
    assert gateway.submit(resting.pk) == State.ACCEPTED
    resting.refresh_from_db()
    holding(2)
    use_up(account.connection, USER.up_to(Priority.ENTRY))
    before = len(routes(simulator))

    entry = order(account, symbol, "Buy", "click:2")
    with pytest.raises(gateway.CannotSend, match=KEPT):
        gateway.submit(entry.pk)
    entry.refresh_from_db()
    assert entry.state == State.CANCELLED
    assert "the rest is kept for exits" in entry.reason
    assert len(routes(simulator)) == before

    use_up(account.connection, USER.most)
    exit_order = order(account, symbol, "Sell", "click:3")
    cancellation = intents.create(
        Cancellation(account_id=account.pk, order_id=resting.order_id_at_broker or 0, symbol=symbol), "click:4"
    )
    closing = intents.create(Liquidation(account_id=account.pk, contract_id=contract_id, symbol=symbol), "click:5")
    assert gateway.submit(exit_order.pk) == State.ACCEPTED
    assert gateway.submit(cancellation.pk) in {State.ACCEPTED, State.DONE}
    assert gateway.submit(closing.pk) not in {State.CANCELLED, State.REJECTED, State.UNKNOWN}
    assert routes(simulator)[before:] == ["order/placeorder", "order/cancelorder", "order/liquidateposition"]


def test_linked_orders_and_brackets_are_entries_too_and_an_exit_pair_is_none(
    redis_url: str, simulator: RunningSimulator, account: Account, symbol: str, holding: Any
) -> None:
    holding(-2)
    use_up(account.connection, USER.up_to(Priority.ENTRY))
    exits = (LinkedOrder(action="Buy", order_type="Limit", price=Decimal(3900)),)
    oso = order(account, symbol, "Sell", "click:1", order_type="Limit", price=Decimal(9000), triggers=exits)
    bracket = order(
        account, symbol, "Sell", "click:2", brackets=(Bracket(order_qty=2, stop_loss=Distance(Decimal(10))),)
    )
    for refused in (oso, bracket):
        with pytest.raises(gateway.CannotSend, match=KEPT):
            gateway.submit(refused.pk)
    other = LinkedOrder(action="Buy", order_type="Stop", stop_price=Decimal(9000))
    pair = order(account, symbol, "Buy", "click:3", order_type="Limit", price=Decimal(3900), other=other)
    assert gateway.submit(pair.pk) == State.ACCEPTED


def test_a_change_has_room_of_its_own(
    redis_url: str, simulator: RunningSimulator, account: Account, symbol: str, holding: Any
) -> None:
    resting = order(account, symbol, "Buy", "click:1", order_type="Limit", price=Decimal(4000))
    gateway.submit(resting.pk)
    resting.refresh_from_db()
    holding(0)

    def change(key: str, price: int) -> OrderIntent:
        becomes = OrderSpec(
            account_id=account.pk, symbol=symbol, action="Buy", order_qty=2, order_type="Limit", price=Decimal(price)
        )
        return intents.create(Modification(order_id=resting.order_id_at_broker or 0, becomes=becomes), key)

    use_up(account.connection, USER.up_to(Priority.ENTRY))
    assert gateway.submit(change("click:2", 4001).pk) not in {State.CANCELLED, State.REJECTED}
    use_up(account.connection, USER.up_to(Priority.MODIFY))
    with pytest.raises(gateway.CannotSend, match="This change was not sent"):
        gateway.submit(change("click:3", 4002).pk)


def test_after_a_429_entries_wait_until_tradovate_takes_requests_again(
    redis_url: str, simulator: RunningSimulator, account: Account, symbol: str, holding: Any
) -> None:
    holding(0)
    refuse_more(account.connection)
    entry = order(account, symbol, "Buy", "file:1:1")
    with pytest.raises(gateway.CannotSend, match="takes no more of your requests for now"):
        gateway.submit(entry.pk)
    entry.refresh_from_db()
    assert entry.state == State.CREATED  # a file's line waits
    assert posts(simulator) == []
    holding(2)
    assert gateway.submit(order(account, symbol, "Sell", "click:1").pk) == State.ACCEPTED
    # What Tradovate took proves that it takes requests again.
    holding(0)
    assert gateway.submit(entry.pk) == State.ACCEPTED


def test_without_redis_nothing_is_refused(
    simulator: RunningSimulator, account: Account, symbol: str, holding: Any, settings: Any
) -> None:
    holding(0)
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    assert gateway.submit(order(account, symbol, "Buy", "click:1").pk) == State.ACCEPTED


@pytest.fixture
def long(connection: Connection, account: Account, symbol: str, contract_id: int) -> None:
    """The account holds two contracts, of which the hub says nothing."""
    assert gateway.submit(order(account, symbol, "Buy", "click:entry").pk) == State.ACCEPTED


def test_where_the_hub_says_nothing_tradovate_is_asked_what_is_held(
    redis_url: str, simulator: RunningSimulator, account: Account, symbol: str, long: None
) -> None:
    use_up(account.connection, USER.up_to(Priority.ENTRY))
    assert gateway.submit(order(account, symbol, "Sell", "click:1").pk) == State.ACCEPTED
    for number, action in ((2, "Buy"), (3, "Sell")):  # it is flat by now
        with pytest.raises(gateway.CannotSend, match=KEPT):
            gateway.submit(order(account, symbol, action, f"click:{number}").pk)
    assert len(posts(simulator)) == 2


def test_the_last_requests_are_for_what_is_known_to_close(
    redis_url: str, simulator: RunningSimulator, account: Account, symbol: str, contract_id: int, long: None
) -> None:
    use_up(account.connection, USER.up_to(Priority.MODIFY))
    before = len(simulator.control.ledger()["received"])
    with pytest.raises(gateway.CannotSend, match="the rest is kept for exits"):
        gateway.submit(order(account, symbol, "Sell", "click:1").pk)
    assert len(simulator.control.ledger()["received"]) == before, "and none of them is spent on asking"
    closing = intents.create(Liquidation(account_id=account.pk, contract_id=contract_id, symbol=symbol), "click:2")
    assert gateway.submit(closing.pk) == State.ACCEPTED


def test_when_tradovate_does_not_say_what_is_held_an_order_is_an_entry(
    redis_url: str, simulator: RunningSimulator, account: Account, symbol: str, long: None
) -> None:
    use_up(account.connection, USER.up_to(Priority.ENTRY))
    simulator.control.fault("error_500", "position/list")
    with pytest.raises(gateway.CannotSend, match=KEPT):
        gateway.submit(order(account, symbol, "Sell", "click:1").pk)
