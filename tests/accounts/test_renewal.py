import asyncio
import logging
import threading
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connection as database
from django.utils import timezone

from accounts import renewal
from accounts.budgets import budgets
from accounts.models import AuditEvent, Connection
from accounts.renewal import Outcome, SignedOut, TokenExpired, access_token, renew, renew_due
from accounts.sign_out import sign_out
from accounts.tokens import Tokens
from trading.tradovate import Tradovate

REFRESH, RENEW = "/auth/oauthtoken", "/auth/renewaccesstoken"
GRANTED = {
    "access_token": "access-1",
    "refresh_token": "refresh-1",
    "token_type": "bearer",
    "expires_in": 4800,
    "refresh_token_expires_in": 86400,
    "error": None,
    "apiHosts": {"live": "127.0.0.1:9", "demo": "127.0.0.1:9", "somethingNew": "x.example"},
}
DENIED = {"error": "invalid_grant", "error_description": "refresh-0 is not known"}


def renewed_reply(minutes: float = 80) -> dict[str, object]:
    expires = timezone.now() + timedelta(minutes=minutes)
    return {"accessToken": "access-1", "expirationTime": f"{expires:%Y-%m-%dT%H:%M:%S}.123Z", "userId": 1001}


def kinds() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("kind", flat=True))


@pytest.mark.django_db
def test_a_token_with_a_minute_left_is_used_as_it_is(scripted, make_connection) -> None:
    assert access_token(make_connection(left=1.1).pk) == "access-0"
    assert scripted.requests == []


@pytest.mark.django_db
def test_a_token_about_to_end_is_renewed_by_the_refresh_token(scripted, make_connection) -> None:
    scripted.script(REFRESH, GRANTED)
    connection = make_connection(left=0.9)

    assert access_token(connection.pk) == "access-1"

    connection.refresh_from_db()
    assert connection.tokens == Tokens("access-1", "refresh-1")
    assert connection.access_token_expires_at - timezone.now() > timedelta(minutes=79)
    assert connection.hosts.rest == "http://127.0.0.1:9/v1"
    assert connection.renewing_until is None
    assert kinds() == ["token-renewed"]
    [asked] = scripted.asked(REFRESH)
    assert (asked["grant_type"], asked["refresh_token"], asked["client_id"]) == (
        "refresh_token",
        "refresh-0",
        "tradeport",
    )


@pytest.mark.django_db
def test_a_reply_without_a_new_refresh_token_keeps_the_old_one(scripted, make_connection) -> None:
    scripted.script(REFRESH, {"access_token": "access-1", "expires_in": 60})
    connection = make_connection()
    ends = connection.refresh_token_expires_at

    assert renew(connection.pk) is Outcome.RENEWED

    connection.refresh_from_db()
    assert connection.tokens == Tokens("access-1", "refresh-0")
    assert connection.refresh_token_expires_at == ends


@pytest.mark.django_db
def test_without_a_refresh_token_the_access_token_renews_itself(scripted, make_connection) -> None:
    scripted.script(RENEW, renewed_reply())
    connection = make_connection(left=0.5, refreshable=False)

    assert access_token(connection.pk) == "access-1"
    assert scripted.asked(RENEW)[0]["authorization"] == "Bearer access-0"


@pytest.mark.django_db
def test_a_refused_refresh_token_falls_back_to_the_access_token(scripted, make_connection) -> None:
    scripted.script(REFRESH, DENIED)
    scripted.script(RENEW, renewed_reply())
    connection = make_connection(left=0.5)

    assert access_token(connection.pk) == "access-1"
    connection.refresh_from_db()
    assert connection.renewal_error == ""
    assert kinds() == ["renewal-failed", "token-renewed"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reply", "status"),
    [(DENIED, 200), (DENIED, 400), ({}, 500), (b"<html>", 200), (b"", 429), ({"p-ticket": "t"}, 200)],
)
def test_a_failed_renewal_keeps_the_tokens(scripted, make_connection, reply, status) -> None:
    scripted.script(REFRESH, reply, status)
    scripted.script(RENEW, b"", 401)
    connection = make_connection(left=10)

    assert renew(connection.pk) is Outcome.FAILED

    connection.refresh_from_db()
    assert connection.tokens == Tokens("access-0", "refresh-0")
    assert access_token(connection.pk) == "access-0"
    assert connection.renewal_error
    assert "refresh-0" not in connection.renewal_error
    assert set(kinds()) == {"renewal-failed"}


