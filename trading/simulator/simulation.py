"""The whole simulated service, without a network: everything that the fronts ask and that time moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import entities as e
from .alerts import Alerts
from .bars import Print
from .booking import Booking
from .broker import Broker
from .catalog import Catalog
from .clock import Clock, stamp, trading_day
from .config import Config, Trader
from .delayed import Delayed
from .exchange import Exchange, Trade
from .fault_kinds import Effect, Front
from .faults import Fault, Faults
from .feed import Day, Feed
from .history import write_history
from .limits import Budgets
from .people import People
from .products import PRODUCTS
from .risk import equity
from .sessions import Session, Sessions
from .store import Event, Store
from .tape import Tape, TimeAndSales, day_so_far
from .terms import Refusal
from .venue import Venue

if TYPE_CHECKING:
    from .market_data import View

MOST_STEPS = 2400


@dataclass(frozen=True)
class Received:
    """An order operation as it came in, for tests that compare what was sent with what arrived."""

    route: str
    user_id: int
    timestamp: str
    params: dict[str, Any]


class Simulation:
    """Wires the rooms together. `on_event` and `on_close_session` are set by the sockets' front, `on_tick` too.

    `listed` is the day whose contracts are listed: today's when it is None.
    """

    def __init__(self, config: Config, *, listed: datetime | None = None) -> None:
        self.config = config
        self.people = People(config.traders)
        self.faults = Faults(config.seed)
        for asked in config.faults:
            self.faults.arm(asked, self.user_id(asked.user) if asked.user else None)
        self.clock = Clock(manual=config.manual_clock, start=config.start)
        self.catalog = Catalog(listed or self.clock.now(), session_hours=config.session_hours)
        self.feed = self._make_feed()
        self.tape = Tape(seed=config.seed, tick_seconds=config.tick_seconds, is_open=self._is_open)
        self.fresh: dict[str, list[Print]] = {}
        self.delayed = Delayed(
            catalog=self.catalog,
            seed=config.seed,
            seconds=config.delay_seconds,
            present=self.clock.now,
            sales=self.sales,
        )
        self.exchange = Exchange(self.feed.market)
        self.store = Store(self._event)
        self.booking = Booking(clock=self.clock, catalog=self.catalog, exchange=self.exchange, store=self.store)
        venue = Venue(self.clock, self.catalog, self.feed, self.exchange, self.store, self.booking)
        self.alerts = Alerts(venue)
        self.broker = Broker(venue, max_qty=config.max_order_qty, fault_of_modify=self._fault_of_modify)
        self.sessions = Sessions(config, self.clock, self._session_closed)
        self.budgets = Budgets(config.limits, self.clock.now) if config.limits else None
        self.received: list[Received] = []
        self.on_event: Callable[[Event], None] = _ignore
        self.on_close_session: Callable[[Session], None] = _ignore
        self.on_tick: Callable[[], None] = _nothing
        self.on_strike: Callable[[Effect, int, str], int] = _no_sockets
        self.day: date = trading_day(self.clock.now())
        self.broker.execution.followers.append(self)
        self._owed = 0.0
        self._printed: dict[str, list[Print]] = {}

    def user_id(self, name: str) -> int:
        """The id of a trader by name, in any case. Raises ValueError for a stranger."""
        trader = self.people.named(name)
        if trader is None:
            raise ValueError(f"There is no trader {name!r}.")
        return trader.user_id

    def open_accounts(self) -> None:
        """The first start: users, accounts with cash, and the history of those who shall have one."""
        for trader in self.config.traders:
            self.introduce(trader)
            for spec in trader.accounts:
                self.open_account(trader, spec.name, spec.cash)
        self.begin_market()
        if self.config.history:
            for trader in self.config.traders:
                if trader.has_history:
                    write_history(self, trader)

    def begin_market(self) -> None:
        """Let time and sales begin where the prices stand, and the day's figures follow from them."""
        for walk in self.feed.walks.values():
            self.tape.begin(walk, self.clock.now())
        self.feed.resume_day(self._day_so_far)
        self.delayed.rest()

    def introduce(self, trader: Trader) -> None:
        """Make a trader's user known."""
        self.store.put(self._user(trader), user_id=trader.user_id)

    def open_account(self, trader: Trader, name: str, cash: Decimal) -> e.Account:
        """A new account of a trader with cash in dollars."""
        account = self._account(trader, len(self.store.accounts(trader.user_id)) + 1, name)
        self.booking.open(account, cash)
        return account

    def tick(self) -> None:
        """One step of the market: prices move, working orders trade, quotes go out."""
        if trading_day(self.clock.now()) != self.day:
            self.begin_day()
        self._settle(self.feed.advance(self.clock.now()))

    def traded(self, order: e.Order, trade: Trade) -> None:
        """A trader's trade is a trade of the market: it is printed like any other, and shown with the next step."""
        market = self.feed.market(order.contract_id)
        product = market.listing.spec.name
        one = self.tape.record_trade(product, self.clock.now(), trade.price - market.shift, trade.qty)
        if one is not None:
            self._printed.setdefault(product, []).append(one)
            self.feed.note_trade(market, one)

    def ended(self, order: e.Order, refusal: Refusal | None) -> None:
        """An order that ends unfilled is no matter of the market."""

    def advance(self, seconds: float) -> None:
        """Let time pass on a manual clock, with the market steps that fall into it: one for each `tick_seconds`, or
        MOST_STEPS longer ones when it is a long time."""
        self._owed += seconds
        step = max(self.config.tick_seconds, seconds / MOST_STEPS)
        while self._owed >= step - 1e-9:
            self._owed -= step
            self.clock.advance(step)
            self.tick()
        self.clock.advance(max(0.0, self._owed))
        self._owed = 0.0

    def set_price(self, contract_id: int, ticks: int) -> None:
        """Put a contract's price somewhere and let the orders meet it."""
        self.feed.set_price(contract_id, ticks)
        self._settle([self.catalog.listings[contract_id].spec.name])

    def begin_day(self) -> None:
        """A new trading day: day orders expire, what is finished is served no longer, today's figures start again."""
        self.broker.expire_day_orders()
        self.broker.auto_liq.begin_day()
        worth = {number: equity(ledger, self.feed) for number, ledger in self.booking.ledgers.items()}
        new = trading_day(self.clock.now())
        new_week = new.isocalendar()[:2] != self.day.isocalendar()[:2]
        self.day = new
        self._list_contracts()
        self.feed.open_day()
        working = {ticket.order_id for ticket in self.exchange.working()} | self.exchange.held.keys()
        commands = {command.id for command in self.store.all(e.Command) if command.order_id in working}
        self.store.forget("order", lambda entity: entity.id in working)
        running = self.broker.strategies.running
        self.store.forget("orderStrategy", lambda entity: entity.id in running)
        self.store.forget("orderStrategyLink", lambda entity: getattr(entity, "order_strategy_id", None) in running)
        for name in ("orderVersion", "command"):
            self.store.forget(name, lambda entity: getattr(entity, "order_id", None) in working)
        for name in ("commandReport", "executionReport"):
            self.store.forget(name, lambda entity: getattr(entity, "command_id", None) in commands)
        for name in ("fill", "fillFee", "fillPair", "cashBalanceLog"):
            self.store.forget(name, lambda _: False)
        for account_id, net_liq in worth.items():
            self.booking.begin_day(account_id, new_week=new_week, net_liq=net_liq)
        self.broker.settle_expired()

    def present(self) -> datetime:
        """What time it is in the market that is not replayed."""
        return self.clock.now()

    def sales(self, product: str) -> TimeAndSales:
        """A product's time and sales up to now."""
        return self.tape.sales(product, self.clock.now())

    def now(self) -> datetime:
        """What time it is in this market."""
        return self.clock.now()

    def seen_with(self, mode: str) -> View:
        """The market as a market data entitlement lets it be seen."""
        return self.delayed if mode == "Delayed" else self

    def _make_feed(self) -> Feed:
        return Feed(self.catalog, self.config.seed)

    def _list_contracts(self) -> None:
        self.catalog.extend(self.clock.now())

    def _fault_of_modify(self, user_id: int, route: str) -> Fault | None:
        return self.faults.take(Front.MODIFY, route, user_id)

    def _settle(self, products: Iterable[str]) -> None:
        """Some products have taken a step: orders meet it, and what was traded is shown. Orders trade on the way to
        where the market stands now."""
        self.broker.sweep()
        now = self.clock.now()
        for product in products:
            self._printed.setdefault(product, []).append(self.tape.record(product, now))
        self.alerts.sweep()
        self.fresh, self._printed = self._printed, {}
        self.on_tick()

    def _is_open(self, product: str, moment: datetime) -> bool:
        return self.catalog.product_open(PRODUCTS[product], moment)

    def _day_so_far(self, product: str) -> Day:
        return day_so_far(self.sales(product), self.feed.walks[product].last)

    def _event(self, event: Event) -> None:
        self.on_event(event)

    def _session_closed(self, session: Session) -> None:
        self.on_close_session(session)

    def _user(self, trader: Trader) -> e.User:
        return e.User(
            id=trader.user_id,
            name=trader.name,
            timestamp=stamp(self.clock.now()),
            email=trader.email,
            status="Active",
            professional=False,
        )

    def _account(self, trader: Trader, number: int, name: str) -> e.Account:
        return e.Account(
            id=trader.user_id * 1000 + number,
            name=name,
            user_id=trader.user_id,
            account_type="Customer",
            active=True,
            clearing_house_id=1,
            risk_category_id=1,
            auto_liq_profile_id=1,
            margin_account_type="Speculator",
            legal_status="Individual",
            timestamp=stamp(self.clock.now()),
            readonly=False,
            restricted=False,
            closed=False,
        )


def _ignore(_: object) -> None:
    return


def _nothing() -> None:
    return


def _no_sockets(_effect: Effect, _user_id: int, _reason: str) -> int:
    return 0
