import asyncio
import re
import threading
from datetime import timedelta
from html import unescape

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from accounts import audit, budgets
from accounts.models import AuditEvent, Connection, User
from tests.accounts.conftest import at_once
from trading.tradovate import Priority
from trading.tradovate.errors import PenaltyImposed

pytestmark = pytest.mark.django_db


@pytest.fixture
def trader(make_connection) -> Connection:
    connection = make_connection(1001)
    connection.name, connection.email = "paula", "paula@traders.example"
    connection.save()
    audit.record(AuditEvent.Kind.SIGNED_IN, connection=connection, ip_address="192.0.2.1")
    return connection


@pytest.fixture
def supporter(client) -> User:
    """A member of staff with every view permission, signed in, and no superuser."""
    staff = User.objects.create_user("sam", password="a-long-password", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(staff)
    return staff


def crawl(client, start: str) -> dict[str, str]:
    """Every admin page of accounts that links lead to from `start`, by address."""
    pages: dict[str, str] = {}
    todo = [start]
    while todo:
        url = todo.pop()
        if url in pages:
            continue
        response = client.get(url)
        assert response.status_code == 200, url
        pages[url] = response.content.decode()
        links = [unescape(link) for link in re.findall(r'href="([^"]+)"', pages[url])]
        links = [url.partition("?")[0] + link if link.startswith("?") else link for link in links]
        todo += [link for link in links if link.startswith("/admin/accounts/") and "?" not in link]
    return pages


@pytest.mark.parametrize("superuser", [False, True])
def test_no_page_of_the_admin_shows_a_token(client, trader, supporter, superuser) -> None:
    supporter.is_superuser = superuser
    supporter.save()

    pages = crawl(client, "/admin/accounts/connection/")

    assert f"/admin/accounts/connection/{trader.pk}/change/" in pages
    assert f"/admin/accounts/user/{trader.user_id}/change/" in pages
    secrets = [
        "access-0",
        "refresh-0",
        trader.sealed_tokens,
        trader.sealed_tokens.partition(":")[2][:20],
        trader.user.password,
    ]
    for url, page in pages.items():
        assert [secret for secret in secrets if secret in unescape(page)] == [], url


@pytest.mark.parametrize("superuser", [False, True])
@pytest.mark.parametrize(
    "guess",
    [
        "connection/?sealed_tokens__startswith=new",
        "connection/?user__password__startswith=!",
        "user/?password__startswith=!",
        "user/?connections__sealed_tokens__startswith=new",
        "auditevent/?connection__sealed_tokens__startswith=new",
    ],
)
def test_no_list_can_be_filtered_to_guess_a_secret(client, trader, supporter, superuser, guess) -> None:
    supporter.is_superuser = superuser
    supporter.save()

    assert client.get(f"/admin/accounts/{guess}").status_code == 400


def test_support_sees_state_and_expiry(client, trader, supporter) -> None:
    page = client.get(f"/admin/accounts/connection/{trader.pk}/change/").content.decode()

    assert "signed in" in page
    assert "paula@traders.example" in page
    assert "Access token expires at" in page
    trader.forget_tokens()
    assert "signed out" in client.get("/admin/accounts/connection/").content.decode()


@pytest.mark.parametrize("wanted", ["paula", "1001", "paula@traders.example"])
@pytest.mark.parametrize("table", ["user", "connection", "auditevent"])
def test_a_trader_is_found_by_name_id_and_email(client, trader, supporter, make_connection, table, wanted) -> None:
    other = make_connection(2002)
    audit.record(AuditEvent.Kind.SIGNED_OUT, connection=other)

    page = client.get(f"/admin/accounts/{table}/", {"q": wanted}).content.decode()

    assert "1 result" in page


@pytest.mark.parametrize("superuser", [False, True])
def test_nothing_of_a_trader_can_be_changed_here(client, trader, supporter, superuser) -> None:
    supporter.is_superuser = superuser
    supporter.save()
    event = AuditEvent.objects.get()
    for path in (f"connection/{trader.pk}", f"auditevent/{event.pk}", f"user/{trader.user_id}"):
        assert client.post(f"/admin/accounts/{path}/change/", {"username": "x"}).status_code == 403
        assert client.post(f"/admin/accounts/{path}/delete/", {"post": "yes"}).status_code == 403
    for table in ("connection", "auditevent"):
        assert client.get(f"/admin/accounts/{table}/add/").status_code == 403
    assert client.post(f"/admin/accounts/user/{trader.user_id}/password/", {}).status_code == 403


def test_who_signed_in_is_on_record_for_good(client, supporter) -> None:
    supporter.is_superuser = True
    supporter.save()
    client.post("/admin/logout/")
    client.post("/admin/login/", {"username": "sam", "password": "a-long-password"})
    entry = AccessLog.objects.latest("pk")

    assert "sam" in client.get(f"/admin/axes/accesslog/{entry.pk}/change/").content.decode()
    assert client.post(f"/admin/axes/accesslog/{entry.pk}/delete/", {"post": "yes"}).status_code == 403


def test_only_a_superuser_changes_staff(client, supporter) -> None:
    change = f"/admin/accounts/user/{supporter.pk}/change/"
    assert client.post(change, {"is_superuser": "on"}).status_code == 403
    assert client.get("/admin/accounts/user/add/").status_code == 403

    supporter.is_superuser = True
    supporter.save()
    added = {"username": "nora", "usable_password": "true", "password1": "a-long-pass-1", "password2": "a-long-pass-1"}
    assert client.post("/admin/accounts/user/add/", added).status_code == 302
    assert User.objects.get(username="nora").is_staff


def test_a_staff_username_cannot_be_a_traders() -> None:
    with pytest.raises(ValidationError):
        User._meta.get_field("username").run_validators("sim:1001")


def test_a_trader_cannot_open_the_admin(browser, simulator) -> None:
    browser.sign_in()

    assert browser.client.get("/admin/").status_code == 302
    assert browser.client.get("/admin/accounts/connection/").status_code == 302


def test_the_audit_trail_is_append_only(trader) -> None:
    event = AuditEvent.objects.get()
    event.detail = "something else"
    with pytest.raises(TypeError, match="append-only"):
        event.save()
    with pytest.raises(TypeError, match="append-only"):
        event.delete()


def test_guessing_a_staff_password_is_cut_short(client, settings) -> None:
    User.objects.create_user("sam", password="a-long-password", is_staff=True)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post("/admin/login/", {"username": "sam", "password": "wrong"})

    right = client.post("/admin/login/", {"username": "sam", "password": "a-long-password"})

    assert right.status_code == 429


def test_a_lockout_ends_after_a_quarter_of_an_hour_for_whoever_goes_on_trying(client, settings, time_machine) -> None:
    User.objects.create_user("sam", password="a-long-password", is_staff=True)
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    right, wrong = {"username": "sam", "password": "a-long-password"}, {"username": "sam", "password": "wrong"}
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post("/admin/login/", wrong)

    for minute in range(1, 15):
        time_machine.move_to(start + timedelta(minutes=minute), tick=False)
        assert client.post("/admin/login/", right).status_code == 429
        assert client.post("/admin/login/", wrong).status_code == 429

    time_machine.move_to(start + timedelta(minutes=15, seconds=1), tick=False)
    assert client.post("/admin/login/", right).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_of_many_guesses_at_once_no_more_are_looked_at(settings, monkeypatch) -> None:
    User.objects.create_user("sam", password="a-long-password", is_staff=True)
    looked_at, check, all_of_them = [], User.check_password, threading.Barrier(settings.AXES_FAILURE_LIMIT)

    def slowly(user: User, password: str) -> bool:
        looked_at.append(password)
        # A hash takes its time.
        all_of_them.wait(30)
        return check(user, password)

    monkeypatch.setattr(User, "check_password", slowly)
    guess = {"username": "sam", "password": "wrong"}

    at_once(20, lambda: Client().post("/admin/login/", guess))

    assert len(looked_at) == settings.AXES_FAILURE_LIMIT
    assert AccessAttempt.objects.get().failures_since_start == settings.AXES_FAILURE_LIMIT


@pytest.mark.django_db(transaction=True)
def test_right_passwords_at_once_all_let_in_and_leave_no_failure(settings) -> None:
    User.objects.create_user("sam", password="a-long-password", is_staff=True)
    right = {"username": "sam", "password": "a-long-password"}

    assert at_once(5, lambda: Client().post("/admin/login/", right).status_code) == [302] * 5
    assert not AccessAttempt.objects.exists()


def test_a_right_password_of_an_account_without_the_admin_counts_as_no_wrong_one(client, settings) -> None:
    nora = User.objects.create_user("nora", password="a-long-password")
    right = {"username": "nora", "password": "a-long-password"}
    for _ in range(settings.AXES_FAILURE_LIMIT + 1):
        answer = client.post("/admin/login/", right)
        assert (answer.status_code, "for a staff account" in answer.content.decode()) == (200, True)
    assert not AccessAttempt.objects.exists()

    User.objects.filter(pk=nora.pk).update(is_staff=True)
    assert client.post("/admin/login/", right).status_code == 302


def test_what_was_typed_into_the_wrong_field_is_not_kept(client, settings) -> None:
    User.objects.create_user("sam", password="a-long-password", is_staff=True)
    client.post("/admin/login/", {"username": "sam", "password": "wrong"})
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post("/admin/login/", {"username": "a-long-password", "password": "x"})

    assert "a-long-password" not in str(AccessAttempt.objects.values())
    assert set(AccessAttempt.objects.values_list("username", "failures_since_start")) >= {("sam", 1)}
    again = client.post("/admin/login/", {"username": "a-long-password", "password": "x"})
    assert again.status_code == 429, "a name that is none is counted like one"
    assert client.post("/admin/login/", {"username": "sam", "password": "a-long-password"}).status_code == 302


def test_guessing_ones_old_password_is_cut_short(client, supporter, settings) -> None:
    page, new = "/admin/password_change/", {"new_password1": "another-long-1", "new_password2": "another-long-1"}
    for number in range(settings.AXES_FAILURE_LIMIT - 1):
        answer = client.post(page, {"old_password": f"my-guess-{number}", **new})
        assert (answer.status_code, "This is not your password" in answer.content.decode()) == (200, True)
    assert client.post(page, {"old_password": "my-guess", **new}).status_code == 429

    assert client.post(page, {"old_password": "a-long-password", **new}).status_code == 429
    supporter.refresh_from_db()
    assert supporter.check_password("a-long-password")
    kept = str(AccessAttempt.objects.values())
    assert [typed for typed in ("my-guess", "another-long-1") if typed in kept] == []


def test_staff_change_their_own_password_with_the_old_one(client, supporter, settings) -> None:
    page = client.get("/admin/password_change/").content.decode()
    assert "Tradeport support" in page
    assert 'name="old_password"' in page
    for number in range(settings.AXES_FAILURE_LIMIT + 1):
        old, new = ("a-long-password" if not number else f"the-long-one-{number - 1}"), f"the-long-one-{number}"
        typed = {"old_password": old, "new_password1": new, "new_password2": new}
        answer = client.post("/admin/password_change/", typed)
        assert (answer.status_code, answer.url) == (302, "/admin/password_change/done/")
    assert client.get("/admin/").status_code == 200, "still signed in"
    assert not AccessAttempt.objects.exists()


@pytest.mark.parametrize("spelling", ["{}", "0{}", "%20{}"])
def test_no_superuser_sets_their_own_password_without_the_old_one(client, supporter, spelling) -> None:
    supporter.is_superuser = True
    supporter.save()
    typed = {"usable_password": "true", "password1": "another-long-1", "password2": "another-long-1"}

    answer = client.post(f"/admin/accounts/user/{spelling.format(supporter.pk)}/password/", typed)

    assert (answer.status_code, answer.url) == (302, "/admin/password_change/")
    supporter.refresh_from_db()
    assert supporter.check_password("a-long-password")
    other = User.objects.create_user("nora", password="the-first-one", is_staff=True)
    assert client.post(f"/admin/accounts/user/{other.pk}/password/", typed).status_code == 302
    other.refresh_from_db()
    assert other.check_password("another-long-1")


def test_an_account_that_lost_the_admin_is_given_it_again(client, supporter) -> None:
    supporter.is_superuser = True
    supporter.save()
    other = User.objects.create_user("nora", password="the-first-one", is_staff=False)
    page = f"/admin/accounts/user/{other.pk}/change/"
    assert "End access" not in client.get(page).content.decode()
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    assert client.post(page, {"username": "nora", "is_active": "on", "is_staff": "on", **joined}).status_code == 302
    other.refresh_from_db()
    assert other.is_staff


def test_guessing_from_many_addresses_of_one_network_is_cut_short_as_well(client, settings) -> None:
    User.objects.create_user("sam", password="a-long-password", is_staff=True)
    for number in range(settings.AXES_FAILURE_LIMIT):
        wrong = {"username": "sam", "password": "wrong"}
        client.post("/admin/login/", wrong, REMOTE_ADDR=f"2001:db8:0:1::{number:x}")
    right = {"username": "sam", "password": "a-long-password"}

    assert client.post("/admin/login/", right, REMOTE_ADDR="2001:db8:0:1:ffff::").status_code == 429
    assert client.post("/admin/login/", right, REMOTE_ADDR="2001:db8:0:2::").status_code == 302
    entry = AccessLog.objects.latest("pk")
    assert entry.ip_address == "2001:db8:0:2::"


@pytest.mark.parametrize("address", ["", "192.0.2.1:443"])
def test_an_address_that_is_none_is_locked_out_like_any_other(client, settings, address) -> None:
    User.objects.create_user("sam", password="a-long-password", is_staff=True)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post("/admin/login/", {"username": "sam", "password": "wrong"}, REMOTE_ADDR=address)

    right = client.post("/admin/login/", {"username": "sam", "password": "a-long-password"}, REMOTE_ADDR=address)

    assert right.status_code == 429


def test_support_sees_which_way_a_connection_was_made(client, trader, supporter, make_connection) -> None:
    other = make_connection(2002)
    other.signed_in_by = "api-key"
    other.save()

    page = client.get("/admin/accounts/connection/?signed_in_by__exact=api-key").content.decode()

    assert "name2002" in page
    assert "paula" not in page
    assert "API key" in client.get(f"/admin/accounts/connection/{other.pk}/change/").content.decode()


def spend_renewals(count: int) -> None:
    async def spend() -> None:
        async with budgets.budgets("sim", 1001, priority=Priority.EXIT) as own:
            for _ in range(count):
                await own.before("GET", "auth/renewaccesstoken")
            own.failed("user/syncrequest", PenaltyImposed("t1cket", 60))
            await own.counted()

    asyncio.run(spend())


def test_tokens_that_no_key_opens_are_not_told_as_signed_in(client, trader, supporter) -> None:
    Connection.objects.update(api_hosts={"live": "elsewhere.example"})  # sealed for other hosts
    assert ">tokens cannot be opened<" in client.get("/admin/accounts/connection/").content.decode()


def test_failed_sign_ins_of_staff_are_read_and_not_deleted(client, supporter) -> None:
    supporter.is_superuser = True
    supporter.save()
    attempt = AccessAttempt.objects.create(username="sam", ip_address="192.0.2.1", failures_since_start=3)
    page = f"/admin/axes/accessattempt/{attempt.pk}"
    assert client.get(f"{page}/change/").status_code == 200
    assert client.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(days=1))
    client.post("/admin/axes/accessattempt/", {"action": "cleanup_expired_attempts", "_selected_action": attempt.pk})
    assert AccessAttempt.objects.exists()


def test_support_sees_how_many_requests_the_hour_has_left(redis_url, client, trader, supporter) -> None:
    spend_renewals(15)
    page = client.get("/admin/accounts/connection/").content.decode()
    rows = re.findall(r'<th scope="row">([^<]+)</th>\s*<td>(\d+)</td><td>(\d+)</td><td>(\d+)</td>\s*<td>([^<]*)', page)
    assert rows == [
        ("auth/accesstokenrequest (failures)", "0", "5", "5", ""),
        ("auth/me (failures)", "0", "10", "10", ""),
        ("auth/renewaccesstoken", "15", "15", "0", "used up"),
        ("user/syncrequest", "0", "300", "300", "Tradovate refuses more just now"),
        ("order/dryrun", "0", "500", "500", ""),
    ]
    assert "Simulator: requests this hour" in page
    assert "t1cket" not in page
    assert ">15 of 5,000<" in client.get(f"/admin/accounts/connection/{trader.pk}/change/").content.decode()


def test_without_redis_the_admin_opens_and_says_so(client, trader, supporter, settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    assert "Redis does not answer" in client.get("/admin/accounts/connection/").content.decode()
    assert client.get(f"/admin/accounts/connection/{trader.pk}/change/").status_code == 200
