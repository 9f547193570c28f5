"""Auto-liquidation: the losses, profits and margins at which an account is warned, may only close, or is closed
(openapi and guide, UserAccountAutoLiq and AccountRiskStatus).

The day's and the week's profit count open positions, at the last trade, and fees. An amount of zero does not apply, and
its sign does not matter. A trailing drawdown liquidates when the net liquidation value falls to `minNetLiq`: as far
below its peak, `maxNetLiq`, as `trailingMaxDrawdown` says. That level follows profit up to `trailingMaxDrawdownLimit`,
or to what was paid in when there is none. The peak is looked at with every price, or with mode EOD at the end of the
day.

A liquidated account has adminAction AgreedOnLiquidationByAutoLiq and is locked until the trading day ends, or for good
with `doNotUnlock`; one in liquidate-only mode has AgreedOnLiqOnlyModeByAutoLiq as long. Nothing of this happens with
PlaceAutoLiqOnHold or DisableAutoLiq. LiquidateImmediately closes what is there. `flattenTimestamp` closes everything
once, at its time, without a lock.

An account that may only close keeps no order that opens, and no exit is for more contracts than it holds: several exits
may work beside each other, and each trade cuts the others down, so that they never open together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Protocol

import msgspec

from . import entities as e
from . import risk
from .clock import read_stamp, stamp
from .exchange import Trade
from .ledger import CENT, ZERO
from .risk_alerts import RiskAlerts
from .risk_entities import AccountRiskStatus, UserAccountAutoLiq
from .terms import Refusal
from .venue import Venue

LIQUIDATED = "AgreedOnLiquidationByAutoLiq"
CLOSING_ONLY = "AgreedOnLiqOnlyModeByAutoLiq"
OFF = frozenset({"PlaceAutoLiqOnHold", "DisableAutoLiq"})
MOST = Decimal(10) ** 12
CLOSE_NOW = frozenset({"LiquidateImmediately", LIQUIDATED})


class Measure(IntEnum):
    """What is done to an account, the mildest first."""

    ALERT = 1
    LIQUIDATE_ONLY = 2
    LIQUIDATE = 3


@dataclass(frozen=True)
class Figures:
    """An account's money in dollars: its net liquidation value now, and when the day and the week began, later deposits
    included; and the margin that it uses."""

    net_liq: Decimal
    day_start: Decimal
    week_start: Decimal
    margin: Decimal


@dataclass(frozen=True)
class Breach:
    """A limit that is reached; its name is one of those in `_rules`."""

    measure: Measure
    name: str
    text: str


def breaches(limits: UserAccountAutoLiq, now: Figures, floor: Decimal | None) -> list[Breach]:
    """The limits that are reached, the severest first. `floor` is the trailing drawdown's level."""
    found = [
        Breach(measure, name, f"{name}: {value.quantize(CENT)} reached {limit}")
        for measure, name, asked, value in _rules(limits, now)
        if (limit := _amount(asked)) is not None and value >= limit
    ]
    if floor is not None and now.net_liq <= floor:
        found.append(
            Breach(Measure.LIQUIDATE, "trailing drawdown", f"trailing drawdown: {now.net_liq} fell to {floor}")
        )
    return sorted(found, key=lambda breach: -breach.measure)


def _rules(limits: UserAccountAutoLiq, now: Figures) -> Iterator[tuple[Measure, str, Decimal | None, Decimal]]:
    day, week = now.net_liq - now.day_start, now.net_liq - now.week_start
    # without money there is no percentage: any loss, any margin is all of it
    lost_share = -day * 100 / now.day_start if now.day_start > 0 else Decimal(100 if day < 0 else 0)
    used_share = now.margin * 100 / now.net_liq if now.net_liq > 0 else Decimal(100 if now.margin else 0)
    alert, close, liquidate = Measure.ALERT, Measure.LIQUIDATE_ONLY, Measure.LIQUIDATE
    yield liquidate, "daily loss", limits.daily_loss_auto_liq, -day
    yield liquidate, "daily loss in percent", limits.daily_loss_percentage_auto_liq, lost_share
    yield liquidate, "weekly loss", limits.weekly_loss_auto_liq, -week
    yield liquidate, "daily profit", limits.daily_profit_auto_liq, day
    yield liquidate, "weekly profit", limits.weekly_profit_auto_liq, week
    yield liquidate, "margin in percent", limits.margin_percentage_auto_liq, used_share
    yield close, "daily loss", limits.daily_loss_liq_only, -day
    yield close, "daily loss in percent", limits.daily_loss_percentage_liq_only, lost_share
    yield close, "margin in percent", limits.margin_percentage_liq_only, used_share
    yield alert, "daily loss", limits.daily_loss_alert, -day
    yield alert, "daily loss in percent", limits.daily_loss_percentage_alert, lost_share
    yield alert, "margin in percent", limits.margin_percentage_alert, used_share


def drawdown_floor(limits: UserAccountAutoLiq, peak: Decimal, paid_in: Decimal) -> Decimal | None:
    """The net liquidation value at which a trailing drawdown from `peak` liquidates; None without one."""
    drawdown = _amount(limits.trailing_max_drawdown)
    if drawdown is None:
        return None
    return min(peak - drawdown, _amount(limits.trailing_max_drawdown_limit) or paid_in)


