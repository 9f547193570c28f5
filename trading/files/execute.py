"""A confirmed file is carried out: its orders go out in its order, one after another, each of them once.

The queue is only a doorbell. Any number of workers may run the same file at the same time or again: what is sent is
decided by compare-and-swap on the intents, under the file's own row lock, and what is left to do by the database.

    ready -> queued -> executing -> finished
                 ^           |
                 +- stopped <+    an unknown outcome, a lost sign-in, the trader's own wish
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Collection, Sequence
from enum import Enum
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from trading.files import preview, stock
from trading.files.preview import Remark
from trading.models import Account, OrderFile, OrderIntent, OrderLine
from trading.orders import checks, facts, gateway, intents, pretrade, reconcile, reports, turns
from trading.orders.checks import Finding
from trading.orders.contracts import Looked
from trading.orders.facts import Facts
from trading.orders.spec import OrderSpec
from trading.orders.states import State

FileState = OrderFile.State

# A POST begins within gateway.LATEST of its claim and ends within 50 seconds, a redirect included; a `submitting`
# intent older than this has lost its worker.
ABANDONED_AFTER: Final = dt.timedelta(seconds=75)
# A file that waits this long has lost its place in the queue, or its worker.
STALLED_AFTER: Final = dt.timedelta(seconds=30)
# Nobody wants market orders hours after the confirmation: when workers were down this long, the trader is asked again.
LATE_AFTER: Final = dt.timedelta(minutes=5)
# Of a younger file this database saw all that was sent.
FRESH: Final = dt.timedelta(minutes=2)
# Seconds after which a run lets the other files that wait have a turn.
RUN_FOR: Final = 20.0
_OPEN: Final = Q(state__in=[FileState.QUEUED, FileState.EXECUTING])


class CannotConfirm(Exception):
    """The file cannot be sent as it is; the text says why and what to do."""


class _Next(Enum):
    """What a run finds where it looks for the next line."""

    NOTHING_LEFT = "nothing left"
    BUSY = "another run is sending a line"
    IN_DOUBT = "a line is unknown, or not at Tradovate"


def remarks(file: OrderFile) -> list[Remark]:
    """What there is to say now to who may confirm or resume a file: all of a READY one, and the warnings about what a
    STOPPED one would send."""
    match file.state:
        case FileState.READY:
            lines, which = list(file.lines.all()), checks.CHECKS
        case FileState.STOPPED:
            lines, which = stock.sendable(stock.unsettled(file.pk)), checks.CHECKS_OF_RESUMED
        case _:
            return []
    if not lines:
        return []
    said = preview.remarks(file, _findings(file, lines, which, facts.read(file.account.connection_id)))
    return [one for one in said if one.is_warning or file.state == FileState.READY]


def confirm(file_id: uuid.UUID, user: User, warned: Collection[str] | None = None) -> bool:
    """Take a READY file for sending: its intents and the state QUEUED are committed together. False if it was taken
    before (a double click confirms once). `warned` are the marks of the remarks that the trader has read: a warning
    that is not among them is told first. Raises OrderFile.DoesNotExist for another's file, CannotConfirm."""
    received = timezone.now()
    known = _known(file_id, user)
    with transaction.atomic():
        file = _own(file_id, user)
        if file.state == FileState.REFUSED:
            raise CannotConfirm("The file has errors. Mend them and upload it again.")
        if file.state == FileState.UNCHECKED:
            raise CannotConfirm("The file has not been checked yet. Check it first.")
        if file.state != FileState.READY:
            return False
        lines = list(file.lines.select_related("contract"))
        turns.begin(file.account_id)
        said = preview.by_line(_still_good(file, lines, known, warned))
        checked = timezone.now()
        for line in lines:
            key = f"{intents.FILE}:{file.pk}:{line.number}"
            line.intent = intents.create(_spec(file, line), key, received_at=received, checked_at=checked)
            line.findings = [one.as_json() for one in said[line.number]]
        OrderLine.objects.bulk_update(lines, ["intent", "findings"])
        about = [one.as_json() for one in said[0]]
        now = timezone.now()
        taken = {"findings": about, "confirmed_at": now, "progressed_at": now}
        return stock.move(file.pk, {FileState.READY}, FileState.QUEUED, **taken)