@pytest.mark.django_db
def test_no_answer_does_not_spend_the_other_grant(scripted, make_connection) -> None:
    scripted.script(REFRESH, b"", 502)

    assert renew(make_connection().pk) is Outcome.FAILED
    assert scripted.asked(RENEW) == []


@pytest.mark.django_db
def test_after_a_failure_tradovate_is_left_alone_for_a_while(scripted, make_connection, settings) -> None:
    scripted.script(REFRESH, {"p-ticket": "ticket", "p-time": 30})
    connection = make_connection(left=5)
    assert renew(connection.pk) is Outcome.FAILED

    assert renew(connection.pk) is Outcome.PACED
    assert renew_due() == 0
    assert len(scripted.requests) == 1
    connection.refresh_from_db()
    wait = connection.renew_after - timezone.now()
    assert timedelta(seconds=20) < wait <= timedelta(seconds=30)


@pytest.mark.django_db
def test_an_ended_token_that_cannot_be_renewed_asks_for_a_sign_in(scripted, make_connection) -> None:
    connection = make_connection(left=-1, refreshable=False)

    with pytest.raises(TokenExpired, match="Sign in again"):
        access_token(connection.pk)
    assert scripted.requests == []
    connection.refresh_from_db()
    assert connection.tokens == Tokens("access-0")


@pytest.mark.django_db
def test_the_last_seconds_of_a_token_are_usable_when_nothing_better_can_be_had(scripted, make_connection) -> None:
    scripted.script(REFRESH, b"", 503)

    assert access_token(make_connection(left=0.5).pk) == "access-0"


@pytest.mark.django_db
def test_tokens_that_live_shorter_than_a_minute_do_not_renew_for_ever(scripted, make_connection) -> None:
    scripted.script(REFRESH, GRANTED | {"expires_in": 20})

    assert access_token(make_connection(left=0.2).pk) == "access-1"
    assert len(scripted.requests) == 1


@pytest.mark.django_db
def test_signed_out_and_unknown_connections_have_no_token(make_connection) -> None:
    connection = make_connection()
    sign_out(connection.user)

    for connection_id in (connection.pk, connection.pk + 1000):
        with pytest.raises(SignedOut):
            access_token(connection_id)


@pytest.mark.django_db
def test_a_row_copied_to_another_person_has_no_token(scripted, make_connection) -> None:
    mine, theirs = make_connection(1001), make_connection(1002)
    Connection.objects.filter(pk=theirs.pk).update(sealed_tokens=mine.sealed_tokens)

    with pytest.raises(TokenExpired, match="cannot be opened"):
        access_token(theirs.pk)


@pytest.mark.django_db
def test_renew_due_renews_what_ends_soon_and_no_trouble_stops_it(scripted, make_connection) -> None:
    scripted.script(REFRESH, GRANTED)
    unreadable = make_connection(1, left=1)
    Connection.objects.filter(pk=unreadable.pk).update(sealed_tokens="gone:AAAA")
    signed_out = make_connection(2, left=1)
    sign_out(signed_out.user)
    due, later = make_connection(3, left=10), make_connection(4, left=70)

    assert renew_due() == 1

    due.refresh_from_db()
    later.refresh_from_db()
    assert due.tokens == Tokens("access-1", "refresh-1")
    assert later.tokens == Tokens("access-0", "refresh-0")


@pytest.mark.django_db
def test_the_hour_has_fifteen_renewals_for_all_and_the_schedule_leaves_some(
    scripted, make_connection, redis_url
) -> None:
    scripted.script(RENEW, renewed_reply(minutes=0.5))
    connections = [make_connection(number, left=5, refreshable=False) for number in range(17)]

    assert renew_due() == 12
    assert renew_due() == 0
    assert len(scripted.asked(RENEW)) == 12
    left = [each for each in connections if Connection.objects.get(pk=each.pk).tokens == Tokens("access-0")]
    assert [renew(each.pk, urgent=True) for each in left] == [Outcome.RENEWED] * 3 + [Outcome.PACED] * 2
    assert len(scripted.asked(RENEW)) == 15
    held_back = Connection.objects.get(pk=left[-1].pk)
    assert (held_back.renewing_until, held_back.renew_after, held_back.renewal_error) == (None, None, "")
    assert kinds() == ["token-renewed"] * 15