def _amount(limit: Decimal | None) -> Decimal | None:
    """A limit without its sign; None for one that does not apply or that no account can reach."""
    if not limit or not limit.is_finite() or limit.copy_abs() > MOST:
        return None
    return limit.copy_abs()


class Hand(Protocol):
    """Who can act on an account."""

    def flatten(self, account_id: int) -> None:
        """Cancel all its orders and close all its positions."""

    def cancel_openings(self, account_id: int) -> None:
        """Leave it only orders that close its positions."""


class AutoLiquidation:
    """Watches the accounts, and warns or acts when they reach a limit. `flattened` remembers which flattenTimestamp of
    an account has been carried out."""

    def __init__(self, venue: Venue, *, hand: Hand) -> None:
        self._clock = venue.clock
        self._catalog = venue.catalog
        self._feed = venue.feed
        self._exchange = venue.exchange
        self._store = venue.store
        self._booking = venue.booking
        self._hand = hand
        self.alerts = RiskAlerts(venue.clock, venue.store)
        self.flattened: dict[int, str] = {}

    def sweep(self) -> None:
        """Look at every account at the present prices."""
        for account_id in list(self._booking.ledgers):
            status = self._store.get(AccountRiskStatus, account_id)
            limits = self._store.get(UserAccountAutoLiq, account_id)
            if status is not None and status.admin_action in CLOSE_NOW:
                self._hand.flatten(account_id)
            else:
                self._keep_to_closing(account_id)
            if limits is not None:
                self._flatten_at_time(limits)
            if status is not None and limits is not None and status.admin_action not in OFF:
                self._watch(status, limits)

    def traded(self, order: e.Order, trade: Trade) -> None:
        """After a trade the other exits of an account that may only close must not close more than is left."""
        self._keep_to_closing(order.account_id)

    def ended(self, order: e.Order, refusal: Refusal | None) -> None:
        """Nothing to do when an order ends."""

    def begin_day(self) -> None:
        """Lift what was imposed for the day that has ended. Call it with that day's last prices."""
        for status in list(self._store.all(AccountRiskStatus)):
            limits = self._store.get(UserAccountAutoLiq, status.id)
            if limits is not None:
                self._trail(status, limits, day_ends=True)
                if limits.changes_locked:
                    self._booking.put(msgspec.structs.replace(limits, changes_locked=False), status.id)
            status = self._store.get(AccountRiskStatus, status.id) or status
            if status.admin_action in (LIQUIDATED, CLOSING_ONLY) and not (limits and limits.do_not_unlock):
                self._act(status, "Normal")

    def _keep_to_closing(self, account_id: int) -> None:
        status = self._store.get(AccountRiskStatus, account_id)
        if status is not None and risk.closes_only(status, self._clock.now()):
            self._hand.cancel_openings(account_id)

    def _watch(self, status: AccountRiskStatus, limits: UserAccountAutoLiq) -> None:
        floor = self._trail(status, limits, day_ends=False)
        found = breaches(limits, self._figures(limits.id), floor)
        self.alerts.note(limits.id, {one.name: one.text for one in found if one.measure is Measure.ALERT})
        status = self._store.get(AccountRiskStatus, limits.id) or status
        if not found or status.admin_action in CLOSE_NOW:
            return
        if found[0].measure is Measure.LIQUIDATE:
            self._act(status, LIQUIDATED)
            self._hand.flatten(status.id)
        elif found[0].measure is Measure.LIQUIDATE_ONLY and status.admin_action == "Normal":
            self._act(status, CLOSING_ONLY)
            self._hand.cancel_openings(status.id)

    def _figures(self, account_id: int) -> Figures:
        ledger = self._booking.ledgers[account_id]
        margin = risk.required_margin(ledger, self._catalog, self._exchange.working())
        return Figures(risk.equity(ledger, self._feed), ledger.day_start, ledger.week_start, margin)

    def _trail(self, status: AccountRiskStatus, limits: UserAccountAutoLiq, *, day_ends: bool) -> Decimal | None:
        """Follow the net liquidation value, and return the level at which the account is liquidated."""
        ledger = self._booking.ledgers[limits.id]
        peak = status.max_net_liq
        if _amount(limits.trailing_max_drawdown) is not None and (
            peak is None or day_ends or limits.trailing_max_drawdown_mode != "EOD"
        ):
            net_liq = risk.equity(ledger, self._feed).quantize(CENT)
            peak = net_liq if peak is None else max(peak, net_liq)
        floor = drawdown_floor(limits, peak, ledger.paid_in or ZERO) if peak is not None else None
        if (peak, floor) != (status.max_net_liq, status.min_net_liq):
            self._booking.put(msgspec.structs.replace(status, max_net_liq=peak, min_net_liq=floor), status.id)
        return floor

    def _flatten_at_time(self, limits: UserAccountAutoLiq) -> None:
        text = limits.flatten_timestamp
        if text is None or self.flattened.get(limits.id) == text or not self._has_come(text):
            return
        self.flattened[limits.id] = text
        self._hand.flatten(limits.id)

    def _has_come(self, text: str) -> bool:
        try:
            return read_stamp(text) <= self._clock.now()
        except ValueError:
            return False

    def _act(self, status: AccountRiskStatus, action: str) -> None:
        now = stamp(self._clock.now())
        changed = msgspec.structs.replace(
            status,
            admin_action=action,
            admin_timestamp=now,
            liquidate_only=now if action == CLOSING_ONLY else None,
        )
        self._booking.put(changed, status.id)
