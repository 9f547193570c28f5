"""The portal's intents beside the broker's ledger: every wish there once, none lost, all that is said of them true."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from trading.models import Account, Fill, IntentTransition, KillSwitch, OrderFile, OrderIntent, OrderLine, Position
from trading.orders.states import ENDS, STATE_OF_STATUS, Kind, State
from trading.simulator.clock import read_stamp

AT_THE_BROKER = frozenset({State.ACCEPTED, State.WORKING, State.FILLED, State.EXPIRED})
OPEN = frozenset({State.CREATED, State.SUBMITTING, State.UNKNOWN})
OURS = "tp-"
# What a file says whose rest nobody wants.
GIVEN_UP = "given up"
# What an order is, beside its account, contract and side: as it is wished for, and as Tradovate says it.
NUMBERS = ("order_qty", "price", "stop_price", "limit_if_touched_price", "peg_difference")
TERMS = {"order_qty": "orderQty", "price": "price", "stop_price": "stopPrice", "peg_difference": "pegDifference"} | {
    "limit_if_touched_price": "limitIfTouchedPrice",
    "order_type": "orderType",
    "time_in_force": "timeInForce",
}
# A button's press, which in these trials has a key of its own, or a file's line: either is one wish. What follows is
# none of the trader's.
WISH = re.compile(r"click:[0-9a-f]{32}|file:[0-9a-f-]{36}:[0-9]+")


@dataclass
class Ledger:
    """What the broker has of the portal's wishes. `times` counts how often each of our tags (clOrdId, customTag50 or
    uuid) came to something, `received` how often it arrived; `orders` and `commands` name what it came to, and `about`
    the order that a command was for.

    `placed` has the orders, `placing` the command that each began with, `versions` their terms by the command that
    brought them, `contracts` names by id; `replaced` and `cancelled` are the commands that took effect.
    """

    times: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    orders: dict[str, int] = field(default_factory=dict)
    commands: dict[str, int] = field(default_factory=dict)
    strategies: dict[str, int] = field(default_factory=dict)
    status: dict[int, str] = field(default_factory=dict)
    filled: Counter[int] = field(default_factory=Counter)
    about: dict[str, int] = field(default_factory=dict)
    placed: dict[int, dict[str, Any]] = field(default_factory=dict)
    versions: dict[int, dict[str, Any]] = field(default_factory=dict)
    placing: dict[int, int] = field(default_factory=dict)
    contracts: dict[str, str] = field(default_factory=dict)
    replaced: set[int] = field(default_factory=set)
    cancelled: set[int] = field(default_factory=set)

    @classmethod
    def read(cls, truth: dict[str, Any]) -> Ledger:
        """Of the simulator's /control/ledger."""
        ledger, entities = cls(contracts=truth["contracts"]), truth["entities"]
        for request in truth["received"]:
            ledger.received.update(_tags(request["params"]))
        for command in entities.get("command", []):
            for tag in _tags(command):
                ledger.times[tag] += 1
                is_new = command["commandType"] == "New"
                (ledger.orders if is_new else ledger.commands)[tag] = command["orderId" if is_new else "id"]
                ledger.about[tag] = command["orderId"]
            if command["commandType"] == "New":
                ledger.placing[command["orderId"]] = command["id"]
        links = entities.get("orderStrategyLink", [])
        for strategy in entities.get("orderStrategy", []):
            for tag in _tags(strategy):
                ledger.times[tag] += 1
                ledger.strategies[tag] = strategy["id"]
                sent = [link["orderId"] for link in links if link["orderStrategyId"] == strategy["id"]]
                if sent:
                    ledger.orders[tag] = min(sent)
        ledger.placed = {order["id"]: order for order in entities.get("order", [])}
        ledger.versions = {version["id"]: version for version in entities.get("orderVersion", [])}
        ledger.status = {number: order["ordStatus"] for number, order in ledger.placed.items()}
        for fill in entities.get("fill", []):
            ledger.filled[fill["orderId"]] += fill["qty"]
        reports = entities.get("executionReport", [])
        ledger.replaced = {one["commandId"] for one in reports if one.get("execType") == "Replaced"}
        ledger.cancelled = {one["commandId"] for one in reports if one.get("execType") == "Canceled"}
        return ledger


