"""Renewals that meet others, a sign-out or the end of their process."""

import asyncio
import threading
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connection as database
from django.utils import timezone

from accounts import audit, renewal
from accounts.models import Connection
from accounts.renewal import Outcome, access_token, renew, renew_due
from accounts.sign_out import sign_out
from tests.accounts.conftest import GRANTED, REFRESH, kinds, wait_for


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
def test_a_sign_out_waits_for_a_renewal_that_is_being_written_down(scripted, make_connection, monkeypatch) -> None:
    """Each locks what the other needs next, but for the person's key."""
    scripted.script(REFRESH, GRANTED)
    connection = make_connection(left=10)
    record, ended = audit.record, []

    def end() -> None:
        try:
            sign_out(connection.user)
            ended.append(True)
        finally:
            database.close()

    ender = threading.Thread(target=end)

    def recorded(*about, **more) -> None:
        record(*about, **more)
        if ender.ident is None:
            ender.start()
            ender.join(1)

    monkeypatch.setattr(audit, "record", recorded)
    assert renew(connection.pk) is Outcome.RENEWED
    ender.join(30)
    assert ended
    assert not Connection.objects.authorised().exists()
    assert set(kinds()) == {"token-renewed", "signed-out"}


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
