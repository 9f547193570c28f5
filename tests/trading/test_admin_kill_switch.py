"""Support's kill switch: who may throw it over whom, and that releasing it takes one's password."""

import datetime as dt
import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, Connection, User
from accounts.tokens import Tokens
from tests.trading.signed_in import replay_of
from trading.models import KillSwitch, KillSwitchAction
from trading.orders import kill_switch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]

ADD = "/admin/trading/killswitch/add/"
LIST = "/admin/trading/killswitch/"
PASSWORD = "a-long-password"


@pytest.fixture
def connection() -> Connection:
    user = User.objects.create_user("sim:1001", first_name="Tess")
    return Connection.objects.create(user=user, environment="sim", tradovate_user_id=1001, name="tess")


def member(name: str, *permissions: str) -> tuple[User, Client]:
    """A member of staff with these permissions of trading's, signed in."""
    person = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=[*permissions, "view_user", "view_connection"]))
    browser = Client()
    browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return person, browser


@pytest.fixture
def stopper() -> tuple[User, Client]:
    return member("sam", "stop_trading")


def thrown(**target: object) -> KillSwitch:
    staff = User.objects.get_or_create(username="boss", is_staff=True)[0]
    return kill_switch.throw(staff, by_staff=True, reason="outage", **target)


def release_url(switch: KillSwitch) -> str:
    return reverse("admin:trading_killswitch_release", args=[switch.pk])


def press(browser: Client, switch: KillSwitch, shown: str, password: str = PASSWORD) -> str:
    """What whoever presses Release on that page reads then."""
    hidden = dict(re.findall(r'type="hidden" name="(seen)" value="(\d+)"', shown))
    return browser.post(release_url(switch), {"password": password} | hidden, follow=True).content.decode()


def test_a_replay_which_sends_nothing_is_not_taken_for_what_is_to_be_stopped(
    stopper: tuple[User, Client], connection: Connection
) -> None:
    replay = replay_of(connection)
    answer = stopper[1].post(ADD, {"scope": "connection", "connection": replay.pk, "reason": "outage"})
    assert "choose the one that trades" in answer.content.decode()
    assert not KillSwitch.objects.exists()


def test_support_stops_everybody_one_trader_or_one_connection(
    stopper: tuple[User, Client], connection: Connection
) -> None:
    staff, browser = stopper
    assert "Stop trading now" in browser.get(ADD).content.decode()
    # So the page that ends an access leads here.
    chosen = browser.get(ADD, {"scope": "user", "user": connection.user_id}).content.decode()
    assert f'<option value="{connection.user_id}" selected>' in chosen
    for asked in ({"scope": "global"}, {"scope": "user", "user": connection.user_id},
                  {"scope": "connection", "connection": connection.pk}):  # fmt: skip
        answer = browser.post(ADD, {**asked, "reason": "exchange outage"})
        assert answer.status_code == 302, answer.content.decode()
    assert list(
        KillSwitch.objects.order_by("pk").values_list("scope", "user", "connection", "by_staff", "thrown_by")
    ) == [
        ("global", None, None, True, staff.pk),
        ("user", connection.user_id, None, True, staff.pk),
        ("connection", None, connection.pk, True, staff.pk),
    ]
    events = AuditEvent.objects.filter(kind="trading-stopped").order_by("pk")
    assert [event.user for event in events] == [staff, connection.user, connection.user]
    assert "by staff sam; exchange outage" in events[0].detail
    assert "everybody" in browser.get(LIST).content.decode()


def test_the_reason_of_a_second_throw_is_kept_in_the_trail(
    stopper: tuple[User, Client], connection: Connection
) -> None:
    for reason in ("outage", "outage", "and the trader rang"):
        asked = {"scope": "user", "user": connection.user_id, "reason": reason}
        assert stopper[1].post(ADD, asked).status_code == 302
    assert KillSwitch.objects.get().reason == "outage"
    events = AuditEvent.objects.filter(kind="trading-stopped").order_by("pk")
    assert [event.detail.rpartition("; ")[2] for event in events] == ["outage", "and the trader rang"]


