"""What is on the disk before an order goes on: all that is committed before the wire; the answer may come later."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction
from django.db.backends.signals import connection_created

from accounts.models import User
from tests.trading.orders.pressing import limit, with_exits
from trading.models import Account
from trading.orders import commits, desk
from trading.simulator import RunningSimulator


@pytest.fixture(autouse=True)
def _waits(transactional_db: None) -> Iterator[None]:
    """Commits wait for the disk, as they do outside tests, also over a connection that is opened meanwhile."""
    on, usual = ("PRAGMA synchronous=FULL", "PRAGMA synchronous=OFF")
    if database.vendor == "postgresql":
        on, usual = "SET synchronous_commit TO ON", "SET synchronous_commit TO OFF"

    def opened(**_: Any) -> None:
        _run(on)

    connection_created.connect(opened)
    _run(on)
    yield
    connection_created.disconnect(opened)
    _run(usual)


def _run(sql: str) -> Any:
    with database.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone() if cursor.description else None


def waits() -> bool:
    """Whether a commit would wait for the disk now."""
    if database.vendor == "postgresql":
        return database.connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    return database.connection.execute("PRAGMA synchronous").fetchone() >= (2,)


@pytest.mark.parametrize("spec", [limit, with_exits])
def test_the_order_is_on_the_disk_before_the_wire_and_the_answer_may_follow(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, spec: Any
) -> None:
    written: list[tuple[str, bool]] = []

    def note(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        # On PostgreSQL one statement may write to two tables.
        for verb, table in re.findall(r'(INSERT|UPDATE) (?:INTO )?"(\w+)"', sql):
            written.append((f"{verb} {table}", waits()))
        return execute(sql, parameters, many, context)

    with database.execute_wrapper(note):
        assert desk.place(user, spec(account, symbol), "click:1").succeeded
    first_answer = written.index(("UPDATE trading_orderintent", False))
    assert {waited for _, waited in written[:first_answer]} == {True}
    assert ("INSERT trading_orderintent", True) in written[:first_answer]
    assert {waited for _, waited in written[first_answer:]} == {False}
    assert waits()


def test_after_a_fault_commits_wait_again() -> None:
    def fail() -> None:
        with commits.recoverable():
            assert not waits()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    assert waits()


def test_inside_another_transaction_all_of_it_waits() -> None:
    with transaction.atomic():
        with commits.recoverable():
            assert waits()
        assert waits()
