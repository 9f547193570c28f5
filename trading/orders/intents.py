"""Intents: every wish is a row before it is on the wire, and moves only along the tables in `states`.

All changes are compare-and-swap: they name the states that they expect, write the IntentTransitions in the same
transaction and raise `version` by as many. What the broker says of an intent is in `reports`.

A leg (the second order of an OCO, what an OSO's fill sends) travels in its lead's message: until the broker has taken
it, it goes where its lead goes, in the same transaction. From then on it has an order id and a life of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from typing import Any, Final, NoReturn, TypeVar

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from trading.models import Account, IntentTransition, OrderIntent
from trading.orders import compiled, facts, let_through, turns
from trading.orders.drafts import Draft, draft
from trading.orders.facts import Hub
from trading.orders.spec import OrderSpec
from trading.orders.states import NAMEABLE, Kind, State, allowed
from trading.orders.wishes import Wish, type_of

T = TypeVar("T")

Step = IntentTransition.Step

# What an intent and its transitions have room for, in characters: longer words are cut where they are written.
LONGEST_WORDS: Final = 255
# The source of what may wait to be sent.
FILE: Final = "file"
_LOCKED: Final = compiled.Read(
    lambda intent: (
        OrderIntent.objects.select_for_update().filter(pk=intent).values_list(*compiled.columns(OrderIntent))
    ),
    intent=int,
)
# Where a leg goes with its lead.
_TOGETHER: Final = frozenset({*NAMEABLE, State.REJECTED, State.CANCELLED})


class SourceKeyReused(ValueError):
    """The same source key came with a different order."""


class Forbidden(Exception):
    """Something forbids that this intent is sent now, such as a kill switch; the text says what, to the trader."""


class _NotRead(Exception):
    """A claim needs what the hub knows of a connection, which was not read yet."""

    def __init__(self, connection_id: int) -> None:
        super().__init__()
        self.connection_id = connection_id


def create(
    wish: Wish,
    source_key: str,
    *,
    received_at: dt.datetime | None = None,
    checked_at: dt.datetime | None = None,
    gate: turns.Gate | None = None,
) -> OrderIntent:
    """The intent of `source_key`, made from `wish` (with its legs) when there is none yet: asking twice makes one.

    `received_at` is when the wish reached the portal, `checked_at` when it had passed the checks. Raises
    SourceKeyReused when the key already belongs to another wish, ValueError for one that is too long,
    Account.DoesNotExist, turns.Refused for what does not pass the gate.
    """
    account = Account.objects.select_related("connection").get(pk=wish.account_id)
    made = draft(account, wish, source_key)
    return insert(made, received_at=received_at, checked_at=checked_at, gate=gate)[0]


def insert(
    made: Draft,
    *,
    received_at: dt.datetime | None = None,
    checked_at: dt.datetime | None = None,
    claimed: bool = False,
    gate: turns.Gate | None = None,
) -> tuple[OrderIntent, int]:
    """As `create`, of a draft. With `claimed` it is taken for sending in the commit that makes it, as by `claim`:
    the number of the attempt is 1 then, and 0 when the key had an intent. Raises Forbidden, and turns.Refused for what
    does not pass the gate; nothing is made then."""
    try:
        return _with_hub(lambda hub: _insert(made, received_at, checked_at, gate, hub, claimed=claimed))
    except IntegrityError:
        earlier = OrderIntent.objects.get(source_key=made.intent.source_key)
        if wish_of(earlier) != made.wish:
            raise SourceKeyReused(f"{earlier.source_key} is already the key of something else: {earlier}.") from None
        return earlier, 0


def _insert(
    made: Draft,
    received_at: dt.datetime | None,
    checked_at: dt.datetime | None,
    gate: turns.Gate | None,
    hub: Hub,
    *,
    claimed: bool,
) -> tuple[OrderIntent, int]:
    with transaction.atomic():
        # Two cancellations of one order do no harm, and never wait.
        if made.intent.kind != Kind.CANCEL:
            turns.take(made.intent, gate)
        if claimed:
            _ask_whether_allowed(made.intent, hub)
            for one in (made.intent, *made.legs):
                one.state, one.version = State.SUBMITTING, 1
        compiled.insert_with(made.intent, _birth(made.intent, received_at, checked_at), "intent")
        for leg in made.legs:
            leg.lead = made.intent  # which has its id now
            compiled.insert_with(leg, _birth(leg, received_at, checked_at), "intent")
    return made.intent, int(claimed)


def wish_of(intent: OrderIntent) -> Wish:
    """What was asked for. Raises msgspec.ValidationError for a row that no code of ours wrote."""
    return msgspec.convert(intent.spec, type_of(intent.kind))


def spec_of(intent: OrderIntent) -> OrderSpec:
    """The order as it was asked for. Raises TypeError for an intent that is none, and as wish_of."""
    wish = wish_of(intent)
    if not isinstance(wish, OrderSpec):
        raise TypeError(f"Intent {intent.pk} is no order: {intent}.")
    return wish


def transition(
    intent_id: int,
    from_states: Collection[State],
    to_state: State,
    detail: str = "",
    *,
    step: str = "",
    at_version: int | None = None,
    of_attempt: int | None = None,
    **fields: Any,
) -> bool:
    """Move an intent to `to_state` if it is in one of `from_states`, setting `fields` on the way; False if it is not,
    if it has moved since `at_version`, or was claimed again since `of_attempt`. Its legs go along where they stand
    where it stood. Raises ValueError for a move that the table does not know, OrderIntent.DoesNotExist.
    """
    with transaction.atomic():
        intent = locked(intent_id)
        table = allowed(intent.kind)
        for state in from_states:
            if to_state not in table.get(state, ()):
                raise ValueError(f"An intent ({intent.kind}) cannot go from {state} to {to_state}.")
        if intent.state not in from_states or at_version not in (None, intent.version):
            return False
        if of_attempt not in (None, _attempts(intent)):
            return False
        return move(intent, to_state, detail, fields, step=step)


def remark(intent: OrderIntent, words: str) -> bool:
    """Have an intent that stays as it is say so, and why; False when it does already, or has moved."""
    words = words[:LONGEST_WORDS]
    unsaid = OrderIntent.objects.filter(pk=intent.pk, state=intent.state, version=intent.version).exclude(reason=words)
    # Not a transition: nothing has become of it that is known. Pages take it for news by its version.
    return bool(unsaid.update(reason=words, version=F("version") + 1))


def claim(intent_id: int) -> int:
    """Take an intent for sending: the number of this attempt, from 1 on, or 0 when it is not to be sent.

    Exactly one caller gets one until it is proven that nothing was sent, or its owner wants it to be sent again. What
    comes of an attempt must name it: its sender may wake up when the next one is on its way. Raises Forbidden, and the
    intent waits as before.
    """
    return _with_hub(lambda hub: _claim(intent_id, hub))


def _claim(intent_id: int, hub: Hub) -> int:
    with transaction.atomic():
        intent = locked(intent_id)
        if intent.state != State.CREATED or intent.kind == Kind.LEG or not _legs_are(intent, State.CREATED):
            return 0
        _ask_whether_allowed(intent, hub)
        earlier = _attempts(intent)
        return earlier + 1 if move(intent, State.SUBMITTING, "", {}, step=Step.SENT) else 0


def want_again(intent_id: int, gate: turns.Gate | None = None) -> bool:
    """Its owner wants an order that Tradovate does not have to be sent once more: it waits as before it was sent.

    False for a leg, and for an order of whose legs one may be at Tradovate: then its message has arrived. Raises
    turns.Refused, and it stays as it is.
    """
    with transaction.atomic():
        intent = locked(intent_id)
        if intent.state != State.ABSENT or intent.kind == Kind.LEG or not _legs_are(intent, State.ABSENT):
            return False
        turns.take(intent, gate)
        return move(intent, State.CREATED, "to be sent again", {"reason": ""})


def give_up(intent_id: int, words: str) -> bool:
    """Put an intent aside that was not sent, or that Tradovate does not have; False when it is neither any more."""
    return transition(intent_id, {State.CREATED, State.ABSENT}, State.CANCELLED, words, reason=words)


def give_up_waiting(sent_before: dt.datetime) -> list[int]:
    """Turn `submitting` intents that were claimed before that moment to `unknown`; whoever sent them is gone."""
    stale = OrderIntent.objects.filter(state=State.SUBMITTING, changed_at__lt=sent_before)
    words = "The portal was interrupted while sending. Tradovate may have the order: it will not be sent again."
    return [
        pk
        # A lead before its legs, which go along; a leg that was left behind goes by itself.
        for pk, version in list(stale.order_by("pk").values_list("pk", "version"))
        if transition(pk, {State.SUBMITTING}, State.UNKNOWN, words, at_version=version, reason=words)
    ]


def give_up_unsent(made_before: dt.datetime) -> list[int]:
    """Put aside what was to go out at once and did not, because whoever was to send it is gone; the ids.

    Only the lines of an order file wait to be sent.
    """
    words = "The portal was interrupted before it could send this: nothing was sent."
    stale = OrderIntent.objects.filter(state=State.CREATED, lead=None, changed_at__lt=made_before)
    stale = stale.exclude(source_key__startswith=f"{FILE}:")
    return [pk for pk in list(stale.values_list("pk", flat=True)) if give_up(pk, words)]


def seen(connection_id: int, order_ids: Collection[int]) -> None:
    """Note that a trader's page shows these orders (Tradovate's ids); the first time of each intent is kept."""
    ours = OrderIntent.objects.filter(connection_id=connection_id, order_id_at_broker__in=order_ids)
    # In the order in which whoever writes a lead and its legs locks them.
    unseen = ours.exclude(transitions__step=Step.SEEN).order_by("pk")
    rows = [_beside(intent, Step.SEEN, timezone.now()) for intent in unseen]
    if rows:
        # Of two pages that show it at the same time, one is first.
        IntentTransition.objects.bulk_create(rows, ignore_conflicts=True)


def locked(intent_id: int) -> OrderIntent:
    """The intent, its row locked until the caller's transaction ends. Raises OrderIntent.DoesNotExist."""
    row = _LOCKED.first(intent=intent_id)
    if row is None:
        raise OrderIntent.DoesNotExist
    return compiled.instance(OrderIntent, row)


