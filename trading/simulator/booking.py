"""Accounts' books: fills become positions, pairs, fees, cash and margin, saved as entities."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from . import entities as e
from . import risk
from .cash_log import Entry, fill_entries, lines
from .catalog import USD, Catalog, Listing
from .clock import Clock, stamp, trading_day
from .exchange import Exchange, Trade
from .ledger import CENT, ZERO, Holding, Ledger, Pair
from .products import ProductSpec
from .risk_entities import AccountRiskStatus
from .store import Event, Store

CLEARING_FEE = Decimal("0.10")
NFA_FEE = Decimal("0.02")
COMMISSION = Decimal("0.39")
"""Dollars per contract and side, besides the product's exchange fee."""


def fees_per_contract(spec: ProductSpec) -> Decimal:
    """Dollars that one contract costs on one side: exchange, clearing, NFA and commission."""
    return spec.fee + CLEARING_FEE + NFA_FEE + COMMISSION


class Booking:
    """Keeps the ledgers of all accounts and the entities that show them."""

    def __init__(self, *, clock: Clock, catalog: Catalog, exchange: Exchange, store: Store) -> None:
        self._clock = clock
        self._catalog = catalog
        self._exchange = exchange
        self._store = store
        self.ledgers: dict[int, Ledger] = {}
        self._position_ids: dict[tuple[int, int], int] = {}
        self._balance_ids: dict[int, int] = {}
        self._known: set[tuple[int, int]] = set()

    def put(self, entity: e.Entity, account_id: int) -> None:
        """Save an entity that belongs to an account."""
        account = self._store.get(e.Account, account_id)
        if account is None:
            raise LookupError(f"There is no account {account_id}.")
        self._store.put(entity, user_id=account.user_id, account_id=account_id)

    def open(self, account: e.Account, cash: Decimal) -> None:
        """Open an account with cash in it."""
        now = self._clock.now()
        self.ledgers[account.id] = Ledger.opened(account.id, cash)
        self._store.put(account, user_id=account.user_id, account_id=account.id)
        self.put(AccountRiskStatus(id=account.id, admin_action="Normal", admin_timestamp=stamp(now)), account.id)
        self.balance(account.id)
        self.margin(account.id)

    def begin_day(self, account_id: int, *, new_week: bool, net_liq: Decimal) -> None:
        """Carry an account, worth `net_liq` dollars, over into a new trading day."""
        ledger = self.ledgers[account_id]
        ledger.close_day(new_week=new_week, net_liq=net_liq)
        for holding in ledger.open_holdings():
            self.position(account_id, holding)
        self._log(account_id, [Entry("NewSession", ZERO)])
        self.balance(account_id)

    def reopen_day(self, account_id: int) -> None:
        """Take an account's money and positions back to where the trading day began. The day's fills and pairs stay to
        be read and are active no more."""
        for name in ("fill", "fillPair"):
            for row in list(self._store.rows[name].values()):
                if row.account_id == account_id and isinstance(row.entity, e.Fill | e.FillPair):
                    row.entity.active = False
                    self.put(row.entity, account_id)
        ledger = self.ledgers[account_id]
        undone = ledger.start_of_day - ledger.cash
        ledger.reopen_day(self._store.next_id())
        for holding in ledger.holdings.values():
            self.position(account_id, holding)
        self._log(account_id, [Entry("ManualAdjustment", undone, comment="The day was reset")])
        self.balance(account_id)
        self.margin(account_id)

    def deposit(self, account_id: int, amount: Decimal, comment: str | None = None) -> None:
        """Pay dollars in, or out when negative. The peak of a trailing drawdown moves by as much (guide,
        changeDemoBalance)."""
        self.ledgers[account_id].deposit(amount)
        self._log(account_id, [Entry("FundTransaction", amount, comment=comment)])
        self.balance(account_id)
        status = self._store.get(AccountRiskStatus, account_id)
        if status is not None and status.max_net_liq is not None:
            self.put(msgspec.structs.replace(status, max_net_liq=status.max_net_liq + amount), account_id)

    def restore(self) -> None:
        """Take ids over from the entities of an earlier run."""
        for position in self._store.all(e.Position):
            self._position_ids[position.account_id, position.contract_id] = position.id
        for balance in self._store.all(e.CashBalance):
            self._balance_ids[balance.account_id] = balance.id
        for row in self._store.rows["order"].values():
            if isinstance(row.entity, e.Order):
                self._known.add((row.user_id, row.entity.contract_id))

    def introduce(self, user_id: int, listing: Listing) -> None:
        """Report a contract, its maturity and its product to a user who has not met them."""
        if (user_id, listing.contract_id) in self._known:
            return
        self._known.add((user_id, listing.contract_id))
        contract = self._catalog.contracts[listing.contract_id]
        maturity = self._catalog.maturities[contract.contract_maturity_id]
        product = next(product for product in self._catalog.products if product.id == maturity.product_id)
        for name, entity in (("product", product), ("contractMaturity", maturity), ("contract", contract)):
            self._store.report(Event(user_id, None, name, "Created", e.raw(entity)))

    def fill(self, order: e.Order, trade: Trade) -> e.Fill:
        """Save a fill and its fees."""
        now = self._clock.now()
        spec = self._catalog.listings[order.contract_id].spec
        fill = e.Fill(
            id=self._store.next_id(),
            order_id=order.id,
            contract_id=order.contract_id,
            timestamp=stamp(now),
            trade_date=e.TradeDate.of(trading_day(now)),
            action=order.action,
            qty=trade.qty,
            price=spec.price(trade.price),
            active=True,
            finally_paired=0,
        )
        self.put(fill, order.account_id)
        fee = e.FillFee(
            id=fill.id,
            clearing_fee=CLEARING_FEE * trade.qty,
            clearing_currency_id=USD,
            exchange_fee=spec.fee * trade.qty,
            exchange_currency_id=USD,
            nfa_fee=NFA_FEE * trade.qty,
            nfa_currency_id=USD,
            commission=COMMISSION * trade.qty,
            commission_currency_id=USD,
        )
        self.put(fee, order.account_id)
        return fill

    def book(self, order: e.Order, trade: Trade, fill: e.Fill) -> None:
        """Book a saved fill: position, pairs, cash."""
        fee = self._store.get(e.FillFee, fill.id)
        if fee is None:
            raise LookupError(f"Fill {fill.id} has no fees.")
        fees = fee.clearing_fee + fee.exchange_fee + fee.nfa_fee + fee.commission
        ledger = self.ledgers[order.account_id]
        spec = self._catalog.listings[order.contract_id].spec
        holding = ledger.holding(order.contract_id, spec.tick_value)
        pairs = ledger.apply(holding, fill.id, buy=trade.ticket.buy, qty=trade.qty, price=trade.price, fee=fees)
        position_id = self.position(order.account_id, holding)
        numbered = [(self._pair(order.account_id, position_id, spec, pair), pair) for pair in pairs]
        self._log(order.account_id, fill_entries(fee, numbered))
        self.balance(order.account_id)
        self.margin(order.account_id)

    def _pair(self, account_id: int, position_id: int, spec: ProductSpec, pair: Pair) -> int:
        """Save a pair, and in its two fills how many of their contracts are paired; return its id."""
        saved = e.FillPair(
            id=self._store.next_id(),
            position_id=position_id,
            buy_fill_id=pair.buy_fill_id,
            sell_fill_id=pair.sell_fill_id,
            qty=pair.qty,
            buy_price=spec.price(pair.buy_price),
            sell_price=spec.price(pair.sell_price),
            active=True,
        )
        self.put(saved, account_id)
        for fill_id in (pair.buy_fill_id, pair.sell_fill_id):
            if fill := self._store.get(e.Fill, fill_id):  # one of an earlier day is served no longer
                fill.finally_paired += pair.qty
                self.put(fill, account_id)
        return saved.id

    def _log(self, account_id: int, entries: Iterable[Entry]) -> None:
        account = self._store.get(e.Account, account_id)
        now = self._clock.now()
        for line in lines(self.ledgers[account_id], entries):
            logged = e.CashBalanceLog(
                id=self._store.next_id(),
                account_id=account_id,
                timestamp=stamp(now),
                trade_date=e.TradeDate.of(trading_day(now)),
                currency_id=USD,
                amount=line.amount,
                realized_pnl=line.realized,
                week_realized_pnl=line.week_realized,
                cash_change_type=line.entry.change_type,
                fill_pair_id=line.entry.fill_pair_id,
                fill_id=line.entry.fill_id,
                comment=line.entry.comment,
                delta=line.entry.delta,
            )
            self._store.keep(logged, user_id=account.user_id if account else 0, account_id=account_id)

    def position(self, account_id: int, holding: Holding) -> int:
        """Save an account's position in a contract and return its id."""
        now = self._clock.now()
        spec = self._catalog.listings[holding.contract_id].spec
        key = account_id, holding.contract_id
        if key not in self._position_ids:
            self._position_ids[key] = self._store.next_id()
        position = e.Position(
            id=self._position_ids[key],
            account_id=account_id,
            contract_id=holding.contract_id,
            timestamp=stamp(now),
            trade_date=e.TradeDate.of(trading_day(now)),
            net_pos=holding.net,
            net_price=spec.tick * holding.cost / abs(holding.net) if holding.net else None,
            bought=holding.bought,
            bought_value=spec.tick * holding.bought_value,
            sold=holding.sold,
            sold_value=spec.tick * holding.sold_value,
            prev_pos=holding.prev_net,
            prev_price=spec.tick * holding.prev_cost / abs(holding.prev_net) if holding.prev_net else None,
        )
        self.put(position, account_id)
        return position.id

    def balance(self, account_id: int) -> None:
        """Save an account's cashBalance."""
        now = self._clock.now()
        ledger = self.ledgers[account_id]
        if account_id not in self._balance_ids:
            self._balance_ids[account_id] = self._store.next_id()
        self.put(
            e.CashBalance(
                id=self._balance_ids[account_id],
                account_id=account_id,
                timestamp=stamp(now),
                trade_date=e.TradeDate.of(trading_day(now)),
                currency_id=USD,
                amount=ledger.cash.quantize(CENT),
                realized_pnl=ledger.realized.quantize(CENT),
                week_realized_pnl=ledger.week_realized.quantize(CENT),
                amount_sod=ledger.start_of_day.quantize(CENT),
            ),
            account_id,
        )

    def margin(self, account_id: int) -> None:
        """Save an account's marginSnapshot."""
        ledger = self.ledgers[account_id]
        self.put(risk.margin_snapshot(ledger, self._catalog, self._exchange.working(), self._clock.now()), account_id)