def run(file_id: uuid.UUID, on_line: stock.OnLine, *, seconds: float = RUN_FOR) -> bool:
    """Send what is left of a QUEUED or EXECUTING file; True when `seconds` ran out and there is more to send.

    `on_line` gets the id of each line whose state, or whose file's state, has changed and is committed; it must not
    raise. A rejected line does not stop the file; an unknown outcome and a lost sign-in do.
    """
    if not _look_first(file_id, on_line):
        return False
    stock.move(file_id, {FileState.QUEUED}, FileState.EXECUTING)
    if not OrderFile.objects.filter(pk=file_id, state=FileState.EXECUTING).exists():
        return False
    end = time.monotonic() + seconds
    try:
        while isinstance(line := _next(file_id), OrderLine):
            if time.monotonic() > end:
                return True
            if _stop_late(file_id, on_line) or not _send(line, on_line):
                return False
    except Exception:
        # A fault of ours must not be tried again every few seconds with somebody's orders.
        _stop(file_id, "An internal error interrupted the file. Look at the lines before you resume.", on_line)
        raise
    if line is _Next.IN_DOUBT:
        _stop(file_id, stock.doubts(stock.unsettled(file_id)), on_line)
    elif line is _Next.NOTHING_LEFT:
        _finish(file_id, on_line)
    return False


def stop(file_id: uuid.UUID, user: User, on_line: stock.OnLine) -> bool:
    """Send nothing more of a file; a line that is on its way is still answered. False if it was not being sent."""
    file = OrderFile.objects.visible_to(user).get(pk=file_id)
    return _stop(file.pk, "Stopped by the trader.", on_line)


def resume(file_id: uuid.UUID, user: User, seen: str | None = None, warned: Collection[str] | None = None) -> bool:
    """Go on with the lines of a STOPPED file that were not sent, or that Tradovate does not have; what is unknown stays
    so and is never sent again.

    `seen` is the reason for the stop that the trader has read: a press that was meant for an earlier one does nothing.
    So does one while the reason does not tell what is in doubt, or that nothing is any more; from then on it does.
    Raises CannotConfirm for what has come to forbid a line since the file was confirmed, and for a warning that is not
    among those `warned` of (see confirm).
    """
    known = _known(file_id, user)
    with transaction.atomic():
        file = _own(file_id, user)
        if file.state != FileState.STOPPED or (seen is not None and seen != file.stop_reason):
            return False
        # Read once: what becomes of a line from here on is neither what the trader has read nor what was checked.
        lines = stock.unsettled(file.pk)
        if stock.say_doubts(file, lines):
            return False
        turns.begin(file.account_id)
        wanted = stock.sendable(lines)
        if wanted:
            _meet_checks(file, wanted, checks.CHECKS_OF_RESUMED, known, warned)
        stock.pass_over(lines)
        for line in wanted:
            if line.intent_id is not None:
                intents.want_again(line.intent_id)
        return stock.move(file.pk, {FileState.STOPPED}, FileState.QUEUED, stop_reason="", progressed_at=timezone.now())


def discard(file_id: uuid.UUID, user: User, on_line: stock.OnLine) -> bool:
    """Put a file aside that was not confirmed, or give up the lines of a STOPPED one that were not sent."""
    with transaction.atomic():
        file = _own(file_id, user)
        given_up = []
        if not stock.move(file.pk, {FileState.UNCHECKED, FileState.REFUSED, FileState.READY}, FileState.DISCARDED):
            told = stock.GIVEN_UP if file.stop_reason == stock.GIVEN_UP else ""
            if not stock.move(file.pk, {FileState.STOPPED}, FileState.STOPPED, stop_reason=told):
                return False
            given_up = stock.put_aside(file)
            stock.settle(file.pk)
    for line_id in given_up:
        on_line(line_id)
    stock.tell(file_id, on_line)
    return True