async def renewals_left(environment: str) -> int:
    async with budgets(environment) as own:
        return {budget.limit.name: budget.remaining for budget in await own.of_network()}["auth/renewaccesstoken"]


async def spend_renewals(environment: str, count: int) -> None:
    async with budgets(environment, urgent=True) as own:
        for _ in range(count):
            await own.before("GET", "auth/renewaccesstoken")


def test_live_and_demo_share_the_hours_renewals_and_the_simulator_has_its_own(redis_url) -> None:
    asyncio.run(spend_renewals("live", 1))
    assert [asyncio.run(renewals_left(environment)) for environment in ("live", "demo", "sim")] == [14, 14, 15]


@pytest.mark.django_db
def test_a_refused_refresh_with_no_renewal_left_is_tried_again_later(redis_url, scripted, make_connection) -> None:
    scripted.script(REFRESH, DENIED)
    connection = make_connection(left=5)
    asyncio.run(spend_renewals("sim", 15))

    assert renew(connection.pk, urgent=True) is Outcome.FAILED
    assert renew(connection.pk, urgent=True) is Outcome.PACED
    assert scripted.asked(RENEW) == []
    assert len(scripted.asked(REFRESH)) == 1


@pytest.mark.django_db
def test_a_short_penalty_is_sat_out(scripted, make_connection) -> None:
    scripted.script(RENEW, {"p-ticket": "ticket", "p-time": 0})
    scripted.script(RENEW, renewed_reply())

    assert renew(make_connection(left=5, refreshable=False).pk) is Outcome.RENEWED
    assert len(scripted.asked(RENEW)) == 2


