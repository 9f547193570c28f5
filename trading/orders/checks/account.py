"""Whether the account may trade: kill switch, closed or locked, liquidation only, the day's loss."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from trading.orders import drawdown
from trading.orders.checks.finding import Finding, dollars, error, note, warning
from trading.orders.checks.situation import Situation
from trading.orders.spec import OrderSpec
from trading.orders.trading_days import CHICAGO, calendar_day, next_day_opens

# AccountRiskStatus.adminAction (openapi.json): what keeps every order out, and what all but exits.
# The guide spells one of them otherwise.
LOCKED: Final = frozenset(
    {
        *("LockTradingImmediately", "LiquidateImmediately"),
        *("AgreedOnLiquidationByAutoLiq", "AgreedOnAutoLiquidationByAutoLiq"),
    }
)
EXITS_ONLY: Final = frozenset({"LiquidateOnlyModeImmediately", "AgreedOnLiqOnlyModeByAutoLiq"})
# Who has lost this part of a limit is told.
NEAR: Final = Decimal("0.8")
# A replay takes orders on its own socket only (guide, Market Replay), and all that Tradeport sends goes over REST.
WATCHING_ONLY: Final = "A Market Replay is for watching in Tradeport: no orders go out for its account."


def kill_switch(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """While a kill switch is on no order goes but what is known to do nothing but close a position."""
    if situation.stopped and not situation.only_closes(spec):
        yield error("kill", situation.stopped + situation.why_no_exit(spec))


def tradable(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """The account must be open and no replay's, and somebody signed in to it."""
    account = situation.account
    if account.is_replay:
        yield error("account", WATCHING_ONLY)
        return
    if account.closed:
        yield error("account", f"Account {account.name} is closed at Tradovate.")
    elif account.readonly:
        yield error("account", f"Account {account.name} is locked at Tradovate: it can be looked at, not traded.")
    if not account.signed_in:
        yield error("account", "You are signed out of Tradovate. Sign in again.")


def figures_known(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """Says so when the broker's figures are missing or old, and what was not checked because of it."""
    if situation.money is None:
        name = situation.account.name
        yield warning(
            "account",
            f"Nothing is known of {name} right now, as there is no connection to Tradovate: its positions, margin, "
            "day's loss and standing were not checked.",
        )
    elif not situation.is_fresh:
        yield warning(
            "account", f"What is known of the account is {situation.age}: Tradovate has not been heard since."
        )
    if unknown := ", ".join(str(one.id) for one in situation.unknown):
        yield warning("account", f"How much may still trade of {unknown} (orders) is not known and was not counted.")
    if situation.facts is not None and not situation.facts.is_whole:
        words = "Some of what Tradovate tells of positions and orders cannot be read"
        yield warning("account", f"{words}: what the checks say of them may be wrong.")


def risk_status(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """Tradovate's risk desk must not have locked the account, nor left it exits only."""
    status = situation.money.status if situation.money else None
    if status is None:
        return
    name = situation.account.name
    if status.admin_action in LOCKED:
        yield situation.from_figures("account", f"Tradovate has locked trading in {name} ({status.admin_action}).")
        return
    only = status.admin_action in EXITS_ONLY or bool(status.user_triggered_liq_only)
    only |= status.liquidate_only is not None and status.liquidate_only <= situation.now
    if only and not situation.is_exit(spec):
        again = situation.closes_again(spec)
        yield situation.from_figures("account", f"Tradovate lets {name} only reduce its positions for now.{again}")


def daily_loss(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """No new risk once the account has lost the day's limit; exits pass."""
    rule = situation.rules.daily_loss
    if rule is None or situation.is_exit(spec):
        return
    limit = f"{rule.owner} is a loss of {dollars(rule.value)} a day"
    realized, total = day_pnl(situation)
    if realized is None:
        yield warning("daily_loss", f"{limit}; the day's loss is not known and was not checked.")
    elif total is None:
        if realized <= -rule.value:
            words = f"{limit}; {dollars(-realized)} are realised already, and open P&L is not known for want of marks."
            yield warning("daily_loss", words)
        else:
            yield note("daily_loss", f"{limit}; open P&L is not known for want of marks and was not counted.")
    elif total <= -rule.value:
        begins = next_day_opens(situation.now).astimezone(CHICAGO)
        words = (
            f"{situation.account.name} has lost {dollars(-total)} today. {limit}: until {begins:%A %H:%M} in Chicago"
        )
        words = f"{words} only orders that reduce a position go out.{situation.closes_again(spec)}"
        yield situation.from_figures("daily_loss", words)
    elif total <= -rule.value * NEAR:
        yield warning("daily_loss", f"{situation.account.name} has lost {dollars(-total)} today. {limit}.")


def broker_loss_limits(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """Tells when the day's loss is near, or past, where Tradovate itself steps in: it counts fees, too (guide,
    UserAccountAutoLiq)."""
    money = situation.money
    limits = money.auto_liq if money else None
    _, total = day_pnl(situation)
    if money is None or limits is None or total is None or situation.is_exit(spec):
        return
    if not _is_earlier(money.trade_date, situation.now):
        total -= money.fees
    for amount, what in (
        (limits.daily_loss_auto_liq, "closes all positions and locks the account"),
        (limits.daily_loss_liq_only, "lets the account only reduce positions"),
    ):
        limit = drawdown.dollars(amount)
        if limit and total <= -limit * NEAR:
            lost = f"{situation.account.name} has lost {dollars(-total)} today, with fees"
            yield warning("daily_loss", f"{lost}: at {dollars(limit)} Tradovate {what}.")
            return


def trailing_drawdown(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """Tells when the net liquidation value is near, or past, the level at which Tradovate's trailing drawdown acts."""
    money = situation.money
    found = drawdown.trailing(money.auto_liq, money.status) if money else None
    if money is None or found is None or situation.is_exit(spec):
        return
    name, limit = situation.account.name, f"Tradovate's trailing drawdown of {dollars(found.amount)}"
    if found.level is None:
        yield note("drawdown", f"At which level {limit} closes {name} is not known and was not checked.")
    elif money.net_liq is None:
        words = f"{limit} closes {name} at a net liquidation value of {dollars(found.level)}"
        yield note("drawdown", f"{words}; what it is worth now is not known, for want of marks, and was not checked.")
    elif (left := money.net_liq - found.level) <= 0:
        words = f"{name} is worth {dollars(money.net_liq)}, and at {dollars(found.level)} {limit} closes all positions"
        yield warning("drawdown", f"{words} and locks the account: this order would not last.")
    elif left <= found.amount * (1 - NEAR):
        words = f"{name} is worth {dollars(money.net_liq)}: {dollars(left)} less, and {limit}"
        yield warning("drawdown", f"{words} closes all positions and locks the account.")


def day_pnl(situation: Situation) -> tuple[Decimal | None, Decimal | None]:
    """(realised, realised and open) dollars of the trading day; None where it is not known."""
    money = situation.money
    if money is None:
        return None, None
    realized = money.realized_pnl
    if realized is not None and _is_earlier(money.trade_date, situation.now):
        # Every gain and loss changes the cash of its day: of today there is none yet.
        realized = Decimal(0)
    if realized is None or money.open_pnl is None:
        return realized, None
    return realized, realized + money.open_pnl


def _is_earlier(day: dt.date | None, now: dt.datetime) -> bool:
    # Of a holiday's session it is not known whether Tradovate calls it by its own date: that is no earlier one either.
    return day is not None and day < calendar_day(now)
