"""Whatever is told about intents, in whatever order: none goes back, loses a fill or a step, or is sent twice.

An entry with two exits in one message, a cancellation of it, a closing of its position, a bracket strategy, a pair, and
a change of the pair's first order.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection as database
from django.db.models import QuerySet
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.models import Connection, User
from trading.models import Account, Fill, IntentTransition, Order, OrderIntent
from trading.orders import intents, reports, verify
from trading.orders.prices import Distance
from trading.orders.spec import OrderSpec
from trading.orders.states import NAMEABLE, STATE_OF_STATUS, TERMINAL, UNANSWERED, Kind, State, allowed
from trading.orders.templates import (
    bracket,
    buy_limit,
    buy_market,
    buy_stop,
    first_triggers_second,
    one_cancels_other,
    sell_limit,
    sell_stop,
)
from trading.orders.wishes import Cancellation, Liquidation, Modification

QUANTITY = 5
# The intents by number: a lead, and its legs right behind it.
ENTRY, EXIT1, EXIT2, CANCELLATION, CLOSING, STRATEGY, PAIR, OTHER, CHANGE = range(9)
LEGS = {ENTRY: [EXIT1, EXIT2], PAIR: [OTHER]}
# The ids of the orders that they become at the broker.
ORDERS = {ENTRY: 55, EXIT1: 56, EXIT2: 57, CLOSING: 58, STRATEGY: 59, PAIR: 60, OTHER: 61}
COMMANDS = {CANCELLATION: 90, CHANGE: 91}
STRATEGY_ID = 70
# What a change has become may be read off its order, where the broker has not said it.
SEEMING = {State.DONE, State.INEFFECTIVE}
# How far a state is along its life; `unknown` is less than an answer and more than a question.
RANK = {
    State.CREATED: 0,
    State.SUBMITTING: 1,
    State.UNKNOWN: 2,
    State.ABSENT: 3,
    State.ACCEPTED: 4,
    State.WORKING: 5,
    **dict.fromkeys(TERMINAL, 6),
}
anything = st.integers(ENTRY, CHANGE)
a_lead = st.sampled_from([ENTRY, CANCELLATION, CLOSING, STRATEGY, PAIR, CHANGE])
order_ids = st.sampled_from(list(ORDERS.values()))


class Seen(NamedTuple):
    """An intent as the invariant looks at it."""

    pk: int
    state: str
    kind: str
    version: int
    cl_ord_id: str
    filled_qty: int
    order_id_at_broker: int | None
    command_id_at_broker: int | None
    strategy_id_at_broker: int | None


class Taken(NamedTuple):
    """A step of an intent, its time and words as the database has them."""

    intent_id: int
    pk: int
    at: object
    detail: str
    from_state: str
    to_state: str
    step: str


def _reader(query: QuerySet[Any, Any]) -> Callable[[], list[tuple[Any, ...]]]:
    """What a query finds whenever it is asked: worked out once, for it is asked after each of thousands of steps."""
    sql, params = query.query.sql_with_params()

    def read() -> list[tuple[Any, ...]]:
        with database.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall()

    return read


def _group(account: Account) -> OrderSpec:
    exits = one_cancels_other(sell_limit("ESZ6", QUANTITY, "5010"), sell_stop("ESZ6", QUANTITY, "4990"))
    return first_triggers_second(buy_limit("ESZ6", QUANTITY, "5000"), exits).set_account(account.pk).build()


class Life(RuleBasedStateMachine):
    @initialize()
    def born(self) -> None:
        user, _ = User.objects.get_or_create(username="sim:1")
        connection, _ = Connection.objects.get_or_create(
            user=user, environment="sim", tradovate_user_id=1, name="trader"
        )
        account, _ = Account.objects.get_or_create(connection=connection, tradovate_id=7, name="DEMO7")
        for model in (IntentTransition, OrderIntent, Fill, Order):
            QuerySet(model).delete()
        self.connection = connection
        entry = intents.create(_group(account), "file:1")
        pair = one_cancels_other(sell_limit("ESZ6", QUANTITY, "5010"), buy_stop("ESZ6", QUANTITY, "5020"))
        strategy = bracket(buy_market("ESZ6", QUANTITY), stop_loss=Distance(Decimal(5)))
        becomes = sell_limit("ESZ6", QUANTITY, "5009").set_account(account.pk).build()
        wishes = [
            Cancellation(account_id=account.pk, order_id=ORDERS[ENTRY]),
            Liquidation(account_id=account.pk, contract_id=3, symbol="ESZ6"),
            strategy.set_account(account.pk).build(),
            pair.set_account(account.pk).build(),
            Modification(order_id=ORDERS[PAIR], becomes=becomes),
        ]
        leads = [entry, *(intents.create(wish, f"file:{key}") for key, wish in enumerate(wishes, start=2))]
        self.ids = [pk for lead in leads for pk in (lead.pk, *lead.legs.order_by("pk").values_list("pk", flat=True))]
        self.read_intents = _reader(OrderIntent.objects.filter(pk__in=self.ids).values_list(*Seen._fields))
        self.read_steps = _reader(IntentTransition.objects.filter(intent__in=self.ids).values_list(*Taken._fields))
        self.seen = self._now()
        self.may_go_back: set[int] = set()
        self.may_shrink = False
        self.kept: dict[int, list[Taken]] = {}

    def _now(self) -> dict[int, Seen]:
        found = {row[0]: Seen(*row) for row in self.read_intents()}
        return {pk: found[pk] for pk in self.ids}

    def _family(self, number: int) -> set[int]:
        return {self.ids[one] for one in (number, *LEGS.get(number, []))}

    def _states_of_legs(self, number: int) -> set[str]:
        return {self.seen[self.ids[leg]].state for leg in LEGS.get(number, [])}

    @rule(number=anything)
    def is_claimed(self, number: int) -> None:
        before = self.seen[self.ids[number]]
        waits = before.state == State.CREATED and before.kind != "leg"
        tried = IntentTransition.objects.filter(intent=before.pk, step="sent").count()
        free = waits and self._states_of_legs(number) <= {State.CREATED}
        assert intents.claim(before.pk) == (tried + 1 if free else 0)
        assert intents.claim(before.pk) == 0

    @rule(number=a_lead)
    def was_proven_unsent(self, number: int) -> None:
        if intents.transition(self.ids[number], {State.SUBMITTING}, State.CREATED):
            self.may_go_back = self._family(number)

    @rule(number=a_lead)
    def is_in_doubt(self, number: int) -> None:
        intents.transition(self.ids[number], {State.SUBMITTING}, State.UNKNOWN, reason="no answer")

    @rule(number=anything)
    def is_not_at_the_broker(self, number: int) -> None:
        pk = self.ids[number]
        intents.transition(pk, {State.UNKNOWN}, State.ABSENT, at_version=self.seen[pk].version)

    @rule(number=anything)
    def is_wanted_again(self, number: int) -> None:
        before = self.seen[self.ids[number]]
        absent = {before.state, *self._states_of_legs(number)} == {State.ABSENT}
        wanted = intents.want_again(before.pk)
        assert wanted == (absent and before.kind != "leg")
        if wanted:
            self.may_go_back = self._family(number)

    @rule(named=st.booleans())
    def the_entry_is_accepted(self, named: bool) -> None:
        legs = {1: ORDERS[EXIT1], 2: ORDERS[EXIT2] if named else None}
        reports.accept(self.ids[ENTRY], ORDERS[ENTRY], legs=legs)

    @rule(named=st.booleans())
    def the_pair_is_accepted(self, named: bool) -> None:
        reports.accept(self.ids[PAIR], ORDERS[PAIR], legs={1: ORDERS[OTHER] if named else None})

    @rule(number=st.sampled_from([CANCELLATION, CLOSING, STRATEGY, CHANGE]))
    def another_is_accepted(self, number: int) -> None:
        if number == STRATEGY:
            reports.accept(self.ids[number], strategy_id=STRATEGY_ID)
        elif number == CLOSING:
            reports.accept(self.ids[number], ORDERS[number])
        else:
            reports.accept(self.ids[number], command_id=COMMANDS[number])

    @rule(has_entry=st.booleans(), refusal=st.sampled_from(["", "no margin"]))
    def the_strategy_is_told(self, has_entry: bool, refusal: str) -> None:
        uuid = self.seen[self.ids[STRATEGY]].cl_ord_id
        entry = ORDERS[STRATEGY] if has_entry else None
        verify.observe_strategy(self.connection.pk, uuid, STRATEGY_ID, entry, refusal)

    @rule(number=st.sampled_from(list(COMMANDS)), took=st.booleans(), refusal=st.sampled_from(["", "too late"]))
    def a_command_is_told(self, number: int, took: bool, refusal: str) -> None:
        cl_ord_id = self.seen[self.ids[number]].cl_ord_id
        verify.observe_answer(self.connection.pk, cl_ord_id, COMMANDS[number], took=took, refusal=refusal)

    @rule(number=st.sampled_from(list(COMMANDS)))
    def a_command_has_changed_nothing(self, number: int) -> None:
        intents.transition(self.ids[number], {State.ACCEPTED}, State.INEFFECTIVE, reason="still as it was")

    @rule(number=a_lead)
    def is_refused(self, number: int) -> None:
        from_states = {*UNANSWERED, State.ABSENT, State.ACCEPTED}
        intents.transition(self.ids[number], from_states, State.REJECTED, reason="no margin")

    @rule(number=a_lead)
    def is_given_up(self, number: int) -> None:
        intents.give_up(self.ids[number], "given up")

    @rule()
    def nobody_waits_any_more(self) -> None:
        intents.give_up_waiting(timezone.now())

    @rule(number=st.sampled_from([ENTRY, EXIT1, EXIT2, PAIR, OTHER]))
    def is_named_by_a_command(self, number: int) -> None:
        reports.observe_command(self.connection.pk, self.seen[self.ids[number]].cl_ord_id, ORDERS[number])

    @rule(status=st.sampled_from([*STATE_OF_STATUS, "Unknown"]), filled=st.integers(0, QUANTITY), order_id=order_ids)
    def is_reported(self, status: str, filled: int, order_id: int) -> None:
        average = Decimal(5000) if filled else None
        reports.observe_order(self.connection.pk, order_id, status, filled, average, at=timezone.now())

    @rule(order_id=order_ids)
    def is_reported_filled(self, order_id: int) -> None:
        """All at once, which chance alone seldom says of an order that was only accepted."""
        reports.observe_order(self.connection.pk, order_id, "Filled", QUANTITY, Decimal(5000), at=timezone.now())

    @rule(order_id=order_ids, qty=st.integers(1, QUANTITY), stands=st.booleans())
    def is_counted_anew(self, order_id: int, qty: int, stands: bool) -> None:
        Fill.objects.update_or_create(
            connection=self.connection,
            tradovate_id=order_id,
            defaults={
                "order_id_at_broker": order_id, "symbol": "ESZ6", "action": "Buy", "qty": qty,
                "price": Decimal(5000), "active": stands, "at": timezone.now(),
            },
        )  # fmt: skip
        reports.recount(self.connection.pk, order_id)
        self.may_shrink = True

    @rule()
    def is_seen(self) -> None:
        intents.seen(self.connection.pk, list(ORDERS.values()))

    @invariant()
    def goes_forwards(self) -> None:
        now = self._now()
        steps: dict[int, list[Taken]] = {pk: [] for pk in self.ids}
        for row in self.read_steps():
            steps[row[0]].append(Taken(*row))
        for pk, intent in now.items():
            before = self.seen[pk]
            old, new = State(before.state), State(intent.state)
            assert RANK[new] >= RANK[old] or pk in self.may_go_back
            # Of a change it only seemed so: the broker's own word came late.
            seemed = intent.kind == Kind.MODIFY and old in SEEMING
            assert old not in TERMINAL or new == old or seemed
            assert intent.filled_qty >= before.filled_qty or self.may_shrink
            for name in ("order_id_at_broker", "command_id_at_broker", "strategy_id_at_broker"):
                assert getattr(before, name) in (None, getattr(intent, name))
            assert intent.version >= before.version
            self._keeps_every_step(intent, steps[pk])
        for lead, legs in LEGS.items():
            if now[self.ids[lead]].state == State.SUBMITTING:
                states = {State(now[self.ids[leg]].state) for leg in legs}
                assert not states & (NAMEABLE - {State.SUBMITTING})
        self.seen, self.may_go_back, self.may_shrink = now, set(), False

    def _keeps_every_step(self, intent: Seen, steps: list[Taken]) -> None:
        assert [step.from_state for step in steps] == [State.CREATED, *(step.to_state for step in steps)][: len(steps)]
        assert steps[-1].to_state == intent.state
        moves = [step for step in steps if step.step not in IntentTransition.BESIDE]
        assert intent.version == len(moves)
        table = allowed(intent.kind)
        assert all(step.to_state == step.from_state or step.to_state in table[State(step.from_state)] for step in moves)
        for once in ("queued", "exchange", "filled", "seen"):
            assert sum(step.step == once for step in steps) <= 1
        before = self.kept.get(intent.pk, [])
        assert steps[: len(before)] == before
        self.kept[intent.pk] = steps


class TestLife(TestCase):
    def test_whatever_is_told(self) -> None:
        run_state_machine_as_test(Life, settings=settings(max_examples=45, stateful_step_count=25, deadline=None))
