"""The pages of order files as a trader walks them, and what a stranger sees: nothing."""

import html
import re
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.models import Connection, User
from tests.trading.cast import listed, orders_at_broker, posts, sign_in
from tests.trading.signed_in import browser_of, connection_of
from trading.models import OrderFile, OrderIntent
from trading.orders import kill_switch
from trading.simulator import RunningSimulator
from trading.tasks import execute_order_file, reconcile_orders

pytestmark = pytest.mark.usefixtures("redis_url")


def upload(browser: Client, connection: Connection, text: str) -> OrderFile:
    file = SimpleUploadedFile("orders.txt", text.encode())
    answer = browser.post("/files/", {"account": connection.accounts.get().pk, "file": file})
    assert answer.status_code == 302, answer.content
    found = OrderFile.objects.latest("uploaded_at")
    assert answer.url == f"/files/{found.pk}/"
    return found


def page(browser: Client, file: OrderFile) -> str:
    answer = browser.get(f"/files/{file.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


def press(browser: Client, file: OrderFile, act: str) -> HttpResponse:
    """Press a button of the file's page, as a browser does with what that shows."""
    return browser.post(f"/files/{file.pk}/{act}/", fields(page(browser, file), act), follow=True)


def fields(text: str, act: str) -> dict[str, str]:
    """What a button of this page sends."""
    [form] = re.findall(rf'<form[^>]*/{act}/".*?</form>', text, re.DOTALL)
    return {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}


def test_from_upload_to_report(browser: Client, connection: Connection, simulator: RunningSimulator) -> None:
    es, cl = listed(connection, "ES"), listed(connection, "CL")
    file = upload(browser, connection, f"{es} 2\n{cl} -1\n")

    preview = page(browser, file)
    assert f"Buy 2 {es} at market" in preview
    assert "Nothing has been sent yet" in preview
    assert "Confirm and send 2 orders" in preview
    assert posts(simulator) == []

    assert press(browser, file, "confirm").redirect_chain == [(f"/files/{file.pk}/", 302)]
    queued = page(browser, file)
    assert 'data-line="1" data-version="0" data-state="created"' in queued
    assert f'data-file="{file.pk}" data-state="queued"' in queued
    assert ">Stop<" in queued

    execute_order_file(str(file.pk))
    assert [order[1:] for order in orders_at_broker(simulator)] == [("Buy", 2), ("Sell", 1)]
    report = page(browser, file)
    assert "finished" in report
    assert 'data-field="state_label">accepted<' in report
    assert 'data-field="order_id">' + str(OrderIntent.objects.get(symbol=es).order_id_at_broker) in report

    results = browser.get(f"/files/{file.pk}/results.csv")
    assert results["Content-Type"].startswith("text/csv")
    assert 'filename="orders-results.csv"' in results["Content-Disposition"]
    assert f"1,{es} 2,{es},Buy,2,accepted" in results.content.decode()
    assert "orders.txt" in browser.get("/files/").content.decode()


def test_confirming_twice_queues_and_sends_once(
    browser: Client, connection: Connection, simulator: RunningSimulator
) -> None:
    file = upload(browser, connection, f"{listed(connection, 'ES')} 1")
    pressed = fields(page(browser, file), "confirm")
    for _ in range(2):
        assert browser.post(f"/files/{file.pk}/confirm/", pressed).status_code == 302
    for _ in range(2):
        execute_order_file(str(file.pk))
    assert len(posts(simulator)) == 1


def test_a_file_with_errors_offers_no_way_to_send(
    browser: Client, connection: Connection, simulator: RunningSimulator
) -> None:
    file = upload(browser, connection, f"{listed(connection, 'ES')} 1\nNOPE1 x\n")
    text = page(browser, file)
    assert "Line 2: " in text
    assert f"/files/{file.pk}/confirm/" not in text

    answer = browser.post(f"/files/{file.pk}/confirm/", follow=True)
    assert "has errors" in answer.content.decode()
    execute_order_file(str(file.pk))
    file.refresh_from_db()
    assert file.state == OrderFile.State.REFUSED
    assert posts(simulator) == []


@pytest.mark.parametrize("act", ["check", "confirm", "stop", "resume", "discard"])
def test_another_traders_file_is_not_there(
    browser: Client, connection: Connection, simulator: RunningSimulator, act: str
) -> None:
    file = upload(browser, connection, f"{listed(connection, 'ES')} 1")
    stranger = browser_of(sign_in(simulator, "pro"))
    assert stranger.get(f"/files/{file.pk}/").status_code == 404
    assert stranger.get(f"/files/{file.pk}/results.csv").status_code == 404
    assert stranger.post(f"/files/{file.pk}/{act}/").status_code == 404
    assert "orders.txt" not in stranger.get("/files/").content.decode()
    file.refresh_from_db()
    assert file.state == OrderFile.State.READY
    assert browser.get(f"/files/{uuid.uuid4()}/").status_code == 404


def test_a_file_of_another_connection_is_read_there_and_can_be_stopped(
    browser: Client, connection: Connection, simulator: RunningSimulator
) -> None:
    file = upload(browser, connection, f"{listed(connection, 'ES')} 1")
    live = browser_of(connection_of(connection.user, "live", 7))
    for act in ("check", "confirm", "resume", "discard"):
        answer = live.post(f"/files/{file.pk}/{act}/", follow=True)
        assert "This belongs to SIM, and you are signed in to LIVE. To act on it, sign in to SIM." in (
            answer.content.decode()
        )
        assert f"/files/{file.pk}/{act}/" not in answer.content.decode()
    file.refresh_from_db()
    assert file.state == OrderFile.State.READY

    press(browser, file, "confirm")
    assert "Stop sending to SIM<" in page(live, file)
    assert "data-file=" not in page(live, file), "its lines would come with the other connection's stream"
    live.post(f"/files/{file.pk}/stop/")
    execute_order_file(str(file.pk))
    assert posts(simulator) == []
    assert f"/files/{file.pk}/resume/" not in page(live, file)
    assert f"/files/{file.pk}/resume/" in page(browser, file)


def test_nothing_is_uploaded_to_another_traders_account(
    browser: Client, connection: Connection, simulator: RunningSimulator
) -> None:
    other = sign_in(simulator, "pro").accounts.first()
    answer = browser.post("/files/", {"account": other.pk, "file": SimpleUploadedFile("orders.txt", b"ESZ6 1")})
    assert answer.status_code == 400
    assert "Choose one of your accounts" in answer.content.decode()
    assert not OrderFile.objects.exists()


def test_acting_needs_a_post_and_a_login(browser: Client, connection: Connection) -> None:
    file = upload(browser, connection, f"{listed(connection, 'ES')} 1")
    for act in ("confirm", "stop", "resume", "discard"):
        assert browser.get(f"/files/{file.pk}/{act}/").status_code == 405
        assert Client().post(f"/files/{file.pk}/{act}/").status_code == 302
    assert Client().get("/files/").url.startswith("/accounts/sign-in/")
    file.refresh_from_db()
    assert file.state == OrderFile.State.READY


def test_acting_needs_the_csrf_token(connection: Connection, browser: Client) -> None:
    file = upload(browser, connection, f"{listed(connection, 'ES')} 1")
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = browser.cookies
    assert careful.post(f"/files/{file.pk}/confirm/").status_code == 403


class TestOldTab:
    """A tab that shows a file which is being sent, in a browser that signed in once more in another tab."""

    @pytest.fixture
    def file(self, browser: Client, connection: Connection) -> OrderFile:
        file = upload(browser, connection, f"{listed(connection, 'ES')} 1")
        press(browser, file, "confirm")
        return file

    @pytest.fixture
    def tab(self, browser: Client, connection: Connection, file: OrderFile) -> Client:
        tab = Client(enforce_csrf_checks=True)
        tab.cookies = browser.cookies
        self.token = self.token_in(tab.get(f"/files/{file.pk}/"))
        tab.cookies = browser_of(connection_of(connection.user, "live", 7)).cookies
        tab.cookies["csrftoken"] = get_random_string(32)  # as Django's login() does it
        return tab

    def token_in(self, answer: HttpResponse) -> str:
        [form] = re.findall(r"<form[^>]*/stop/.*?</form>", answer.content.decode(), re.DOTALL)
        return re.search(r'csrfmiddlewaretoken" value="(\w+)"', form)[1]

    def stop(self, tab: Client, file: OrderFile, **headers: str) -> HttpResponse:
        return tab.post(f"/files/{file.pk}/stop/", {"csrfmiddlewaretoken": self.token}, headers=headers)

    def test_its_stop_gets_a_button_that_does(self, tab: Client, file: OrderFile, simulator: RunningSimulator) -> None:
        answer = self.stop(tab, file)
        assert answer.status_code == 403
        text = answer.content.decode()
        assert "The file is not stopped yet" in text
        assert ">Stop sending orders.txt to SIM now<" in text
        self.token = self.token_in(answer)
        assert self.stop(tab, file).url == f"/files/{file.pk}/"
        execute_order_file(str(file.pk))
        assert posts(simulator) == []

    def test_what_is_not_being_sent_any_more_is_shown(self, tab: Client, file: OrderFile) -> None:
        OrderFile.objects.update(state="finished", finished_at=timezone.now())
        assert self.stop(tab, file).url == f"/files/{file.pk}/"

    def test_who_is_signed_out_is_told_so(self, tab: Client, file: OrderFile) -> None:
        del tab.cookies["sessionid"]
        text = self.stop(tab, file).content.decode()
        assert "You are signed out, so nothing could be stopped" in text
        assert f'href="/files/{file.pk}/"' in text
        assert "<form" not in text

    def test_another_site_and_another_trader_get_none(
        self, tab: Client, file: OrderFile, simulator: RunningSimulator
    ) -> None:
        foreign = self.stop(tab, file, Origin="https://elsewhere.test")
        assert "That form is no longer valid" in foreign.content.decode()
        tab.cookies["sessionid"] = browser_of(sign_in(simulator, "pro")).cookies["sessionid"].value
        assert self.stop(tab, file).status_code == 404
        file.refresh_from_db()
        assert file.state == OrderFile.State.QUEUED


def test_orders_may_be_written_into_the_form(browser: Client, connection: Connection) -> None:
    account = connection.accounts.get().pk
    answer = browser.post("/files/", {"account": account, "text": f"{listed(connection, 'ES')} 1\r\n"})
    assert answer.status_code == 302
    assert OrderFile.objects.get().state == OrderFile.State.READY


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Choose a file, or write the orders"),
        ({"text": "ESZ6 1", "file": SimpleUploadedFile("orders.txt", b"ESZ6 1")}, "not both"),
    ],
)
def test_a_form_that_is_not_clear_says_so(browser: Client, connection: Connection, sent: dict, words: str) -> None:
    answer = browser.post("/files/", {"account": connection.accounts.get().pk, **sent})
    assert answer.status_code == 400
    assert words in answer.content.decode()


