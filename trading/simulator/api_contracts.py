"""Contract operations beside the reads: rolling to another month, and what a product costs (openapi.json)."""

from __future__ import annotations

from typing import Any

import msgspec

from .booking import CLEARING_FEE, COMMISSION, NFA_FEE
from .calls import Call, Handler
from .catalog import USD, Listing
from .entities import Contract


class RollContract(msgspec.Struct, rename="camel"):
    name: str
    forward: bool
    if_expired: bool = False


def roll_contract(call: Call) -> dict[str, Any]:
    """The next or previous contract of the same product; with ifExpired only when this one has expired."""
    return _rolled(call, call.read(RollContract))


class RollContracts(msgspec.Struct, rename="camel"):
    roll_contracts: list[RollContract]


def roll_contracts(call: Call) -> dict[str, Any]:
    """Several at once: the contracts by the names that were asked for. One that cannot be rolled is an error of all
    (openapi.json, RollContractsResponse)."""
    rolled: dict[str, Contract] = {}
    for one in call.read(RollContracts).roll_contracts:
        answer = _rolled(call, one)
        if "errorText" in answer:
            return answer
        rolled[one.name] = answer["contract"]
    return {"contracts": rolled}


def product_fee_params(call: Call) -> dict[str, Any]:
    """Fees per contract and side, and margins, of products by their ids."""
    wanted = set(call.numbers("productIds"))
    catalog = call.simulation.catalog
    specs = {100 + listing.spec.number: listing.spec for listing in catalog.listings.values()}
    margins = {margin.id: margin for margin in catalog.product_margins}
    params = [
        {
            "productId": number,
            "clearingFee": CLEARING_FEE,
            "clearingCurrencyId": USD,
            "exchangeFee": spec.fee,
            "exchangeCurrencyId": USD,
            "nfaFee": NFA_FEE,
            "nfaCurrencyId": USD,
            "commission": COMMISSION,
            "commissionCurrencyId": USD,
            "dayMargin": spec.margin,
            "nightMargin": spec.margin,
            "fullMargin": margins[number],
        }
        for number, spec in specs.items()
        if number in wanted
    ]
    return {"params": params}


def _rolled(call: Call, asked: RollContract) -> dict[str, Any]:
    catalog = call.simulation.catalog
    listing = catalog.find(asked.name)
    if listing is None:
        return {"errorText": f"Unknown contract {asked.name}"}
    if asked.if_expired and listing.expires > call.simulation.clock.now():
        return {"contract": catalog.contracts[listing.contract_id]}
    found = _neighbour(list(catalog.listings.values()), listing, forward=asked.forward)
    contract: Contract | None = catalog.contracts[found.contract_id] if found else None
    return {"contract": contract} if contract else {"errorText": f"No contract beyond {listing.name}"}


def _neighbour(listings: list[Listing], listing: Listing, *, forward: bool) -> Listing | None:
    same = sorted((one for one in listings if one.spec is listing.spec), key=lambda one: one.expires)
    index = same.index(listing) + (1 if forward else -1)
    return same[index] if 0 <= index < len(same) else None


OPERATIONS: dict[str, Handler] = {
    "contract/rollcontract": roll_contract,
    "contract/rollcontracts": roll_contracts,
    "contract/getproductfeeparams": product_fee_params,
}
