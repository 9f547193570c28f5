"""What a ticket is told while it is filled in: how it reads, what is wrong with it, and nothing of another trader."""

from typing import Any

import pytest

from accounts.models import Connection
from tests.trading.cast import contracts_of, posts, sign_in
from tests.trading.orders.pressing import contract_id
from tests.trading.signed_in import browser_of
from tests.trading.test_views_orders import press, ticket, wrong
from trading.models import Account, OrderIntent, Product
from trading.orders import contracts, kill_switch
from trading.simulator import RunningSimulator
from trading.sync import stream, watched
from trading.views import place


def test_a_preview_sends_nothing_and_tells_risk_and_reward(
    simulator: RunningSimulator, connection: Connection, symbol: str
) -> None:
    browser = browser_of(connection)
    fields = {"exits": "distance", "target": "8", "stop_loss": "4", "unit": "points"}
    answer = press(browser, "/desk/preview/", ticket(connection, symbol, **fields))
    assert answer["stakes"] == {"risk": "$400.00", "reward": "$800.00", "ratio": "2.00 R"}
    assert f"Buy 2 {symbol} Limit at 4000 Day, with target 8 points away and stop 4 points away" in answer["described"]
    assert stream.client().zrange(watched.key(connection.pk), 0, -1) == [str(contract_id(symbol)).encode()]
    assert answer["checked"]
    half = press(browser, "/desk/preview/", ticket(connection, symbol, price="", order_qty="x"))
    assert not half["checked"]
    assert set(wrong(half)) == {"order_qty"}, "what is still empty is not wrong yet"
    whole = press(browser, "/desk/preview/", ticket(connection, symbol, price="", whole="1"))
    assert set(wrong(whole)) == {"price"}, "and before it goes out it is"
    assert not OrderIntent.objects.exists()
    assert posts(simulator) == []


def test_what_another_currency_puts_at_stake_is_not_told_as_dollars(
    simulator: RunningSimulator, connection: Connection, symbol: str
) -> None:
    browser = browser_of(connection)
    order = ticket(connection, symbol, exits="distance", target="8", stop_loss="4", unit="points")
    press(browser, "/desk/preview/", order)
    Product.objects.update(currency="EUR")
    told = press(browser, "/desk/preview/", order)["stakes"]
    assert told == {"risk": "400.00 EUR", "reward": "800.00 EUR", "ratio": "2.00 R"}
    refused = press(browser, "/desk/preview/", order | {"unit": "dollars"})
    assert "priced in EUR: say it in ticks" in wrong(refused)["target"]


def test_of_several_accounts_the_preview_names_the_orders(
    simulator: RunningSimulator, connection: Connection, symbol: str
) -> None:
    browser, order = browser_of(connection), ticket(connection, symbol)
    described = f"Buy 2 {symbol} Limit at 4000 Day"
    assert press(browser, "/desk/preview/", order)["described"] == described
    first = Account.objects.get()
    Account.objects.update(alias="Prop")
    Account.objects.create(connection=connection, tradovate_id=99, name="OTHER")
    assert press(browser, "/desk/preview/", order)["described"] == f"{described}, in Prop ({first.name})"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"order_type": "StopLimit", "stop_price": "5990", "price": "5995"},
            "StopLimit limit price 5995, stop price 5990 Day",
        ),
        (
            {"order_type": "TrailingStop", "stop_price": "5990", "price": "", "peg_difference": "5"},
            "TrailingStop stop price 5990, trail by 5 Day",
        ),
        ({"order_type": "MIT"}, "MIT at 4000 Day"),
        ({"max_show": "1"}, "(showing 1) Limit at 4000 Day"),
        (
            {"time_in_force": "GTD", "expire_time": "2027-03-12T15:00", "utc_offset": "360"},
            "Limit at 4000 GTD until 2027-03-12 15:00 UTC-06:00",
        ),
    ],
)
def test_a_trader_reads_all_that_is_about_to_go_out(
    simulator: RunningSimulator, connection: Connection, symbol: str, fields: dict[str, str], words: str
) -> None:
    order = ticket(connection, symbol, **fields)
    assert press(browser_of(connection), "/desk/preview/", order)["described"] == f"Buy 2 {symbol} {words}"


