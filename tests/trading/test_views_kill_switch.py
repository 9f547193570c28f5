"""The kill switch as traders press it: what they read of it, who may release it, and Tradovate's own limits."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.models import AuditEvent, Connection, User
from accounts.sign_in import SIGNED_IN_AT
from tests.trading.cast import sign_in
from tests.trading.signed_in import browser_of, connection_of, replay_of
from trading.models import KillSwitch, KillSwitchAction
from trading.orders import kill_switch, protection
from trading.simulator import RunningSimulator

pytestmark = pytest.mark.usefixtures("redis_url")
PAGE = "/kill-switch/"


def signs_in_again(browser: Client, *, ago: timedelta = timedelta()) -> None:
    session = browser.session
    session[SIGNED_IN_AT] = (timezone.now() - ago).isoformat()
    session.save()


def text_of(browser: Client, url: str = PAGE) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def support(transactional_db: None) -> User:
    return User.objects.create_superuser("sam")


def test_one_press_stops_all_that_is_the_traders_and_every_page_says_so(
    browser: Client, connection: Connection
) -> None:
    assert "Trading goes on" in text_of(browser)
    answer = browser.post(f"{PAGE}throw/", {"reason": "lost the plot"})
    assert answer.url == PAGE
    switch = KillSwitch.objects.get()
    assert (switch.scope, switch.user, switch.by_staff, switch.reason) == (
        "user",
        connection.user,
        False,
        "lost the plot",
    )
    for url in (PAGE, "/", "/files/"):
        text = text_of(browser, url)
        assert "Trading is stopped by you: only exits and cancels go through." in text
        assert "lost the plot" in text
        assert "data-trading-stopped" in text
    event = AuditEvent.objects.get(kind="trading-stopped")
    assert (event.user, event.ip_address) == (connection.user, "127.0.0.1")
    assert "lost the plot" in event.detail


def test_pressed_twice_it_is_one_switch(browser: Client) -> None:
    for _ in range(2):
        browser.post(f"{PAGE}throw/", {})
    assert KillSwitch.objects.count() == 1
    assert AuditEvent.objects.filter(kind="trading-stopped").count() == 1


@pytest.mark.parametrize("asked", [{}, {"connection": "nonsense"}, {"connection": "9" * 40}, {"reason": "x\0" * 500}])
def test_no_detail_keeps_anybody_from_stopping(browser: Client, asked: dict[str, str]) -> None:
    assert browser.post(f"{PAGE}throw/", asked).status_code == 302
    assert KillSwitch.objects.thrown().get().scope == "user"


def test_one_connection_alone_can_be_stopped(browser: Client, connection: Connection) -> None:
    browser.post(f"{PAGE}throw/", {"connection": connection.pk})
    assert KillSwitch.objects.get().connection == connection
    assert "Trading in SIM is stopped by you" in text_of(browser)
    assert 'name="connection" value=""' in text_of(browser), "with one connection there is nothing to choose"


class TestTwoEnvironments:
    """What is stopped is that which the page named, whatever the browser has signed in to since."""

    @pytest.fixture
    def live(self, connection: Connection) -> Connection:
        """Another connection of the trader, in LIVE."""
        return connection_of(connection.user, "live", 7)

    @pytest.fixture
    def live_browser(self, live: Connection) -> Client:
        return browser_of(live)

    def test_a_card_acts_on_its_own_environment(
        self, browser: Client, live_browser: Client, connection: Connection, live: Connection
    ) -> None:
        [everything, only_here] = re.findall(r'type="radio" name="connection" value="(\d*)"', text_of(browser))
        assert (everything, only_here) == ("", str(connection.pk))
        browser.post(f"{PAGE}throw/", {"connection": only_here})
        html = text_of(live_browser)
        assert "<h2>Trading in LIVE goes on</h2>" in html
        forms = forms_of(html[html.index('<article class="thrown">') :])
        assert [sorted(form.keys() - {"csrfmiddlewaretoken"}) for form in forms] == [
            ["cancel", "connection"],
            ["connection", "flatten"],
        ]
        for words in ("Cancel working orders in SIM", "Close all positions in SIM", "Yes, in SIM, at the market, now"):
            assert f">{words}<" in html
        for form in forms:
            live_browser.post(f"{PAGE}throw/", form)
        [switch] = KillSwitch.objects.thrown()
        assert switch.connection == connection
        assert [(action.connection, action.flatten) for action in switch.actions.all()] == [(connection, True)]
        assert "<h2>Trading in SIM is stopped</h2>" in text_of(browser)
        assert not kill_switch.stopped(live.pk)

    def test_what_goes_on_elsewhere_is_asked_for_and_what_goes_on_here_is_told(
        self, browser: Client, live_browser: Client, connection: Connection
    ) -> None:
        browser.post(f"{PAGE}throw/", {"connection": connection.pk, "cancel": "on"})
        asks = 'hx-trigger="every 2s"'
        assert (asks in text_of(browser), asks in text_of(live_browser)) == (False, True)
        assert (" data-switch=" in text_of(browser), " data-switch=" in text_of(live_browser)) == (True, False)
        KillSwitchAction.objects.update(state="done", words="Done: nothing was there.")
        assert asks not in text_of(live_browser)

    def test_all_connections_are_named_where_there_are_several(
        self, browser: Client, live_browser: Client, connection: Connection
    ) -> None:
        browser.post(f"{PAGE}throw/", {"connection": ""})
        html = text_of(live_browser)
        assert "<h2>Trading is stopped</h2>" in html
        assert ">Close all positions in all connections<" in html

    def test_an_old_tab_stops_what_it_said(
        self, live_browser: Client, connection: Connection, live: Connection
    ) -> None:
        tab = Client(enforce_csrf_checks=True)
        tab.cookies = live_browser.cookies
        fields = form_of(tab.get("/files/")) | {"connection": str(live.pk)}
        # The browser signs in to the other environment in another tab.
        tab.cookies = browser_of(connection).cookies
        tab.cookies["csrftoken"] = get_random_string(32)
        answer = tab.post(f"{PAGE}throw/", fields)
        assert answer.status_code == 403
        assert "Stop trading in LIVE now" in answer.content.decode()
        tab.post(f"{PAGE}throw/", form_of(answer))
        assert [switch.connection for switch in KillSwitch.objects.all()] == [live]

    def test_somebody_elses_connection_stops_all_of_ones_own(
        self, browser: Client, connection: Connection, simulator: RunningSimulator
    ) -> None:
        stranger = sign_in(simulator, "pro")
        browser.post(f"{PAGE}throw/", {"connection": stranger.pk})
        assert [switch.user for switch in KillSwitch.objects.all()] == [connection.user]


def test_a_replay_is_nothing_to_stop_and_can_still_be_ended(browser: Client, connection: Connection) -> None:
    replay = replay_of(connection)
    browser.post(f"{PAGE}throw/", {"connection": str(replay.pk)})
    assert KillSwitch.objects.thrown().get().scope == "user"
    replay.delete()


def test_releasing_asks_for_a_sign_in_after_the_throw(browser: Client) -> None:
    signs_in_again(browser)
    browser.post(f"{PAGE}throw/", {})
    switch = KillSwitch.objects.get()
    assert "Sign in again to release" in text_of(browser)
    assert "Release and trade again" not in text_of(browser)
    answer = browser.post(f"{PAGE}{switch.pk}/release/", follow=True)
    assert "Sign in with Tradovate again" in answer.content.decode()
    assert KillSwitch.objects.thrown().exists()

    signs_in_again(browser)
    assert "Release and trade again" in text_of(browser)
    answer = browser.post(f"{PAGE}{switch.pk}/release/", follow=True)
    assert "The kill switch is released" in answer.content.decode()
    assert not KillSwitch.objects.thrown().exists()
    assert AuditEvent.objects.filter(kind="trading-released").count() == 1
    # Again, from another tab: it is as it was.
    browser.post(f"{PAGE}{switch.pk}/release/")
    assert AuditEvent.objects.filter(kind="trading-released").count() == 1

    browser.post(f"{PAGE}throw/", {})
    assert "Sign in again to release" in text_of(browser)


def test_a_sign_in_of_some_time_ago_is_not_fresh(browser: Client) -> None:
    browser.post(f"{PAGE}throw/", {})
    KillSwitch.objects.update(thrown_at=timezone.now() - timedelta(hours=1))
    signs_in_again(browser, ago=timedelta(minutes=30))
    browser.post(f"{PAGE}{KillSwitch.objects.get().pk}/release/")
    assert KillSwitch.objects.thrown().exists()


def test_a_real_sign_in_is_what_releases(browser: Client, simulator: RunningSimulator, settings) -> None:
    settings.API_KEY_ENVIRONMENTS = ["sim"]
    browser.post(f"{PAGE}throw/", {})
    person = simulator.trader("trader")
    login = {"environment": "sim", "name": person.name, "password": person.password, "app_id": "Tests"}
    login |= {"app_version": "1", "cid": "8", "secret": settings.SIMULATOR_CLIENT_SECRET, "next": PAGE}
    answer = browser.post("/accounts/sign-in/api-key/", login, headers={"host": "127.0.0.1"})
    assert (answer.status_code, answer.url) == (302, PAGE), answer.content.decode()
    browser.post(f"{PAGE}{KillSwitch.objects.get().pk}/release/")
    assert not KillSwitch.objects.thrown().exists()


def test_a_stranger_neither_sees_nor_releases_it(
    browser: Client, simulator: RunningSimulator, connection: Connection
) -> None:
    browser.post(f"{PAGE}throw/", {"reason": "private"})
    stranger = browser_of(sign_in(simulator, "pro"))
    signs_in_again(stranger)
    assert "private" not in text_of(stranger)
    assert stranger.post(f"{PAGE}{KillSwitch.objects.get().pk}/release/").status_code == 404
    assert stranger.get(f"{PAGE}limits/{connection.accounts.get().pk}/").status_code == 404
    assert KillSwitch.objects.thrown().exists()


@pytest.mark.parametrize("everybody", [True, False])
def test_what_support_has_stopped_a_trader_reads_and_cannot_release(
    browser: Client, connection: Connection, support: User, everybody: bool
) -> None:
    target = None if everybody else connection.user
    switch = kill_switch.throw(support, by_staff=True, user=target, reason="exchange outage")
    signs_in_again(browser)
    text = text_of(browser)
    assert ("All trading" if everybody else "Trading") + " is stopped by support (sam): only exits" in text
    assert "exchange outage" in text
    assert "only support releases it" in text
    answer = browser.post(f"{PAGE}{switch.pk}/release/", follow=True)
    assert "only support releases it" in answer.content.decode()
    assert KillSwitch.objects.thrown().exists()


def test_what_support_stopped_and_what_the_trader_stopped_are_released_apart(
    browser: Client, connection: Connection, support: User
) -> None:
    browser.post(f"{PAGE}throw/", {})
    theirs = kill_switch.throw(support, by_staff=True, user=connection.user)
    with pytest.raises(kill_switch.CannotRelease):
        kill_switch.release_by_staff(KillSwitch.objects.get(by_staff=False).pk, support)
    signs_in_again(browser)
    browser.post(f"{PAGE}{KillSwitch.objects.get(by_staff=False).pk}/release/")
    assert KillSwitch.objects.thrown().get() == theirs
    assert "stopped by support" in text_of(browser)


def test_acting_needs_a_post_and_a_login(browser: Client) -> None:
    assert browser.get(f"{PAGE}1/release/").status_code == 405
    for url in (f"{PAGE}throw/", f"{PAGE}1/release/"):
        assert Client().post(url).url.startswith("/accounts/sign-in/")
    answer = browser.get(f"{PAGE}throw/", follow=True)
    assert "Nothing was stopped: your sign-in had ended" in answer.content.decode()
    assert not KillSwitch.objects.exists()


def test_who_is_signed_out_of_tradovate_still_stops_their_trading(browser: Client, connection: Connection) -> None:
    connection.forget_tokens()
    for asked in ({"connection": connection.pk}, {}):
        assert browser.post(f"{PAGE}throw/", asked).status_code == 302
    assert {(one.user, one.connection) for one in KillSwitch.objects.thrown()} == {
        (None, connection),
        (connection.user, None),
    }


class TestLimits:
    """Tradovate's own auto-liquidation, read, set and read back at the simulator."""

    @pytest.fixture
    def url(self, connection: Connection) -> str:
        return f"{PAGE}limits/{connection.accounts.get().pk}/"

    def test_limits_are_shown_set_read_back_and_taken_away(
        self, browser: Client, connection: Connection, simulator: RunningSimulator, url: str
    ) -> None:
        account = connection.accounts.get()
        assert 'name="daily_loss_auto_liq"' in text_of(browser, url)
        wish = {"daily_loss_auto_liq": "500", "trailing_max_drawdown": "1250.50", "trailing_max_drawdown_mode": "EOD"}
        assert browser.post(url, wish).url == url
        assert protection.read(account) == protection.Limits(
            daily_loss_auto_liq=Decimal(500),
            trailing_max_drawdown=Decimal("1250.5"),
            trailing_max_drawdown_mode="EOD",
        )
        text = text_of(browser, url)
        assert "Tradovate keeps these limits" in text
        assert 'value="500"' in text
        assert "daily loss 500, trailing drawdown 1250.50" in AuditEvent.objects.get(kind="limits-changed").detail

        browser.post(url, {"trailing_max_drawdown_mode": "RealTime"})
        assert protection.read(account).daily_loss_auto_liq is None

    def test_what_is_as_wanted_is_not_asked_for_again(self, browser: Client, url: str) -> None:
        wish = {"daily_loss_auto_liq": "500", "trailing_max_drawdown_mode": "RealTime"}
        for _ in range(2):
            browser.post(url, wish)
        assert AuditEvent.objects.filter(kind="limits-changed").count() == 1

    def test_locked_limits_are_refused_in_words(self, browser: Client, connection: Connection, url: str) -> None:
        wish = {"daily_loss_auto_liq": "500", "trailing_max_drawdown_mode": "RealTime", "changes_locked": "on"}
        assert browser.post(url, wish).status_code == 302
        assert "locked until the trading day ends" in text_of(browser, url)
        answer = browser.post(url, {"daily_loss_auto_liq": "900", "trailing_max_drawdown_mode": "RealTime"})
        assert answer.status_code == 502
        assert "Nothing was changed. Tradovate refused: Changes are locked" in answer.content.decode()
        assert protection.read(connection.accounts.get()).daily_loss_auto_liq == 500

    @pytest.mark.parametrize("amount", ["-5", "0", "abc", "1.234", "1e99", "NaN"])
    def test_what_is_no_amount_is_said_and_kept(self, browser: Client, url: str, amount: str) -> None:
        answer = browser.post(url, {"daily_loss_auto_liq": amount, "trailing_max_drawdown_mode": "RealTime"})
        assert answer.status_code == 400
        assert f'value="{amount}"' in answer.content.decode()
        assert "errorlist" in answer.content.decode()

    @pytest.mark.parametrize("fault", ["lose_reply", "reset_before", "garbage"])
    def test_a_lost_answer_is_not_called_a_success(
        self, browser: Client, simulator: RunningSimulator, url: str, fault: str
    ) -> None:
        simulator.control.fault(fault, route="useraccountautoliq/updateuserautoliq")
        answer = browser.post(url, {"daily_loss_auto_liq": "500", "trailing_max_drawdown_mode": "RealTime"})
        assert answer.status_code == 502
        assert "they may have changed" in answer.content.decode()
        assert ", unknown: daily loss 500" in AuditEvent.objects.get(kind="limits-changed").detail

    def test_without_tradovate_the_page_says_so(self, browser: Client, simulator: RunningSimulator, url: str) -> None:
        simulator.control.fault("error_500", route="useraccountautoliq/deps", times=9)
        assert "problem of its own" in text_of(browser, url)
        assert "Ask Tradovate again" in text_of(browser, url)


