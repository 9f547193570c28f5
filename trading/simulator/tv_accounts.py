"""Sign-in, accounts, positions and quotes of the TradingView-style dialect (document "Tradovate APIs Reference")."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from . import entities as e
from .clock import stamp
from .ledger import CENT, ZERO
from .risk import equity, required_margin
from .tv_calls import ErrorCode, Refused, TvCall

RISK_LEVELS = ((Decimal("0.5"), "Low"), (Decimal("0.8"), "Medium"))
"""Shares of the account's value that its margin may use, with the risk level up to there; High beyond."""


def authorize(call: TvCall) -> dict[str, Any]:
    """Section "Authorize": a new token for the session that asks."""
    grant = call.simulation.sessions.renew(call.session)
    return {
        "accessToken": grant.access.value,
        "userId": call.user_id,
        "userName": call.simulation.people.traders[call.user_id].name,
        "expirationTime": stamp(grant.access.expires),
    }


def accounts(call: TvCall) -> list[dict[str, Any]]:
    """Section "Get All Accounts": those of the user."""
    return [
        {
            "id": call.account_name(account.id),
            "name": account.name,
            "userId": account.user_id,
            "accountType": "Live" if call.live else "Demo",
            "active": account.active,
            "clearingHouseId": account.clearing_house_id,
            "riskCategoryId": account.risk_category_id,
            "autoLiqProfileId": account.auto_liq_profile_id,
            "marginAccountType": account.margin_account_type,
        }
        for account in call.simulation.store.accounts(call.user_id)
    ]


def state(call: TvCall) -> dict[str, Any]:
    """Section "Get Account State", dollars. `realizedPl` is what the account ever realised, `openRealizedPl` today's
    part of it; `cashBalance` includes both."""
    simulation = call.simulation
    account = call.account
    ledger = simulation.booking.ledgers[account.id]
    value = equity(ledger, simulation.feed)
    margin = required_margin(ledger, simulation.catalog, simulation.exchange.working())
    return {
        "accountId": call.account_name(account.id),
        "netLiquidatingValue": value.quantize(CENT),
        "cashBalance": ledger.cash.quantize(CENT),
        "openRealizedPl": ledger.realized.quantize(CENT),
        "realizedPl": ledger.ever_realized.quantize(CENT),
        "unrealizedPl": (value - ledger.cash).quantize(CENT),
        "totalMargin": margin.quantize(CENT),
        "availableMargin": (value - margin).quantize(CENT),
        "riskLevel": risk_level(margin, value),
        "timestamp": stamp(simulation.clock.now()),
    }


def risk_level(margin: Decimal, value: Decimal) -> str:
    """Low, Medium or High: by the share of the account's value (dollars) that its margin uses."""
    if not margin:
        return "Low"
    return next((level for share, level in RISK_LEVELS if margin <= share * value), "High")


def positions(call: TvCall) -> list[dict[str, Any]]:
    """Section "Get All Positions": the account's open ones. `contractId` is the contract's name."""
    account = call.account
    simulation = call.simulation
    ledger = simulation.booking.ledgers[account.id]
    found = []
    for position in simulation.store.all(e.Position):
        if position.account_id != account.id or not position.net_pos:
            continue
        holding = ledger.holdings[position.contract_id]
        mark = simulation.feed.market(position.contract_id).last
        found.append(
            {
                "id": str(position.id),
                "accountId": call.account_name(account.id),
                "contractId": simulation.catalog.listings[position.contract_id].name,
                "timestamp": position.timestamp,
                "netPos": position.net_pos,
                "avgPrice": position.net_price,
                "netPrice": position.net_price,
                "bought": position.bought,
                "boughtValue": position.bought_value,
                "sold": position.sold,
                "soldValue": position.sold_value,
                "prevPos": position.prev_pos,
                "prevPrice": position.prev_price or ZERO,
                "unrealizedPl": holding.open_pnl(mark).quantize(CENT),
            }
        )
    return found


def quotes(call: TvCall) -> list[dict[str, Any]]:
    """Section "Get Price Quotes". Symbols that do not exist, or that the user may not see, are left out."""
    names = [name.strip() for name in call.query.get("symbols", "").split(",") if name.strip()]
    if not names:
        raise Refused("symbols is missing", ErrorCode.INVALID_ORDER)
    simulation = call.simulation
    found = []
    for name in names if simulation.people.traders[call.user_id].market_data != "None" else []:
        if (listing := simulation.catalog.find(name)) is None:
            continue
        market, price = simulation.feed.market(listing.contract_id), listing.spec.price
        values = {
            "lp": price(market.last),
            "ask": price(market.offer),
            "bid": price(market.bid),
            "volume": market.volume,
            "high": price(market.high),
            "low": price(market.low),
            "open": price(market.day_open),
            "timestamp": stamp(simulation.clock.now()),
        }
        found.append({"k": name, "v": values})
    return found