def disagreements(truth: dict[str, Any]) -> dict[str, list[str]]:
    """Where intents and ledger differ, by kind, and what has not come to its end; all lists are empty when all is as it
    should be."""
    entities = truth["entities"]
    ledger, accounts = Ledger.read(truth), set(Account.objects.values_list("tradovate_id", flat=True))
    intents = {intent.cl_ord_id: intent for intent in OrderIntent.objects.select_related("account", "lead")}
    waiting = _waiting()
    changed = {intent.target_order_id for intent in intents.values() if intent.kind == Kind.MODIFY}
    found: dict[str, list[str]] = {
        "sent twice": [*_sent_twice(ledger), *_repeated(intents.values())],
        "unknown to the portal": [tag for tag in ledger.times | ledger.received if tag not in intents],
        "without a tag": _untagged(entities, accounts),
        "lost": _lost(ledger),
        "not finished within the limit": [_unfinished(intent) for intent in waiting],
        "never answered": [],
        "said to be at the broker and is not": [],
        "at the broker and not said to be": [],
        "another order's id": [],
        "sent otherwise": [],
        "ended otherwise": [],
        "filled otherwise": [],
        "effect told otherwise": [],
    }
    for tag, intent in intents.items():
        if intent.state in OPEN and intent not in waiting:
            found["never answered"].append(f"{intent} (intent {intent.pk}, {intent.kind})")
            continue
        kinds = _of_command(intent, ledger) if intent.is_command else _of_order(intent, ledger)
        if tag in ledger.times and not _is_as_wished(intent, ledger, changed):
            kinds = [*kinds, "sent otherwise"]
        for kind in kinds:
            order_id = ledger.orders.get(tag)
            status = ledger.status.get(order_id or 0)
            what = f"{intent.filled_qty} and {ledger.filled[order_id or 0]} filled"
            found[kind].append(f"{intent} (intent {intent.pk}, {intent.kind}, order {order_id}, {status}, {what})")
    found["fills that the journal lacks"] = _lacking(entities, accounts)
    found["positions told otherwise"] = _positions(entities, accounts)
    return found


def sent_while_stopped(truth: dict[str, Any], thrown: dict[int, datetime]) -> list[str]:
    """What can only add risk and arrived although a kill switch stopped its trader. `thrown` says from when on
    everybody could see each switch. What was claimed before that may have been on its way, for as long as the broker is
    slow; whoever claimed it later has to have seen the switch in the last look before sending."""
    arrivals = [
        (tag, read_stamp(request["timestamp"])) for request in truth["received"] for tag in _tags(request["params"])
    ]
    adds_risk = Q(intent__kind__in=[Kind.OSO, Kind.BRACKET]) | Q(intent__source_key__startswith="file:")
    claims = IntentTransition.objects.filter(adds_risk, to_state=State.SUBMITTING).select_related("intent")
    found = []
    for switch in KillSwitch.objects.filter(pk__in=thrown):
        released = switch.released_at or timezone.now()
        over = claims.filter(intent__connection__user=switch.user, at__gt=thrown[switch.pk], at__lt=released)
        found += [
            f"{claim.intent} (intent {claim.intent.pk}, {claim.intent.kind}), claimed {claim.at}, switch {switch.pk}"
            for claim in over
            if any(tag == claim.intent.cl_ord_id and claim.at <= at < released for tag, at in arrivals)
        ]
    return found


def decided() -> dict[str, int]:
    """How often traders have decided about what was stopped or never arrived."""
    given_up = Q(file__stop_reason__contains=GIVEN_UP)
    return {
        "resumed a file in doubt": OrderLine.objects.filter(~given_up, passed_over=True).count(),
        "gave up a file": OrderLine.objects.filter(given_up).values("file").distinct().count(),
        "sent again what never arrived": _wanted_again().count(),
    }


def _wanted_again() -> QuerySet[IntentTransition]:
    return IntentTransition.objects.filter(from_state=State.ABSENT, to_state=State.CREATED)


def longest_doubt(faults_ended: datetime) -> timedelta:
    """How long a wish stayed unknown at most, counted from the end of the faults when it began before."""
    longest = timedelta(0)
    for step in IntentTransition.objects.filter(from_state=State.UNKNOWN):
        began = IntentTransition.objects.filter(intent=step.intent, to_state=State.UNKNOWN, pk__lt=step.pk).latest("pk")
        longest = max(longest, step.at - max(began.at, faults_ended))
    return longest


