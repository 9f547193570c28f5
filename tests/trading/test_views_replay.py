"""The pages of a Market Replay: how one begins, what is said when it may not, and that nothing on them sends orders."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Connection, User
from accounts.sign_out import sign_out
from tests.trading.cast import sign_in
from tests.trading.signed_in import browser_of
from trading.models import Replay
from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.config import DEFAULT_TRADERS
from trading.views import desk as desk_view
from trading.views.replay import suggested

URL = "/replay/"
# All that a page of a replay may have a browser send.
HARMLESS = {
    *("trading:replay-speed", "trading:end-replay", "trading:reconnect", "trading:chart", "accounts:sign-out"),
}


@pytest.fixture(autouse=True)
def _no_hub_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_view, "FIRST_SYNC_PATIENCE", 0.0)


@pytest.fixture
def begun(connection: Connection, browser: Client) -> Connection:
    """A replay that the trader has begun."""
    assert browser.post(URL, wish()).status_code == 302
    return connection.replays.get()


def bell() -> dt.datetime:
    """The opening bell of the last day that had one."""
    return suggested(timezone.now())


def typed(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M}"


def wish(**changes: str) -> dict[str, str]:
    given = {"starts_at": typed(bell()), "utc_offset": "0", "speed": "200", "initial_balance": "51000"}
    return given | changes


def errors(html: str) -> dict[str, str]:
    """What is said at each field, and under "" about all of them."""
    at = re.findall(r'<p class="field-error" id="id_(\w+)_error">([^<]+)</p>', html)
    of_all = re.search(r'<ul class="errorlist nonfield"[^>]*><li>([^<]+)', html)
    return dict(at) | ({"": of_all[1]} if of_all else {})


def refused(browser: Client, **changes: str) -> dict[str, str]:
    answer = browser.post(URL, wish(**changes))
    assert answer.status_code == 400
    assert not Replay.objects.exists()
    return errors(answer.content.decode())


def test_the_desk_leads_to_the_form_which_begins_a_replay(browser: Client, connection: Connection) -> None:
    assert f'href="{URL}"' in browser.get("/").content.decode()
    page = browser.get(URL).content.decode()
    assert f'value="{typed(suggested(timezone.now()))}"' in page
    assert ">SIM<" in page

    assert browser.post(URL, wish()).status_code == 302
    replay = connection.replays.get()
    assert (replay.user, replay.get_environment_display()) == (connection.user, "REPLAY")
    assert replay.replay.starts_at == bell()
    assert (replay.replay.speed, replay.replay.initial_balance) == (200, Decimal(51_000))
    assert ">REPLAY<" in browser.get(URL).content.decode()
    # The trader's own desk is as it was.
    assert ">SIM<" in browser.get("/").content.decode()


def test_the_start_is_told_in_the_traders_zone(browser: Client, connection: Connection) -> None:
    told = typed(bell() - dt.timedelta(minutes=300))
    browser.post(URL, wish(starts_at=told, utc_offset="300"))
    assert connection.replays.get().replay.starts_at == bell()


def test_a_second_press_begins_no_second_one(browser: Client, begun: Connection) -> None:
    browser.post(URL, wish(speed="400"))
    assert (Replay.objects.get().connection, Replay.objects.get().speed) == (begun, 200)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("speed", "401", "from 0 (paused) to 400"),
        ("speed", "-1", "from 0 (paused) to 400"),
        ("speed", "fast", "from 0 (paused) to 400"),
        ("speed", "", "from 0 (paused) to 400"),
        ("initial_balance", "0", "Write dollars from 1"),
        ("initial_balance", "1.234", "Write dollars from 1"),
        ("initial_balance", "NaN", "Write dollars from 1"),
        ("starts_at", "", "Choose a date and a time."),
        ("starts_at", "yesterday", "Choose a date and a time."),
        ("starts_at", "0001-01-01T00:00", "too long ago"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(browser: Client, field: str, value: str, words: str) -> None:
    told = refused(browser, **{field: value})
    assert told.keys() == {field}
    assert words in told[field]


def test_what_is_still_to_come_cannot_be_replayed(browser: Client) -> None:
    for moment in (typed(timezone.now() + dt.timedelta(hours=1)), "9999-12-31T23:59"):
        told = refused(browser, starts_at=moment, utc_offset="60")
        assert "still to come" in told["starts_at"]


def test_nor_can_a_weekend_and_it_is_told_by_the_traders_clock_when_the_market_opened(browser: Client) -> None:
    now = timezone.now().replace(hour=16, minute=0)
    saturday = now - dt.timedelta(days=(now.weekday() - 5) % 7 or 7)
    told = refused(browser, starts_at=typed(saturday), utc_offset="360")["starts_at"]
    assert "closed then" in told
    assert re.search(r"opened next on Sunday \d{4}-\d\d-\d\d 1[67]:00 by your clock", told)


def test_nor_can_what_is_longer_ago_than_the_subscription_reaches(browser: Client) -> None:
    told = refused(browser, starts_at=typed(suggested(timezone.now() - dt.timedelta(weeks=30))))["starts_at"]
    earliest = timezone.now() - dt.timedelta(days=90)
    assert "too long ago" in told
    assert f"{earliest:%Y-%m-%d}" in told


@pytest.fixture
def no_entitlement(settings, redis_url: str) -> Iterator[RunningSimulator]:
    """A simulator whose traders may not replay anything."""
    config = Config(manual_clock=True, control=True, client_secret=settings.SIMULATOR_CLIENT_SECRET)
    traders = tuple(replace(one, replay_days=0) for one in DEFAULT_TRADERS)
    with serve(replace(config, traders=traders)) as running:
        settings.SIMULATOR_URL = running.url
        yield running


def test_nor_can_anything_without_the_entitlement(no_entitlement: RunningSimulator, transactional_db: None) -> None:
    told = refused(browser_of(sign_in(no_entitlement)))
    assert "no Market Replay" in told["starts_at"]


def test_a_tradovate_that_does_not_answer_is_said_above_the_fields(browser: Client, settings) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    told = refused(browser)
    assert "could not be asked" in told[""]


def test_nothing_on_the_page_of_a_replay_sends_an_order(browser: Client, begun: Connection) -> None:
    html = browser.get(URL).content.decode()
    assert "no orders go out from a replay" in html
    sends = set(re.findall(r'(?:form)?action="([^"]*)"', html))
    assert sends == {reverse(name) for name in HARMLESS}
    # Without these no script of the desk has anything to press.
    for part in ("data-ticket", "data-acts", "data-desk", "data-edit", "kill-menu"):
        assert part not in html


def test_another_speed_is_kept_for_the_hub_and_out_of_bounds_it_is_not(browser: Client, begun: Connection) -> None:
    asked_at = begun.replay.speed_asked_at
    assert browser.post("/replay/speed/", {"speed": "0"}).status_code == 302
    begun.replay.refresh_from_db()
    assert begun.replay.speed == 0
    assert begun.replay.speed_asked_at > asked_at
    answer = browser.post("/replay/speed/", {"speed": "500"}, follow=True)
    assert "from 0 (paused) to 400" in answer.content.decode()
    begun.replay.refresh_from_db()
    assert begun.replay.speed == 0


def test_when_it_has_ended_the_form_is_back_and_nothing_is_left(browser: Client, begun: Connection) -> None:
    answer = browser.post("/replay/end/", follow=True)
    assert "The replay has ended." in answer.content.decode()
    assert "Begin the replay" in answer.content.decode()
    assert not Connection.objects.filter(pk=begun.pk).exists()
    assert browser.post("/replay/end/").status_code == 302


def test_another_trader_neither_sees_nor_ends_it(
    simulator: RunningSimulator, browser: Client, begun: Connection
) -> None:
    stranger = browser_of(sign_in(simulator, "pro"))
    assert "Begin the replay" in stranger.get(URL).content.decode()
    stranger.post("/replay/speed/", {"speed": "0"})
    stranger.post("/replay/end/")
    assert Replay.objects.get().speed == 200


def test_who_has_signed_out_has_none(browser: Client, connection: Connection, begun: Connection) -> None:
    sign_out(connection.user)
    assert not Connection.objects.filter(pk=begun.pk).exists()
    assert "Market Replay" not in browser.get(URL).content.decode()


def test_staff_have_no_tradovate_to_replay(transactional_db: None) -> None:
    staff = Client()
    staff.force_login(User.objects.create(username="staff", is_staff=True))
    answer = staff.post(URL, wish())
    assert "Begin the replay" not in answer.content.decode()
    assert not Replay.objects.exists()
