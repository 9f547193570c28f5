"""Limits that an account has set for itself: how many contracts it may hold, and under which conditions it may order
them (official texts, "Account Risk Status"; guide, UserAccountPositionLimit and UserAccountRiskParameter). Pure.

A limit adds up what its `totalBy` names, among the contracts that its own fields do not leave out. A risk parameter
holds for the contracts that neither it nor its limit leaves out. A limit whose parameters say `hardLimit: false`, and
none true, warns; every other one refuses. An order that makes no total worse passes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from .catalog import Catalog, Listing
from .entities import Product
from .risk import Exposure
from .risk_entities import (
    AccountRiskStatus,
    Scope,
    UserAccountAutoLiq,
    UserAccountPositionLimit,
    UserAccountRiskParameter,
)
from .store import Store
from .terms import Refusal

ALL = Decimal(100)
SINGLE = frozenset({"Contract", "Product"})


@dataclass(frozen=True)
class PositionLimit:
    """A position limit with its parameters."""

    limit: UserAccountPositionLimit
    parameters: tuple[UserAccountRiskParameter, ...]

    @property
    def hard(self) -> bool:
        """Does it refuse, or only warn?"""
        said = {parameter.hard_limit for parameter in self.parameters}
        return False not in said or True in said


@dataclass(frozen=True)
class AccountLimits:
    """All limits of one account. `positions` are the active ones."""

    status: AccountRiskStatus | None
    auto_liq: UserAccountAutoLiq | None
    positions: tuple[PositionLimit, ...]


def account_limits(store: Store, account_id: int) -> AccountLimits:
    """What the limits of an account are now, from the entities that show them."""
    parameters = list(store.all(UserAccountRiskParameter))
    positions = tuple(
        PositionLimit(limit, tuple(one for one in parameters if one.user_account_position_limit_id == limit.id))
        for limit in store.all(UserAccountPositionLimit)
        if limit.account_id == account_id and limit.active
    )
    return AccountLimits(store.get(AccountRiskStatus, account_id), store.get(UserAccountAutoLiq, account_id), positions)


@dataclass(frozen=True)
class Subject:
    """An order under review: what it trades, how many contracts, and whether it does more than close a position."""

    listing: Listing
    product: Product
    qty: int
    opening: bool


def check_conditions(limits: AccountLimits, subject: Subject, now: datetime) -> None:
    """Raise Refusal when a risk parameter keeps the order out, whatever the account holds."""
    for parameter in _parameters(limits, subject):
        most = parameter.max_opening_order_qty if subject.opening else parameter.max_closing_order_qty
        if most is not None and subject.qty > most:
            raise Refusal("MaxOrderQtyLimitReached", f"An order of this kind may have at most {most} contracts.")
        listing = subject.listing
        months = (listing.expires.year - now.year) * 12 + listing.expires.month - now.month
        if parameter.max_back_month is not None and months > parameter.max_back_month:
            raise Refusal(
                "BackMonthProhibited", f"{listing.name} expires in more than {parameter.max_back_month} months."
            )
        days = parameter.pre_expiration_days
        if days is not None and subject.opening and (listing.expires - now) / timedelta(days=1) <= days:
            raise Refusal(
                "LiquidationOnlyBeforeExpiration", f"{listing.name} expires in {days} days or less: it can be closed."
            )


def check_used_margin(limits: AccountLimits, subject: Subject, needed: Decimal, equity: Decimal) -> None:
    """Raise Refusal when the account would use more margin (dollars) than a risk parameter lets it."""
    if not subject.opening:
        return
    for parameter in _parameters(limits, subject):
        most = parameter.margin_dollar_value
        if most is not None and most.is_finite() and needed > most:
            raise Refusal("NotEnoughLiquidity", f"The margin would be {needed} USD; the limit is {most} USD.")
        share = parameter.margin_percentage
        if share is not None and share.is_finite() and needed * 100 > equity * min(share, ALL):
            raise Refusal("NotEnoughLiquidity", f"The margin would be {needed} USD, over {share} % of {equity} USD.")


def check_totals(
    limits: AccountLimits,
    subject: Subject,
    catalog: Catalog,
    before: dict[int, Exposure],
    after: dict[int, Exposure],
) -> list[str]:
    """What soft limits warn of, or Refusal when a hard one is exceeded. `before` and `after` are the account's
    exposures by contract without the order and with it."""
    warnings = []
    for one in limits.positions:
        limit = one.limit
        if not _covers(limit, subject.listing, subject.product):
            continue
        if _misconfigured(one):
            raise Refusal("MaxPosLimitMisconfigured", f"Position limit {limit.id} names no number.")
        together = _together(limit, subject, catalog, after)
        for name, most in (
            ("longest", limit.long_limit),
            ("shortest", limit.short_limit),
            ("worst", limit.exposed_limit),
        ):
            was = sum(getattr(before.get(contract, Exposure()), name) for contract in together)
            becomes = sum(getattr(after[contract], name) for contract in together)
            if most is None or becomes <= max(most, was):
                continue
            text = f"Position limit {limit.description or limit.id}: {becomes} contracts, at most {most} are allowed."
            if not one.hard:
                warnings.append(text)
                continue
            raise Refusal("MaxPosLimitReached" if limit.total_by in SINGLE else "MaxTotalPosLimitReached", text)
    return warnings


def _parameters(limits: AccountLimits, subject: Subject) -> list[UserAccountRiskParameter]:
    return [
        parameter
        for one in limits.positions
        for parameter in one.parameters
        if _covers(one.limit, subject.listing, subject.product) and _covers(parameter, subject.listing, subject.product)
    ]


def _misconfigured(one: PositionLimit) -> bool:
    numbers = one.limit.long_limit, one.limit.short_limit, one.limit.exposed_limit
    return numbers == (None, None, None) and not one.parameters


def _covers(scope: Scope, listing: Listing, product: Product) -> bool:
    wanted = (
        (scope.contract_id, listing.contract_id),
        (scope.product_id, product.id),
        (scope.exchange_id, product.exchange_id),
        (scope.product_type, product.product_type),
        (scope.contract_group_id, product.contract_group_id),
        (scope.product_verification_status, product.status),
        (scope.risk_discount_contract_group_id, None),
    )
    return all(asked is None or asked == given for asked, given in wanted)


def _together(limit: UserAccountPositionLimit, subject: Subject, catalog: Catalog, held: Iterable[int]) -> list[int]:
    """The contracts that are added up with the order's own."""
    wanted = _group(limit, subject.listing, subject.product)
    found = []
    for contract_id in held:
        listing = catalog.listings[contract_id]
        product = catalog.product(listing)
        if _covers(limit, listing, product) and _group(limit, listing, product) == wanted:
            found.append(contract_id)
    return found


def _group(limit: UserAccountPositionLimit, listing: Listing, product: Product) -> object:
    match limit.total_by:
        case "Contract":
            return listing.contract_id
        case "Product":
            return product.id
        case "Exchange":
            return product.exchange_id
        case "ContractGroup":
            return product.contract_group_id
        case _:
            return product.product_type if limit.total_by == "ProductType" else None
