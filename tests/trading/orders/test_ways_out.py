"""Which orders lead out of a position, by what the hub knows."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.utils import timezone

from accounts.models import Connection
from trading.models import Account, Contract, OrderIntent, Product
from trading.orders import facts, intents
from trading.orders.facts import Facts, PositionFacts
from trading.orders.spec import OrderSpec
from trading.orders.ways_out import may_close

Hold = Callable[..., None]


@pytest.fixture
def hold(connection: Connection, account: Account, monkeypatch: pytest.MonkeyPatch) -> Hold:
    """What the hub says: `net` ESZ6 held in the account, and one short in another."""
    product = Product.objects.create(
        environment="sim", tradovate_id=1, name="ES", tick_size="0.25", value_per_point="50"
    )
    expires = timezone.now() + dt.timedelta(days=30)
    Contract.objects.create(environment="sim", tradovate_id=7, name="ESZ6", product=product, expiration_date=expires)

    def hold(net: int, *, age: float = 0, is_whole: bool = True) -> None:
        held = [(account.tradovate_id, 7, net), (account.tradovate_id, 8, 50), (account.tradovate_id + 1, 7, -1)]
        positions = [PositionFacts(account_id=a, contract_id=c, net_pos=n) for a, c, n in held]
        heard_at = timezone.now() - dt.timedelta(seconds=age)
        known = Facts(heard_at=heard_at, positions=positions, is_whole=is_whole)
        monkeypatch.setattr(facts, "read", lambda connection_id: known)

    return hold


def order(account: Account, action: str, qty: int) -> OrderIntent:
    spec = OrderSpec(account_id=account.pk, symbol="ESZ6", action=action, order_qty=qty)
    return intents.create(spec, f"test:{action}:{qty}")


@pytest.mark.parametrize(
    ("net", "action", "qty", "closes"),
    [
        (2, "Sell", 1, True),
        (2, "Sell", 4, True),  # turned around
        (2, "Sell", 5, False),
        (2, "Buy", 1, False),
        (-2, "Buy", 2, True),
        (-2, "Sell", 1, False),
        (0, "Buy", 1, False),
        (0, "Sell", 1, False),
    ],
)
def test_what_trades_against_a_position_leads_out_of_it(
    account: Account, hold: Hold, net: int, action: str, qty: int, closes: bool
) -> None:
    hold(net)
    assert may_close(order(account, action, qty)) is closes


def test_what_nobody_knows_is_an_entry(account: Account, hold: Hold, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tradovate is asked, and knows nothing of this contract."""
    buy = order(account, "Buy", 1)
    for unknown in ({"age": 60}, {"is_whole": False}):
        hold(-1, **unknown)
        assert not may_close(buy)
    monkeypatch.setattr(facts, "read", lambda connection_id: None)
    assert not may_close(buy)
    hold(-1)
    assert may_close(buy)
    Contract.objects.all().delete()
    assert not may_close(buy)


def test_of_two_contracts_of_a_name_the_one_seen_last_is_meant(account: Account, hold: Hold) -> None:
    """A name comes back after ten years, and the rows need not have been written in that order."""
    hold(-1)
    traded = Contract.objects.get()
    old = Contract.objects.create(
        environment="sim", tradovate_id=8, name="ESZ6", product=traded.product, expiration_date=timezone.now()
    )
    Contract.objects.filter(pk=old.pk).update(seen_at=traded.seen_at - dt.timedelta(days=3652))
    assert may_close(order(account, "Buy", 1))
