"""What is built once says the same as the ORM, for other values than the ones that it was built with, too."""

from __future__ import annotations

import datetime as dt
from contextlib import nullcontext
from decimal import Decimal

import pytest
from django.db import IntegrityError, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Connection, User
from accounts.tokens import Tokens
from trading.models import (
    Account,
    Contract,
    IntentTransition,
    OrderIntent,
    Product,
    ProductSession,
    TradingLimit,
)
from trading.orders import compiled, outcomes, pretrade

pytestmark = pytest.mark.django_db
database = connections["default"]


@pytest.fixture
def connection(db: None) -> Connection:
    user = User.objects.create(username="sim:1")
    signed_in = Connection(
        user=user, environment="sim", tradovate_user_id=1, name="trader", signed_in_at=timezone.now()
    )
    signed_in.store_tokens(Tokens("secret"), timezone.now() + dt.timedelta(hours=1), api_hosts={"rest": "http://a"})
    return signed_in


@pytest.fixture
def account(connection: Connection) -> Account:
    return Account.objects.create(connection=connection, tradovate_id=7, name="DEMO7")


def _intent(account: Account, key: str, **fields: object) -> OrderIntent:
    return OrderIntent(
        connection=account.connection, account=account, source_key=key, cl_ord_id=f"tp-{key}", **{"spec": {}, **fields}
    )


STEPS = ["received", "checked", "queued", "sent"]


def _step(step: str, at: dt.datetime | None = None) -> IntentTransition:
    return IntentTransition(
        step=step, at=at or timezone.now(), from_state="created", to_state="submitting", detail="50 % 'off'"
    )


class TestReads:
    def test_an_account_comes_with_its_connection_as_the_orm_has_them(self, account: Account) -> None:
        found = outcomes._own_account(account.connection.user, account.pk)
        assert found is not None
        for mine, theirs in (
            (found, Account.objects.get(pk=account.pk)),
            (found.connection, Connection.objects.get(pk=account.connection_id)),
        ):
            names = [field.attname for field in theirs._meta.concrete_fields]
            assert [getattr(mine, name) for name in names] == [getattr(theirs, name) for name in names]

    def test_nobody_elses_account_is_found(self, account: Account) -> None:
        assert outcomes._own_account(User.objects.create(username="stranger"), account.pk) is None

    def test_an_intent_has_every_value_in_its_own_type(self, account: Account) -> None:
        made = _intent(account, "click:1", spec={"symbol": "ESZ6"}, price=Decimal("5000.25"), looked_at=timezone.now())
        made.save()
        rows = outcomes._WITH_LEGS.rows(intent=made.pk)
        assert rows == outcomes._WITH_LEGS.as_the_orm_does(intent=made.pk)
        [row] = rows
        found = compiled.instance(OrderIntent, row)
        assert found == made
        assert (found.price, found.spec, found.looked_at) == (Decimal("5000.25"), {"symbol": "ESZ6"}, made.looked_at)

    def test_the_same_statement_serves_other_values(self, account: Account) -> None:
        one, other = _intent(account, "click:1"), _intent(account, "click:2")
        one.save()
        other.save()
        assert [outcomes._OF_KEY.rows(source_key=f"click:{number}") for number in (1, 2, 3)] == [
            [(one.pk,)],
            [(other.pk,)],
            [],
        ]

    def test_limits_are_those_of_the_account_and_of_each(self, account: Account) -> None:
        user = account.connection.user
        elsewhere = Account.objects.create(connection=account.connection, tradovate_id=77, name="OTHER")
        for own in (account, None, elsewhere):
            TradingLimit.objects.create(user=user, account=own, max_order_qty=3, daily_loss=Decimal("500.50"))
        found = pretrade._LIMITING.rows(account=account.pk, user=user.pk)
        assert found == pretrade._LIMITING.as_the_orm_does(account=account.pk, user=user.pk)
        limits = [compiled.instance(TradingLimit, row) for row in found]
        assert {one.account_id for one in limits} == {account.pk, None}
        assert {one.daily_loss for one in limits} == {Decimal("500.50")}

    def test_a_query_whose_values_do_not_reach_the_sql_is_refused(self) -> None:
        numbers = compiled.Read(lambda key: IntentTransition.objects.values_list("pk"), key=int)
        with pytest.raises(compiled.NotCompiled):
            numbers.rows(key=1)