@pytest.mark.parametrize("box", ["cancel", "flatten"])
@pytest.mark.parametrize("scope", ["global", "user", "connection"])
def test_either_box_is_acted_upon_for_each_connection_that_is_signed_in(
    stopper: tuple[User, Client], connection: Connection, scope: str, box: str
) -> None:
    stranger = User.objects.create_user("sim:1002")
    of = {"user": connection.user, "environment": "demo", "tradovate_user_id": 7, "name": "tess-demo"}
    second = Connection.objects.create(**of)
    other = Connection.objects.create(user=stranger, environment="sim", tradovate_user_id=1002, name="sid")
    for one in (connection, second, other):
        one.store_tokens(Tokens("a-token"), timezone.now() + dt.timedelta(hours=1))
    # Who is signed out has nothing that could be asked for.
    Connection.objects.create(user=stranger, environment="demo", tradovate_user_id=8, name="sid-demo")
    target = {"user": connection.user_id} if scope == "user" else {"connection": connection.pk}
    asked = {"scope": scope, "reason": "outage", box: "on", **({"sure": "on"} if scope == "global" else target)}
    answer = stopper[1].post(ADD, asked)
    assert answer.status_code == 302, answer.content.decode()
    expected = {"global": [connection, second, other], "user": [connection, second], "connection": [connection]}[scope]
    made = KillSwitchAction.objects.order_by("connection").values_list("connection", "flatten", "state")
    assert list(made) == [(one.pk, box == "flatten", "working") for one in expected]
    # Without a box nothing is done at Tradovate.
    KillSwitchAction.objects.all().delete()
    stopper[1].post(ADD, {name: value for name, value in asked.items() if name != box})
    assert not KillSwitchAction.objects.exists()


@pytest.mark.parametrize("box", ["cancel", "flatten"])
@pytest.mark.parametrize(("scope", "out"), [("user", "tess (SIM), tess-demo (DEMO)"), ("connection", "tess (SIM)")])
def test_that_nothing_is_closed_for_who_is_not_signed_in_is_said(
    stopper: tuple[User, Client], connection: Connection, scope: str, out: str, box: str
) -> None:
    stranger = User.objects.create_user("sim:1002")
    Connection.objects.create(user=stranger, environment="sim", tradovate_user_id=1002, name="sid")
    of = {"user": connection.user, "environment": "demo", "tradovate_user_id": 7, "name": "tess-demo"}
    replay_of(Connection.objects.create(**of))
    asked = {"scope": scope, "reason": "rang", scope: connection.user_id if scope == "user" else connection.pk}

    def told(**boxes: str) -> str:
        return stopper[1].post(ADD, asked | boxes, follow=True).content.decode()

    assert "Not signed in" not in told()
    assert f"Not signed in: {out}. Nothing is cancelled or closed there" in told(**{box: "on"})
    connection.store_tokens(Tokens("a-token"), timezone.now() + dt.timedelta(hours=1))
    page = told(**{box: "on"})
    assert ("Not signed in: tess-demo (DEMO). Nothing" in page) == (scope == "user")
    assert page.count("Not signed in") == (scope == "user")


@pytest.mark.parametrize(
    ("box", "done"),
    [
        ("cancel", "cancels all working orders of the one connection that is signed in"),
        ("flatten", "cancels all working orders and closes all positions of the one connection that is signed in"),
    ],
)
def test_what_is_everybodys_is_closed_after_a_second_look_only(
    stopper: tuple[User, Client], connection: Connection, box: str, done: str
) -> None:
    connection.store_tokens(Tokens("a-token"), timezone.now() + dt.timedelta(hours=1))
    asked = {"scope": "global", "reason": "outage", box: "on"}
    answer = stopper[1].post(ADD, asked)
    assert done in answer.content.decode()
    assert not KillSwitch.objects.exists()
    assert stopper[1].post(ADD, asked | {"sure": "on"}).status_code == 302
    assert KillSwitchAction.objects.count() == 1


@pytest.mark.parametrize(
    "asked",
    [{"scope": "global", "reason": ""}, {"scope": "user", "reason": "x"}, {"scope": "connection", "reason": "x"},
     {"scope": "global", "user": "1", "reason": "x"}, {"scope": "nobody", "reason": "x"}],
)  # fmt: skip
def test_what_is_not_clear_is_not_thrown(
    stopper: tuple[User, Client], connection: Connection, asked: dict[str, str]
) -> None:
    asked = {name: str(connection.user_id) if value == "1" else value for name, value in asked.items()}
    answer = stopper[1].post(ADD, asked)
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert not KillSwitch.objects.exists()


def test_a_member_of_staff_is_not_taken_for_a_trader_of_that_name(stopper: tuple[User, Client]) -> None:
    answer = stopper[1].post(ADD, {"scope": "user", "user": stopper[0].pk, "reason": "rang"})
    assert answer.context["adminform"].errors == {"user": ["That is a member of staff: choose a trader."]}
    assert not KillSwitch.objects.exists()