def test_an_unreachable_broker_loses_nothing(
    browser: Client, connection: Connection, simulator: RunningSimulator, settings
) -> None:
    symbol = listed(connection, "ES")
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    Connection.objects.update(api_hosts={})
    file = upload(browser, connection, f"{symbol} 1 # mine")
    text = page(browser, file)
    assert "could not be checked" in text
    assert f"{symbol} 1 # mine" in text
    assert f"/files/{file.pk}/confirm/" not in text

    settings.SIMULATOR_URL = simulator.url
    assert browser.post(f"/files/{file.pk}/check/").status_code == 302
    assert "Confirm and send 1 order<" in page(browser, file)


def test_a_lost_sign_in_shows_where_to_sign_in(
    browser: Client, connection: Connection, simulator: RunningSimulator
) -> None:
    simulator.control.fault("expire_tokens", user="trader")
    file = upload(browser, connection, "ESZ6 1")
    assert f"/accounts/sign-in/?next=/files/{file.pk}/" in page(browser, file)


def test_a_stopped_file_can_be_resumed_or_given_up(
    browser: Client, connection: Connection, simulator: RunningSimulator
) -> None:
    file = upload(browser, connection, f"{listed(connection, 'ES')} 2\n{listed(connection, 'CL')} 1")
    press(browser, file, "confirm")
    simulator.control.fault("lose_reply", "order/placeorder")
    execute_order_file(str(file.pk))
    text = page(browser, file)
    assert "unknown whether Tradovate has the order of line 1" in text
    assert "Resume with 1 line<" in text

    OrderIntent.objects.filter(state="unknown").update(changed_at=timezone.now() - timedelta(seconds=6))
    reconcile_orders()
    text = page(browser, file)
    assert "All that was unknown is clear now" in text
    assert "Resume with 1 line<" in text

    press(browser, file, "resume")
    execute_order_file(str(file.pk))
    assert [order[1:] for order in orders_at_broker(simulator)] == [("Buy", 2), ("Buy", 1)]
    file.refresh_from_db()
    assert file.state == OrderFile.State.FINISHED


