"""What an order costs the database, and what it costs Django to ask: neither grows unnoticed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import connection as database
from django.db.models.sql import Query
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from trading.models import Account
from trading.orders import desk
from trading.orders.spec import OrderSpec

# Six reads for the checks; turn, kill switch, intent and its steps in one transaction; the kill switch once more; the
# answer and its step in another one; what the journal has of the order. BEGIN and COMMIT count, too. PostgreSQL writes
# a row and its steps in one, and is told in one more that the answer's commit need not wait for the disk, which takes
# longer than to say so.
OF_A_CLICK = {"sqlite": 18, "postgresql": 17}


@pytest.fixture
def spec(user: User, account: Account, symbol: str) -> OrderSpec:
    """An order like one that was placed just now: its contract is known, its statements are built."""
    spec = OrderSpec(account_id=account.pk, symbol=symbol, action="Buy", order_qty=1)
    assert desk.place(user, spec, "click:before").succeeded
    return spec


def test_a_click_costs_so_many_statements(user: User, spec: OrderSpec) -> None:
    with CaptureQueriesContext(database) as asked:
        assert desk.place(user, spec, "click:1").succeeded
    statements = [str(query["sql"]) for query in asked.captured_queries]
    assert len(statements) <= OF_A_CLICK[database.vendor], "\n".join(statements)


def test_none_of_them_is_built_anew(monkeypatch: pytest.MonkeyPatch, user: User, spec: OrderSpec) -> None:
    built: Counter[str] = Counter()
    get_compiler = Query.get_compiler

    def counted(query: Query, *args: Any, **kwargs: Any) -> Any:
        built[query.get_meta().label] += 1
        return get_compiler(query, *args, **kwargs)

    monkeypatch.setattr(Query, "get_compiler", counted)
    assert desk.place(user, spec, "click:1").succeeded
    assert built == {}
