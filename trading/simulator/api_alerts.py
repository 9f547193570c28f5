"""Alerts of a user, and what is made of their signals (openapi.json, tag "Alerts"). alerts.py triggers them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from .calls import Call, Handler
from .clock import stamp
from .people_entities import AdminAlertSignal, Alert, AlertSignal
from .writes import moment, of_the_user, save

Id = Annotated[int, msgspec.Meta(gt=0)]


class _Terms(msgspec.Struct, rename="camel"):
    """openapi.json, CreateAlert; ModifyAlert adds the id."""

    expression: Annotated[str, msgspec.Meta(max_length=4096)]
    valid_until: str | None = None
    trigger_limits: Annotated[int, msgspec.Meta(ge=0, le=10)] | None = None
    message: Annotated[str, msgspec.Meta(max_length=256)] | None = None


class _Which(msgspec.Struct, rename="camel"):
    alert_id: Id


class _WhichSignal(msgspec.Struct, rename="camel"):
    alert_id: Id
    alert_signal_id: Id


class _WhichAdminSignal(msgspec.Struct, rename="camel"):
    admin_alert_signal_id: Id


def create(call: Call) -> Any:
    """openapi.json, CreateAlert."""
    terms = call.read(_Terms)
    now = stamp(call.simulation.clock.now())
    alert = Alert(
        id=call.simulation.store.next_id(),
        timestamp=now,
        user_id=call.user_id,
        status="Active",
        triggered_counter=0,
        **_fields(terms),
    )
    return {"alert": save(call, alert, of_the_user(call, alert))}


def modify(call: Call) -> Any:
    """openapi.json, ModifyAlert: what is left out of it is cleared."""
    return _change(call, **_fields(call.read(_Terms)))


def dismiss(call: Call) -> Any:
    """openapi.json, DismissAlert: it is Inactive until it is reset."""
    return _change(call, status="Inactive")


def reset(call: Call) -> Any:
    """openapi.json, ResetAlert: it waits again, from the beginning."""
    call.simulation.alerts.met.discard(call.read(_Which).alert_id)
    return _change(call, status="Active", triggered_counter=0)


def delete(call: Call) -> Any:
    """openapi.json, DeleteAlert: the reply shows what was deleted."""
    alert = _own(call)
    if alert is None:
        return _missing("alert")
    call.simulation.store.remove(alert)
    return {"alert": alert}


def mark_read(call: Call) -> Any:
    """openapi.json, MarkReadAlertSignal."""
    asked = call.read(_WhichSignal)
    store = call.simulation.store
    alert = _own(call)
    signal = store.own(AlertSignal, asked.alert_signal_id, call.user_id)
    if alert is None or signal is None or signal.alert_id != alert.id:
        return _missing("alertSignal")
    save(call, msgspec.structs.replace(signal, is_read=True), (call.user_id, None))
    return {"alert": alert}


def complete(call: Call) -> Any:
    """openapi.json, CompleteAlertSignal. The account's owner is its administrator here."""
    return _change_signal(call, completed=stamp(call.simulation.clock.now()))


def take_ownership(call: Call) -> Any:
    """openapi.json, TakeAlertSignalOwnership."""
    return _change_signal(call, owned_by_admin_id=call.user_id, claimed_at=stamp(call.simulation.clock.now()))


def _change_signal(call: Call, **changes: Any) -> Any:
    number = call.read(_WhichAdminSignal).admin_alert_signal_id
    signal = call.simulation.store.own(AdminAlertSignal, number, call.user_id)
    if signal is None:
        return _missing("adminAlertSignal")
    changed = msgspec.structs.replace(signal, **changes)
    return {"adminAlertSignal": save(call, changed, (call.user_id, signal.related_to_account_id))}


def _own(call: Call) -> Alert | None:
    return call.simulation.store.own(Alert, call.read(_Which).alert_id, call.user_id)


def _change(call: Call, **changes: Any) -> Any:
    alert = _own(call)
    if alert is None:
        return _missing("alert")
    return {"alert": save(call, msgspec.structs.replace(alert, **changes), (call.user_id, None))}


def _fields(terms: _Terms) -> dict[str, Any]:
    valid_until = moment(terms.valid_until, "validUntil") if terms.valid_until is not None else None
    return msgspec.structs.asdict(terms) | {"valid_until": valid_until}


def _missing(what: str) -> dict[str, str]:
    return {"errorText": f"Not found: {what}"}


OPERATIONS: dict[str, Handler] = {
    "alert/createalert": create,
    "alert/modifyalert": modify,
    "alert/dismissalert": dismiss,
    "alert/resetalert": reset,
    "alert/deletealert": delete,
    "alert/markreadalertsignal": mark_read,
    "adminalertsignal/completealertsignal": complete,
    "adminalertsignal/takealertsignalownership": take_ownership,
}