def sweep(on_line: stock.OnLine) -> list[uuid.UUID]:
    """Mend what crashes left behind and return the files that must be rung for again.

    `submitting` without a worker becomes unknown and stops its file; news of an order that nobody told its line are
    told; a stopped file whose doubts were resolved says so, or is finished; a file without progress goes back to the
    queue, or is stopped when that lasted too long.
    """
    for intent_id in intents.give_up_waiting(timezone.now() - ABANDONED_AFTER):
        line = OrderLine.objects.filter(intent=intent_id).first()
        if line is not None and not _stop(line.file_id, stock.doubts(stock.unsettled(line.file_id)), on_line):
            on_line(line.pk)
    for line in OrderLine.objects.filter(intent__in=reports.observe_missed()):
        on_line(line.pk)
    stock.take_all(on_line)
    now = timezone.now()
    # Not progress: a file that waits behind others grows late like any other.
    unheard = Q(rung_at=None) | Q(rung_at__lt=now - STALLED_AFTER)
    stalled = OrderFile.objects.filter(_OPEN, unheard, progressed_at__lt=now - STALLED_AFTER)
    return [
        pk
        for pk in list(stalled.values_list("pk", flat=True))
        if not _stop_late(pk, on_line) and stalled.filter(pk=pk).update(rung_at=now)
    ]


def _look_first(file_id: uuid.UUID, on_line: stock.OnLine) -> bool:
    """Take what Tradovate has of a file that is about to begin or to go on; False when its records cannot be read.

    What was tried before may have arrived since, and a database from a backup does not know what was sent.
    """
    now = timezone.now()
    begins = Q(state=FileState.QUEUED) | Q(state=FileState.EXECUTING, progressed_at__lt=now - STALLED_AFTER)
    file = OrderFile.objects.select_related("account__connection").filter(begins, pk=file_id).first()
    if file is None:
        return True
    waiting = OrderIntent.objects.filter(line__file=file, state=State.CREATED)
    if file.uploaded_at > now - FRESH:
        waiting = waiting.filter(version__gt=0)
    if not (intents_of_file := list(waiting.order_by("line__number"))):
        return True
    try:
        found = reconcile.find(file.account.connection, intents_of_file)
    except reconcile.CannotLook as trouble:
        reason = f"{_nothing_sent(file)}: what Tradovate has of this file could not be looked up. {trouble}"
        # Another run may have looked, and be sending it.
        _stop(file_id, reason, on_line, still=begins & Q(progressed_at=file.progressed_at))
        return False
    for line in OrderLine.objects.filter(intent__in=found):
        on_line(line.pk)
    return True


def _send(line: OrderLine, on_line: stock.OnLine) -> bool:
    """Send one line; True when the next one may follow."""

    def claim(intent_id: int) -> int:
        with transaction.atomic():
            # This update is also the lock: of two runs, one sees the other's claim in `_next`.
            now = timezone.now()
            going = OrderFile.objects.filter(pk=line.file_id, state=FileState.EXECUTING)
            taken = going.filter(progressed_at__gte=now - LATE_AFTER).update(progressed_at=now)
            attempt = intents.claim(intent_id) if taken and _next(line.file_id) == line else 0
        if attempt:
            on_line(line.pk)
        return attempt

    if line.intent_id is None:
        raise ValueError(f"{line} of file {line.file_id} was confirmed without an intent.")
    try:
        gateway.submit(line.intent_id, claim)
    except gateway.CannotSend as problem:
        _stop(line.file_id, f"Line {line.number} was not sent. {problem}", on_line)
    on_line(line.pk)
    if OrderFile.objects.filter(pk=line.file_id, state=FileState.EXECUTING).exists():
        return True
    stock.take(line.file_id, on_line)
    return False


def _next(file_id: uuid.UUID) -> OrderLine | _Next:
    """The first line that waits, if all before it are answered."""
    for line in stock.unsettled(file_id):
        match line.intent and line.intent.state:
            case State.CREATED:
                return line
            case State.SUBMITTING:
                return _Next.BUSY
            case _:
                return _Next.IN_DOUBT
    return _Next.NOTHING_LEFT


def _stop(file_id: uuid.UUID, reason: str, on_line: stock.OnLine, still: Q = _OPEN) -> bool:
    """Stop a file of which this is `still` so: that it waits to be sent, or is being sent. False when it is not."""
    going = OrderFile.objects.filter(still, pk=file_id)
    stopped = bool(going.update(state=FileState.STOPPED, stop_reason=reason[:255]))
    if stopped:
        stock.tell(file_id, on_line)
    return stopped


