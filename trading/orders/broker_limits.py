"""Tradovate's own limits of an account in words, as the hub knows them. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal

from trading.orders import drawdown
from trading.orders.checks.finding import dollars
from trading.orders.facts import AccountFacts, Facts
from trading.tradovate.entities import UserAccountPositionLimit, UserAccountRiskParameter


def in_words(facts: Facts, account: AccountFacts, products: Mapping[int, str], now: dt.datetime) -> list[str]:
    """What Tradovate limits in an account at a moment, a sentence each; `products` are names by id."""
    known = facts.position_limits or []
    own = [limit for limit in known if limit.account_id in (None, account.id) and limit.active is not False]
    said = [(_scope(limit, products), ", ".join(_position(limit, facts))) for limit in own]
    positions = [f"{scope}: {words}." for scope, words in said if words]
    return [*_standing(account, now), *_losses(account), *positions]


def _standing(account: AccountFacts, now: dt.datetime) -> Iterator[str]:
    status = account.status
    if status is None:
        return
    if status.admin_action not in (None, "Normal"):
        yield f"Tradovate's risk desk has acted on this account: {status.admin_action}."
    # The time from which it holds, which may be ahead.
    is_due = status.liquidate_only is not None and status.liquidate_only <= now
    if status.user_triggered_liq_only or is_due:
        yield "The account may only reduce positions."


def _losses(account: AccountFacts) -> Iterator[str]:
    limits = account.auto_liq
    if limits is None:
        return
    closes = "closes all positions and locks the account"
    for amount, words in (
        (limits.daily_loss_auto_liq, f"Tradovate {closes} at a day's loss of {{}}."),
        (limits.weekly_loss_auto_liq, f"Tradovate {closes} at a week's loss of {{}}."),
        (limits.daily_loss_liq_only, "At a day's loss of {} only exits are left."),
        (limits.trailing_max_drawdown, f"Tradovate {closes} at a drawdown of {{}} from the best balance."),
        (limits.daily_profit_auto_liq, f"Tradovate {closes} at a day's profit of {{}}."),
        (limits.weekly_profit_auto_liq, f"Tradovate {closes} at a week's profit of {{}}."),
    ):
        if limit := drawdown.dollars(amount):
            yield words.format(dollars(limit))


def _scope(limit: UserAccountPositionLimit, products: Mapping[int, str]) -> str:
    if limit.product_id is not None:
        return products.get(limit.product_id, f"Product {limit.product_id}")
    if limit.description:
        return limit.description
    each = {"Contract": "Each contract", "Product": "Each product", "Exchange": "Each exchange"}
    return each.get(limit.total_by or "", "All together")


def _position(limit: UserAccountPositionLimit, facts: Facts) -> Iterator[str]:
    for most, words in (
        (limit.exposed_limit, "at most {:,} contracts"),
        (limit.long_limit, "at most {:,} long"),
        (limit.short_limit, "at most {:,} short"),
    ):
        if most is not None:
            yield words.format(most)
    for parameter in facts.risk_parameters:
        if parameter.user_account_position_limit_id == limit.id:
            yield from _terms(parameter)


def _terms(parameter: UserAccountRiskParameter) -> Iterator[str]:
    figures: tuple[tuple[int | Decimal | None, str], ...] = (
        (parameter.max_opening_order_qty, "at most {:,} in an order that opens"),
        (parameter.max_closing_order_qty, "at most {:,} in an order that closes"),
        (parameter.max_back_month, "at most {} months ahead"),
        (parameter.pre_expiration_days, "only exits in the last {} days before expiration"),
        (parameter.margin_percentage, "margin at most {} % of what there is"),
        (parameter.margin_dollar_value, "margin at most ${:,.2f}"),
    )
    for figure, words in figures:
        if figure is not None:
            yield words.format(figure)