ODD: list[tuple[str, dict[str, str]]] = [
    ("account", {"account": "1" * 5000}),
    ("price", {"price": "1e999999"}),
    ("price", {"price": "1e-999999"}),
    ("price", {"price": "1e9999999"}),
    ("price", {"price": "-1e9999999"}),
    ("price", {"price": "1e-9999999"}),
    ("price", {"price": "NaN"}),
    ("target", {"exits": "distance", "target": "1e30", "unit": "ticks"}),
    ("stop_loss", {"exits": "distance", "stop_loss": "1e30", "unit": "dollars"}),
    ("order_qty", {"order_qty": "9" * 5000}),
    ("order_qty", {"order_qty": "1.000"}),
    ("max_show", {"max_show": "1.000"}),
    ("expire_time", {"time_in_force": "GTD", "expire_time": "9999-12-31T23:59", "utc_offset": "360"}),
    ("expire_time", {"time_in_force": "GTD", "expire_time": "0001-01-01T00:00", "utc_offset": "-60"}),
]


@pytest.mark.parametrize(("field", "fields"), ODD)
def test_what_is_out_of_all_measure_is_told_beside_its_field(
    simulator: RunningSimulator, connection: Connection, symbol: str, field: str, fields: dict[str, str]
) -> None:
    browser = browser_of(connection)
    for path in ("/desk/preview/", "/desk/place/"):
        answer = press(browser, path, ticket(connection, symbol, **fields))
        assert list(wrong(answer)) == [field]
        assert len(wrong(answer)[field]) < 200
    assert posts(simulator) == []


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The look-ups of symbols at Tradovate, of which nothing is kept from before."""
    found: list[Any] = []
    look_up = contracts.look_up
    monkeypatch.setattr(place, "_kept", {})
    monkeypatch.setattr(contracts, "look_up", lambda *about: found.append(about) or look_up(*about))
    return found


def test_an_unknown_or_expired_symbol_is_asked_for_once_while_somebody_types(
    simulator: RunningSimulator, connection: Connection, asked: list[Any]
) -> None:
    browser = browser_of(connection)
    expired = next(name for name, has_ended in contracts_of(connection, "ES").items() if has_ended)
    for name, words in (("QQZ6", "no contract QQZ6"), (expired, "The front month is ES")):
        asked.clear()
        for price in ("4000", "4001", "4002"):
            answer = press(browser, "/desk/preview/", ticket(connection, name, price=price))
            assert words in wrong(answer)["symbol"]
        assert len(asked) == 1


def test_a_symbol_of_no_usual_form_is_looked_up_before_its_order_goes_out(
    simulator: RunningSimulator, connection: Connection, asked: list[Any]
) -> None:
    browser = browser_of(connection)
    half = press(browser, "/desk/preview/", ticket(connection, "ESZ6-ESH7"))
    assert (half["findings"], half["checked"]) == ([], False)
    assert asked == [], "somebody may be typing yet"
    whole = press(browser, "/desk/preview/", ticket(connection, "ESZ6-ESH7", whole="1"))
    assert "no contract ESZ6-ESH7" in wrong(whole)["symbol"]
    assert whole["checked"]


def test_what_is_kept_of_an_unknown_symbol_tells_nobody_of_another_traders_account(
    simulator: RunningSimulator, connection: Connection, asked: list[Any]
) -> None:
    kill_switch.throw(connection.user, user=connection.user)
    name = Account.objects.get(connection=connection).name
    first = str(press(browser_of(connection), "/desk/preview/", ticket(connection, "QQZ6")))
    assert name in first
    assert "Trading is stopped" in first
    other = sign_in(simulator, "pro")
    account = Account.objects.filter(connection=other)[0].tradovate_id
    answer = press(browser_of(other), "/desk/preview/", ticket(connection, "QQZ6", account=account))
    assert list(wrong(answer)) == ["symbol"]
    assert name not in str(answer)
    assert "Trading is stopped" not in str(answer)
    assert len(asked) == 1
