"""The kill switch: thrown, nothing that adds risk goes out, of anybody whom it concerns and from any process.

The database is the truth: a switch is thrown once its row is committed, and every order asks for such a row twice, when
it is claimed and as the last thing before it is sent (see `let_through`). So an order that goes out has looked before
the throw was committed, and goes within 100 ms of that look. Nothing has to be told to anybody for that.

Who has stopped what also releases it: traders their own trading, soon after a fresh sign-in; staff what staff stopped.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Case, F, When
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent, User
from trading.models import KillSwitch, KillSwitchAction
from trading.orders import compiled

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import Connection

Scope = KillSwitch.Scope
ActionState = KillSwitchAction.State

# How long after a sign-in it still counts as fresh.
FRESH: Final = dt.timedelta(minutes=10)
LONGEST_REASON: Final = 200
_THROWN: Final = compiled.Read(
    lambda connection: KillSwitch.objects.thrown().over(connection).order_by().values_list("pk")[:1], connection=int
)


class CannotRelease(Exception):
    """The switch stays thrown; the text says why, and what to do."""


class StoppedAgain(Exception):
    """The switch stays thrown: it was thrown once more after what was seen of it. The text says by whom, and why."""


def stopped(connection_id: int) -> str:
    """Who has stopped a connection's trading, to its trader; "" when it goes on."""
    if not any_thrown(connection_id):
        return ""
    switch = KillSwitch.objects.thrown().over(connection_id).select_related("thrown_by", "connection").first()
    return said(switch) if switch is not None else ""  # released in this very moment


def any_thrown(connection_id: int) -> bool:
    """Whether any switch is thrown over a connection: one query, of an index that holds the thrown ones only."""
    return _THROWN.first(connection=connection_id) is not None


def said(switch: KillSwitch) -> str:
    """What a thrown switch means, to the trader whom it concerns."""
    return f"{headline(switch)}: only exits and cancels go through."


def headline(switch: KillSwitch) -> str:
    """Who has stopped what, to the trader whom it concerns: "Trading is stopped by you"."""
    who = f"support ({switch.thrown_by.display_name})" if switch.by_staff else "you"
    match switch.scope:
        case Scope.GLOBAL:
            return f"All trading is stopped by {who}"
        case Scope.CONNECTION if switch.connection is not None:
            return f"Trading in {switch.connection.get_environment_display()} is stopped by {who}"
        case _:
            return f"Trading is stopped by {who}"


def throw(
    by: User,
    *,
    by_staff: bool = False,
    user: User | None = None,
    connection: Connection | None = None,
    reason: str = "",
    cancel: bool = False,
    flatten: bool = False,
    ip_address: str | None = None,
) -> KillSwitch:
    """Stop trading of `user`, of `connection`, or of everybody when both are None; the switch that is thrown then.

    Thrown again, the switch is the one that was thrown before, and does again what is asked of it: `cancel` working
    orders, `flatten` positions too; what it is still doing it does to the end. Whoever calls this has made
    sure that `by` may.
    """
    scope = Scope.CONNECTION if connection else Scope.USER if user else Scope.GLOBAL
    with transaction.atomic():
        switch, is_new = KillSwitch.objects.select_for_update().get_or_create(
            scope=scope,
            user=user,
            connection=connection,
            by_staff=by_staff,
            released_at=None,
            defaults={"reason": reason[:LONGEST_REASON], "thrown_by": by},
        )
        if cancel or flatten:
            _want(switch, flatten=flatten)
        # Whoever was stopped before goes on reading the first reason.
        is_more = by.pk != switch.thrown_by_id or (reason and reason[:LONGEST_REASON] != switch.reason)
        if is_new or cancel or flatten or is_more:
            done = "positions closed" if flatten else "orders cancelled" if cancel else ""
            detail = "; ".join(filter(None, [_by(by, switch), done, reason]))
            _record(AuditEvent.Kind.TRADING_STOPPED, switch, by, ip_address, detail)
    return switch


def release(switch_id: int, user: User, signed_in_at: dt.datetime | None, ip_address: str | None = None) -> KillSwitch:
    """Release a trader's own switch; `signed_in_at` is when this browser last signed in with Tradovate.

    Raises KillSwitch.DoesNotExist for another's, CannotRelease. A switch that was released before stays so.
    """
    switch = KillSwitch.objects.visible_to(user).get(pk=switch_id)
    if switch.by_staff:
        raise CannotRelease("Support has stopped trading: only support releases it. Please ask them.")
    if switch.is_thrown and not is_fresh(signed_in_at, switch.thrown_at):
        raise CannotRelease("Sign in with Tradovate again, then release the kill switch.")
    return _release(switch, user, ip_address)


