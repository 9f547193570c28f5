"""Sessions open by what the browser has, and by nothing that a copy of the database shows."""

from datetime import timedelta
from hashlib import sha256

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.sessions import SessionStore
from accounts.tasks import clear_sessions

pytestmark = pytest.mark.django_db


def everything_kept() -> str:
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - Django's names
            rows += cursor.fetchall()
    return str(rows)


def test_no_row_of_the_database_opens_a_session(client: Client) -> None:
    staff = User.objects.create_user("sam", password="a-long-password", is_staff=True)
    client.force_login(staff)
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert client.get("/admin/").status_code == 200

    assert key not in everything_kept()
    for row in Session.objects.all():
        thief = Client()
        thief.cookies[settings.SESSION_COOKIE_NAME] = row.session_key
        assert thief.get("/admin/").status_code == 302
    assert [row.session_key for row in Session.objects.all()] == [sha256(key.encode()).hexdigest()[:40]]
    assert Session.objects.get().get_decoded()["_auth_user_id"] == str(staff.pk)


def test_signing_out_ends_it_and_so_does_time(client: Client) -> None:
    staff = User.objects.create_user("sam", password="a-long-password", is_staff=True)
    client.force_login(staff)
    client.post("/admin/logout/")
    assert not Session.objects.exists()

    client.force_login(staff)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert client.get("/admin/").status_code == 302
    clear_sessions()
    assert not Session.objects.exists()


def test_what_ended_meanwhile_is_not_begun_anew_by_whoever_still_has_it() -> None:
    first = SessionStore()
    first["seen"] = 1
    first.save()
    assert first.session_key
    second = SessionStore(first.session_key)
    assert second["seen"] == 1
    first.cycle_key()
    assert not SessionStore(second.session_key).exists(second.session_key)
    with pytest.raises(UpdateError):
        second.save()
    assert SessionStore(first.session_key)["seen"] == 1
    first.flush()
    assert not Session.objects.exists()


def test_what_is_asked_from_a_loop_is_the_same() -> None:
    async def walk() -> None:
        made = SessionStore()
        await made.aset("seen", 1)
        await made.asave()
        key = made.session_key
        assert await made.aexists(key)
        assert not await Session.objects.filter(session_key=key).aexists()
        assert await SessionStore(key).aget("seen") == 1
        await made.aflush()
        assert await SessionStore(key).aget("seen") is None
        assert not await Session.objects.aexists()

    async_to_sync(walk)()
