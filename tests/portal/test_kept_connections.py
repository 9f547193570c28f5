"""PostgreSQL: a connection outlives the request that used it, and nobody ever gets one that is of no use."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import connection as database
from django.db import transaction

from portal.postgresql import base

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(database.vendor != "postgresql", reason="SQLite connects in no time"),
]


@pytest.fixture(autouse=True)
def nothing_is_kept_yet() -> Iterator[None]:
    database.close()
    base.forget()
    yield
    database.close()
    base.forget()


@pytest.fixture
def administrator() -> Iterator[psycopg.Connection]:
    writes = "-c default_transaction_read_only=off"
    with psycopg.connect(**database.get_connection_params() | {"options": writes}, autocommit=True) as connection:
        yield connection


def session() -> int:
    """The server's process that answers this thread."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [number] = cursor.fetchone() or [0]
    return int(number)


def in_a_request() -> int:
    """What a request's thread does: use the database, then close."""
    try:
        return session()
    finally:
        database.close()


def cut(number: int) -> None:
    with psycopg.connect(**database.get_connection_params()) as administrator, administrator.cursor() as cursor:
        # Returns once the session has ended.
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [number])
        assert cursor.fetchone() == (True,)


def test_the_next_request_uses_the_connection_of_the_last_one_whatever_its_thread() -> None:
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        first = one.submit(in_a_request).result()
        assert other.submit(in_a_request).result() == first
        assert one.submit(in_a_request).result() == first


def test_two_at_a_time_never_share_one() -> None:
    both = threading.Barrier(2)

    def meet() -> int:
        try:
            number = session()
            both.wait(20)
            return number
        finally:
            database.close()

    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            assert len({call.result() for call in [pool.submit(meet), pool.submit(meet)]}) == 2


def test_one_that_the_server_has_cut_is_noticed_before_it_is_used() -> None:
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(in_a_request).result()
        cut(first)
        assert pool.submit(in_a_request).result() != first


def test_one_that_takes_no_writes_is_not_kept_for_the_time_after(administrator: psycopg.Connection) -> None:
    """Such as one to a standby, before an address has moved to the server that has taken over."""
    name = psycopg.sql.Identifier(database.settings_dict["NAME"])
    administrator.execute(psycopg.sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
    try:
        first = in_a_request()
    finally:
        administrator.execute(psycopg.sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
    assert in_a_request() != first


def test_one_that_was_long_unasked_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "UNASKED", 0)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(in_a_request).result()
        assert pool.submit(in_a_request).result() == first
        monkeypatch.setattr(base.select, "poll", lambda: SaysNothing())
        cut(first)
        assert pool.submit(in_a_request).result() != first


class SaysNothing:
    """A network that tells nobody of a connection's end."""

    def register(self, *_: object) -> None: ...

    def poll(self, _: int) -> list[object]:
        return []


def test_an_open_transaction_is_handed_to_nobody() -> None:
    def leave_open() -> int:
        database.set_autocommit(False)
        try:
            return in_a_request()
        finally:
            database.set_autocommit(True)
            database.close()

    with ThreadPoolExecutor(1) as pool:
        left = pool.submit(leave_open).result()
        base.forget()
        assert pool.submit(in_a_request).result() != left


def test_what_comes_next_commits_by_itself_again() -> None:
    def in_a_transaction() -> int:
        with transaction.atomic():
            number = session()
        database.close()
        return number

    def by_itself() -> tuple[int, bool]:
        try:
            return session(), database.get_autocommit()
        finally:
            database.close()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(in_a_transaction).result()
        assert pool.submit(by_itself).result() == (first, True)


def test_only_so_many_are_kept() -> None:
    all_of_them = threading.Barrier(base.MOST + 3)

    def meet() -> int:
        try:
            number = session()
            all_of_them.wait(20)
            return number
        finally:
            database.close()

    with ThreadPoolExecutor(base.MOST + 3) as pool:
        used = {call.result() for call in [pool.submit(meet) for _ in range(base.MOST + 3)]}
    assert len(used) == base.MOST + 3
    assert sum(len(kept) for kept in base._kept.values()) == base.MOST


def test_a_forked_process_has_its_own_and_leaves_its_parents_alone() -> None:
    first = in_a_request()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writer, str(in_a_request()).encode())
            base.forget()
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        theirs = int(said.read())
    assert os.waitpid(child, 0)[1] == 0
    assert theirs != first
    assert in_a_request() == first
