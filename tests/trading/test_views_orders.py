"""What a trader's buttons do: one press one wish, in words, and nothing for anybody else."""

import re
import threading
from datetime import timedelta
from typing import Any, cast

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEvent, Connection
from tests.trading.cast import orders_at_broker, posts, sign_in
from tests.trading.orders.pressing import contract_id
from tests.trading.signed_in import browser_of
from trading.models import Account, OrderFile, OrderIntent, TradingLimit
from trading.orders import kill_switch, reports
from trading.orders.states import Kind, State
from trading.orders.trading_days import day_began
from trading.simulator import RunningSimulator
from trading.sync import intent_rows
from trading.views import refusals

KEY = "k" * 32
JSON = {"Accept": "application/json"}


def ticket(connection: Connection, name: str, **fields: Any) -> dict[str, Any]:
    """A limit order far from the market."""
    account = Account.objects.get(connection=connection)
    filled_in = {"account": account.tradovate_id, "symbol": name.lower(), "action": "Buy", "order_qty": "2"}
    filled_in |= {"order_type": "Limit", "price": "4000", "time_in_force": "Day", "key": KEY}
    return filled_in | fields


def press(browser: Client, path: str, data: dict[str, Any]) -> dict[str, Any]:
    answer = browser.post(path, data, headers=JSON)
    assert answer["Content-Type"] == "application/json"
    return {"status": answer.status_code, **answer.json()}


def wrong(answer: dict[str, Any]) -> dict[str, str]:
    return {finding["field"]: finding["message"] for finding in answer["findings"] if finding["severity"] == "error"}


def test_a_ticket_is_sent_once_and_answered_in_words(
    simulator: RunningSimulator, connection: Connection, symbol: str
) -> None:
    browser = browser_of(connection)
    first = press(browser, "/desk/place/", ticket(connection, symbol))
    again = press(browser, "/desk/place/", ticket(connection, symbol))
    assert first["level"] == "success"
    assert first["words"] == again["words"] == f"Buy 2 {symbol}: accepted by Tradovate."
    assert first["intent"] == again["intent"]
    assert first["rows"][first["intent"]]["source"] == "click"
    assert first["key"] != again["key"]
    [sent] = posts(simulator)
    assert sent["isAutomated"] is False
    assert sent["price"] == 4000


