"""What fills do to an account: open lots, FIFO pairs, realised profit, cash. Pure and exact.

Quantities are contracts, prices whole ticks, money Decimal dollars. The profit of a pair is rounded to the cent when
it is booked, once, so that cash always is: deposits + the booked profits - the fees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")
ZERO = Decimal(0)


@dataclass
class Lot:
    """Contracts of one fill that are still open."""

    fill_id: int
    qty: int
    price: int


@dataclass(frozen=True)
class Pair:
    """A bought and a sold quantity that closed each other. `pnl` is in dollars, to the cent."""

    buy_fill_id: int
    sell_fill_id: int
    qty: int
    buy_price: int
    sell_price: int
    pnl: Decimal


@dataclass
class Holding:
    """One contract in one account. `net` is positive when long. The values are price x quantity in ticks, of today's
    fills; `prev_net` and `prev_cost` were carried over from the day before."""

    contract_id: int
    tick_value: Decimal
    lots: list[Lot] = field(default_factory=list)
    net: int = 0
    bought: int = 0
    bought_value: int = 0
    sold: int = 0
    sold_value: int = 0
    prev_net: int = 0
    prev_cost: int = 0

    @property
    def cost(self) -> int:
        """Sum of price x quantity of the open lots, in ticks, always positive."""
        return sum(lot.price * lot.qty for lot in self.lots)

    def open_pnl(self, mark: int) -> Decimal:
        """Dollars won or lost when the open lots were closed at `mark` ticks; exact, not rounded."""
        sign = 1 if self.net > 0 else -1
        return sign * (mark * abs(self.net) - self.cost) * self.tick_value

    def apply(self, fill_id: int, *, buy: bool, qty: int, price: int) -> list[Pair]:
        """Book a fill and return the pairs that it closes, oldest lot first."""
        if buy:
            self.bought += qty
            self.bought_value += qty * price
        else:
            self.sold += qty
            self.sold_value += qty * price
        pairs = []
        left = qty
        while left and self.lots and (self.net > 0) != buy:
            lot = self.lots[0]
            closed = min(left, lot.qty)
            pairs.append(self._pair(lot, fill_id, buy=buy, qty=closed, price=price))
            lot.qty -= closed
            left -= closed
            self.net += closed if buy else -closed
            if not lot.qty:
                del self.lots[0]
        if left:
            self.lots.append(Lot(fill_id, left, price))
            self.net += left if buy else -left
        return pairs

    def close_day(self) -> None:
        """Carry the position over into the next trading day."""
        self.prev_net, self.prev_cost = self.net, self.cost
        self.bought = self.bought_value = self.sold = self.sold_value = 0

    def reopen_day(self, fill_id: int) -> None:
        """Undo today's fills: what was carried over is held again, as of one fill, at the same cost."""
        self.net = self.prev_net
        self.bought = self.bought_value = self.sold = self.sold_value = 0
        price, dearer = divmod(self.prev_cost, abs(self.net)) if self.net else (0, 0)
        lots = [Lot(fill_id, abs(self.net) - dearer, price), Lot(fill_id, dearer, price + 1)]
        self.lots = [lot for lot in lots if lot.qty]

    def _pair(self, lot: Lot, fill_id: int, *, buy: bool, qty: int, price: int) -> Pair:
        bought, sold = (price, lot.price) if buy else (lot.price, price)
        pnl = ((sold - bought) * qty * self.tick_value).quantize(CENT, ROUND_HALF_EVEN)
        ids = (fill_id, lot.fill_id) if buy else (lot.fill_id, fill_id)
        return Pair(*ids, qty, bought, sold, pnl)


@dataclass
class Ledger:
    """One account's money and holdings, in dollars. `cash` = `start_of_day` + `realized` - `fees`. `day_start` and
    `week_start` are what it was worth, open positions included, when the trading day and the week began; these three
    and `paid_in` include every deposit. `realized` is today's, `ever_realized` that of all days."""

    account_id: int
    cash: Decimal
    start_of_day: Decimal
    realized: Decimal = ZERO
    week_realized: Decimal = ZERO
    fees: Decimal = ZERO
    holdings: dict[int, Holding] = field(default_factory=dict)
    ever_realized: Decimal = ZERO
    paid_in: Decimal | None = None
    day_start: Decimal = ZERO
    week_start: Decimal = ZERO

    def __post_init__(self) -> None:
        if self.paid_in is None:  # a new account, or one of an older state file
            self.paid_in = self.day_start = self.week_start = self.start_of_day

    @classmethod
    def opened(cls, account_id: int, cash: Decimal) -> Ledger:
        """A new account with cash in it."""
        return cls(account_id, cash=cash, start_of_day=cash)

    def holding(self, contract_id: int, tick_value: Decimal) -> Holding:
        """The holding of a contract, made when it is the first time."""
        return self.holdings.setdefault(contract_id, Holding(contract_id, tick_value))

    def apply(self, holding: Holding, fill_id: int, *, buy: bool, qty: int, price: int, fee: Decimal) -> list[Pair]:
        """Book a fill and its fee (dollars for the whole fill) and return the pairs that it closes."""
        pairs = holding.apply(fill_id, buy=buy, qty=qty, price=price)
        profit = sum((pair.pnl for pair in pairs), ZERO)
        self.realized += profit
        self.week_realized += profit
        self.ever_realized += profit
        self.fees += fee
        self.cash += profit - fee
        return pairs

    def open_holdings(self) -> Iterator[Holding]:
        """Holdings that are not flat."""
        return (holding for holding in self.holdings.values() if holding.net)

    def deposit(self, amount: Decimal) -> None:
        """Add cash, or take it when negative."""
        self.cash += amount
        self.start_of_day += amount
        self.paid_in = (self.paid_in or ZERO) + amount
        self.day_start += amount
        self.week_start += amount

    def reopen_day(self, fill_id: int) -> None:
        """Undo what was traded today. Positions that were carried over are held as of the fill `fill_id`."""
        self.cash = self.start_of_day
        self.week_realized -= self.realized
        self.ever_realized -= self.realized
        self.realized = self.fees = ZERO
        for holding in self.holdings.values():
            holding.reopen_day(fill_id)

    def close_day(self, *, new_week: bool, net_liq: Decimal | None = None) -> None:
        """Begin a new trading day, with the account worth `net_liq` dollars: today's figures start from zero."""
        self.start_of_day = self.cash
        self.day_start = self.cash if net_liq is None else net_liq
        if new_week:
            self.week_start = self.day_start
        self.realized = self.fees = ZERO
        if new_week:
            self.week_realized = ZERO
        for holding in self.holdings.values():
            holding.close_day()
