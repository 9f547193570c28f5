"""Memberships, market data and plugins of a user (openapi.json, tag "Fees"). Nothing is charged: what a plan costs is
only written down."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from . import plans
from .calls import Call, Handler
from .clock import stamp, trading_day
from .entities import Account, TradeDate
from .subscription_entities import (
    Id,
    MarketDataSubscription,
    Month,
    Name,
    SecondMarketDataSubscription,
    Text,
    TradovateSubscription,
    UserPlugin,
    Year,
)
from .writes import creating, of_the_user, save, updating

DENIED = {"errorText": "Access is denied", "errorCode": "UnknownError"}


class _Payer(msgspec.Struct, kw_only=True, rename="camel"):
    credit_card_id: Id | None = None
    account_id: Id | None = None
    user_id: Id | None = None


class _MarketData(_Payer, kw_only=True, rename="camel"):
    market_data_subscription_plan_ids: Annotated[list[int], msgspec.Meta(min_length=1)]
    year: Year
    month: Month


class _Membership(_Payer, kw_only=True, rename="camel"):
    tradovate_subscription_plan_id: Id


class _CancelMembership(msgspec.Struct, rename="camel"):
    tradovate_subscription_id: Id
    cancel_reason: Text | None = None
    expire: bool = False


class _Second(_Payer, kw_only=True, rename="camel"):
    year: Year
    month: Month


class _WhichSecond(msgspec.Struct, rename="camel"):
    second_market_data_subscription_id: Id


class _Entitlement(_Payer, kw_only=True, rename="camel"):
    entitlement_id: Id


class _PluginPermission(msgspec.Struct, rename="camel"):
    plugin_name: Name
    approval: bool
    user_id: Id | None = None


def _refused(code: str, text: str) -> dict[str, str]:
    return {"errorText": text, "errorCode": code}


def _may_pay(call: Call, asked: _Payer) -> bool:
    if asked.user_id not in (None, call.user_id):
        return False
    return asked.account_id is None or call.simulation.store.own(Account, asked.account_id, call.user_id) is not None


def _paid(call: Call, asked: _Payer) -> dict[str, Any]:
    return {
        "id": call.simulation.store.next_id(),
        "user_id": call.user_id,
        "timestamp": stamp(call.simulation.clock.now()),
        "credit_card_id": asked.credit_card_id,
        "account_id": asked.account_id,
    }


def add_market_data(call: Call) -> Any:
    """openapi.json, AddMarketDataSubscription: one subscription for each plan; the reply shows the last of them."""
    asked = call.read(_MarketData)
    if not _may_pay(call, asked):
        return DENIED
    known = {plan.id: plan for plan in plans.MARKET_DATA_PLANS}
    if unknown := [number for number in asked.market_data_subscription_plan_ids if number not in known]:
        return _refused("PlanDiscontinued", f"There is no market data plan {unknown[0]}.")
    held = [
        one.market_data_subscription_plan_id
        for one in call.simulation.store.all(MarketDataSubscription)
        if (one.user_id, one.year, one.month) == (call.user_id, asked.year, asked.month)
    ]
    if again := [number for number in asked.market_data_subscription_plan_ids if number in held]:
        return _refused("ConflictWithExisting", f"There is a subscription to {known[again[0]].name} already.")
    for number in dict.fromkeys(asked.market_data_subscription_plan_ids):
        subscription = MarketDataSubscription(
            plan_price=known[number].price,
            market_data_subscription_plan_id=number,
            year=asked.year,
            month=asked.month,
            **_paid(call, asked),
        )
        save(call, subscription, (call.user_id, None))
    return {"errorCode": "Success", "marketDataSubscription": subscription}


def add_membership(call: Call) -> Any:
    """openapi.json, AddTradovateSubscription. A trial can be had once."""
    asked = call.read(_Membership)
    if not _may_pay(call, asked):
        return DENIED
    plan = next((one for one in plans.TRADOVATE_PLANS if one.id == asked.tradovate_subscription_plan_id), None)
    if plan is None:
        number = asked.tradovate_subscription_plan_id
        return _refused("PlanDiscontinued", f"There is no membership plan {number}.")
    if plan.trial and any(
        (one.user_id, one.tradovate_subscription_plan_id) == (call.user_id, plan.id)
        for one in call.simulation.store.all(TradovateSubscription)
    ):
        return _refused("SingleTrialOnly", "A trial can be had once.")
    today = trading_day(call.simulation.clock.now())
    subscription = TradovateSubscription(
        plan_price=plan.price,
        tradovate_subscription_plan_id=plan.id,
        start_date=TradeDate.of(today),
        expiration_date=TradeDate.of(plans.until(today, plan.duration, plan.duration_units)),
        paid_amount=plan.price,
        **_paid(call, asked),
    )
    return {"errorCode": "Success", "tradovateSubscription": save(call, subscription, (call.user_id, None))}


def cancel_membership(call: Call) -> Any:
    """openapi.json, CancelTradovateSubscription: it is not renewed; with `expire` it ends today."""
    asked = call.read(_CancelMembership)
    found = call.simulation.store.own(TradovateSubscription, asked.tradovate_subscription_id, call.user_id)
    if found is None:
        return DENIED
    found = msgspec.structs.replace(found, cancelled_renewal=True, cancel_reason=asked.cancel_reason)
    if asked.expire:
        found.expiration_date = TradeDate.of(trading_day(call.simulation.clock.now()))
    return {"errorCode": "Success", "tradovateSubscription": save(call, found, (call.user_id, None))}


def second_market_data_cost(call: Call) -> Any:
    """openapi.json, GetSecondMarketDataSubscriptionCost: dollars a month."""
    if not _may_pay(call, call.read(_Second)):
        return {"errorText": "Access is denied"}
    return {"monthlyCost": plans.SECOND_MARKET_DATA_COST}


def add_second_market_data(call: Call) -> Any:
    """openapi.json, AddSecondMarketDataSubscription: a second connection to market data for a month."""
    asked = call.read(_Second)
    if not _may_pay(call, asked):
        return DENIED
    for one in call.simulation.store.all(SecondMarketDataSubscription):
        if (one.user_id, one.year, one.month) == (call.user_id, asked.year, asked.month):
            return _refused("ConflictWithExisting", "There is a subscription for that month already.")
    subscription = SecondMarketDataSubscription(
        id=call.simulation.store.next_id(),
        user_id=call.user_id,
        timestamp=stamp(call.simulation.clock.now()),
        year=asked.year,
        month=asked.month,
    )
    return _second(call, subscription)


def cancel_second_market_data(call: Call) -> Any:
    """openapi.json, CancelSecondMarketDataSubscription: it ends now and is not renewed."""
    now = stamp(call.simulation.clock.now())
    return _change_second(call, cancelled_renewal=True, cancellation_timestamp=now)


def cancel_second_renewal(call: Call) -> Any:
    """openapi.json, CancelSecondMarketDataSubscriptionRenewal."""
    return _change_second(call, cancelled_renewal=True)


def activate_second_renewal(call: Call) -> Any:
    """openapi.json, ActivateSecondMarketDataSubscriptionRenewal."""
    return _change_second(call, cancelled_renewal=False, cancellation_timestamp=None)


def _change_second(call: Call, **changes: Any) -> Any:
    number = call.read(_WhichSecond).second_market_data_subscription_id
    found = call.simulation.store.own(SecondMarketDataSubscription, number, call.user_id)
    return DENIED if found is None else _second(call, msgspec.structs.replace(found, **changes))


def _second(call: Call, subscription: SecondMarketDataSubscription) -> Any:
    saved = save(call, subscription, (call.user_id, None))
    return {"errorCode": "Success", "secondMarketDataSubscription": saved}


def add_entitlement(call: Call) -> Any:
    """openapi.json, AddEntitlementSubscription: a plugin of the entitlement's name."""
    asked = call.read(_Entitlement)
    if not _may_pay(call, asked):
        return DENIED
    found = next((one for one in plans.ENTITLEMENTS if one.id == asked.entitlement_id), None)
    if found is None:
        return _refused("PlanDiscontinued", f"There is no entitlement {asked.entitlement_id}.")
    if _plugin(call, found.name) is not None:
        return _refused("ConflictWithExisting", f"{found.title} is there already.")
    today = trading_day(call.simulation.clock.now())
    plugin = UserPlugin(
        plan_price=found.price,
        plugin_name=found.name,
        approval=True,
        entitlement_id=found.id,
        start_date=TradeDate.of(today),
        expiration_date=TradeDate.of(plans.until(today, found.duration, found.duration_units)),
        paid_amount=found.price,
        autorenewal=found.autorenewal,
        **_paid(call, asked),
    )
    return {"errorCode": "Success", "entitlementSubscription": save(call, plugin, (call.user_id, None))}