def test_the_same_press_from_two_threads_sends_one_order(
    simulator: RunningSimulator, connection: Connection, symbol: str
) -> None:
    start, answers = threading.Barrier(2), []
    browsers = [browser_of(connection) for _ in range(2)]

    def send(browser: Client) -> None:
        start.wait()
        try:
            answers.append(press(browser, "/desk/place/", ticket(connection, symbol)))
        finally:
            database.close()

    threads = [threading.Thread(target=send, args=[browser]) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(posts(simulator)) == 1
    assert len({answer["intent"] for answer in answers}) == 1


def test_without_javascript_the_next_page_says_what_came_of_it(
    simulator: RunningSimulator, connection: Connection, symbol: str
) -> None:
    browser = browser_of(connection)
    answer = browser.post("/desk/place/", ticket(connection, symbol), follow=True)
    assert answer.redirect_chain == [("/", 302)]
    assert f"Buy 2 {symbol}: accepted by Tradovate." in answer.content.decode()
    assert len(posts(simulator)) == 1


def test_without_javascript_a_wrong_ticket_comes_back_as_it_was_filled_in(
    simulator: RunningSimulator, connection: Connection, symbol: str
) -> None:
    sent = ticket(connection, symbol, price="5,25", text="my <note>", exits="distance", target="8", stop_loss="x")
    answer = browser_of(connection).post("/desk/place/", sent)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Write a number such as 5000.25" in page
    assert 'value="5,25"' in page
    assert 'value="my &lt;note&gt;"' in page
    assert KEY not in page, "what is sent next is another order"
    assert posts(simulator) == []


WRONG: list[tuple[dict[str, str], str, str]] = [
    ({"symbol": ""}, "symbol", "Write a symbol"),
    ({"symbol": "ESZ"}, "symbol", ""),
    ({"order_qty": "two"}, "order_qty", "whole number"),
    ({"order_qty": "0"}, "order_qty", "at least 1"),
    ({"order_qty": "1e3"}, "order_qty", "whole number"),
    ({"price": ""}, "price", "needs a price"),
    ({"price": "NaN"}, "price", ""),
    ({"price": "4000.10"}, "price", "nearest 4000.00 or 4000.25"),
    ({"order_type": "Market"}, "price", "takes no price"),
    ({"order_type": "Iceberg"}, "order_type", ""),
    ({"time_in_force": "GTD"}, "expire_time", "needs an expireTime"),
    ({"account": "7"}, "account", "Choose one of your accounts"),
    ({"account": "x" * 500}, "account", "Choose one of your accounts"),
    ({"exits": "distance"}, "target", "a target, a stop or both"),
    ({"exits": "distance", "target": "1.5", "unit": "ticks"}, "target", "whole number of ticks"),
    ({"exits": "prices", "target_price": "3990"}, "target_price", "must be above the entry"),
    ({"exits": "prices", "exit_stop_price": "4100"}, "exit_stop_price", "must be below the entry"),
    ({"exits": "pair", "other_order_type": "Stop"}, "other_stop_price", "needs a stopPrice"),
]


def test_what_is_wrong_is_said_beside_its_field(
    simulator: RunningSimulator, connection: Connection, symbol: str
) -> None:
    browser = browser_of(connection)
    for fields, field, words in WRONG:
        answer = press(browser, "/desk/place/", ticket(connection, symbol, **fields))
        assert answer["refused"]
        assert words in wrong(answer).get(field, "nothing said"), fields
    assert posts(simulator) == []
    assert not OrderIntent.objects.exists()


def test_what_the_portal_refuses_is_kept_for_support_and_what_is_mistyped_is_not(
    simulator: RunningSimulator, connection: Connection, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = browser_of(connection)
    press(browser, "/desk/place/", ticket(connection, symbol, order_qty="many"))
    assert not AuditEvent.objects.exists()
    TradingLimit.objects.create(user=connection.user, max_order_qty=1)
    refused = press(browser, "/desk/place/", ticket(connection, symbol))
    event = AuditEvent.objects.get()
    assert (event.kind, event.user, event.connection, event.ip_address) == (
        "order-refused", connection.user, connection, "127.0.0.1",
    )  # fmt: skip
    assert event.detail == f"Buy 2 {symbol} Limit at 4000 Day: {refused['words']}"
    kill_switch.throw(connection.user, user=connection.user)
    account = Account.objects.get(connection=connection)
    position = f"{account.tradovate_id}:{contract_id(symbol)}"
    refused = press(browser, "/desk/reverse/", {"position": position, "side": "Long", "qty": "1", "key": KEY})
    assert refused["refused"]
    assert f"reverse {position}: {refused['words']}" in AuditEvent.objects.values_list("detail", flat=True)
    monkeypatch.setattr(refusals, "MOST", 4)
    for _ in range(5):
        press(browser, "/desk/place/", ticket(connection, symbol))
    kept = AuditEvent.objects.filter(kind="order-refused").order_by("pk").values_list("detail", flat=True)
    assert len(kept) == 4
    assert kept[3].endswith("more of this hour are not kept")
    assert posts(simulator) == []


def test_every_exit_goes_out_as_tradovate_takes_it(
    simulator: RunningSimulator, connection: Connection, symbol: str
) -> None:
    browser = browser_of(connection)
    bracket = {"exits": "distance", "target": "20", "stop_loss": "250", "unit": "dollars"}
    assert press(browser, "/desk/place/", ticket(connection, symbol, key="a" * 32, **bracket))["level"] == "success"
    oso = {"exits": "prices", "target_price": "4010", "exit_stop_price": "3990"}
    assert press(browser, "/desk/place/", ticket(connection, symbol, key="b" * 32, **oso))["level"] == "success"
    oco = {"exits": "pair", "other_action": "Buy", "other_order_type": "Limit", "other_price": "3900"}
    assert press(browser, "/desk/place/", ticket(connection, symbol, key="c" * 32, **oco))["level"] == "success"
    kinds = list(OrderIntent.objects.filter(lead=None).order_by("pk").values_list("kind", flat=True))
    assert kinds == ["bracket", "oso", "oco"]
    received = {r["route"].lower() for r in simulator.control.ledger()["received"]}
    assert {"orderstrategy/startorderstrategy", "order/placeoso", "order/placeoco"} <= received


def test_an_order_is_cancelled_by_its_button(simulator: RunningSimulator, connection: Connection, symbol: str) -> None:
    browser = browser_of(connection)
    placed = press(browser, "/desk/place/", ticket(connection, symbol))
    row = placed["rows"][placed["intent"]]
    button = {"order": f"{row['account_id']}:{row['order_id']}", "key": "c" * 32}
    answers = [press(browser, "/desk/cancel/", button) for _ in range(2)]
    assert [answer["level"] for answer in answers] == ["success", "success"]
    assert answers[0]["intent"] == answers[1]["intent"]
    cancels = [r for r in simulator.control.ledger()["received"] if r["route"].lower() == "order/cancelorder"]
    assert len(cancels) == 1


@pytest.mark.parametrize("order", ["", "1", "x:1", "1:x", "7:55", "9" * 30 + ":1", "1:" + "9" * 30])
def test_a_button_that_says_nonsense_does_nothing(
    simulator: RunningSimulator, connection: Connection, order: str
) -> None:
    answer = press(browser_of(connection), "/desk/cancel/", {"order": order, "key": KEY})
    assert answer["refused"]
    assert answer["words"]
    assert not OrderIntent.objects.exists()


@pytest.mark.parametrize("key", ["", "short", "k" * 65, "x" * 30 + " ;"])
def test_a_press_without_a_key_does_nothing(
    simulator: RunningSimulator, connection: Connection, symbol: str, key: str
) -> None:
    answer = press(browser_of(connection), "/desk/place/", ticket(connection, symbol, key=key))
    assert answer["refused"]
    assert "Reload" in answer["words"]
    assert posts(simulator) == []


def test_a_key_that_was_used_for_something_else_sends_nothing(
    simulator: RunningSimulator, connection: Connection, symbol: str
) -> None:
    browser = browser_of(connection)
    press(browser, "/desk/place/", ticket(connection, symbol))
    answer = press(browser, "/desk/place/", ticket(connection, symbol, order_qty="3"))
    assert answer["refused"]
    assert "begin anew" in answer["words"]
    assert len(posts(simulator)) == 1


@pytest.fixture
def absent(simulator: RunningSimulator, connection: Connection, symbol: str) -> OrderIntent:
    """An order whose answer was lost, and that Tradovate never got."""
    simulator.control.fault("reset_before", "order/placeorder")
    answer = press(browser_of(connection), "/desk/place/", ticket(connection, symbol))
    assert answer["level"] == "warning"
    assert "will not be sent again" in answer["words"]
    intent = OrderIntent.objects.get()
    OrderIntent.objects.update(state=State.ABSENT)
    return intent


def test_an_order_that_never_arrived_is_sent_again_once(
    simulator: RunningSimulator, connection: Connection, absent: OrderIntent
) -> None:
    browser = browser_of(connection)
    first = press(browser, f"/orders/{absent.pk}/again/", {"key": KEY})
    again = press(browser, f"/orders/{absent.pk}/again/", {"key": KEY})
    assert first["level"] == "success"
    assert "Nothing is to be decided any more" in again["words"]
    assert orders_at_broker(simulator) == [(absent.cl_ord_id, "Buy", 2)]


@pytest.mark.parametrize("state", [State.UNKNOWN, State.ABSENT])
def test_what_nobody_knows_or_tradovate_never_got_outlasts_its_day(
    connection: Connection, absent: OrderIntent, state: State
) -> None:
    began = day_began(timezone.now())
    for created_at, kind, is_listed in (
        (began - timedelta(minutes=1), Kind.ORDER, True),
        (began - timedelta(minutes=1), Kind.CANCEL, False),  # of an order that Tradovate does not show any more
        (began - timedelta(days=8), Kind.ORDER, False),
    ):
        OrderIntent.objects.update(state=state, created_at=created_at, kind=kind)
        assert (f"intent:{absent.pk}" in intent_rows.todays(connection.pk, {})) is is_listed
    OrderIntent.objects.update(state=State.CANCELLED, created_at=began - timedelta(minutes=1))
    assert intent_rows.todays(connection.pk, {}) == {}


@pytest.mark.parametrize("is_line", [False, True])
def test_many_orders_that_never_arrived_take_no_more_queries_than_one(
    connection: Connection, absent: OrderIntent, is_line: bool
) -> None:
    file = absent.account.order_files.create(name="orders.txt", state=OrderFile.State.FINISHED)

    def queries() -> int:
        with CaptureQueriesContext(database) as asked:
            assert {row["decisions"] for row in intent_rows.todays(connection.pk, {}).values()} == {
                "give-up" if is_line else "again give-up"
            }
        return len(asked)

    if is_line:
        file.lines.create(number=1, text="ESZ6 2", intent=absent)
    one = queries()
    for number in (2, 3):
        more = OrderIntent.objects.get(pk=absent.pk)
        more.pk, more.source_key, more.cl_ord_id = None, f"click:{number}", f"tp-{number}"
        more.save(force_insert=True)
        if is_line:
            file.lines.create(number=number, text="ESZ6 2", intent=more)
    assert len(intent_rows.todays(connection.pk, {})) == 3
    assert queries() == one


def test_an_order_that_did_arrive_after_all_is_taken_over_instead(
    simulator: RunningSimulator, connection: Connection, symbol: str
) -> None:
    simulator.control.fault("lose_reply", "order/placeorder")
    browser = browser_of(connection)
    press(browser, "/desk/place/", ticket(connection, symbol))
    OrderIntent.objects.update(state=State.ABSENT)
    intent = OrderIntent.objects.get()
    press(browser, f"/orders/{intent.pk}/again/", {"key": KEY})
    assert len(orders_at_broker(simulator)) == 1
    intent.refresh_from_db()
    assert intent.state in {State.ACCEPTED, State.WORKING}


def test_an_order_that_never_arrived_is_given_up(
    simulator: RunningSimulator, connection: Connection, absent: OrderIntent
) -> None:
    browser = browser_of(connection)
    answer = press(browser, f"/orders/{absent.pk}/give-up/", {"key": KEY})
    assert "will not be sent" in answer["words"]
    assert press(browser, f"/orders/{absent.pk}/again/", {"key": KEY})["level"] == "warning"
    assert orders_at_broker(simulator) == []


@pytest.mark.parametrize(
    ("is_left_behind", "words", "buttons"),
    [
        (False, "resume that, or give up there what was not sent", []),
        (True, "went on without it: give it up", ["Give up"]),
    ],
)
def test_about_a_line_of_a_file_that_never_arrived_only_what_can_be_done_is_offered(
    connection: Connection, absent: OrderIntent, is_left_behind: bool, words: str, buttons: list[str]
) -> None:
    state = OrderFile.State.FINISHED if is_left_behind else OrderFile.State.STOPPED
    file = absent.account.order_files.create(name="orders.txt", state=state)
    file.lines.create(number=1, text="ESZ6 2", intent=absent, passed_over=is_left_behind)
    browser = browser_of(connection)
    page = browser.get(f"/orders/{absent.pk}/").content.decode()
    assert "Tradovate never got it. Its order file" in page
    assert words in page
    assert re.findall(r"formaction[^>]*/(?:again|give-up)/[^>]*>([^<]*)<", page) == buttons
    [row] = re.findall(rf'<tr data-row="intent:{absent.pk}"[^>]*>', browser.get("/").content.decode())
    assert f'data-decisions="{"give-up" if is_left_behind else ""}"' in row


def test_the_order_page_tells_its_life(simulator: RunningSimulator, connection: Connection, symbol: str) -> None:
    browser = browser_of(connection)
    placed = press(browser, "/desk/place/", ticket(connection, symbol, exits="prices", target_price="4010"))
    page = browser.get(f"/orders/{placed['intent'].partition(':')[2]}/").content.decode()
    assert f'name="order" value="{placed["rows"][placed["intent"]]["account_id"]}:' in page
    for words in (
        "As code",
        "received",
        "checked",
        "queued",
        "sent",
        "acknowledged",
        " ms",
        "Linked orders",
    ):
        assert words in page
    own, exit_ = re.findall(r"<dl class=\"facts even\">(.*?)</dl>", page, re.DOTALL)
    assert re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", own) == [
        ("Side", "Buy"),
        ("Quantity", "2"),
        ("Symbol", symbol),
        ("Type", "Limit"),
        ("Price", "4000.00"),
        ("Time in force", "Day"),
    ]
    assert ("Price", "4010.00") in re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", exit_)


def test_an_exit_is_told_as_suspended_until_its_entry_fills(
    simulator: RunningSimulator, connection: Connection, symbol: str
) -> None:
    browser = browser_of(connection)
    fields = {"exits": "prices", "target_price": "4010", "exit_stop_price": "3990"}
    number = press(browser, "/desk/place/", ticket(connection, symbol, **fields))["intent"].partition(":")[2]
    entry = OrderIntent.objects.get(pk=number)
    target, stop = entry.legs.order_by("pk")
    waits = f"suspended until {entry.described} fills"

    def told(*statuses: str) -> list[int]:
        """How often that is said on the pages of the entry, its target and its stop."""
        for intent, status in zip((entry, target, stop), statuses, strict=True):
            reports.observe_order(connection.pk, cast(int, intent.order_id_at_broker), status)
        pages = [browser.get(f"/orders/{intent.pk}/").content.decode() for intent in (entry, target, stop)]
        return [page.count(waits) for page in pages]

    on_its_own_page = 2  # beside its name and in its sentence
    assert told("Working", "Suspended", "Suspended") == [2, on_its_own_page, on_its_own_page]
    assert told("Working", "Working", "Suspended") == [1, 0, on_its_own_page]
    assert told("Working", "Working", "Working") == [0, 0, 0]


def test_another_trader_sees_and_does_nothing(
    simulator: RunningSimulator, connection: Connection, symbol: str, absent: OrderIntent
) -> None:
    stranger = browser_of(sign_in(simulator, "pro"))
    before = len(simulator.control.ledger()["received"])
    assert stranger.get(f"/orders/{absent.pk}/").status_code == 404
    assert stranger.post(f"/orders/{absent.pk}/again/", {"key": KEY}).status_code == 404
    assert stranger.post(f"/orders/{absent.pk}/give-up/", {"key": KEY}).status_code == 404
    account = Account.objects.get(connection=connection).tradovate_id
    assert wrong(press(stranger, "/desk/place/", ticket(connection, symbol)))["account"]
    assert press(stranger, "/desk/cancel/", {"order": f"{account}:1", "key": KEY})["refused"]
    assert not {f"intent:{absent.pk}"} & set(intent_rows.todays(sign_in(simulator, "pro").pk, {}))
    sent = [r["route"] for r in simulator.control.ledger()["received"][before:]]
    assert not [route for route in sent if route.lower().startswith("order/")]
    absent.refresh_from_db()
    assert absent.state == State.ABSENT


PATHS = ("/desk/place/", "/desk/preview/", "/desk/cancel/", "/orders/1/again/", "/orders/1/give-up/")


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
def test_strangers_and_links_press_no_buttons(path: str, django_user_model: Any) -> None:
    assert Client().post(path).status_code == 302
    staff = django_user_model.objects.create_user("staff", is_staff=True)
    browser = Client()
    browser.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get(path).status_code == 405
    assert browser.post(path, headers=JSON).status_code == 403
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    assert forged.post(path).status_code == 403