def move(intent: OrderIntent, to_state: State, detail: str, fields: dict[str, Any], *, step: str = "") -> bool:
    """Move a row that the caller has locked, and the legs that go along; the caller knows that the table allows it."""
    before = State(intent.state)
    if not write(intent, [(to_state, step, detail)], fields):
        return False
    if to_state in _TOGETHER and intent.kind in (Kind.OCO, Kind.OSO):
        follows = {state: value for state, value in fields.items() if state == "reason"}
        # What is refused is all of the message, also where the stream has shown the lead's command before.
        along = NAMEABLE - {State.CREATED} if to_state == State.REJECTED else NAMEABLE & {before}
        for leg in OrderIntent.objects.select_for_update().filter(lead=intent, state__in=along).order_by("pk"):
            write(leg, [(to_state, step, detail)], follows)
    return True


def write(intent: OrderIntent, steps: list[tuple[State, str, str]], fields: dict[str, Any]) -> bool:
    """Write steps (state, step, detail) of a row that the caller has locked, and set `fields`, words cut to their room;
    then `intent` is what was written. The version is compared once more, lock or no lock."""
    values = {"state": steps[-1][0], "version": intent.version + len(steps), "changed_at": timezone.now(), **fields}
    if "reason" in values:
        values["reason"] = values["reason"][:LONGEST_WORDS]
    befores = [intent.state, *(state for state, _, _ in steps)]
    taken = [
        IntentTransition(step=step, from_state=before, to_state=state, detail=detail[:LONGEST_WORDS])
        for before, (state, step, detail) in zip(befores, steps, strict=False)
    ]
    swapped = compiled.update_with(intent, values, taken, "intent", where="version")
    if swapped:
        for name, value in values.items():
            setattr(intent, name, value)
    return swapped


