"""A server's database is migrated once it answers, one that does not is told in words, and processes of the version
before go on writing to it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection
from django.db.models import Model
from django.utils import timezone

from accounts.models import Connection, User
from portal import migrate
from tests.accounts.conftest import wait_for
from trading.models import OrderVersion, Product

WAITING = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What manage.py was asked to do; no time passes, and nothing is migrated."""
    commands: list[list[str]] = []
    monkeypatch.setattr(migrate, "execute_from_command_line", commands.append)
    monkeypatch.setattr(migrate, "load_environment", lambda: None)
    monkeypatch.setattr(migrate, "PAUSE", 0.0)
    return commands


def away(monkeypatch: pytest.MonkeyPatch, *reasons: str) -> None:
    """The database refuses a connection with each of these, one after another, and then lets us in."""
    left = list(reasons)

    def connect() -> None:
        if left:
            raise OperationalError(left.pop(0))

    monkeypatch.setattr(connection, "ensure_connection", connect)


@pytest.mark.django_db
def test_a_database_that_comes_later_is_waited_for(
    asked: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away(monkeypatch, "refused\n\tIs it running?", "refused\n\tIs it running?", "is starting up")
    assert migrate.main() == 0
    assert asked == [["manage.py", "migrate", "--verbosity", "0"]]
    told = capsys.readouterr().err.splitlines()
    assert told == ["The database does not let us in: refused", "The database does not let us in: is starting up"]


@pytest.mark.django_db
def test_a_database_that_never_comes_is_said_and_nothing_is_migrated(
    asked: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away(monkeypatch, *["refused"] * 9)
    monkeypatch.setattr(migrate, "PATIENCE", 0.0)
    assert migrate.main() == 1
    assert asked == []
    assert capsys.readouterr().err.splitlines()[-1] == "Nothing is migrated: the database has not answered for 0 s."


@pytest.mark.django_db(transaction=True)
def test_of_two_machines_one_migrates_after_the_other(asked: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("a SQLite file is one machine's")
    may_end = threading.Event()

    def command(words: list[str]) -> None:
        asked.append(words)
        assert may_end.wait(30)

    def second_has_come() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(WAITING)
            return len(asked) == 2 or cursor.fetchone() is not None

    monkeypatch.setattr(migrate, "execute_from_command_line", command)
    with ThreadPoolExecutor(2) as pool:
        machines = [pool.submit(migrate.main) for _ in range(2)]
        try:
            wait_for(second_has_come)
            assert len(asked) == 1
        finally:
            may_end.set()
        assert [machine.result(30) for machine in machines] == [0, 0]
    assert len(asked) == 2


def terms() -> Model:
    user = User.objects.create_user("sim:1")
    owner = Connection.objects.create(user=user, environment="sim", tradovate_user_id=1, name="trader")
    return OrderVersion(
        connection=owner, tradovate_id=60, order_id_at_broker=50, order_qty=1, order_type="Market", at=timezone.now()
    )


def product() -> Model:
    return Product(environment="sim", tradovate_id=1, name="ES", description="E-mini", tick_size=1, value_per_point=50)


@pytest.mark.django_db
@pytest.mark.parametrize(("made", "new", "then"), [(terms, "refused", False), (product, "currency", "")])
def test_who_does_not_know_a_new_column_may_still_write(made: Callable[[], Model], new: str, then: object) -> None:
    """The process of the version before runs until it is replaced."""
    row = made()
    table, quote = row._meta.db_table, connection.ops.quote_name
    fields = [field for field in row._meta.concrete_fields if field.column not in ("id", new)]
    columns = ", ".join(quote(field.column) for field in fields)
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(table)} ({columns}) VALUES ({', '.join(['%s'] * len(values))})", values)  # noqa: S608
    assert getattr(type(row)._default_manager.get(), new) == then