def form_of(answer: HttpResponse) -> dict[str, str]:
    """What a browser sends when the page's form to stop trading is submitted as it is."""
    return forms_of(answer.content.decode())[0]


def forms_of(html: str) -> list[dict[str, str]]:
    """What a browser sends when the forms that stop trading are submitted as they are."""
    return [_fields(form) for form in re.findall(r'<form[^>]*action="/kill-switch/throw/".*?</form>', html, re.DOTALL)]


def _fields(form: str) -> dict[str, str]:
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        said = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if said["type"] not in ("radio", "checkbox") or " checked" in tag:
            fields[said["name"]] = said.get("value", "on")
    return fields


@pytest.fixture
def old_tab(connection: Connection) -> tuple[Client, dict[str, str]]:
    """A browser that signed in again in another tab, and what its old tab sends when trading is stopped there."""
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = browser_of(connection).cookies
    fields = form_of(browser.get("/files/"))
    # As Django's login() does it: what was shown before is not valid any more.
    browser.cookies["csrftoken"] = get_random_string(32)
    return browser, fields | {"flatten": "on", "reason": "lost <the> plot"}


def test_an_old_tab_that_stops_trading_gets_a_button_that_does(old_tab: tuple[Client, dict[str, str]]) -> None:
    browser, fields = old_tab
    answer = browser.post(f"{PAGE}throw/", fields)
    assert answer.status_code == 403
    assert "Trading is not stopped yet" in answer.content.decode()
    assert not KillSwitch.objects.exists()
    once_more = form_of(answer)
    assert browser.post(f"{PAGE}throw/", once_more).url == PAGE
    [switch] = KillSwitch.objects.all()
    assert (switch.scope, switch.reason) == ("user", "lost &lt;the&gt; plot")
    assert switch.actions.get().flatten


def test_who_is_signed_out_is_told_so_by_the_old_tab(old_tab: tuple[Client, dict[str, str]]) -> None:
    browser, fields = old_tab
    del browser.cookies["sessionid"]
    text = browser.post(f"{PAGE}throw/", fields).content.decode()
    assert "You are signed out, so nothing could be stopped" in text
    assert "<form" not in text


def test_another_sites_form_gets_no_button_and_other_forms_stop_nothing(old_tab: tuple[Client, dict[str, str]]) -> None:
    browser, fields = old_tab
    for url, headers in ((f"{PAGE}throw/", {"Origin": "https://elsewhere.test"}), ("/files/", {})):
        answer = browser.post(url, fields, headers=headers)
        assert answer.status_code == 403
        assert "That form is no longer valid" in answer.content.decode()
        assert "kill-switch/throw" not in answer.content.decode()
    assert not KillSwitch.objects.exists()
