"""What an account may do, as its owner sets it: auto-liquidation, position limits, risk parameters (openapi.json, tag
"Risks"). The routes of the last four are not in the document, which has their requests and replies only."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import msgspec

from . import risk_entities as limits
from .calls import Call, Handler
from .clock import stamp
from .risk_entities import AccountRiskStatus, AdminAction, UserAccountAutoLiq
from .writes import changed, creating, missing, own_account, read_entity, save, updating

NAME = "userAccountPositionLimit"
PARAMETER = "userAccountRiskParameter"
Id = Annotated[int, msgspec.Meta(gt=0)]


def _of_account(call: Call, limit: limits.UserAccountPositionLimit) -> tuple[int, int | None]:
    own_account(call, limit.account_id)
    return call.user_id, limit.account_id


def _of_limit(call: Call, parameter: limits.UserAccountRiskParameter) -> tuple[int, int | None]:
    number = parameter.user_account_position_limit_id
    limit = call.simulation.store.own(limits.UserAccountPositionLimit, number, call.user_id)
    if limit is None:
        raise missing(NAME)
    return call.user_id, limit.account_id


def create_auto_liq(call: Call) -> Any:
    """The limits of the account whose id is the entity's. An account has them once."""
    account = own_account(call, call.number("id"))
    if call.simulation.store.get(UserAccountAutoLiq, account.id) is not None:
        return {"errorText": f"Account {account.name} has auto-liquidation limits already: update them."}
    return save(call, read_entity(call.params | {"id": account.id}, UserAccountAutoLiq), (call.user_id, account.id))


def update_auto_liq(call: Call) -> Any:
    """Change the limits of the account whose id is the entity's. Locked ones answer errorText."""
    account = own_account(call, call.number("id"))
    before = call.simulation.store.get(UserAccountAutoLiq, account.id)
    if before is None:
        raise missing("userAccountAutoLiq")
    return _locked(before) or save(call, changed(before, call.params), (call.user_id, account.id))


class _UpdateUserAutoLiq(msgspec.Struct, rename="camel"):
    account_id: int
    as_owner: bool = True


def update_user_auto_liq(call: Call) -> Any:
    """openapi.json, UpdateUserAutoLiq: set limits of an account, whether or not it has any yet."""
    account = own_account(call, call.read(_UpdateUserAutoLiq).account_id)
    before = call.simulation.store.get(UserAccountAutoLiq, account.id) or UserAccountAutoLiq(id=account.id)
    if refused := _locked(before):
        return refused
    after = changed(before, call.params, but=("accountId", "asOwner"))
    return {"userAccountAutoLiq": save(call, after, (call.user_id, account.id))}


def _locked(before: UserAccountAutoLiq) -> dict[str, Any] | None:
    return {"errorText": "Changes are locked until the trading day ends."} if before.changes_locked else None


class _DeleteLimit(msgspec.Struct, rename="camel"):
    user_account_position_limit_id: Id


class _DeleteParameter(msgspec.Struct, rename="camel"):
    user_account_risk_parameter_id: Id


def delete_limit(call: Call) -> Any:
    """Delete a position limit and the risk parameters that go with it."""
    store = call.simulation.store
    limit = store.own(
        limits.UserAccountPositionLimit, call.read(_DeleteLimit).user_account_position_limit_id, call.user_id
    )
    if limit is None:
        return {"success": False, "errorText": f"Not found: {NAME}"}
    for parameter in list(store.all(limits.UserAccountRiskParameter)):
        if parameter.user_account_position_limit_id == limit.id:
            store.remove(parameter)
    store.remove(limit)
    return {"success": True}


def delete_parameter(call: Call) -> Any:
    """Delete a risk parameter."""
    number = call.read(_DeleteParameter).user_account_risk_parameter_id
    parameter = call.simulation.store.own(limits.UserAccountRiskParameter, number, call.user_id)
    if parameter is None:
        return {"success": False, "errorText": f"Not found: {PARAMETER}"}
    call.simulation.store.remove(parameter)
    return {"success": True}


class _AdminAction(msgspec.Struct, rename="camel"):
    account_id: int
    admin_action: AdminAction
    admin_action_reason_code: str
    admin_action_reason: str | None = None


class _MaxNetLiq(msgspec.Struct, rename="camel"):
    account_id: int
    max_net_liq: Decimal


class _Account(msgspec.Struct, rename="camel"):
    account_id: int


def set_admin_action(call: Call) -> Any:
    """openapi.json, SetAdminAutoLiqAction: put an account under an administrator's measure, or back to Normal. The
    account's owner is its administrator here."""
    asked = call.read(_AdminAction)
    return _risk_status(call, asked.account_id, admin_action=asked.admin_action)


def update_max_net_liq(call: Call) -> Any:
    """openapi.json, UpdateMaxNetLiq: move the peak, in dollars, from which a trailing drawdown is measured."""
    asked = call.read(_MaxNetLiq)
    return _risk_status(call, asked.account_id, max_net_liq=asked.max_net_liq)


def reset_auto_liq_status(call: Call) -> Any:
    """openapi.json, ResetAutoLiqStatus: let an account trade again that was liquidated or locked."""
    account_id = call.read(_Account).account_id
    return _risk_status(call, account_id, admin_action="Normal", liquidate_only=None, user_triggered_liq_only=None)


def _risk_status(call: Call, account_id: int, **changes: Any) -> Any:
    simulation = call.simulation
    status = simulation.store.own(AccountRiskStatus, account_id, call.user_id)
    if status is None:
        return {"errorText": "Access is denied"}
    if "admin_action" in changes:
        changes["admin_timestamp"] = stamp(simulation.clock.now())
    status = msgspec.structs.replace(status, **changes)
    return {"accountRiskStatus": save(call, status, (call.user_id, account_id))}


OPERATIONS: dict[str, Handler] = {
    "useraccountautoliq/create": create_auto_liq,
    "useraccountautoliq/update": update_auto_liq,
    "useraccountautoliq/updateuserautoliq": update_user_auto_liq,
    "useraccountpositionlimit/create": creating(limits.UserAccountPositionLimit, _of_account),
    "useraccountpositionlimit/update": updating(limits.UserAccountPositionLimit, NAME, _of_account),
    "useraccountpositionlimit/deleteuseraccountpositionlimit": delete_limit,
    "useraccountpositionlimit/deleteuseraccountriskparameter": delete_parameter,
    "useraccountriskparameter/create": creating(limits.UserAccountRiskParameter, _of_limit),
    "useraccountriskparameter/update": updating(limits.UserAccountRiskParameter, PARAMETER, _of_limit),
    # the guide's path
    "useraccountriskparameter/deleteuseraccountriskparameter": delete_parameter,
    "accountriskstatus/setadminautoliqaction": set_admin_action,
    "accountriskstatus/updatemaxnetliq": update_max_net_liq,
    "accountriskstatus/resetautoliqstatus": reset_auto_liq_status,
}