def test_a_stopped_file_says_when_it_got_no_further(
    browser: Client, connection: Connection, simulator: RunningSimulator
) -> None:
    file = upload(browser, connection, f"{listed(connection, 'ES')} 1")
    press(browser, file, "confirm")
    thrown = kill_switch.throw(connection.user, user=connection.user)
    execute_order_file(str(file.pk))
    OrderFile.objects.update(progressed_at="2026-11-20T14:02:11Z")
    kill_switch.release(thrown.pk, connection.user, timezone.now())
    assert re.search(r"Trading is stopped.*Last progress: .*2026-11-20 14:02:11 UTC", page(browser, file), re.DOTALL)


def test_a_file_of_an_earlier_trading_day_is_not_said_to_be_unsent(browser: Client, connection: Connection) -> None:
    file = upload(browser, connection, f"{listed(connection, 'ES')} 1")
    assert "Nothing has been sent yet" in page(browser, file)
    OrderFile.objects.update(uploaded_at=timezone.now() - timedelta(days=1))
    assert "Nothing has been sent yet" not in page(browser, file)
    assert "Confirm and send 1 order<" in page(browser, file)

    press(browser, file, "confirm")
    browser.post(f"/files/{file.pk}/stop/")
    assert "earlier trading day" not in page(browser, file)
    OrderFile.objects.update(progressed_at=timezone.now() - timedelta(days=1))
    assert "look at your statement there before you resume" in page(browser, file)
    browser.post(f"/files/{file.pk}/discard/")
    assert "earlier trading day" not in page(browser, file)


