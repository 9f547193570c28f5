"""How many renewals an hour has, for whom, and when Tradovate is left alone."""

import asyncio
from datetime import timedelta

import pytest
import redis.asyncio
import time_machine
from django.utils import timezone

from accounts.budgets import budgets
from accounts.models import Connection
from accounts.renewal import Outcome, access_token, renew, renew_due
from accounts.tokens import Tokens
from tests.accounts.conftest import DENIED, REFRESH, RENEW, kinds, renewed_reply
from trading.models import Upstream
from trading.tradovate import Priority


@pytest.mark.django_db
def test_after_a_failure_tradovate_is_left_alone_for_a_while(scripted, make_connection, settings) -> None:
    scripted.script(RENEW, {"p-ticket": "ticket", "p-time": 30})
    connection = make_connection(left=5, refreshable=False)
    assert renew(connection.pk) is Outcome.FAILED

    assert renew(connection.pk) is Outcome.PACED
    assert renew_due() == 0
    assert len(scripted.requests) == 1
    connection.refresh_from_db()
    wait = connection.renew_after - timezone.now()
    assert timedelta(seconds=20) < wait <= timedelta(seconds=30)


@pytest.mark.django_db
def test_what_tradovate_gave_is_kept_though_redis_or_this_machine_is_slow_to_part(
    scripted, make_connection, redis_url, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = redis.asyncio.Redis.aclose

    async def slowly(client: redis.asyncio.Redis, *arguments: bool) -> None:
        await part(client, *arguments)
        raise redis.TimeoutError("Timed out closing connection after 1.0")

    monkeypatch.setattr(redis.asyncio.Redis, "aclose", slowly)
    scripted.script(RENEW, renewed_reply())
    assert renew(make_connection(left=5, refreshable=False).pk) is Outcome.RENEWED


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


@pytest.mark.django_db
def test_when_renewals_are_too_few_an_open_desk_comes_first(scripted, make_connection, redis_url) -> None:
    scripted.script(RENEW, renewed_reply())
    connections = [make_connection(number, left=5 + number / 60, refreshable=False) for number in range(14)]
    for connection, state in zip(connections, ["idle"] * 12 + ["up", "down"], strict=True):
        Upstream.objects.create(connection=connection, state=state, since=timezone.now())

    assert renew_due() == 12

    left = [each.pk for each in connections if Connection.objects.get(pk=each.pk).tokens == Tokens("access-0")]
    assert left == [each.pk for each in connections[10:12]]


async def renewals_left(environment: str) -> int:
    async with budgets(environment) as own:
        return {budget.limit.name: budget.remaining for budget in await own.of_network()}["auth/renewaccesstoken"]


async def spend_renewals(environment: str, count: int) -> None:
    async with budgets(environment, priority=Priority.EXIT) as own:
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
def test_the_last_renewals_are_for_a_refused_refresh_too(redis_url, scripted, make_connection) -> None:
    scripted.script(REFRESH, {"error": "invalid_client"})
    scripted.script(RENEW, renewed_reply())
    connection = make_connection(left=5)
    asyncio.run(spend_renewals("sim", 12))

    assert renew_due() == 0
    connection.refresh_from_db()
    paused_until = connection.renew_after
    assert paused_until < connection.access_token_expires_at - timedelta(seconds=30)
    with time_machine.travel(paused_until, tick=True):
        assert access_token(connection.pk) == "access-1"


@pytest.mark.django_db
@pytest.mark.parametrize(("reply", "status"), [(b"", 429), ({"p-ticket": "t", "p-captcha": True}, 200)])
def test_a_token_has_a_last_chance_before_its_end(scripted, make_connection, reply, status) -> None:
    scripted.script(RENEW, reply, status)
    connection = make_connection(left=10, refreshable=False)

    assert renew(connection.pk) is Outcome.FAILED

    connection.refresh_from_db()
    assert timedelta(minutes=8) < connection.renew_after - timezone.now() <= timedelta(minutes=9)


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