def _with_hub(claiming: Callable[[Hub], T]) -> T:
    """Claim with what the hub knows, which is read before the transaction: Redis may take its time. Hardly any claim
    asks for it, so it is read once one has, and that one begins anew."""
    try:
        return claiming(_not_read)
    except _NotRead as asked:
        known = facts.read(asked.connection_id)
        return claiming(lambda _: known)


def _not_read(connection_id: int) -> NoReturn:
    raise _NotRead(connection_id)


def _ask_whether_allowed(intent: OrderIntent, hub: Hub) -> None:
    """What may forbid sending, inside the claim's transaction: raises Forbidden."""
    if words := let_through.forbids(intent, hub):
        raise Forbidden(words)


def _legs_are(intent: OrderIntent, state: State) -> bool:
    """Whether all legs are in this state; so is what has none."""
    return intent.kind not in (Kind.OCO, Kind.OSO) or not intent.legs.exclude(state=state).exists()


def _attempts(intent: OrderIntent) -> int:
    if not intent.version:
        return 0
    return intent.transitions.filter(from_state=State.CREATED, to_state=State.SUBMITTING).count()


def _birth(
    intent: OrderIntent, received_at: dt.datetime | None, checked_at: dt.datetime | None
) -> list[IntentTransition]:
    """The first steps of an intent that is not saved yet; with the last of them it is in the state that it is in."""
    now, born = timezone.now(), State.CREATED
    times = [(Step.RECEIVED, received_at, born), (Step.CHECKED, checked_at, born), (Step.QUEUED, now, born)]
    if intent.state == State.SUBMITTING:
        times.append((Step.SENT, now, State.SUBMITTING))
    return [
        IntentTransition(step=step, at=at, from_state=born, to_state=state)
        for step, at, state in times
        if at is not None
    ]


def _beside(intent: OrderIntent, step: str, at: dt.datetime) -> IntentTransition:
    return IntentTransition(intent=intent, step=step, at=at, from_state=intent.state, to_state=intent.state)
