"""The buttons of rows and panels: each does one thing, once, to the trader's own orders and positions."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from accounts.models import Connection, User
from tests.trading.cast import listed, sign_in
from tests.trading.orders.pressing import mirrored, pair
from tests.trading.signed_in import browser_of
from tests.trading.test_views_orders import press, ticket, wrong
from trading.models import Account, OrderIntent
from trading.orders import desk, looks
from trading.orders.outcomes import own_accounts
from trading.orders.states import State
from trading.simulator import RunningSimulator
from trading.tradovate.entities import Order

ROWS = ("modify", "cancel", "flatten", "reverse", "exits", "break-even")
ALL = ("cancel-all", "flatten-all")


@pytest.fixture
def symbol(simulator: RunningSimulator, connection: Connection) -> str:
    symbol = listed(connection, "ES")
    simulator.control.price(symbol, 5000)
    return symbol


def key(number: int) -> str:
    return f"{number:032}"


def account_of(connection: Connection) -> Account:
    return Account.objects.get(connection=connection)


def working(connection: Connection) -> list[Order]:
    return looks.open_orders(connection, {account_of(connection).tradovate_id})


def net(connection: Connection) -> int:
    positions = looks.open_positions(connection, {account_of(connection).tradovate_id})
    return sum(position.net_pos for position in positions)


def place(browser: Client, connection: Connection, symbol: str, number: int = 1, **fields: Any) -> str:
    """Place a ticket; returns what the buttons of its order's row name."""
    placed = press(browser, "/desk/place/", ticket(connection, symbol, key=key(number), **fields))
    assert placed["level"] == "success", placed["words"]
    row = placed["rows"][placed["intent"]]
    return f"{row['account_id']}:{row['order_id']}"


def hold(browser: Client, connection: Connection, symbol: str, qty: int = 3) -> str:
    """Buy; returns what the buttons of the position's row name."""
    place(browser, connection, symbol, 900, order_type="Market", price="", order_qty=str(qty))
    [position] = looks.open_positions(connection, {account_of(connection).tradovate_id})
    return f"{position.account_id}:{position.contract_id}"


def test_a_change_leaves_what_it_does_not_name(browser: Client, connection: Connection, symbol: str) -> None:
    order = place(browser, connection, symbol, time_in_force="GTC")
    button = {"order": order, "key": key(2), "price": "4100.50"}
    first, again = (press(browser, "/desk/modify/", button) for _ in range(2))
    assert (first["level"], first["intent"]) == ("success", again["intent"])
    [one] = working(connection)
    version = looks.standing(connection, one.id).version
    assert (float(version.price or 0), version.order_qty, version.time_in_force) == (4100.5, 2, "GTC")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Nothing was changed"),
        ({"price": "4100.10"}, "nearest 4100.00 or 4100.25"),
        ({"price": "x"}, "Write a number"),
        ({"order_qty": "0"}, "at least 1"),
        ({"order_qty": "1.000"}, "Write a whole number of contracts."),
        ({"stop_price": "4100"}, "takes no stopPrice"),
    ],
)
def test_a_change_that_cannot_be_is_refused_in_words(
    browser: Client, connection: Connection, symbol: str, fields: dict[str, str], words: str
) -> None:
    order = place(browser, connection, symbol)
    answer = press(browser, "/desk/modify/", {"order": order, "key": key(2), **fields})
    assert answer["refused"]
    assert words in answer["words"]


def test_cancel_all_takes_every_order_out_once(browser: Client, connection: Connection, symbol: str) -> None:
    place(browser, connection, symbol, 1)
    place(browser, connection, symbol, 2, exits="prices", target_price="4010", exit_stop_price="3990")
    answers = [press(browser, "/desk/cancel-all/", {"key": key(3)}) for _ in range(2)]
    assert answers[0]["level"] == "success"
    assert {row["sweep"] for row in answers[0]["rows"].values()} == {"1"}
    assert answers[1]["words"] == "There is no working order."
    assert working(connection) == []