def release_by_staff(switch_id: int, staff: User, ip_address: str | None = None, seen: int | None = None) -> KillSwitch:
    """Release a switch that staff has thrown; whoever calls this has made sure that it is `staff`, and that they may.

    `seen` is the id of the latest of its `throws` that they have read: a later one is not released unseen.
    Raises KillSwitch.DoesNotExist, CannotRelease, StoppedAgain.
    """
    with transaction.atomic():
        # Whoever throws it once more has done so before this, or throws another one.
        switch = KillSwitch.objects.select_for_update().get(pk=switch_id)
        if not switch.by_staff:
            raise CannotRelease("The trader has stopped this trading: only the trader releases it.")
        if seen is not None and switch.is_thrown and (again := throws(switch).filter(pk__gt=seen).first()):
            raise StoppedAgain(
                f"Stopped again meanwhile: {again.detail}. To release that, too, type your password again."
            )
        return _release(switch, staff, ip_address)


def throws(switch: KillSwitch) -> QuerySet[AuditEvent]:
    """Each throw of a switch of staff's that is in the trail, the latest first."""
    events = AuditEvent.objects.filter(
        kind=AuditEvent.Kind.TRADING_STOPPED, at__gte=switch.thrown_at, detail__startswith=_beginning(switch)
    ).order_by("-pk")
    if switch.scope == Scope.GLOBAL:
        return events
    return events.filter(connection=switch.connection) if switch.connection_id else events.filter(user=switch.user_id)


def others_over(switch: KillSwitch) -> QuerySet[KillSwitch]:
    """What else stops whom a switch is over, or a connection of theirs; of everybody's, what else stops everybody."""
    others = KillSwitch.objects.thrown().exclude(pk=switch.pk).select_related("user", "connection", "thrown_by")
    if switch.user is not None:
        return others.visible_to(switch.user)
    return others.over(switch.connection_id) if switch.connection_id else others.filter(scope=Scope.GLOBAL)


def is_fresh(signed_in_at: dt.datetime | None, thrown_at: dt.datetime) -> bool:
    """Whether a sign-in came after the throw and not long ago."""
    return signed_in_at is not None and thrown_at < signed_in_at and timezone.now() - signed_in_at <= FRESH


def _release(switch: KillSwitch, by: User, ip_address: str | None) -> KillSwitch:
    with transaction.atomic():
        now, thrown = timezone.now(), KillSwitch.objects.thrown().filter(pk=switch.pk)
        if thrown.update(released_at=now, released_by=by):
            # What it still wanted to cancel or close is the trader's again.
            ended = {"state": ActionState.ENDED, "words": "Ended: the kill switch was released."}
            switch.actions.filter(state=ActionState.WORKING).update(**ended, changed_at=now)
            _record(AuditEvent.Kind.TRADING_RELEASED, switch, by, ip_address, _by(by, switch))
    switch.refresh_from_db()
    return switch


def _want(switch: KillSwitch, *, flatten: bool) -> None:
    for connection in switch.connections():
        action, is_new = KillSwitchAction.objects.get_or_create(
            switch=switch, connection=connection, defaults={"flatten": flatten}
        )
        if not is_new:
            now = timezone.now()
            again = {"state": ActionState.WORKING, "words": "", "wanted_at": now, "look_at": now, "changed_at": now}
            # Positions that were to be closed still are; once that is over, it is asked for anew or not at all.
            still = Case(When(state=ActionState.WORKING, then=F("flatten")), default=False)
            # Another round, whose outcome one that is under way does not overwrite.
            KillSwitchAction.objects.filter(pk=action.pk).update(
                flatten=True if flatten else still, round=F("round") + 1, **again
            )


def _by(by: User, switch: KillSwitch) -> str:
    return f"{_beginning(switch)}{by.get_username()}"


def _beginning(switch: KillSwitch) -> str:
    return f"{switch.get_scope_display()}, by {'staff ' if switch.by_staff else ''}"


def _record(kind: AuditEvent.Kind, switch: KillSwitch, by: User, ip_address: str | None, detail: str) -> None:
    """In the trail of the trader whom it concerns; a global one in that of whoever acted."""
    audit.record(
        kind,
        user=switch.user or (None if switch.connection else by),
        connection=switch.connection,
        ip_address=ip_address,
        detail=detail,
    )