def test_traders_are_chosen_by_their_names(stopper: tuple[User, Client], connection: Connection) -> None:
    field = {"app_label": "trading", "model_name": "killswitch", "field_name": "user", "term": "tess"}
    found = stopper[1].get("/admin/autocomplete/", field).json()["results"]
    assert [one["text"] for one in found] == ["Tess (sim:1001)"]
    assert "Tess (sim:1001)" in browser_text(stopper[1], f"{ADD}?scope=user&user={connection.user_id}")


def test_releasing_takes_the_password(stopper: tuple[User, Client], connection: Connection) -> None:
    staff, browser = stopper
    switch = thrown(user=connection.user)
    change = reverse("admin:trading_killswitch_change", args=[switch.pk])
    assert release_url(switch) in browser.get(change).content.decode()
    assert browser.get(release_url(switch)).status_code == 200
    for password in ("", "wrong"):
        answer = browser.post(release_url(switch), {"password": password})
        assert "errorlist" in answer.content.decode()
        assert KillSwitch.objects.thrown().exists()
    assert browser.post(release_url(switch), {"password": PASSWORD}).url == change
    switch.refresh_from_db()
    assert switch.released_by == staff
    assert release_url(switch) not in browser.get(change).content.decode()
    assert AuditEvent.objects.get(kind="trading-released").user == connection.user


@pytest.mark.parametrize("scope", ["everybody", "trader", "connection"])
def test_what_another_member_wanted_since_is_not_released_unseen(
    stopper: tuple[User, Client], connection: Connection, scope: str
) -> None:
    target = {"everybody": {}, "trader": {"user": connection.user}, "connection": {"connection": connection}}[scope]
    connection.store_tokens(Tokens("a-token"), timezone.now() + dt.timedelta(hours=1))
    # Neither of these is about the switch.
    thrown(**({} if target else {"user": connection.user}))
    kill_switch.throw(connection.user, user=connection.user, reason="tilt", cancel=True)
    switch = thrown(**target)

    browser = stopper[1]
    first = browser_text(browser, release_url(switch))
    assert "more than once" not in first
    bob = User.objects.create_user("bob", is_staff=True)
    kill_switch.throw(bob, by_staff=True, reason="account taken over", flatten=True, **target)

    for _ in range(2):
        again = press(browser, switch, first)
        assert "Stopped again meanwhile: " in again
        assert again.count("by staff bob; positions closed; account taken over") == 2
        assert "by staff boss; outage" in again
        assert "<li>tess (SIM): in progress</li>" in again
        switch.refresh_from_db()
        assert switch.is_thrown
    assert KillSwitchAction.objects.get(switch=switch).state == "working"

    assert "is released" in press(browser, switch, again)
    switch.refresh_from_db()
    assert not switch.is_thrown


def test_the_same_reason_of_another_member_is_not_released_unseen(
    stopper: tuple[User, Client], connection: Connection
) -> None:
    switch = thrown(user=connection.user)
    first = browser_text(stopper[1], release_url(switch))
    bob = User.objects.create_user("bob", is_staff=True)
    kill_switch.throw(bob, by_staff=True, reason="outage", user=connection.user)
    assert "Stopped again meanwhile: one trader, by staff bob; outage" in press(stopper[1], switch, first)
    assert KillSwitch.objects.thrown().exists()


@pytest.mark.parametrize("mistyped", ["wrong", ""])
def test_a_wrong_password_does_not_take_away_that_it_was_thrown_again(
    stopper: tuple[User, Client], connection: Connection, mistyped: str
) -> None:
    switch = thrown(user=connection.user)
    first = browser_text(stopper[1], release_url(switch))
    thrown(user=connection.user, flatten=True)
    again = press(stopper[1], switch, first, mistyped)
    assert "Stopped again meanwhile" not in again
    again = press(stopper[1], switch, again)
    assert "Stopped again meanwhile" in again
    assert "is released" in press(stopper[1], switch, again)


@pytest.mark.parametrize("scope", ["everybody", "trader", "connection"])
def test_what_still_stops_them_is_said_before_the_release_and_after_it(
    stopper: tuple[User, Client], connection: Connection, scope: str
) -> None:
    target = {"everybody": {}, "trader": {"user": connection.user}, "connection": {"connection": connection}}[scope]
    own = {"user": connection.user} if target else {}
    switch, still = thrown(**target), kill_switch.throw(connection.user, reason="tilt", **own)
    sid = User.objects.create_user("sim:1002", first_name="Sid")
    kill_switch.throw(sid, user=sid, reason="of another trader")
    expected = f'{reverse("admin:trading_killswitch_change", args=[still.pk])}">{still}</a> by Tess: tilt'
    first = browser_text(stopper[1], release_url(switch))
    assert expected in first
    after = press(stopper[1], switch, first)
    assert f"The kill switch for {switch.target} is released." in after
    assert expected in after[after.index("Still stopped: ") :]
    assert "of another trader" not in first
    assert "of another trader" not in after


