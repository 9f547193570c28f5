"""What support does for one trader: see what happened when, and end their access."""

import datetime as dt
import re
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEvent, Connection, User
from tests.trading.signed_in import browser_of, person
from trading.admin import timeline
from trading.models import (
    Account,
    Comparison,
    Fill,
    IntentTransition,
    KillSwitch,
    KillSwitchAction,
    Order,
    OrderFile,
    OrderIntent,
    OrderVersion,
)
from trading.orders import intents, kill_switch
from trading.orders.spec import OrderSpec

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]

MOMENT = dt.datetime(2026, 11, 27, 20, 32, tzinfo=dt.UTC)
READING = ["auditevent", "orderintent", "orderfile", "order", "orderversion", "fill", "killswitch", "comparison"]


def member(*permissions: str) -> Client:
    """The browser of a member of staff with these permissions."""
    staff = User.objects.create_user("sam", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def reader() -> Client:
    return member("view_user", "view_killswitchaction", *(f"view_{name}" for name in READING))


@pytest.fixture
def tess(time_machine) -> Connection:
    """A trader to whom one of everything has happened at 20:32."""
    time_machine.move_to(MOMENT, tick=False)
    tess, other = person("sim:1", 1), person("sim:2", 2)
    for connection, price in ((tess, 5000), (other, 1234)):
        # As a first sign-in leaves it.
        connection.user.set_unusable_password()
        connection.user.save()
        happens_to(connection, price)
    kill_switch.throw(User.objects.create_user("boss", is_staff=True), by_staff=True, reason="outage of the exchange")
    time_machine.move_to(MOMENT + dt.timedelta(days=1), tick=False)
    return tess


def happens_to(connection: Connection, price: int) -> None:
    account = Account.objects.create(connection=connection, tradovate_id=7, name=f"DEMO{connection.pk}")
    spec = OrderSpec(account_id=account.pk, symbol="ESZ6", action="Buy", order_qty=2)
    intent = intents.create(spec, f"click:{connection.pk}")
    intents.claim(intent.pk)
    intents.transition(intent.pk, {"submitting"}, "rejected", f"no margin left for {connection.name}", reason="margin")
    OrderFile.objects.create(account=account, name=f"{connection.name}.txt", content="", state="ready")
    broker = {"connection": connection, "at": MOMENT}
    order = {"symbol": "ESZ6", "action": "Buy", **broker}
    Order.objects.create(tradovate_id=55, account_id_at_broker=7, status="Filled", order_qty=2, **order)
    OrderVersion.objects.create(
        tradovate_id=56, order_id_at_broker=55, order_qty=2, order_type="Limit", price=price, **broker
    )
    Fill.objects.create(tradovate_id=66, order_id_at_broker=55, qty=2, price=price, **order)
    Comparison.objects.create(missed=3, wrong=0, detail=connection.name, **broker)
    AuditEvent.objects.create(kind="signed-in", user=connection.user, ip_address="192.0.2.1", detail=connection.name)


def shown(browser: Client, who: Connection, **asked: object) -> str:
    answer = browser.get(reverse("admin:accounts_user_timeline", args=[who.user_id]), asked)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_all_that_happened_around_a_moment_is_on_one_page_and_nothing_of_others(tess: Connection) -> None:
    browser = reader()
    page = shown(browser, tess, at="2026-11-27 14:32", zone="America/Chicago", minutes=5)
    for words in (
        "2026-11-27 14:32:00.000",
        "20:32:00",
        "signed in from 192.0.2.1 (sim:1)",
        "Buy 2 ESZ6: rejected (no margin left for sim:1)",
        "sim:1.txt: uploaded",
        "order 55 placed: Buy ESZ6, now 2 contracts, Filled",
        "order 55: 2 Limit at 5000",
        "Buy 2 ESZ6 at 5000, order 55",
        "trading of everybody stopped by boss (outage of the exchange)",
        "reconnected and compared: 3 missed, 0 wrong (sim:1)",
    ):
        assert words in page
    assert "sim:2" not in page
    assert "1234" not in page
    OrderVersion.objects.update(refused=True)
    assert "order 55: 2 Limit at 5000 (refused)" in shown(browser, tess, at="2026-11-27 20:32", zone="UTC", minutes=5)


def test_what_was_at_another_time_is_not_shown(tess: Connection) -> None:
    browser = reader()
    assert "Nothing is kept of that time" in shown(browser, tess, at="2026-11-27 14:32", zone="UTC", minutes=60)
    assert "Nothing is kept of that time" in shown(browser, tess)
    for nonsense in ("half past two", "9999-12-31 23:59", "0001-01-01 00:00"):
        page = shown(browser, tess, at=nonsense, zone="America/Chicago", minutes=60)
        assert "Write a day and a time" in page


def test_that_there_is_more_is_said_when_there_is(tess: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, asked = reader(), {"at": "2026-11-27 20:32", "zone": "UTC", "minutes": 5}
    # Of each kind there are fewer; together they are as many.
    monkeypatch.setattr(timeline, "MOST", 6)
    assert "There is more than is shown" not in shown(browser, tess, **asked)
    monkeypatch.setattr(timeline, "MOST", 1)
    assert "There is more than is shown" in shown(browser, tess, **asked)


def test_what_is_nearest_to_the_moment_is_shown_and_in_order(tess: Connection) -> None:
    intent = OrderIntent.objects.get(connection=tess)

    def steps(seconds: int, *details: str) -> None:
        at = MOMENT + dt.timedelta(seconds=seconds)
        made = [IntentTransition(intent=intent, to_state="created", detail=detail, at=at) for detail in details]
        IntentTransition.objects.bulk_create(made)

    # As the lines of a file that is confirmed leave them.
    steps(0, *["one of many"] * timeline.MOST)
    steps(40, "this one first", "and this one next")
    steps(70, "afterwards")
    page = shown(reader(), tess, at="2026-11-27 20:32:40", zone="UTC", minutes=1)
    places = [page.find(words) for words in ("one of many", "this one first", "and this one next", "afterwards")]
    assert -1 not in places
    assert places == sorted(places)
    assert page.count("one of many") == timeline.MOST - 3
    assert "There is more than is shown" in page


def test_an_order_is_not_told_as_placed_with_what_a_change_made_of_it(tess: Connection) -> None:
    Order.objects.filter(connection=tess).update(order_qty=5)
    page = shown(reader(), tess, at="2026-11-27 20:32", zone="UTC", minutes=5)
    assert "order 55 placed: Buy ESZ6, now 5 contracts, Filled" in page


def test_each_line_leads_to_its_row(tess: Connection) -> None:
    page = shown(reader(), tess, at="2026-11-27 20:32", zone="UTC", minutes=5)
    intent = OrderIntent.objects.get(connection=tess)
    for row in (intent, OrderFile.objects.get(account__connection=tess), Fill.objects.get(connection=tess)):
        assert reverse(f"admin:trading_{row._meta.model_name}_change", args=[row.pk]) in page


def test_staff_see_what_they_may_read_and_are_told_what_they_may_not(tess: Connection) -> None:
    page = shown(member("view_user", "view_fill"), tess, at="2026-11-27 20:32", zone="UTC", minutes=5)
    assert "Buy 2 ESZ6 at 5000" in page
    assert "no margin left" not in page
    assert "You may not read, and so do not see: audit events" in page


def test_whoever_may_stop_trading_is_told_what_a_kill_switch_did(tess: Connection) -> None:
    action = KillSwitch.objects.get().actions.create(connection=tess, flatten=False, words="Done: 1 order cancelled.")
    KillSwitchAction.objects.filter(pk=action.pk).update(changed_at=MOMENT)
    page = shown(member("view_user", "stop_trading"), tess, at="2026-11-27 20:32", zone="UTC", minutes=5)
    assert "trading of everybody stopped by boss" in page
    assert "Done: 1 order cancelled." in page
    assert "You may not read, and so do not see: audit events" in page
    assert "kill switch actions" not in page
    assert "kill switches" not in page


def test_it_takes_as_many_queries_however_much_has_happened(tess: Connection) -> None:
    browser, asked = reader(), {"at": "2026-11-27 20:32", "zone": "UTC", "minutes": 5}
    counts = []
    for number in range(2):
        shown(browser, tess, **asked)
        with CaptureQueriesContext(
            database,
        ) as found:
            shown(browser, tess, **asked)
        counts.append(len(found))
        for fill in range(20):
            like = {"connection": tess, "symbol": "ESZ6", "action": "Buy", "qty": 1, "price": 1, "at": MOMENT}
            Fill.objects.create(tradovate_id=1000 * (number + 1) + fill, order_id_at_broker=fill, **like)
            AuditEvent.objects.create(kind="signed-in", user=tess.user)
    assert counts[0] == counts[1]


def test_without_the_permission_nobody_looks_or_ends_anything(tess: Connection) -> None:
    browser = member("view_fill")
    for name in ("timeline", "access"):
        assert browser.get(reverse(f"admin:accounts_user_{name}", args=[tess.user_id])).status_code == 403
    end = reverse("admin:accounts_user_access", args=[tess.user_id])
    assert browser.post(end, {"what": "off", "reason": "x"}).status_code == 403
    assert browser_of(tess).get(end).status_code == 302
    tess.refresh_from_db()
    assert tess.is_authorised
    assert "End access" not in browser_text(member_also("view_user"), tess)


def member_also(*permissions: str) -> Client:
    User.objects.filter(username="sam").delete()
    return member(*permissions)


def browser_text(browser: Client, who: Connection) -> str:
    return browser.get(reverse("admin:accounts_user_change", args=[who.user_id])).content.decode()


def test_support_signs_a_trader_out_everywhere(tess: Connection) -> None:
    theirs, browser = browser_of(tess), member("view_user", "end_access")
    url = reverse("admin:accounts_user_access", args=[tess.user_id])
    assert url in browser_text(browser, tess)
    assert theirs.get("/limits/").status_code == 200
    assert "signed in to sim:1 (SIM)" in browser.get(url).content.decode()

    assert browser.post(url, {"what": "sign-out", "reason": ""}).status_code == 200
    assert theirs.get("/limits/").status_code == 200
    assert browser.post(url, {"what": "sign-out", "reason": "lost the phone"}).status_code == 302

    assert theirs.get("/limits/").status_code == 302
    tess.refresh_from_db()
    assert tess.tokens is None
    assert tess.user.is_active
    event = AuditEvent.objects.get(kind="signed-out")
    assert (event.user, event.connection, event.detail) == (tess.user, tess, "by support (sam): lost the phone")

    # Who holds no tokens here may have a browser that is signed in, and the reason is kept all the same.
    browser.post(url, {"what": "sign-out", "reason": "and the tablet"})
    event = AuditEvent.objects.filter(kind="signed-out").latest("pk")
    assert (event.user, event.connection, event.detail) == (tess.user, None, "by support (sam): and the tablet")


def test_what_a_kill_switch_has_closed_so_far_is_told_before_the_access_ends(tess: Connection) -> None:
    browser, url = member("view_user", "end_access"), reverse("admin:accounts_user_access", args=[tess.user_id])
    boss = User.objects.get(username="boss")
    kill_switch.throw(boss, by_staff=True, user=tess.user, flatten=True)
    action = KillSwitchAction.objects.get()
    assert "<li>sim:1 (SIM): in progress</li>" in browser.get(url).content.decode()
    KillSwitchAction.objects.update(words="Found 1 open position.")
    assert "<li>sim:1 (SIM): Found 1 open position. It goes on.</li>" in browser.get(url).content.decode()
    KillSwitchAction.objects.update(state="ended", words="Given up, look at Tradovate. Found 1 open position.")
    page = browser.get(url).content.decode()
    assert "<li>sim:1 (SIM): Given up, look at Tradovate. Found 1 open position.</li>" in page
    # The pages of the switch are for whoever may read, or throw, it.
    change = reverse("admin:trading_killswitch_change", args=[action.switch_id])
    throw = f"{reverse('admin:trading_killswitch_add')}?scope=user&amp;user={tess.user_id}"
    assert change not in page
    assert throw not in page
    browser = member_also("view_user", "end_access", "stop_trading")
    page = browser.get(url).content.decode()
    assert f'<a href="{change}">sim:1 (SIM): Given up, look at Tradovate. Found 1 open position.</a></li>' in page
    assert f'<a href="{throw}">' in page
    assert browser.get(change).status_code == 200
    kill_switch.release_by_staff(action.switch_id, boss)
    assert "Given up" not in browser.get(url).content.decode()


def test_support_switches_a_login_off_and_on_again(tess: Connection) -> None:
    theirs, browser = browser_of(tess), member("view_user", "end_access")
    url = reverse("admin:accounts_user_access", args=[tess.user_id])
    browser.post(url, {"what": "off", "reason": "left the firm"})
    tess.refresh_from_db()
    assert (tess.user.is_active, tess.is_authorised) == (False, False)
    assert "is switched off" in browser.get(url).content.decode()
    assert browser.post(url, {"what": "off", "reason": "once more"}).status_code == 200
    assert theirs.get("/limits/").status_code == 302
    browser.post(url, {"what": "on", "reason": "came back"})
    tess.refresh_from_db()
    assert (tess.user.is_active, tess.is_authorised) == (True, False)
    kinds = AuditEvent.objects.filter(detail__startswith="by support (sam)").order_by("pk")
    assert list(kinds.values_list("kind", flat=True)) == ["signed-out", "switched-off", "switched-on"]


def test_staff_are_none_of_those_whose_access_is_ended_here(tess: Connection) -> None:
    browser = member("view_user", "end_access")
    boss = User.objects.get(username="boss")
    assert browser.post(
        reverse("admin:accounts_user_access", args=[boss.pk]), {"what": "off", "reason": "x"}
    ).status_code == 404  # fmt: skip
    boss.refresh_from_db()
    assert boss.is_active


def test_a_traders_page_leads_to_what_is_kept_of_them(tess: Connection) -> None:
    browser = reader()
    boss = User.objects.get(username="boss")
    for connection in (tess, Connection.objects.get(name="sim:2")):
        kill_switch.throw(boss, by_staff=True, connection=connection)
    page = unescape(browser_text(browser, tess))
    kept = page[page.index("field-kept") :]
    expected = {"intents": 1, "audit trail": 2, "kill switches of the trader": 0, "kill switches of one connection": 1}
    for words, count in expected.items():
        link = re.findall(f'<a href="([^"]*)">{words}</a>', kept)
        assert [browser.get(one).context["cl"].result_count for one in link] == [count]


def test_a_traders_page_says_what_stops_them_now(tess: Connection) -> None:
    browser, boss = reader(), User.objects.get(username="boss")
    for_all = KillSwitch.objects.get()
    own = kill_switch.throw(boss, by_staff=True, connection=tess, reason="margin call")
    kill_switch.throw(boss, by_staff=True, connection=Connection.objects.get(name="sim:2"), reason="of another")
    page = unescape(browser_text(browser, tess))
    assert "Kill switch for everybody, thrown</a> by boss: outage of the exchange" in page
    assert "Kill switch for sim:1 (SIM), thrown</a> by boss: margin call" in page
    assert reverse("admin:trading_killswitch_change", args=[own.pk]) in page
    assert "of another" not in page
    for switch in (for_all, own):
        kill_switch.release_by_staff(switch.pk, boss)
    page = browser_text(browser, tess).lower()
    assert "thrown</a>" not in page
    assert "kill switches thrown now" in page
    assert "kill switches thrown now" not in browser_text(member_also("view_user"), tess).lower()
