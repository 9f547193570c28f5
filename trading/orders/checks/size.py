"""How much: contracts in one order, and the position that may come of it, by our limits and by the broker's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import partial
from operator import attrgetter
from typing import Final

from trading.orders.checks.exposure import GroupOf
from trading.orders.checks.finding import Finding, error, note, warning
from trading.orders.checks.situation import Listing, Situation
from trading.orders.facts import ContractFacts
from trading.orders.spec import OrderSpec
from trading.tradovate.entities import UserAccountPositionLimit, UserAccountRiskParameter

Scope = UserAccountPositionLimit | UserAccountRiskParameter
# Fields of a limit, and of ContractFacts, that say the same.
_NAMED_BY: Final = {
    "contract_id": "id",
    "product_id": "product_id",
    "exchange_id": "exchange_id",
    "product_type": "product_type",
    "contract_group_id": "contract_group_id",
    "product_verification_status": "status",
}
# UserAccountPositionLimit.totalBy; Overall adds up everything.
_ADDED_UP_BY: Final = {
    "Contract": "id",
    "Product": "product_id",
    "Exchange": "exchange_id",
    "ContractGroup": "contract_group_id",
    "ProductType": "product_type",
}


def order_size(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """One order must not have more contracts than the portal, the trader or support allow; an exit may."""
    rule, qty = situation.rules.max_order_qty, f"{spec.order_qty:,} contracts"
    if rule is not None and rule.value < min(spec.order_qty, situation.largest):
        words = f"{qty}: {_lower(rule.owner)} is {rule.value:,} in one order ({rule.scope})."
    elif spec.order_qty > situation.largest:
        words = f"{qty} exceed this portal's limit of {situation.largest:,} per order. Write fewer."
    else:
        return
    yield warning("order_qty", words) if situation.is_exit(spec) else error("order_qty", words)


def position(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """The position in the product must stay within the limit, counting what works; it may always become smaller."""
    rule, listing = situation.rules.max_position, situation.listing
    if rule is None or listing is None or situation.is_exit(spec):
        return
    if situation.money is None:
        yield warning("position", f"{rule.owner} of {rule.value:,} contracts ({rule.scope}) was not checked.")
        return
    for side in ("long", "short"):
        was, becomes = _totals(spec, situation, listing, "product", attrgetter("product"), side)
        if becomes > max(rule.value, was):
            words = f"With this order {listing.product} could become {becomes:,} contracts {side}"
            yield situation.from_figures(
                "position", f"{words}, counting orders that work. {rule.owner} is {rule.value:,} ({rule.scope})."
            )


def broker_order_terms(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """Tradovate's risk parameters: size of one order, months ahead, days before expiration (guide,
    UserAccountRiskParameter). An exit is only told of them."""
    listing = situation.listing
    if listing is None or situation.money is None:
        return
    is_exit = situation.is_exit(spec)
    for limit, parameter in parameters(situation, listing.counts_as):
        most = parameter.max_closing_order_qty if is_exit else parameter.max_opening_order_qty
        if most is not None and spec.order_qty > most:
            words = f"Tradovate takes at most {most:,} contracts in an order of this kind ({named(limit)})."
            yield warning("order_qty", f"{words} Split it.") if is_exit else situation.from_figures("order_qty", words)
        if is_exit:
            continue
        ahead = (listing.expires.year - situation.now.year) * 12 + listing.expires.month - situation.now.month
        if parameter.max_back_month is not None and ahead > parameter.max_back_month:
            words = f"{listing.symbol} expires more than {parameter.max_back_month} months ahead: Tradovate refuses it"
            yield situation.from_figures("symbol", f"{words} ({named(limit)}).")
        days = parameter.pre_expiration_days
        if days is not None and listing.expires - situation.now <= dt.timedelta(days=days):
            words = f"{listing.symbol} expires within {days} days: Tradovate only lets it be closed"
            yield situation.from_figures("symbol", f"{words} ({named(limit)}).")


def broker_position(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """Tradovate's position limits (guide, UserAccountPositionLimit): each adds up what its `totalBy` names."""
    listing = situation.listing
    if listing is None or situation.facts is None or situation.money is None or situation.is_exit(spec):
        return
    if situation.facts.position_limits is None:
        yield note("position", "Tradovate's position limits are not known yet and were not checked.")
        return
    for limit in _limits(situation, listing.counts_as):
        together = partial(_added_up_with, limit)
        for side, most in (("long", limit.long_limit), ("short", limit.short_limit), ("largest", limit.exposed_limit)):
            was, becomes = _totals(spec, situation, listing, id(limit), together, side)
            if most is not None and becomes > max(most, was):
                shown = "" if side == "largest" else f" {side}"
                words = f"{becomes:,} contracts{shown}; Tradovate allows {most:,} ({named(limit)})."
                hard = _is_hard(situation, limit)
                yield situation.from_figures("position", words) if hard else warning("position", words)
                break


def _totals(
    spec: OrderSpec, situation: Situation, listing: Listing, key: object, group_of: GroupOf, side: str
) -> tuple[int, int]:
    """(without the order, with it): the contracts that may come to be held on a side, added up over what is of one
    group with the order's own."""
    own = situation.holdings.of(listing.id)
    others = situation.holdings.beside(listing.counts_as, key, group_of, side)
    return others + getattr(own, side), others + getattr(own.with_order(spec), side)


def _limits(situation: Situation, contract: ContractFacts) -> list[UserAccountPositionLimit]:
    known = (situation.facts.position_limits if situation.facts else None) or []
    own = [limit for limit in known if limit.account_id in (None, situation.account.id) and limit.active is not False]
    return [limit for limit in own if _covers(limit, contract)]


def parameters(
    situation: Situation, contract: ContractFacts
) -> Iterator[tuple[UserAccountPositionLimit, UserAccountRiskParameter]]:
    """The risk parameters that are about a contract, each with its limit."""
    known = situation.facts.risk_parameters if situation.facts else []
    for limit in _limits(situation, contract):
        for parameter in known:
            if parameter.user_account_position_limit_id == limit.id and _covers(parameter, contract):
                yield limit, parameter


def _is_hard(situation: Situation, limit: UserAccountPositionLimit) -> bool:
    known = situation.facts.risk_parameters if situation.facts else []
    said = {one.hard_limit for one in known if one.user_account_position_limit_id == limit.id}
    return False not in said or True in said


def _covers(scope: Scope, contract: ContractFacts) -> bool:
    """Whether a limit or parameter is about a contract: each field that it names must fit. Which products share a
    discount is not told, so a limit for those is left to Tradovate."""
    named = all(getattr(scope, asked) in (None, getattr(contract, ours)) for asked, ours in _NAMED_BY.items())
    return named and scope.risk_discount_contract_group_id is None


def _added_up_with(limit: UserAccountPositionLimit, contract: ContractFacts) -> tuple[object, ...]:
    """What contracts must have in common to be added up; of those that the limit is not about nothing."""
    shared = _ADDED_UP_BY.get(limit.total_by or "")
    return (shared and getattr(contract, shared),) if _covers(limit, contract) else ()


def named(limit: UserAccountPositionLimit) -> str:
    """The limit as Tradovate's pages name it."""
    return f"position limit {limit.description or limit.id}"


def _lower(words: str) -> str:
    return words[0].lower() + words[1:]