def longest_open(faults_ended: datetime) -> timedelta:
    """How long nobody could say at most what had become of a wish, counted from the end of the faults when it began
    before: also that of a sender who was killed, and which nobody had called unknown yet. A file's line that was not
    sent yet is none: it waits for its turn, or for its owner."""
    longest, of, since = timedelta(0), 0, None
    steps = IntentTransition.objects.order_by("intent", "pk")
    for intent, source_key, state, at in steps.values_list("intent", "intent__source_key", "to_state", "at"):
        if intent != of:
            of, since = intent, None
        if state in OPEN and not (state == State.CREATED and source_key.startswith("file:")):
            since = since or at
        elif since is not None:
            longest, since = max(longest, at - max(since, faults_ended)), None
    return longest


def _sent_twice(ledger: Ledger) -> list[str]:
    """Tags that came to something twice, or arrived more often than their owners wanted: of some requests that arrive
    nothing is left, such as a cancellation that came too late, and if their answers are lost, too, they may be wanted
    again."""
    wanted = Counter(_wanted_again().values_list("intent__cl_ord_id", flat=True))
    twice = {tag for tag, count in ledger.times.items() if count > 1}
    return sorted(twice | {tag for tag, count in ledger.received.items() if count > 1 + wanted[tag]})


def _tags(sent: dict[str, Any]) -> set[str]:
    """Our tags of a request, or of the command or strategy that came of it."""
    tags = {sent.get(name) or "" for name in ("clOrdId", "customTag50", "uuid")}
    return {tag for tag in tags if tag.startswith(OURS)}


def _repeated(intents: Iterable[OrderIntent]) -> list[str]:
    """Presses and lines that made more than one intent, each with tags of its own; a lead's legs are part of it."""
    wishes = [WISH.match(intent.source_key) for intent in intents if intent.lead_id is None]
    times = Counter(wish[0] for wish in wishes if wish)
    return [wish for wish, count in times.items() if count > 1]


def _waiting() -> QuerySet[OrderIntent]:
    """Lines of order files that are not through: they wait for their turn, or for what their traders decide."""
    waits = Q(state=State.CREATED) | Q(state=State.ABSENT, line__passed_over=False)
    return OrderIntent.objects.filter(waits).exclude(line=None).exclude(line__file__state=OrderFile.State.FINISHED)


def _unfinished(intent: OrderIntent) -> str:
    file = intent.line.file
    return f"{intent} ({intent.source_key}), its file is {file.get_state_display()}: {file.stop_reason}"


def _lost(ledger: Ledger) -> list[str]:
    """Lines of order files that never arrived, wait for nothing, and that no trader gave up or passed over."""
    unsent = Q(state=State.CANCELLED) & ~Q(line__file__stop_reason__contains=GIVEN_UP)
    unsent |= Q(state=State.ABSENT, line__passed_over=False)
    lines = OrderIntent.objects.filter(unsent, source_key__startswith="file:").exclude(pk__in=_waiting())
    lost = [f"{intent} ({intent.source_key})" for intent in lines if intent.cl_ord_id not in ledger.times]
    for file in OrderFile.objects.filter(state=OrderFile.State.FINISHED):
        written, made = len(file.content.splitlines()), file.lines.exclude(intent=None).count()
        lost += [f"file {file.pk}: {written} lines, {made} intents"] if written != made else []
    return lost