def test_a_cancellation_without_a_script_says_which_contracts_it_leaves_without_exits(
    simulator: RunningSimulator, browser: Client, connection: Connection, symbol: str
) -> None:
    simulator.control.liquidity(symbol, 1)
    exits = {"exits": "prices", "target_price": "5010", "exit_stop_price": "4990"}
    for number, headers in enumerate(({}, {"Accept": "application/json"}), start=1):
        order = place(browser, connection, symbol, number, price="5000", order_qty="3", **exits)
        entry = int(order.partition(":")[2])
        for leg in OrderIntent.objects.filter(lead__order_id_at_broker=entry):
            number_there = leg.order_id_at_broker or 0
            mirrored(account_of(connection), symbol, number_there, status="Suspended", parent_id_at_broker=entry)
        answer = browser.post("/desk/cancel/", {"order": order, "key": key(10 + number)}, headers=headers)
        if headers:
            [row] = answer.json()["rows"].values()
            assert (answer.json()["level"], row["sweep"]) == ("success", ""), "its page follows what becomes of them"
        else:
            [said] = get_messages(answer.wsgi_request)
            assert (said.level_tag, "1 contract has filled" in said.message) == ("warning", True)


def test_a_position_gets_exits_and_is_flattened(browser: Client, connection: Connection, symbol: str) -> None:
    position = hold(browser, connection, symbol)
    exits = {"position": position, "key": key(2), "target": "40", "stop": "20", "unit": "ticks"}
    assert press(browser, "/desk/exits/", exits)["level"] == "success"
    assert len(working(connection)) == 2
    flat = [press(browser, "/desk/flatten/", {"position": position, "key": key(3)}) for _ in range(2)]
    assert flat[0]["intent"] == flat[1]["intent"]
    assert net(connection) == 0
    assert working(connection) == []


def test_what_is_wrong_with_exits_is_said_beside_its_field(
    browser: Client, connection: Connection, symbol: str
) -> None:
    position = hold(browser, connection, symbol)
    nothing = press(browser, "/desk/exits/", {"position": position, "key": key(2), "unit": "ticks"})
    assert "a target, a stop or both" in wrong(nothing)["target"]
    off = press(browser, "/desk/exits/", {"position": position, "key": key(3), "unit": "miles", "stop": "1"})
    assert off["refused"]
    assert working(connection) == []


def test_a_stop_goes_to_break_even_by_its_button(
    simulator: RunningSimulator, browser: Client, connection: Connection, symbol: str
) -> None:
    position = hold(browser, connection, symbol)
    press(browser, "/desk/exits/", {"position": position, "key": key(2), "stop": "20", "unit": "points"})
    simulator.control.price(symbol, 5050)
    answer = press(browser, "/desk/break-even/", {"position": position, "key": key(3)})
    assert answer["level"] == "success"
    [one] = working(connection)
    assert (looks.standing(connection, one.id).version.stop_price or 0) >= 5000


def test_a_position_is_reversed_once(browser: Client, connection: Connection, symbol: str) -> None:
    position = hold(browser, connection, symbol)
    button = {"position": position, "side": "Long", "qty": "3", "key": key(2)}
    answers = [press(browser, "/desk/reverse/", button) for _ in range(2)]
    assert answers[0]["intent"] == answers[1]["intent"]
    assert net(connection) == -3


def test_another_position_than_the_one_that_was_shown_is_not_reversed(
    browser: Client, connection: Connection, symbol: str
) -> None:
    position = hold(browser, connection, symbol, qty=2)
    place(browser, connection, symbol, 3, order_type="Market", price="", order_qty="1")
    button = {"position": position, "side": "Long", "qty": "2"}
    late = press(browser, "/desk/reverse/", button | {"key": key(4)})
    assert late["refused"]
    assert "It is Long 3 by now, not Long 2" in late["words"]
    assert net(connection) == 3
    assert press(browser, "/desk/reverse/", button | {"key": key(5), "qty": "3"})["level"] == "success"
    other_tab = press(browser, "/desk/reverse/", button | {"key": key(6), "qty": "3"})
    assert "It is Short 3 by now, not Long 3" in other_tab["words"]
    assert net(connection) == -3


@pytest.mark.parametrize("shown", [{}, {"side": "Long"}, {"side": "Up", "qty": "2"}, {"side": "Long", "qty": "two"}])
def test_a_reversal_that_does_not_say_what_was_shown_sends_nothing(
    browser: Client, connection: Connection, symbol: str, shown: dict[str, str]
) -> None:
    position = hold(browser, connection, symbol, qty=2)
    answer = press(browser, "/desk/reverse/", {"position": position, "key": key(2), **shown})
    assert (answer["refused"], net(connection)) == (True, 2)


def test_flatten_all_closes_and_cancels_everything_of_this_connection(
    browser: Client, connection: Connection, symbol: str
) -> None:
    hold(browser, connection, symbol)
    place(browser, connection, symbol, 2)
    assert press(browser, "/desk/flatten-all/", {"key": key(3)})["level"] == "success"
    assert press(browser, "/desk/flatten-all/", {"key": key(3)})["status"] == 200
    assert (net(connection), working(connection)) == (0, [])
    assert (
        press(browser, "/desk/flatten-all/", {"key": key(4)})["words"] == "There is no position and no working order."
    )