class TestWrites:
    def test_an_inserted_row_is_what_the_orm_would_have_saved(self, account: Account) -> None:
        mine, theirs = (_intent(account, key, spec={"a": [1]}, price=Decimal("1.5")) for key in ("click:1", "click:2"))
        compiled.insert([mine])
        theirs.save()
        kept = OrderIntent.objects.get(pk=mine.pk)
        differ = {"id", "source_key", "cl_ord_id", "created_at", "changed_at"}
        names = {field.attname for field in OrderIntent._meta.concrete_fields} - differ
        assert {name: getattr(kept, name) for name in names} == {
            name: getattr(OrderIntent.objects.get(pk=theirs.pk), name) for name in names
        }
        assert (kept.created_at, kept.changed_at) == (mine.created_at, mine.changed_at)
        mine.symbol = "ESZ6"
        mine.save()
        assert OrderIntent.objects.get(pk=mine.pk).symbol == "ESZ6"

    def test_rows_get_their_ids_in_the_order_in_which_they_are_given(self, account: Account) -> None:
        intent = _intent(account, "click:1")
        compiled.insert([intent])
        steps = [IntentTransition(intent=intent, from_state="created", to_state="created", detail=d) for d in "abc"]
        compiled.insert(steps)
        assert [step.detail for step in IntentTransition.objects.order_by("pk")] == ["a", "b", "c"]
        assert [step.pk for step in steps] == list(IntentTransition.objects.values_list("pk", flat=True).order_by("pk"))

    def test_a_key_that_is_there_raises_integrity_error(self, account: Account) -> None:
        compiled.insert([_intent(account, "click:1")])
        with pytest.raises(IntegrityError):
            compiled.insert([_intent(account, "click:1")])

    def test_a_row_comes_with_what_refers_to_it_in_the_order_in_which_it_is_given(self, account: Account) -> None:
        intent, at = _intent(account, "click:1", spec={"a": [1]}, price=Decimal("1.5")), timezone.now()
        compiled.insert_with(intent, [_step(step, at) for step in STEPS], "intent")
        assert OrderIntent.objects.get(source_key="click:1").pk == intent.pk
        kept = IntentTransition.objects.order_by("pk").values_list("intent", "step", "at", "to_state", "detail")
        assert list(kept) == [(intent.pk, step, at, "submitting", "50 % 'off'") for step in STEPS]

    def test_of_a_key_that_is_there_nothing_is_written(self, account: Account) -> None:
        compiled.insert([_intent(account, "click:1")])
        with pytest.raises(IntegrityError), transaction.atomic():
            compiled.insert_with(_intent(account, "click:1"), [_step("queued")], "intent")
        assert not IntentTransition.objects.exists()

    def test_an_update_takes_only_the_row_that_is_as_it_was(self, account: Account) -> None:
        intent = _intent(account, "click:1")
        compiled.insert([intent])
        at = dt.datetime(2026, 11, 2, 15, tzinfo=dt.UTC)
        values = {"version": 1, "order_id_at_broker": 8, "average_price": Decimal("5000.25"), "changed_at": at}
        assert compiled.update_with(intent, values, [_step(step) for step in STEPS], "intent", where="version")
        later = {"version": 1, "order_id_at_broker": 9}
        assert not compiled.update_with(intent, later, [_step("filled")], "intent", where="version")
        assert list(intent.transitions.values_list("step", flat=True)) == STEPS
        intent.refresh_from_db()
        assert {name: getattr(intent, name) for name in values} == values


class TestCursors:
    def test_a_connection_that_was_closed_is_not_asked_again(self, account: Account) -> None:
        assert outcomes._own_account(account.connection.user, account.pk) == account
        kept = compiled._cursor(database)
        assert compiled._cursor(database) is kept
        stranger = database.copy()
        assert compiled._cursor(stranger).db is stranger
        stranger.close()
        assert compiled._cursor(database).connection is database.connection

    def test_statements_are_logged_where_that_is_asked(self, account: Account) -> None:
        for logged in (0, 1, 0):
            with CaptureQueriesContext(database) if logged else nullcontext() as asked:
                assert outcomes._own_account(account.connection.user, account.pk) == account
            assert asked is None or len(asked) == 1


class TestListings:
    def test_one_symbol_is_read_as_several_are(self, account: Account) -> None:
        product = Product.objects.create(
            environment="sim", tradovate_id=1, name="ES", tick_size=Decimal("0.25"), value_per_point=50
        )
        ProductSession.objects.create(product=product, open_time=dt.time(17), close_time=dt.time(16))
        for number, days in ((1, 10), (2, 20)):
            expires = timezone.now() + dt.timedelta(days=days)
            Contract.objects.create(
                environment="sim", tradovate_id=number, product=product, name="ESZ6", expiration_date=expires
            )
        one, several = (pretrade._listings("sim", symbols) for symbols in (["ESZ6"], ["ESZ6", "NOPE"]))
        assert one == several
        # Of two of one name the one that was seen last.
        assert one["ESZ6"].id == 2
        assert one["ESZ6"].terms.tick_size == Decimal("0.25")
        assert pretrade._listings("demo", ["ESZ6"]) == {}