def test_a_page_of_a_release_that_is_over_says_what_is_thrown_since(
    stopper: tuple[User, Client], connection: Connection
) -> None:
    switch = thrown(user=connection.user)
    first = browser_text(stopper[1], release_url(switch))
    kill_switch.release_by_staff(switch.pk, switch.thrown_by)
    assert "Still stopped" not in press(stopper[1], switch, first)
    thrown(user=connection.user)
    for page in (press(stopper[1], switch, first), stopper[1].get(release_url(switch), follow=True).content.decode()):
        assert "Still stopped: " in page
        assert "Stopped since" not in page


def test_guessing_the_password_locks_out(stopper: tuple[User, Client]) -> None:
    switch = thrown()
    for _ in range(10):
        stopper[1].post(release_url(switch), {"password": "wrong"})
    stopper[1].post(release_url(switch), {"password": PASSWORD})
    assert KillSwitch.objects.thrown().exists()


def test_another_members_password_is_not_ones_own(stopper: tuple[User, Client]) -> None:
    User.objects.create_user("other", password="another-long-password", is_staff=True)
    switch = thrown()
    stopper[1].post(release_url(switch), {"password": "another-long-password"})
    assert KillSwitch.objects.thrown().exists()


def test_what_a_trader_has_stopped_support_sees_and_cannot_release(
    stopper: tuple[User, Client], connection: Connection
) -> None:
    switch = kill_switch.throw(connection.user, user=connection.user, reason="tilt")
    change = browser_text(stopper[1], reverse("admin:trading_killswitch_change", args=[switch.pk]))
    assert "tilt" in change
    assert release_url(switch) not in change
    answer = stopper[1].post(release_url(switch), {"password": PASSWORD}, follow=True)
    assert "only the trader releases it" in answer.content.decode()
    assert KillSwitch.objects.thrown().exists()


def test_whoever_may_stop_trading_reads_what_came_of_it(stopper: tuple[User, Client], connection: Connection) -> None:
    switch = thrown(user=connection.user)
    change = reverse("admin:trading_killswitch_change", args=[switch.pk])
    switch.actions.create(connection=connection, flatten=True, state="ended", words="Given up, look at Tradovate.")
    assert "Given up, look at Tradovate." in browser_text(stopper[1], change)
    assert "Given up" not in browser_text(member("vera", "view_killswitch")[1], change)


def browser_text(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("permissions", [(), ("view_killswitch",), ("add_killswitch", "change_killswitch")])
def test_without_the_permission_nothing_is_thrown_or_released(
    connection: Connection, permissions: tuple[str, ...]
) -> None:
    _, browser = member("vera", *permissions)
    switch = thrown(user=connection.user)
    assert browser.get(ADD).status_code == 403
    assert browser.post(ADD, {"scope": "global", "reason": "x"}).status_code == 403
    assert browser.get(release_url(switch)).status_code == 403
    assert browser.post(release_url(switch), {"password": PASSWORD}).status_code == 403
    assert browser.get(LIST).status_code == (200 if permissions else 403)
    assert KillSwitch.objects.thrown().get() == switch


def test_nobody_changes_or_deletes_the_history(connection: Connection) -> None:
    switch = thrown(user=connection.user)
    boss = User.objects.create_superuser("root")
    browser = Client()
    browser.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    change = reverse("admin:trading_killswitch_change", args=[switch.pk])
    assert 'name="_save"' not in browser_text(browser, change)
    assert browser.post(change, {"reason": "nothing", "released_at": timezone.now()}).status_code == 403
    delete = reverse("admin:trading_killswitch_delete", args=[switch.pk])
    assert browser.post(delete, {"post": "yes"}).status_code == 403
    switch.refresh_from_db()
    assert (switch.reason, switch.released_at) == ("outage", None)


def test_a_trader_does_not_get_in(connection: Connection) -> None:
    browser = Client()
    browser.force_login(connection.user, backend="django.contrib.auth.backends.ModelBackend")
    switch = thrown()
    for url in (ADD, LIST, release_url(switch)):
        assert browser.get(url).status_code == 302
    browser.post(release_url(switch), {"password": PASSWORD})
    browser.post(ADD, {"scope": "global", "reason": "x"})
    assert KillSwitch.objects.get() == switch
