"""The rows of one book: which entities show under which key, and how. Pure."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from trading.sync import limits_left
from trading.sync import rows as formatter
from trading.sync.fees import dollars
from trading.sync.marks_known import KnownMarks
from trading.sync.mirror import Mirror
from trading.sync.money import cash_of
from trading.sync.rows import UNKNOWN, Row
from trading.sync.worth import Worth
from trading.tradovate.entities import Account, Entity, Fill, Order, Position

# Row kinds and what their numbers are ids of.
KINDS: dict[str, type[Entity]] = {
    "account": Account,
    "position": Position,
    "order": Order,
    "done": Order,
    "fill": Fill,
}


def order_keys(order_id: int) -> set[str]:
    """An order is shown under one of these: while it works, or once it is finished."""
    return {f"order:{order_id}", f"done:{order_id}"}


class Display:
    """Makes the rows of a book as it is now."""

    def __init__(self, mirror: Mirror, marks: KnownMarks, worth: Worth) -> None:
        self._mirror = mirror
        self._marks = marks
        self._worth = worth
        self._makers: dict[str, Callable[[int], Row | None]] = {
            "account": self._account,
            "position": self._position,
            "order": self._order,
            "done": self._done,
            "fill": self._fill,
        }

    def row(self, key: str) -> Row | None:
        """The row of a key ("position:71"); None when there is nothing to show."""
        kind, _, number = key.partition(":")
        return self._makers[kind](int(number))

    def _account(self, account_id: int) -> Row | None:
        account, margin = self._mirror.accounts.get(account_id), self._mirror.margins.get(account_id)
        if account is None:
            return None
        margin_used = margin.total_used_margin if margin else None
        cash = cash_of(self._mirror, account_id)
        worth, limits = self._worth.of_account(account_id), self._mirror.auto_liqs.get(account_id)
        return formatter.account_row(
            account,
            worth,
            cash_at=cash.timestamp if cash else None,
            margin_used=margin_used,
            loss=limits_left.of_daily_loss(limits, worth),
            drawdown=limits_left.of_drawdown(limits, self._mirror.risk_statuses.get(account_id), worth),
        )

    def _position(self, position_id: int) -> Row | None:
        position = self._mirror.positions.get(position_id)
        if position is None or position.net_pos == 0:
            return None
        return formatter.position_row(
            position,
            account=self._account_name(position.account_id),
            symbol=self._mirror.symbol(position.contract_id),
            tick_size=self._tick_size(position.contract_id),
            mark=self._marks.of(position),
            open_pnl=self._worth.open_pnl(position),
        )

    def _order(self, order_id: int) -> Row | None:
        order = self._mirror.orders.get(order_id)
        if order is None or order.finished:
            return None
        failure = self._mirror.strategy_failure(order_id)
        return {**self._order_row(order), "reason": failure} if failure else self._order_row(order)

    def _done(self, order_id: int) -> Row | None:
        order, today = self._mirror.orders.get(order_id), self._mirror.today
        if order is None or not order.finished:
            return None
        day = self._mirror.day(order_id)
        if day is not None and today is not None and day < today:
            return None
        reason = self._mirror.reject_reason(order_id) or self._mirror.strategy_failure(order_id)
        return {**self._order_row(order), "reason": reason}

    def _order_row(self, order: Order) -> Row:
        filled, average = self._mirror.filled(order.id)
        return formatter.order_row(
            order,
            self._mirror.version(order.id),
            account=self._account_name(order.account_id),
            symbol=self._mirror.symbol(order.contract_id),
            tick_size=self._tick_size(order.contract_id),
            filled=filled,
            average_price=average,
            is_ours=self._mirror.is_ours(order.id),
            strategy_id=self._mirror.strategy_id(order.id),
        )

    def _fill(self, fill_id: int) -> Row | None:
        fill, fee = self._mirror.fills.get(fill_id), self._mirror.fees.get(fill_id)
        if fill is None or not self._mirror.is_of_today(fill):
            return None
        order = self._mirror.orders.get(fill.order_id)
        return formatter.fill_row(
            fill,
            account_id=order.account_id if order else None,
            account=self._account_name(order.account_id) if order else UNKNOWN,
            symbol=self._mirror.symbol(fill.contract_id),
            tick_size=self._tick_size(fill.contract_id),
            fee=dollars(self._mirror, fee) if fee else None,
        )

    def _account_name(self, account_id: int) -> str:
        account = self._mirror.accounts.get(account_id)
        return account.name if account else UNKNOWN

    def _tick_size(self, contract_id: int | None) -> Decimal | None:
        product = self._mirror.product(contract_id)
        return product.tick_size if product else None
