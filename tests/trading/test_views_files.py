"""The pages of order files as a trader walks them, and what a stranger sees: nothing."""

import re
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import Connection, User
from accounts.sign_in import SESSION_KEY
from tests.trading.cast import listed, orders_at_broker, posts, sign_in
from trading.models import OrderFile, OrderIntent
from trading.simulator import RunningSimulator
from trading.tasks import execute_order_file, reconcile_orders

pytestmark = pytest.mark.usefixtures("redis_url")


@pytest.fixture
def connection(transactional_db: None, simulator: RunningSimulator) -> Connection:
    return sign_in(simulator)


@pytest.fixture
def client(connection: Connection) -> Client:
    return browser_of(connection)


def browser_of(connection: Connection) -> Client:
    browser = Client()
    browser.force_login(connection.user, backend="django.contrib.auth.backends.ModelBackend")
    session = browser.session
    session[SESSION_KEY] = connection.pk
    session.save()
    return browser


def upload(client: Client, connection: Connection, text: str) -> OrderFile:
    file = SimpleUploadedFile("orders.txt", text.encode())
    answer = client.post("/files/", {"account": connection.accounts.get().pk, "file": file})
    assert answer.status_code == 302, answer.content
    found = OrderFile.objects.latest("uploaded_at")
    assert answer.url == f"/files/{found.pk}/"
    return found