def test_all_means_all_of_the_connection_that_is_looked_at(connection: Connection) -> None:
    elsewhere = Connection.objects.create(
        user=connection.user, environment="live", tradovate_user_id=connection.tradovate_user_id, name="trader"
    )
    Connection.objects.filter(pk=elsewhere.pk).update(sealed_tokens="kept")
    real = Account.objects.create(connection=elsewhere, tradovate_id=1, name="REAL-MONEY")
    own = own_accounts(connection.user, None, "click:1", connection.pk)
    assert isinstance(own, list)
    assert real not in own
    assert own
    assert real in own_accounts(connection.user, None, "click:1")
    answer = press(browser_of(connection), "/desk/flatten-all/", {"key": key(1), "account": "1"})
    assert answer["words"] == "That is not one of your accounts."


@pytest.mark.parametrize("verb", ROWS)
def test_somebody_elses_rows_have_no_buttons(
    simulator: RunningSimulator, browser: Client, connection: Connection, symbol: str, verb: str
) -> None:
    order = place(browser, connection, symbol)
    stranger = browser_of(sign_in(simulator, "pro"))
    before = OrderIntent.objects.count()
    fields = {"price": "4001", "target": "5", "unit": "points"}
    answer = press(stranger, f"/desk/{verb}/", {"order": order, "position": order, "key": key(2), **fields})
    assert (answer["refused"], answer["words"]) == (True, "That is not one of your accounts.")
    assert OrderIntent.objects.count() == before
    assert len(working(connection)) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("verb", [*ROWS, *ALL])
def test_links_and_people_without_a_connection_press_nothing(verb: str) -> None:
    assert Client().post(f"/desk/{verb}/").status_code == 302
    staff = User.objects.create_user("staff", is_staff=True)
    browser = Client()
    browser.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get(f"/desk/{verb}/").status_code == 405
    assert browser.post(f"/desk/{verb}/", headers={"Accept": "application/json"}).status_code == 403


@pytest.mark.parametrize("verb", ROWS)
def test_a_row_that_says_nonsense_does_nothing(browser: Client, connection: Connection, verb: str) -> None:
    for said in ("", "1", "x:1", f"{account_of(connection).tradovate_id}:", "1:" + "9" * 30):
        answer = press(browser, f"/desk/{verb}/", {"order": said, "position": said, "key": key(1), "price": "1"})
        assert answer["refused"]
    assert not OrderIntent.objects.exists()


def test_a_change_that_came_to_nothing_is_replaced_from_its_page(
    simulator: RunningSimulator, connection: Connection, symbol: str, browser: Client
) -> None:
    order = place(browser, connection, symbol)
    simulator.control.fault("modify_ignored")
    press(browser, "/desk/modify/", {"key": key(2), "order": order, "price": "4001"})
    change = OrderIntent.objects.get(kind="modify")
    assert b"Cancel and replace" not in browser.get(f"/orders/{change.pk}/").content
    OrderIntent.objects.filter(pk=change.pk).update(state=State.INEFFECTIVE)
    page = browser.get(f"/orders/{change.pk}/").content.decode()
    assert f'formaction="/orders/{change.pk}/replace/"' in page
    answer = press(browser, f"/orders/{change.pk}/replace/", {"key": key(3)})
    assert "accepted by Tradovate" in answer["words"]
    assert [one.id for one in working(connection)] == [
        OrderIntent.objects.get(kind="order", price=4001).order_id_at_broker
    ]
    assert browser.post("/orders/999999/replace/", {"key": key(4)}).status_code == 404


def test_the_page_of_a_leg_that_is_not_there_offers_what_can_be_done(
    connection: Connection, symbol: str, browser: Client
) -> None:
    lead, leg = desk.place(connection.user, pair(account_of(connection), symbol), "click:1").intents
    OrderIntent.objects.filter(pk=leg.pk).update(state=State.ABSENT)
    page = browser.get(f"/orders/{leg.pk}/").content
    assert (b"Send again" in page, b"Give up" in page) == (False, True)
    assert b"It went with another order: give it up, or place it anew." in page
    OrderIntent.objects.filter(pk=lead.pk).update(state=State.ABSENT)
    page = browser.get(f"/orders/{leg.pk}/").content
    assert (b"Send again" in page, b"Give up" in page) == (False, False)
    page = browser.get(f"/orders/{lead.pk}/").content
    assert (b"Send again" in page, b"Give up" in page) == (True, True)
