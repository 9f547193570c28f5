"""Between an order's last look at the kill switch and its first byte on the wire there are no more than 100 ms."""

from collections.abc import Iterator

import pytest

from accounts.models import User
from tests.trading.cast import posts
from tests.trading.orders.slow_redis import SlowRedis
from trading.models import Account, OrderIntent
from trading.orders import gateway, intents, kill_switch, warm
from trading.orders.spec import OrderSpec
from trading.orders.states import State
from trading.simulator import RunningSimulator


@pytest.fixture
def slow_redis(simulator: RunningSimulator, account: Account, settings) -> Iterator[SlowRedis]:
    slow = SlowRedis(settings.REDIS_URL)
    settings.REDIS_URL = slow.address
    yield slow
    warm.close()
    slow.close()


def test_what_is_stopped_while_an_order_is_counted_does_not_go_out(
    simulator: RunningSimulator, slow_redis: SlowRedis, intent: OrderIntent, user: User
) -> None:
    def claim(intent_id: int) -> int:
        attempt = intents.claim(intent_id)
        slow_redis.delay(0.1, lambda: kill_switch.throw(user, user=user))
        return attempt

    with pytest.raises(gateway.CannotSend, match="stopped by you"):
        gateway.submit(intent.pk, claim)
    assert slow_redis.has_delayed
    assert posts(simulator) == []
    intent.refresh_from_db()
    assert intent.state == State.CREATED, "a line of a file waits"


def test_what_was_held_up_and_is_not_stopped_goes_out_once(
    simulator: RunningSimulator, slow_redis: SlowRedis, account: Account, symbol: str
) -> None:
    def claim(intent_id: int) -> int:
        attempt = intents.claim(intent_id)
        slow_redis.delay(0.1, lambda: None)
        return attempt

    spec = OrderSpec(account_id=account.pk, symbol=symbol, action="Buy", order_qty=2)
    assert gateway.submit(intents.create(spec, "click:1").pk, claim) == State.ACCEPTED
    assert slow_redis.has_delayed
    assert len(posts(simulator)) == 1


def test_a_look_holds_for_less_than_is_promised() -> None:
    assert warm.LOOK_HOLDS < 0.1