@pytest.mark.django_db
def test_without_redis_tokens_are_renewed_all_the_same(scripted, make_connection, settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    scripted.script(RENEW, renewed_reply())

    assert renew(make_connection(left=5, refreshable=False).pk) is Outcome.RENEWED


@pytest.mark.django_db(transaction=True)
def test_many_who_need_a_token_at_once_cause_one_renewal(scripted, make_connection) -> None:
    scripted.script(REFRESH, GRANTED)
    scripted.hold.clear()
    connection = make_connection(left=-1)
    tokens: list[str] = []

    def need() -> None:
        tokens.append(access_token(connection.pk))
        database.close()

    threads = [threading.Thread(target=need) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_for(lambda: scripted.requests)
    scripted.hold.set()
    for thread in threads:
        thread.join(30)

    assert tokens == ["access-1"] * 8
    assert len(scripted.requests) == 1
    assert kinds() == ["token-renewed"]


@pytest.mark.django_db
@pytest.mark.parametrize("need", [access_token, lambda _: renew_due()])
def test_tokens_that_another_process_has_just_renewed_are_not_renewed_again(
    scripted, make_connection, monkeypatch, need
) -> None:
    scripted.script(REFRESH, GRANTED)
    connection = make_connection(left=0.5)
    read = renewal._open

    def overtaken(connection_id: int):
        monkeypatch.setattr(renewal, "_open", read)
        stale = read(connection_id)
        assert renew(connection_id) is Outcome.RENEWED
        return stale

    monkeypatch.setattr(renewal, "_open", overtaken)
    need(connection.pk)

    assert len(scripted.requests) == 1
    assert access_token(connection.pk) == "access-1"


@pytest.mark.django_db(transaction=True)
def test_a_sign_out_during_a_renewal_stays_signed_out(scripted, make_connection) -> None:
    scripted.script(REFRESH, GRANTED)
    scripted.hold.clear()
    connection = make_connection(left=10)
    outcomes: list[Outcome] = []

    def renewing() -> None:
        outcomes.append(renew(connection.pk))
        database.close()

    thread = threading.Thread(target=renewing)
    thread.start()
    wait_for(lambda: scripted.requests)
    sign_out(connection.user)
    scripted.hold.set()
    thread.join(30)

    assert outcomes == [Outcome.BUSY]
    connection.refresh_from_db()
    assert connection.sealed_tokens == ""
    assert "token-renewed" not in kinds()


@pytest.mark.django_db(transaction=True)
def test_a_renewal_that_died_is_taken_over_when_its_claim_ends(scripted, make_connection) -> None:
    scripted.script(REFRESH, GRANTED)
    connection = make_connection(left=10)
    Connection.objects.filter(pk=connection.pk).update(renewing_until=timezone.now() + timedelta(seconds=30))
    assert renew(connection.pk) is Outcome.BUSY

    Connection.objects.filter(pk=connection.pk).update(renewing_until=timezone.now() - timedelta(seconds=1))
    assert renew(connection.pk) is Outcome.RENEWED


@pytest.mark.django_db(transaction=True)
async def test_the_async_twin_does_not_block_the_loop(scripted, make_connection) -> None:
    scripted.script(REFRESH, GRANTED)
    scripted.hold.clear()
    connection = await sync_to_async(make_connection)(left=0.5)

    waiting = asyncio.create_task(renewal.aaccess_token(connection.pk))
    await asyncio.to_thread(wait_for, lambda: scripted.requests)
    assert not waiting.done()
    scripted.hold.set()

    assert await waiting == "access-1"


@pytest.mark.django_db
def test_nothing_secret_is_logged_or_audited(scripted, make_connection, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    scripted.script(REFRESH, DENIED)
    scripted.script(RENEW, renewed_reply())
    connection = make_connection(left=0.5)

    access_token(connection.pk)

    written = caplog.text + " ".join(AuditEvent.objects.values_list("detail", flat=True))
    for secret in ("access-0", "refresh-0", "access-1", "only-for-tests"):
        assert secret not in written


@pytest.mark.django_db(transaction=True)
def test_against_the_simulator_refresh_tokens_rotate_and_renewed_tokens_work(browser, simulator) -> None:
    browser.sign_in()
    connection = Connection.objects.get()
    seen = {connection.tokens}
    for _ in range(3):
        Connection.objects.update(access_token_expires_at=timezone.now() + timedelta(seconds=5))
        token = access_token(connection.pk)
        connection.refresh_from_db()
        assert connection.tokens.access_token == token
        assert asyncio.run(whose(connection, token)) == connection.tradovate_user_id
        seen.add(connection.tokens)

    assert len({tokens.access_token for tokens in seen}) == 4
    assert len({tokens.refresh_token for tokens in seen}) == 4


@pytest.mark.django_db(transaction=True)
def test_against_the_simulator_an_access_token_renews_itself_until_it_has_ended(browser, simulator) -> None:
    browser.sign_in()
    connection = Connection.objects.get()
    ends = timezone.now() + timedelta(minutes=5)
    connection.store_tokens(Tokens(connection.tokens.access_token), ends, api_hosts=connection.api_hosts)

    assert renew(connection.pk) is Outcome.RENEWED
    connection.refresh_from_db()
    assert asyncio.run(whose(connection, connection.tokens.access_token)) == connection.tradovate_user_id
    assert connection.access_token_expires_at > ends

    simulator.control.advance(5000)
    assert renew(connection.pk) is Outcome.FAILED
    connection.refresh_from_db()
    assert connection.tokens is not None


async def whose(connection: Connection, token: str) -> int:
    async with Tradovate(connection.hosts, token) as tradovate:
        return (await tradovate.auth.me()).user_id


def wait_for(condition) -> None:
    tick = threading.Event()
    for _ in range(1000):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("it did not happen within ten seconds")


@pytest.mark.django_db
def test_tokens_go_to_no_host_that_somebody_wrote_into_the_database(make_connection, scripted) -> None:
    connection = make_connection(left=0.5)
    Connection.objects.update(api_hosts={"live": scripted.url.removeprefix("http://")})

    with pytest.raises(TokenExpired, match="Sign in again"):
        access_token(connection.pk)

    assert scripted.requests == []