def change_plugin_permission(call: Call) -> Any:
    """openapi.json, ChangePluginPermission."""
    asked = call.read(_PluginPermission)
    if asked.user_id not in (None, call.user_id):
        return {"ok": False, "errorText": "Access is denied"}
    plugin = _plugin(call, asked.plugin_name)
    if plugin is None:
        return {"ok": False, "errorText": f"There is no plugin {asked.plugin_name}."}
    save(call, msgspec.structs.replace(plugin, approval=asked.approval), (call.user_id, None))
    return {"ok": True}


def _plugin(call: Call, name: str) -> UserPlugin | None:
    own = (row.entity for row in call.simulation.store.of_user("userPlugin", call.user_id))
    return next((one for one in own if isinstance(one, UserPlugin) and one.plugin_name == name), None)


OPERATIONS: dict[str, Handler] = {
    "marketdatasubscription/create": creating(MarketDataSubscription, of_the_user),
    "marketdatasubscription/update": updating(MarketDataSubscription, "marketDataSubscription", of_the_user),
    "tradovatesubscription/create": creating(TradovateSubscription, of_the_user),
    "tradovatesubscription/update": updating(TradovateSubscription, "tradovateSubscription", of_the_user),
    "userplugin/create": creating(UserPlugin, of_the_user),
    "userplugin/update": updating(UserPlugin, "userPlugin", of_the_user),
    "user/addmarketdatasubscription": add_market_data,
    "user/addtradovatesubscription": add_membership,
    "user/canceltradovatesubscription": cancel_membership,
    "user/getsecondmarketdatasubscriptioncost": second_market_data_cost,
    "user/addsecondmarketdatasubscription": add_second_market_data,
    "user/cancelsecondmarketdatasubscription": cancel_second_market_data,
    "user/cancelsecondmarketdatasubscriptionrenewal": cancel_second_renewal,
    "user/activatesecondmarketdatasubscriptionrenewal": activate_second_renewal,
    "userplugin/addentitlementsubscription": add_entitlement,
    "userplugin/changepluginpermission": change_plugin_permission,
}
