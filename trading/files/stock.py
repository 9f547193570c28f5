"""What a stopped file waits for: it says what is in doubt about its lines, and is finished when nothing is left to do.

Whoever learns what became of a line has stock taken of its file.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable
from typing import Final

from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.utils import timezone

from trading.models import OrderFile, OrderLine
from trading.orders import intents
from trading.orders.states import State

FileState = OrderFile.State
OnLine = Callable[[int], None]

_UNKNOWN: Final = "It is unknown whether Tradovate has the order of line"
_ABSENT: Final = "Tradovate does not have the order of line"
_RESUMABLE: Final = "All that was unknown is clear now. Resume sends what is left."
GIVEN_UP: Final = "The lines that had not been sent were given up."
# What a STOPPED file says whose rest nobody wants, as long as a line of it is on its way.
_UNWANTED: Final = frozenset({GIVEN_UP, ""})
_IN_DOUBT: Final = Q(intent__state__in=[State.UNKNOWN, State.ABSENT], passed_over=False)
# The lines of which something is still to come.
_UNSETTLED: Final = Q(intent__state__in=[State.CREATED, State.SUBMITTING]) | _IN_DOUBT


def move(file_id: uuid.UUID, from_states: set[FileState], to_state: FileState, **fields: object) -> bool:
    """Compare-and-swap on the file's state."""
    return bool(OrderFile.objects.filter(pk=file_id, state__in=from_states).update(state=to_state, **fields))


def resolved(intent_ids: Collection[int], on_line: OnLine) -> None:
    """There is news of these intents that were unknown: tell their lines, and say what their files wait for."""
    for line in OrderLine.objects.filter(intent__in=intent_ids):
        take(line.file_id, on_line)
        on_line(line.pk)


def take_all(on_line: OnLine) -> None:
    """Take stock of each STOPPED file that may say something else than what stands: the stream resolves doubts, too."""
    lines = OrderLine.objects.filter(_UNSETTLED, file=OuterRef("pk"))
    unlike_told = ~Exists(lines) | Exists(lines.filter(_IN_DOUBT)) | Q(stop_reason__in=_UNWANTED)
    unlike_told |= Q(stop_reason__startswith=_UNKNOWN) | Q(stop_reason__startswith=_ABSENT)
    stopped = OrderFile.objects.filter(unlike_told, state=FileState.STOPPED)
    for pk in list(stopped.values_list("pk", flat=True)):
        take(pk, on_line)


def settle(file_id: uuid.UUID) -> bool:
    """Finish a STOPPED file that has nothing left to send or to doubt. That lines were given up stays so."""
    if OrderLine.objects.filter(_UNSETTLED, file=file_id).exists():
        return False
    reason = Case(When(stop_reason=GIVEN_UP, then="stop_reason"), default=Value(""))
    return move(file_id, {FileState.STOPPED}, FileState.FINISHED, finished_at=timezone.now(), stop_reason=reason)


def take(file_id: uuid.UUID, on_line: OnLine) -> None:
    """A line of a file was answered, or is unknown: when the file is STOPPED, finish it if it can be, or have it say
    what is in doubt. Where nobody wants the rest, that line is put aside as well."""
    with transaction.atomic():
        file = OrderFile.objects.select_for_update().filter(pk=file_id, state=FileState.STOPPED).first()
        if file is None:
            return
        given_up = put_aside(file) if file.stop_reason in _UNWANTED else []
        finished = settle(file.pk)
        if not (given_up or finished or say_doubts(file, unsettled(file.pk))):
            return
    for line_id in given_up:
        on_line(line_id)
    tell(file_id, on_line)


def unsettled(file_id: uuid.UUID) -> list[OrderLine]:
    """The lines of a file of which something is still to come, in their order, as one statement sees them with their
    intents: what is said about them and what is done with them must not come from two reads."""
    return list(OrderLine.objects.filter(_UNSETTLED, file=file_id).select_related("intent").order_by("number"))


def sendable(lines: Iterable[OrderLine]) -> list[OrderLine]:
    """Those of the unsettled `lines` that were not sent, or that Tradovate does not have."""
    return _in(lines, State.CREATED, State.ABSENT)


def put_aside(file: OrderFile) -> list[int]:
    """Give up what was not sent of a STOPPED file, and pass over what is unknown; the lines that were given up. Its row
    is locked by the caller."""
    lines = unsettled(file.pk)
    given_up = [
        line.pk
        for line in sendable(lines)
        if line.intent_id is not None and intents.give_up(line.intent_id, "Given up before it was sent.")
    ]
    pass_over(lines)
    if given_up:
        move(file.pk, {FileState.STOPPED}, FileState.STOPPED, stop_reason=GIVEN_UP)
    return given_up


def pass_over(lines: Iterable[OrderLine]) -> None:
    """Go on without those of the unsettled `lines` that are unknown."""
    unknown = [line.pk for line in _in(lines, State.UNKNOWN)]
    OrderLine.objects.filter(pk__in=unknown).update(passed_over=True)


def say_doubts(file: OrderFile, lines: Collection[OrderLine]) -> bool:
    """Have a STOPPED file, as it was read, say what is in doubt about its unsettled `lines`, or that what it says was
    in doubt is clear; False when it does already."""
    told, stands = file.stop_reason, doubts(lines)
    if stands == told or (stands == _RESUMABLE and not told.startswith((_UNKNOWN, _ABSENT))):
        return False
    stopped = OrderFile.objects.filter(pk=file.pk, state=FileState.STOPPED, stop_reason=told)
    return bool(stopped.update(stop_reason=stands))


def doubts(lines: Collection[OrderLine]) -> str:
    """What is not clear about the unsettled `lines` of a file, or that all is, and what to do."""
    parts = []
    if unknown := _in(lines, State.UNKNOWN):
        parts.append(
            f"{_UNKNOWN} {_numbers(unknown)}. It will not be sent again: "
            "look at your orders at Tradovate, then resume or give up the rest."
        )
    if absent := _in(lines, State.ABSENT):
        parts.append(f"{_ABSENT} {_numbers(absent)}. Resume sends it, and what is left.")
    return " ".join(parts)[:255] or _RESUMABLE


def tell(file_id: uuid.UUID, on_line: OnLine) -> None:
    """The file's own state travels with its lines: one is enough."""
    last = OrderLine.objects.filter(file=file_id).order_by("number").last()
    if last is not None:
        on_line(last.pk)


def _in(lines: Iterable[OrderLine], *states: State) -> list[OrderLine]:
    return [line for line in lines if line.intent is not None and line.intent.state in states]


def _numbers(lines: Iterable[OrderLine]) -> str:
    return ", ".join(str(line.number) for line in lines)