def _stop_late(file_id: uuid.UUID, on_line: stock.OnLine) -> bool:
    """Stop a file whose trader has waited too long for what is left to go out now without another look."""
    waits = OrderFile.objects.filter(_OPEN, pk=file_id, progressed_at__lt=timezone.now() - LATE_AFTER)
    since = waits.values_list("progressed_at", flat=True).first()
    if since is None or not isinstance(_next(file_id), OrderLine):
        return False
    reason = f"No order is known to have gone out since {since:%Y-%m-%d %H:%M:%S} UTC: the portal was down or too busy."
    return _stop(file_id, f"{reason} Look at the market, then resume or give up the rest.", on_line)


def _finish(file_id: uuid.UUID, on_line: stock.OnLine) -> None:
    if stock.move(file_id, {FileState.EXECUTING}, FileState.FINISHED, finished_at=timezone.now(), stop_reason=""):
        stock.tell(file_id, on_line)


def _own(file_id: uuid.UUID, user: User) -> OrderFile:
    """The user's file, its row locked until the caller's transaction ends."""
    return OrderFile.objects.visible_to(user).select_for_update(of=("self",)).get(pk=file_id)


def _known(file_id: uuid.UUID, user: User) -> Facts | None:
    """What the hub says of the file's connection: asked before the transaction, for Redis may take its time to answer
    and nobody else makes an order for the account meanwhile."""
    own = OrderFile.objects.visible_to(user).values_list("account__connection", flat=True)
    return facts.read(own.get(pk=file_id))


def _still_good(
    file: OrderFile, lines: list[OrderLine], known: Facts | None, warned: Collection[str] | None
) -> list[Remark]:
    """What there is to say besides. Raises CannotConfirm for what may have changed since the preview."""
    if not Account.objects.tradable().filter(pk=file.account_id).exists():
        raise CannotConfirm(
            f"Account {file.account} cannot trade now: it is closed, or you are signed out of Tradovate."
        )
    for line in lines:
        if line.contract is None or line.contract.is_expired:
            raise CannotConfirm(f"Line {line.number}: {line.symbol} has expired since the upload. Upload a new file.")
    return _meet_checks(file, lines, checks.CHECKS, known, warned)


def _meet_checks(
    file: OrderFile,
    lines: Sequence[OrderLine],
    which: tuple[checks.Check, ...],
    known: Facts | None,
    warned: Collection[str] | None,
) -> list[Remark]:
    """What there is to say besides. Raises CannotConfirm for the first line that a check refuses, and for a warning
    that nobody has read."""
    found = _findings(file, lines, which, known)
    for number, finding in found:
        if finding.is_error:
            raise CannotConfirm(f"{_nothing_sent(file)}. Line {number}: {finding.message}")
    said = preview.remarks(file, found)
    if unread := [one for one in said if one.is_warning and warned is not None and one.mark not in warned]:
        first = unread[0]
        raise CannotConfirm(f"{_nothing_sent(file)}: you have not read this yet. {first} Read it, then press again.")
    return said


def _findings(
    file: OrderFile, lines: Sequence[OrderLine], which: tuple[checks.Check, ...], known: Facts | None
) -> list[tuple[int, Finding]]:
    """What the checks say, by line; a line meets what the lines before it leave."""
    symbols = [line.symbol for line in lines]
    # Nobody is asked from within a transaction.
    surroundings = pretrade.look_around(file.account_id, symbols, Looked({}), lambda _: known)
    # What waits to be sent must not count against itself.
    surroundings = surroundings.but_for({line.intent_id for line in lines if line.intent_id is not None})
    found = []
    for line in lines:
        spec = _spec(file, line)
        found += [(line.number, one) for one in checks.check(spec, surroundings.situation(line.symbol), which)]
        surroundings = surroundings.after(spec)
    return found


def _nothing_sent(file: OrderFile) -> str:
    return "Nothing more was sent" if file.lines.sent().exists() else "Nothing was sent"


def _spec(file: OrderFile, line: OrderLine) -> OrderSpec:
    return preview.spec_of(file.account_id, line.symbol, line.quantity or 0)