def page(client: Client, file: OrderFile) -> str:
    answer = client.get(f"/files/{file.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_from_upload_to_report(client: Client, connection: Connection, simulator: RunningSimulator) -> None:
    es, cl = listed(connection, "ES"), listed(connection, "CL")
    file = upload(client, connection, f"{es} 2\n{cl} -1\n")

    preview = page(client, file)
    assert f"Buy 2 {es} at market" in preview
    assert "Nothing has been sent yet" in preview
    assert "Confirm and send 2 orders" in preview
    assert posts(simulator) == []

    assert client.post(f"/files/{file.pk}/confirm/").url == f"/files/{file.pk}/"
    queued = page(client, file)
    assert 'data-line="1" data-version="0" data-state="created"' in queued
    assert f'data-file="{file.pk}" data-state="queued"' in queued
    assert ">Stop<" in queued

    execute_order_file(str(file.pk))
    assert [order[1:] for order in orders_at_broker(simulator)] == [("Buy", 2), ("Sell", 1)]
    report = page(client, file)
    assert "finished" in report
    assert 'data-field="state_label">accepted<' in report
    assert 'data-field="order_id">' + str(OrderIntent.objects.get(symbol=es).order_id_at_broker) in report

    results = client.get(f"/files/{file.pk}/results.csv")
    assert results["Content-Type"].startswith("text/csv")
    assert 'filename="orders-results.csv"' in results["Content-Disposition"]
    assert f"1,{es} 2,{es},Buy,2,accepted" in results.content.decode()
    assert "orders.txt" in client.get("/files/").content.decode()


def test_confirming_twice_queues_and_sends_once(
    client: Client, connection: Connection, simulator: RunningSimulator
) -> None:
    file = upload(client, connection, f"{listed(connection, 'ES')} 1")
    for _ in range(2):
        assert client.post(f"/files/{file.pk}/confirm/").status_code == 302
    for _ in range(2):
        execute_order_file(str(file.pk))
    assert len(posts(simulator)) == 1


def test_a_file_with_errors_offers_no_way_to_send(
    client: Client, connection: Connection, simulator: RunningSimulator
) -> None:
    file = upload(client, connection, f"{listed(connection, 'ES')} 1\nNOPE1 x\n")
    text = page(client, file)
    assert "Line 2: " in text
    assert f"/files/{file.pk}/confirm/" not in text

    answer = client.post(f"/files/{file.pk}/confirm/", follow=True)
    assert "has errors" in answer.content.decode()
    execute_order_file(str(file.pk))
    file.refresh_from_db()
    assert file.state == OrderFile.State.REFUSED
    assert posts(simulator) == []


@pytest.mark.parametrize("act", ["check", "confirm", "stop", "resume", "discard"])
def test_another_traders_file_is_not_there(
    client: Client, connection: Connection, simulator: RunningSimulator, act: str
) -> None:
    file = upload(client, connection, f"{listed(connection, 'ES')} 1")
    stranger = browser_of(sign_in(simulator, "pro"))
    assert stranger.get(f"/files/{file.pk}/").status_code == 404
    assert stranger.get(f"/files/{file.pk}/results.csv").status_code == 404
    assert stranger.post(f"/files/{file.pk}/{act}/").status_code == 404
    assert "orders.txt" not in stranger.get("/files/").content.decode()
    file.refresh_from_db()
    assert file.state == OrderFile.State.READY
    assert client.get(f"/files/{uuid.uuid4()}/").status_code == 404


def test_nothing_is_uploaded_to_another_traders_account(
    client: Client, connection: Connection, simulator: RunningSimulator
) -> None:
    other = sign_in(simulator, "pro").accounts.first()
    answer = client.post("/files/", {"account": other.pk, "file": SimpleUploadedFile("orders.txt", b"ESZ6 1")})
    assert answer.status_code == 400
    assert "Choose one of your accounts" in answer.content.decode()
    assert not OrderFile.objects.exists()


def test_acting_needs_a_post_and_a_login(client: Client, connection: Connection) -> None:
    file = upload(client, connection, f"{listed(connection, 'ES')} 1")
    for act in ("confirm", "stop", "resume", "discard"):
        assert client.get(f"/files/{file.pk}/{act}/").status_code == 405
        assert Client().post(f"/files/{file.pk}/{act}/").status_code == 302
    assert Client().get("/files/").url.startswith("/accounts/sign-in/")
    file.refresh_from_db()
    assert file.state == OrderFile.State.READY


def test_acting_needs_the_csrf_token(connection: Connection, client: Client) -> None:
    file = upload(client, connection, f"{listed(connection, 'ES')} 1")
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = client.cookies
    assert careful.post(f"/files/{file.pk}/confirm/").status_code == 403


def test_orders_may_be_written_into_the_form(client: Client, connection: Connection) -> None:
    account = connection.accounts.get().pk
    answer = client.post("/files/", {"account": account, "text": f"{listed(connection, 'ES')} 1\r\n"})
    assert answer.status_code == 302
    assert OrderFile.objects.get().state == OrderFile.State.READY


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Choose a file, or write the orders"),
        ({"text": "ESZ6 1", "file": SimpleUploadedFile("orders.txt", b"ESZ6 1")}, "not both"),
    ],
)
def test_a_form_that_is_not_clear_says_so(client: Client, connection: Connection, sent: dict, words: str) -> None:
    answer = client.post("/files/", {"account": connection.accounts.get().pk, **sent})
    assert answer.status_code == 400
    assert words in answer.content.decode()


def test_an_unreachable_broker_loses_nothing(
    client: Client, connection: Connection, simulator: RunningSimulator, settings
) -> None:
    symbol = listed(connection, "ES")
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    Connection.objects.update(api_hosts={})
    file = upload(client, connection, f"{symbol} 1 # mine")
    text = page(client, file)
    assert "could not be checked" in text
    assert f"{symbol} 1 # mine" in text
    assert f"/files/{file.pk}/confirm/" not in text

    settings.SIMULATOR_URL = simulator.url
    assert client.post(f"/files/{file.pk}/check/").status_code == 302
    assert "Confirm and send 1 order<" in page(client, file)


def test_a_lost_sign_in_shows_where_to_sign_in(
    client: Client, connection: Connection, simulator: RunningSimulator
) -> None:
    simulator.control.fault("expire_tokens", user="trader")
    file = upload(client, connection, "ESZ6 1")
    assert f"/accounts/sign-in/?next=/files/{file.pk}/" in page(client, file)