def test_what_is_discarded_twice_was_not_confirmed(browser: Client, connection: Connection) -> None:
    file = upload(browser, connection, f"{listed(connection, 'ES')} 1")
    for _ in range(2):
        answer = browser.post(f"/files/{file.pk}/discard/", follow=True)
        assert "meanwhile" not in answer.content.decode()
    file = upload(browser, connection, f"{listed(connection, 'ES')} 1")
    press(browser, file, "confirm")
    assert "resumed meanwhile" in browser.post(f"/files/{file.pk}/discard/", follow=True).content.decode()


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


def test_what_was_written_is_shown_as_text(browser: Client, connection: Connection) -> None:
    file = upload(browser, connection, "<script>alert(1)</script> 2")
    assert "<script>alert" not in page(browser, file)
    assert "&lt;script&gt;" in page(browser, file)


def test_a_page_of_a_file_that_is_being_sent_shows_what_is_known(browser: Client, connection: Connection) -> None:
    file = upload(browser, connection, f"{listed(connection, 'ES')} 2")
    press(browser, file, "confirm")
    OrderIntent.objects.update(state="filled", filled_qty=2, average_price="5000.125", version=4)
    OrderFile.objects.update(state="finished", finished_at=timezone.now())
    text = page(browser, file)
    assert 'data-version="4" data-state="filled"' in text
    assert 'data-field="average">5000.125<' in text
    assert 'data-total="bought">2 of 2<' in text
    part = browser.get(f"/files/{file.pk}/", headers={"HX-Request": "true"})
    assert 'data-state="finished"' in part.content.decode()
    assert "<html" not in part.content.decode()
    assert part["Vary"].count("HX-Request") == 1


def test_files_are_listed_newest_first(browser: Client, connection: Connection) -> None:
    account = connection.accounts.get()
    for age in (3, 0, 4, 1, 2):
        file = OrderFile.objects.create(account=account, name=f"{age}-days.txt", content="", state="finished")
        OrderFile.objects.filter(pk=file.pk).update(uploaded_at=timezone.now() - timedelta(days=age))
    listed_names = re.findall(r"(\d)-days\.txt</a>", browser.get("/files/").content.decode())
    assert listed_names == ["0", "1", "2", "3", "4"]