def _is_as_wished(intent: OrderIntent, ledger: Ledger, changed: set[int | None]) -> bool:
    """Whether what the broker got under an intent's tag is what was wished for. `changed` are the orders that were
    asked to become others: with those the quantity of their exits changes, too."""
    tag, spec = intent.cl_ord_id, intent.spec
    if intent.is_command and ledger.about[tag] != intent.target_order_id:
        return False
    order_id = intent.target_order_id if intent.is_command else ledger.orders.get(tag)
    order = ledger.placed.get(order_id or 0)
    if order is None or intent.kind == Kind.CANCEL:
        return True
    if order["accountId"] != intent.account.tradovate_id:
        return False
    if intent.kind == Kind.LIQUIDATE:
        return bool(order["contractId"] == spec["contract_id"])
    terms = spec["becomes"] if intent.kind == Kind.MODIFY else spec
    if (ledger.contracts[str(order["contractId"])], order["action"]) != (terms["symbol"], terms["action"]):
        return False
    version = ledger.versions.get(ledger.commands[tag] if intent.kind == Kind.MODIFY else ledger.placing[order["id"]])
    if version is None:
        # A change that was refused brings none.
        return intent.kind == Kind.MODIFY
    follows = intent.lead is not None and intent.lead.order_id_at_broker in changed
    names = {field: name for field, name in TERMS.items() if terms.get(field) is not None}
    return all(
        Decimal(str(version.get(name))) == Decimal(str(terms[field]))
        if field in NUMBERS
        else version.get(name) == terms[field]
        for field, name in names.items()
        if not (field == "order_qty" and follows)
    )


def _of_order(intent: OrderIntent, ledger: Ledger) -> list[str]:
    tag, state = intent.cl_ord_id, State(intent.state)
    if tag not in ledger.times:
        return ["said to be at the broker and is not"] if state in AT_THE_BROKER else []
    found = []
    order_id = ledger.orders.get(tag)
    if state == State.ABSENT or (intent.order_id_at_broker is None and order_id is not None and state in ENDS):
        found.append("at the broker and not said to be")
    if intent.order_id_at_broker not in (order_id, None):
        found.append("another order's id")
    if intent.kind == Kind.BRACKET and intent.strategy_id_at_broker not in (ledger.strategies[tag], None):
        found.append("another order's id")
    said = STATE_OF_STATUS.get(ledger.status.get(order_id or 0, ""), state)
    if said != state and not found and {said, state} & ENDS:
        found.append("ended otherwise")
    if intent.filled_qty != ledger.filled[order_id or 0]:
        found.append("filled otherwise")
    return found[:1]


def _of_command(intent: OrderIntent, ledger: Ledger) -> list[str]:
    state, number = State(intent.state), ledger.commands.get(intent.cl_ord_id)
    if number is None:
        return ["said to be at the broker and is not"] if intent.command_id_at_broker is not None else []
    if state in (State.ABSENT, State.CANCELLED):
        return ["at the broker and not said to be"]
    if intent.command_id_at_broker not in (number, None):
        return ["another order's id"]
    if state == State.ACCEPTED:
        return ["never answered"]
    if intent.kind == Kind.MODIFY and (state == State.DONE) != (number in ledger.replaced):
        return ["effect told otherwise"]
    if intent.kind == Kind.CANCEL and (state == State.DONE) != (number in ledger.cancelled):
        # Of two cancellations one ends the order, and both have what they wanted.
        done = state == State.DONE and ledger.status.get(intent.target_order_id or 0) == "Canceled"
        return [] if done else ["effect told otherwise"]
    return []


def _untagged(entities: dict[str, list[dict[str, Any]]], accounts: set[int]) -> list[str]:
    """Orders that came from a session under none of our tags, though nobody else trades. A strategy's are its own."""
    theirs = {order["id"] for order in entities.get("order", []) if order.get("accountId") in accounts}
    theirs -= {link["orderId"] for link in entities.get("orderStrategyLink", [])}
    new = [one for one in entities.get("command", []) if one["commandType"] == "New" and one["orderId"] in theirs]
    return [f"order {one['orderId']}" for one in new if one.get("userSessionId") and not _tags(one)]


def _lacking(entities: dict[str, list[dict[str, Any]]], accounts: set[int]) -> list[str]:
    orders = {order["id"] for order in entities.get("order", []) if order.get("accountId") in accounts}
    theirs = {fill["id"] for fill in entities.get("fill", []) if fill["orderId"] in orders}
    return [str(number) for number in sorted(theirs - set(Fill.objects.values_list("tradovate_id", flat=True)))]


def _positions(entities: dict[str, list[dict[str, Any]]], accounts: set[int]) -> list[str]:
    ours = dict(Position.objects.order_by("trade_date").values_list("tradovate_id", "net_pos"))
    held = [one for one in entities.get("position", []) if one.get("accountId") in accounts]
    return [
        f"position {one['id']}: {ours.get(one['id'], 0)} and {one['netPos']}"
        for one in held
        if ours.get(one["id"], 0) != one["netPos"]
    ]