def test_a_stopped_file_can_be_resumed_or_given_up(
    client: Client, connection: Connection, simulator: RunningSimulator
) -> None:
    file = upload(client, connection, f"{listed(connection, 'ES')} 2\n{listed(connection, 'CL')} 1")
    client.post(f"/files/{file.pk}/confirm/")
    simulator.control.fault("lose_reply", "order/placeorder")
    execute_order_file(str(file.pk))
    text = page(client, file)
    assert "unknown whether Tradovate has the order of line 1" in text
    assert "Resume with 1 line<" in text

    OrderIntent.objects.filter(state="unknown").update(changed_at=timezone.now() - timedelta(seconds=6))
    reconcile_orders()
    text = page(client, file)
    assert "All that was unknown is clear now" in text
    assert "Resume with 1 line<" in text

    client.post(f"/files/{file.pk}/resume/")
    execute_order_file(str(file.pk))
    assert [order[1:] for order in orders_at_broker(simulator)] == [("Buy", 2), ("Buy", 1)]
    file.refresh_from_db()
    assert file.state == OrderFile.State.FINISHED


def test_a_trader_without_accounts_reads_why(transactional_db: None, simulator: RunningSimulator) -> None:
    text = browser_of(sign_in(simulator, "empty")).get("/files/").content.decode()
    assert "No trading accounts" in text
    assert "<form" not in text.partition('id="upload"')[2].partition("</section>")[0]


def test_staff_without_a_connection_reads_where_to_go(db: None) -> None:
    staff = User.objects.create_user("support", is_staff=True)
    browser = Client()
    browser.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    answer = browser.get("/files/")
    assert answer.status_code == 200
    assert "/admin/" in answer.content.decode()


def test_what_was_written_is_shown_as_text(client: Client, connection: Connection) -> None:
    file = upload(client, connection, "<script>alert(1)</script> 2")
    assert "<script>alert" not in page(client, file)
    assert "&lt;script&gt;" in page(client, file)


def test_a_page_of_a_file_that_is_being_sent_shows_what_is_known(client: Client, connection: Connection) -> None:
    file = upload(client, connection, f"{listed(connection, 'ES')} 2")
    client.post(f"/files/{file.pk}/confirm/")
    OrderIntent.objects.update(state="filled", filled_qty=2, average_price="5000.125", version=4)
    OrderFile.objects.update(state="finished", finished_at=timezone.now())
    text = page(client, file)
    assert 'data-version="4" data-state="filled"' in text
    assert 'data-field="average">5000.125<' in text
    assert 'data-total="bought">2 of 2<' in text
    part = client.get(f"/files/{file.pk}/", headers={"HX-Request": "true"})
    assert 'data-state="finished"' in part.content.decode()
    assert "<html" not in part.content.decode()
    assert part["Vary"].count("HX-Request") == 1


def test_files_are_listed_newest_first(client: Client, connection: Connection) -> None:
    account = connection.accounts.get()
    for age in (3, 0, 4, 1, 2):
        file = OrderFile.objects.create(account=account, name=f"{age}-days.txt", content="", state="finished")
        OrderFile.objects.filter(pk=file.pk).update(uploaded_at=timezone.now() - timedelta(days=age))
    listed_names = re.findall(r"(\d)-days\.txt</a>", client.get("/files/").content.decode())
    assert listed_names == ["0", "1", "2", "3", "4"]


def test_a_warning_about_the_whole_file_is_for_who_has_to_confirm(client: Client, connection: Connection) -> None:
    content = f"{listed(connection, 'ES')} 2"
    upload(client, connection, content)
    file = upload(client, connection, content)
    assert "The same orders were uploaded" in page(client, file)
    client.post(f"/files/{file.pk}/confirm/")
    assert "The same orders were uploaded" not in page(client, file)
