"""Tradovate's own protection of an account: the losses and profits at which Tradovate itself closes its positions and
locks it, whether or not this portal runs (openapi.json, UserAccountAutoLiq; official Access text, Account Risk Status).

Never set by itself, only when its trader asks. What was set is read back: Tradovate's word counts, not its "ok".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeVar

from accounts import audit, renewal
from accounts.budgets import budgets
from accounts.models import AuditEvent
from trading.models import Account
from trading.orders import warm
from trading.orders.drawdown import dollars
from trading.tradovate import Priority, Tradovate
from trading.tradovate.entities import UpdateUserAutoLiq, UserAccountAutoLiq
from trading.tradovate.errors import NotFound, OutcomeUnknown, TradovateError

T = TypeVar("T")

# Seconds that one answer may take: somebody waits for the page.
TIMEOUT: Final = 8.0
END_OF_DAY: Final = "EOD"
REAL_TIME: Final = "RealTime"
_AMOUNTS: Final = {
    "daily_loss_auto_liq": "daily loss",
    "weekly_loss_auto_liq": "weekly loss",
    "trailing_max_drawdown": "trailing drawdown",
    "daily_profit_auto_liq": "daily profit",
    "weekly_profit_auto_liq": "weekly profit",
}


class Unreachable(Exception):
    """Tradovate's limits cannot be read now; the text says why, to the trader."""


class NotChanged(Exception):
    """The limits are not, or not certainly, what was asked for; the text says what is known and what to do."""


@dataclass(frozen=True)
class Limits:
    """When Tradovate closes an account's positions, in dollars, None where it does not. `trailing_max_drawdown_mode` is
    EOD or RealTime. Locked limits cannot be changed before the trading day ends."""

    daily_loss_auto_liq: Decimal | None = None
    weekly_loss_auto_liq: Decimal | None = None
    trailing_max_drawdown: Decimal | None = None
    trailing_max_drawdown_mode: str = REAL_TIME
    daily_profit_auto_liq: Decimal | None = None
    weekly_profit_auto_liq: Decimal | None = None
    changes_locked: bool = False


def read(account: Account) -> Limits:
    """The account's limits as Tradovate has them now. Raises Unreachable."""
    try:
        return _ask(account, lambda client: _read(client, account.tradovate_id))
    except (renewal.NoToken, TradovateError) as trouble:
        raise Unreachable(str(trouble)) from trouble


def change(account: Account, wanted: Limits, ip_address: str | None = None) -> Limits:
    """Have Tradovate keep these limits; what it has afterwards, read back from it.

    Only what differs is asked for. Raises Unreachable, with nothing changed, and NotChanged.
    """
    before = read(account)
    asked = _differences(before, wanted)
    if not asked:
        return before
    request = UpdateUserAutoLiq(account_id=account.tradovate_id, **asked)
    outcome = "unknown"
    try:
        _ask(account, lambda client: client.user_account_auto_liq.update_user_auto_liq(request))
        outcome = "taken"
    except OutcomeUnknown as doubt:
        raise NotChanged(f"{doubt} Look at the limits again: they may have changed.") from doubt
    except (renewal.NoToken, TradovateError) as refusal:
        outcome = "refused"
        raise NotChanged(f"Nothing was changed. {refusal}") from refusal
    finally:
        detail = f"auto-liquidation of {account}, {outcome}: {described(asked)}"
        kind = AuditEvent.Kind.LIMITS_CHANGED
        audit.record(kind, connection=account.connection, ip_address=ip_address, detail=detail)
    try:
        after = read(account)
    except Unreachable as trouble:
        raise NotChanged(f"Tradovate took the change, but could not be asked what it has now: {trouble}") from trouble
    if left := _differences(after, wanted):
        raise NotChanged(f"Tradovate took the change and does not have all of it. Not changed: {described(left)}.")
    return after


def described(asked: Mapping[str, Any]) -> str:
    """What was asked for, in words: "daily loss 500, weekly loss none"."""
    words = [f"{name} {asked[field] or 'none'}" for field, name in _AMOUNTS.items() if field in asked]
    if "trailing_max_drawdown_mode" in asked:
        words.append(
            "drawdown counted " + ("at day's end" if asked["trailing_max_drawdown_mode"] == END_OF_DAY else "live")
        )
    if asked.get("changes_locked"):
        words.append("locked until the trading day ends")
    return ", ".join(words)


def _differences(before: Limits, wanted: Limits) -> dict[str, Any]:
    """The fields to ask for; a limit is taken away by 0."""
    asked: dict[str, Any] = {}
    for field in _AMOUNTS:
        amount = getattr(wanted, field)
        if amount != getattr(before, field):
            asked[field] = amount or Decimal(0)
    if wanted.trailing_max_drawdown and wanted.trailing_max_drawdown_mode != before.trailing_max_drawdown_mode:
        asked["trailing_max_drawdown_mode"] = wanted.trailing_max_drawdown_mode
    if wanted.changes_locked and not before.changes_locked:
        asked["changes_locked"] = True
    return asked


async def _read(client: Tradovate, account_id: int) -> Limits:
    try:
        found = await client.user_account_auto_liq.deps(account_id)
    except NotFound:
        found = []
    limits = found[0] if found else UserAccountAutoLiq(id=account_id)
    amounts = {field: dollars(getattr(limits, field)) for field in _AMOUNTS}
    # openapi.json has RealTime, the guide Realtime.
    is_daily = (limits.trailing_max_drawdown_mode or "").upper() == END_OF_DAY
    mode = END_OF_DAY if is_daily else REAL_TIME
    return Limits(**amounts, trailing_max_drawdown_mode=mode, changes_locked=bool(limits.changes_locked))


def _ask(account: Account, question: Callable[[Tradovate], Awaitable[T]]) -> T:
    """One conversation with Tradovate, for threads without a running event loop. Raises NoToken, TradovateError."""
    connection = account.connection
    token = renewal.access_token(connection.pk)

    async def ask() -> T:
        async with (
            budgets(connection.environment, connection.tradovate_user_id, priority=Priority.MODIFY) as own,
            Tradovate(connection.hosts, token, timeout=TIMEOUT, budgets=own) as client,
        ):
            return await question(client)

    warm.give_back()
    return asyncio.run(ask())
