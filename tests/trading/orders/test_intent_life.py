"""Whatever is told about an intent, in whatever order: it never goes back, never loses a fill, keeps every step."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.models import Connection, User
from trading.models import Account, OrderIntent
from trading.orders import intents
from trading.orders.spec import OrderSpec
from trading.orders.states import ALLOWED, STATE_OF_STATUS, TERMINAL, State

QUANTITY = 5
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


class Life(RuleBasedStateMachine):
    @initialize()
    def born(self) -> None:
        OrderIntent.objects.all().delete()
        user, _ = User.objects.get_or_create(username="sim:1")
        connection, _ = Connection.objects.get_or_create(
            user=user, environment="sim", tradovate_user_id=1, name="trader"
        )
        account, _ = Account.objects.get_or_create(connection=connection, tradovate_id=7, name="DEMO7")
        spec = OrderSpec(account_id=account.pk, symbol="ESZ6", action="Buy", order_qty=QUANTITY)
        self.intent = intents.create(spec, "source")
        self.seen = self.intent
        self.released = False

    @rule()
    def is_claimed(self) -> None:
        before = self.intent.state
        assert intents.claim(self.intent.pk) == (before == State.CREATED)

    @rule()
    def was_proven_unsent(self) -> None:
        self.released = intents.transition(self.intent.pk, {State.SUBMITTING}, State.CREATED)

    @rule()
    def is_in_doubt(self) -> None:
        intents.transition(self.intent.pk, {State.SUBMITTING}, State.UNKNOWN, reason="no answer")

    @rule()
    def is_not_at_the_broker(self) -> None:
        intents.transition(self.intent.pk, {State.UNKNOWN}, State.ABSENT, at_version=self.intent.version)

    @rule()
    def is_wanted_again(self) -> None:
        before = self.intent.state
        self.released = intents.want_again(self.intent.pk)
        assert self.released == (before == State.ABSENT)

    @rule()
    def is_accepted(self) -> None:
        intents.accept(self.intent.pk, 55)

    @rule()
    def is_refused(self) -> None:
        from_states = {State.SUBMITTING, State.UNKNOWN, State.ACCEPTED}
        intents.transition(self.intent.pk, from_states, State.REJECTED, reason="no margin")

    @rule()
    def is_given_up(self) -> None:
        intents.transition(self.intent.pk, {State.CREATED}, State.CANCELLED)

    @rule(order_id=st.sampled_from([55, 56]))
    def is_named_by_a_command(self, order_id: int) -> None:
        intents.observe_command(self.intent.connection_id, self.intent.cl_ord_id, order_id)

    @rule(
        status=st.sampled_from([*STATE_OF_STATUS, "Unknown"]),
        filled=st.integers(0, QUANTITY),
        order_id=st.sampled_from([55, 56]),
    )
    def is_reported(self, status: str, filled: int, order_id: int) -> None:
        average = Decimal(5000) if filled else None
        intents.observe_order(self.intent.connection_id, order_id, status, filled, average)

    @invariant()
    def goes_forwards(self) -> None:
        before, now = self.seen, OrderIntent.objects.get(pk=self.intent.pk)
        old, new = State(before.state), State(now.state)
        assert RANK[new] >= RANK[old] or self.released
        assert old not in TERMINAL or new == old
        assert now.filled_qty >= before.filled_qty
        assert before.order_id_at_broker in (None, now.order_id_at_broker)
        steps = list(now.transitions.all())
        assert now.version == len(steps)
        assert all(step.to_state in ALLOWED[State(step.from_state)] for step in steps)
        assert [step.from_state for step in steps] == [State.CREATED, *(step.to_state for step in steps)][: len(steps)]
        self.seen, self.intent, self.released = now, now, False


class TestLife(TestCase):
    def test_whatever_is_told(self) -> None:
        run_state_machine_as_test(Life, settings=settings(max_examples=40, stateful_step_count=20, deadline=None))
