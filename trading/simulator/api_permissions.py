"""Permission to trade somebody else's account (openapi.json, tag "Users"). It is kept and can be read by both sides; an
accepted one does not yet let its holder trade.

Routes of the guide that the document lacks: user/createtradingpermission and user/canceleverything.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from .calls import Call, Handler
from .clock import stamp
from .entities import Account, raw
from .people_entities import TradingPermission
from .store import Event
from .subscription_entities import MarketDataSubscription, TradovateSubscription, UserPlugin
from .writes import own_account

Id = Annotated[int, msgspec.Meta(gt=0)]
Name = Annotated[str, msgspec.Meta(max_length=64)]
ENDED = ("Revoked", "Declined")
DENIED = {"errorText": "Access is denied"}


class _Request(msgspec.Struct, rename="camel"):
    account_id: Id
    cta_contact: Name
    cta_email: Name


class _Which(msgspec.Struct, rename="camel"):
    trading_permission_id: Id


class _Account(msgspec.Struct, rename="camel"):
    account_id: Id


class _Create(msgspec.Struct, rename="camel"):
    user_id: Id
    account_id: Id


class _Users(msgspec.Struct, rename="camel"):
    user_ids: list[int]


def permissions(call: Call) -> list[TradingPermission]:
    """Those that the user gave and those that the user holds."""
    rows = call.simulation.store.rows["tradingPermission"].values()
    found = [(row.user_id, row.entity) for row in rows if isinstance(row.entity, TradingPermission)]
    return [one for owner, one in found if call.user_id in (owner, one.user_id)]


def request(call: Call) -> Any:
    """openapi.json, RequestTradingPermission: offer one's account to the user with that e-mail address."""
    asked = call.read(_Request)
    if call.simulation.store.own(Account, asked.account_id, call.user_id) is None:
        return DENIED
    traders = call.simulation.people.traders.values()
    holder = next((one for one in traders if one.email.lower() == asked.cta_email.lower()), None)
    if holder is None:
        return {"errorText": f"Nobody has the e-mail address {asked.cta_email}."}
    return _give(call, asked.account_id, holder.user_id, asked.cta_contact, holder.email, "Requested")


def create(call: Call) -> Any:
    """Guide, createTradingPermission: an accepted permission for a user by id."""
    asked = call.read(_Create)
    holder = call.simulation.people.traders.get(asked.user_id)
    if holder is None or call.simulation.store.own(Account, asked.account_id, call.user_id) is None:
        return DENIED
    return _give(call, asked.account_id, holder.user_id, holder.full_name, holder.email, "Accepted")


def accept(call: Call) -> Any:
    """openapi.json, AcceptTradingPermission: by the one who is to hold it."""
    found = _find(call)
    if found is None or found.user_id != call.user_id:
        return DENIED
    if found.status in ENDED:
        return {"errorText": f"The permission is {found.status}."}
    return _put(call, found, "Accepted")


def revoke(call: Call) -> Any:
    """openapi.json, RevokeTradingPermission: by either side. One that was never accepted is Declined by its holder."""
    found = _find(call)
    if found is None:
        return DENIED
    declined = found.status == "Requested" and found.user_id == call.user_id
    return _put(call, found, "Declined" if declined else "Revoked")


def of_account(call: Call) -> Any:
    """openapi.json, TradingPermissionsResponse: those for one's own account."""
    account = own_account(call, call.read(_Account).account_id)
    return {"tradingPermissions": [one for one in permissions(call) if one.account_id == account.id]}


def cancel_everything(call: Call) -> Any:
    """Guide, cancelEverything: end the permissions, subscriptions and plugins of users; one's own only, here."""
    if set(call.read(_Users).user_ids) != {call.user_id}:
        return DENIED
    store = call.simulation.store
    ended = [one for one in permissions(call) if one.status not in ENDED]
    for one in ended:
        _put(call, one, "Revoked")
    reply: dict[str, list[int]] = {"tradingPermissionIds": [one.id for one in ended]}
    for struct, name in (
        (MarketDataSubscription, "marketDataSubscription"),
        (TradovateSubscription, "tradovateSubscription"),
        (UserPlugin, "userPlugin"),
    ):
        gone = [row.entity for row in store.of_user(name, call.user_id) if isinstance(row.entity, struct)]
        for entity in gone:
            store.remove(entity)
        reply[f"{name}Ids"] = [entity.id for entity in gone]
    return reply


def _find(call: Call) -> TradingPermission | None:
    wanted = call.read(_Which).trading_permission_id
    return next((one for one in permissions(call) if one.id == wanted), None)


def _give(call: Call, account_id: int, holder: int, contact: str, email: str, status: str) -> Any:
    if holder == call.user_id:
        return {"errorText": "The account is your own."}
    for one in permissions(call):
        if (one.account_id, one.user_id) == (account_id, holder) and one.status not in ENDED:
            return {"errorText": f"A permission for this account is {one.status} already."}
    permission = TradingPermission(
        id=call.simulation.store.next_id(),
        user_id=holder,
        account_id=account_id,
        account_holder_contact=call.trader.full_name,
        account_holder_email=call.trader.email,
        cta_contact=contact,
        cta_email=email,
        status=status,
    )
    return _put(call, permission, status)


def _put(call: Call, permission: TradingPermission, status: str) -> Any:
    store = call.simulation.store
    permission = msgspec.structs.replace(permission, status=status, updated=stamp(call.simulation.clock.now()))
    account = store.get(Account, permission.account_id)
    if account is None:
        raise LookupError(f"Permission {permission.id} is for an account that is not there.")
    known = store.get(TradingPermission, permission.id) is not None
    store.put(permission, user_id=account.user_id, account_id=account.id)
    event = "Updated" if known else "Created"
    store.report(Event(permission.user_id, None, "tradingPermission", event, raw(permission)))
    return {"tradingPermission": permission}


OPERATIONS: dict[str, Handler] = {
    "user/requesttradingpermission": request,
    "user/createtradingpermission": create,
    "user/accepttradingpermission": accept,
    "user/revoketradingpermission": revoke,
    "user/getaccounttradingpermissions": of_account,
    "user/canceleverything": cancel_everything,
}
