"""What an order would meet, gathered from the database and the hub's facts, and put to the checks.

`vet` is the one entry: a few queries and one read from Redis. Tradovate is asked only about a symbol that this
portal does not know, or about a product whose margin and hours it has not read for a week.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from trading.models import Account, Contract, OrderFile, OrderIntent, TradingLimit
from trading.orders import compiled, contracts, facts, kill_switch, looks
from trading.orders.checks import (
    CHECKS_OF_CHANGE,
    CHECKS_OF_RAISE,
    AccountState,
    Finding,
    Listing,
    Sent,
    Situation,
    check,
)
from trading.orders.checks.account import daily_loss
from trading.orders.contracts import Looked
from trading.orders.facts import ContractFacts, Hub
from trading.orders.limits import strictest
from trading.orders.prices import PriceTerms
from trading.orders.session_hours import Hours
from trading.orders.spec import PRICES, OrderSpec
from trading.orders.states import TERMINAL, UNANSWERED, State
from trading.orders.turns import Gate
from trading.tradovate.entities import OrdStatus

# Orders of the last while that the broker's figures may not show yet.
LATELY: Final = dt.timedelta(seconds=60)
# ... and those that may still be at the broker without anybody knowing.
OPEN_FOR: Final = dt.timedelta(days=1)
# Seconds within which the order of a bracket strategy, whose id nobody is told, shows in the broker's figures.
_SHOWS_WITHIN: Final = dt.timedelta(seconds=2)
_CHANGE: Final = OrderIntent.Kind.MODIFY
_CLOSING: Final = OrderIntent.Kind.LIQUIDATE
_PAIR: Final = OrderIntent.Kind.OCO
_COUNTED: Final = [
    *(OrderIntent.Kind.ORDER, OrderIntent.Kind.OCO, OrderIntent.Kind.OSO, OrderIntent.Kind.BRACKET),
    *(_CHANGE, _CLOSING),
]
TERMS_LAST: Final = dt.timedelta(days=7)
# What was made just now will go out, and so will the lines of files that are being sent, however long they wait.
WAITS: Final = State.CREATED
_BEING_SENT: Final = frozenset({OrderFile.State.QUEUED, OrderFile.State.EXECUTING})
_UNDER_WAY: Final = frozenset({State.CREATED, State.SUBMITTING, State.UNKNOWN, State.ACCEPTED, State.WORKING})
_COLUMNS: Final = (
    *("tradovate_id", "name", "expiration_date", "first_intent_date"),
    *("product__tradovate_id", "product__name", "product__tick_size", "product__value_per_point"),
    *("product__currency", "product__product_type", "product__exchange_id_at_broker", "product__exchange"),
    *("product__contract_group_id_at_broker", "product__status"),
    *("product__initial_margin", "product__terms_read_at"),
    *("product__session__all_day", "product__session__open_time"),
    *("product__session__close_time", "product__session__sunday_open_time"),
)
_CAME_TO_NOTHING: Final = frozenset({State.REJECTED, State.CANCELLED, State.EXPIRED, State.ABSENT, State.INEFFECTIVE})


def _under_way(account: int, lately: dt.datetime, oldest: dt.datetime) -> QuerySet[OrderIntent, tuple[Any, ...]]:
    """What was made for an account since `lately`, or since `oldest` and has not ended; not what came to nothing."""
    counts = Q(state__in=_UNDER_WAY) | Q(created_at__gte=lately)
    kinds = Q(kind__in=_COUNTED) | Q(kind=OrderIntent.Kind.LEG, lead__kind=_PAIR)
    made = OrderIntent.objects.filter(counts, kinds, account=account, created_at__gte=oldest)
    has_not_traded = Q(filled_qty=0) | Q(kind=_CLOSING)
    return made.exclude(has_not_traded, state__in=_CAME_TO_NOTHING).values_list(
        *("symbol", "action", "order_qty", "created_at", "order_id_at_broker", "state", "changed_at", "filled_qty"),
        *("kind", "target_order_id", "pk", "lead_id", "line__file__state"),
    )


def _listed(environment: str, symbols: list[str]) -> QuerySet[Contract, tuple[Any, ...]]:
    # Columns and no objects: of all that is read for each order this is the most.
    return Contract.objects.named(*symbols).filter(environment=environment).values_list(*_COLUMNS)


def _limiting(account: int, user: int) -> QuerySet[TradingLimit, tuple[Any, ...]]:
    """Those for one account, and those for each."""
    apply = TradingLimit.objects.filter(Q(account=None) | Q(account=account), user=user)
    return apply.order_by("set_by", "account_id", "product").values_list(*compiled.columns(TradingLimit))


_LISTED: Final = compiled.Read(lambda environment, symbol: _listed(environment, [symbol]), environment=str, symbol=str)
_MADE: Final = compiled.Read(_under_way, account=int, lately=dt.datetime, oldest=dt.datetime)
_LIMITING: Final = compiled.Read(_limiting, account=int, user=int)


@dataclass(frozen=True)
class Vetted:
    """What is to be said about an order before an intent is made of it; with an error among it it may not go out. The
    `gate` belongs to the making: it holds to the checks whatever was made for the account meanwhile. `looked` is what
    Tradovate was asked about the symbol."""

    findings: tuple[Finding, ...]
    gate: Gate
    looked: Looked

    @property
    def refuses(self) -> bool:
        return any(finding.is_error for finding in self.findings)


def vet(
    spec: OrderSpec, account: Account | None = None, *, without: Collection[int] = (), looked: Looked | None = None
) -> Vetted:
    """Put an order to its checks; orders (Tradovate's ids) that it waits to see ended do not count. `account` is its
    account, when it was read just now, with its connection; `looked` as in look_around. For threads without a running
    event loop. Raises Account.DoesNotExist."""
    return _vetted(spec, lambda around: check(spec, around.situation(spec.symbol).without(without)), account, looked)


def vet_change(standing: looks.Standing, becomes: OrderSpec) -> Vetted:
    """Put a working order, as it stands at Tradovate, that is to become this to the checks.

    What it has already counts towards the broker's figures: only the contracts that come on top are put to all checks.
    But an entry that is moved is a new entry: the day's loss holds for it. Raises as vet.
    """
    order_id, more = standing.order.id, becomes.order_qty - standing.version.order_qty
    # Of two linked orders only one trades: what the one does is no more because the other one works.
    linked = [one for one in (order_id, standing.order.oco_id) if one is not None]

    def checked(around: Surroundings) -> tuple[Finding, ...]:
        situation = around.situation(becomes.symbol)
        # Of several changes of one order the last one holds; they do not add up. What Tradovate says that it has now
        # may be more than the hub has told yet: an earlier change may just have taken effect.
        qty = becomes.order_qty - more
        has = Sent(becomes.symbol, becomes.action, qty, situation.now, order_id=order_id, changes=order_id)
        others = (one for one in situation.sent if one.changes != order_id)
        situation = replace(situation, sent=(*others, has), waits=standing.order.ord_status == OrdStatus.SUSPENDED)
        filled = situation.facts.filled(order_id) if situation.facts else 0
        own = replace(situation.without(linked), filled=filled)
        which = CHECKS_OF_RAISE if more > 0 else CHECKS_OF_CHANGE
        if _moves_entry(standing, becomes, own):
            which = (*which, daily_loss)
        found = check(becomes, own, which)
        if more > 0 and not any(finding.is_error for finding in found):
            added = replace(becomes, order_qty=more, max_show=None)
            found += tuple(finding for finding in check(added, situation) if finding not in found)
        return found

    return _vetted(becomes, checked)


def _moves_entry(standing: looks.Standing, becomes: OrderSpec, situation: Situation) -> bool:
    """Whether a change gives other terms than a number of contracts to what may do more than close a position. What
    hangs on another order is its exit."""
    named = {name: getattr(becomes, name) for name in ("order_type", *PRICES)}
    moved = any(value is not None and value != getattr(standing.version, name) for name, value in named.items())
    return moved and standing.order.parent_id is None and not situation.only_reduces(becomes)


def _vetted(
    spec: OrderSpec,
    checked: Callable[[Surroundings], tuple[Finding, ...]],
    account: Account | None = None,
    looked: Looked | None = None,
) -> Vetted:
    around = look_around(account or spec.account_id, [spec.symbol], looked).with_kill_switch()

    def again() -> tuple[Finding, ...]:
        # The broker's figures stay: what was made since they were told counts as under way.
        return checked(around.with_sent(_sent(spec.account_id, timezone.now())))

    return Vetted(checked(around), Gate(around.made, again), around.looked)


@dataclass(frozen=True)
class Surroundings:
    """What all orders of one account meet: `base` is the situation without a contract, `made` is Account.orders_made
    from before anything else was read."""

    account_id: int
    connection_id: int
    environment: str
    base: Situation
    looked: Looked
    listings: dict[str, Listing]
    limits: tuple[TradingLimit, ...]
    made: int

    def with_kill_switch(self) -> Surroundings:
        """The same as a thrown kill switch has it. Not for files: those are written while it is, and wait."""
        return replace(self, base=replace(self.base, stopped=kill_switch.stopped(self.connection_id)))

    def with_sent(self, sent: tuple[Sent, ...]) -> Surroundings:
        """The same with these orders of the portal's. Limits add up contracts of a product, and more: what was sent for
        others than these symbols counts, too."""
        others = {one.symbol for one in sent} - self.listings.keys()
        listed = _listings(self.environment, list(others)) if others else {}
        sent_for = {name: listing.counts_as for name, listing in listed.items()}
        return replace(self, base=replace(self.base, sent=sent, sent_for=sent_for, added_up=None))

    def but_for(self, intent_ids: Collection[int]) -> Surroundings:
        """The same without these intents: what they themselves meet."""
        those = {*intent_ids}
        sent = tuple(one for one in self.base.sent if not {one.intent_id, one.pair} & those)
        return replace(self, base=replace(self.base, sent=sent, added_up=None))

    def after(self, spec: OrderSpec) -> Surroundings:
        """What further orders meet once this one has traded."""
        after = self.situation(spec.symbol).after(spec)
        return replace(self, base=replace(self.base, assumed=after.assumed, added_up=after.added_up))

    def situation(self, symbol: str) -> Situation:
        """The situation of an order for this symbol."""
        listing = self.listings.get(symbol)
        return replace(
            self.base,
            listing=listing,
            near=self.looked.near.get(symbol, ()),
            front_month=self.looked.front.get(symbol, ""),
            rules=strictest(self.limits, self.account_id, listing.product if listing else "", self.base.now),
        )


def look_around(
    account: Account | int,
    symbols: Iterable[str],
    looked: Looked | None = None,
    hub: Hub | None = None,
) -> Surroundings:
    """Gather what orders of an account (a pk, or as it was read just now with its connection) for these symbols meet;
    `looked` is what was looked up before, and then Tradovate is not asked. `hub` tells a connection's facts in place of
    Redis.

    Raises Account.DoesNotExist.
    """
    now = timezone.now()
    if isinstance(account, int):
        account = Account.objects.select_related("connection").get(pk=account)
    symbols = list(dict.fromkeys(symbols))
    environment = account.connection.environment
    listings, unasked = _listings(environment, symbols), ""
    if looked is None:
        looked = Looked({})
        if len(listings) < len(symbols) or any(_needs_a_look(one, now) for one in listings.values()):
            looked, unasked = _look(account, symbols)
            listings = _listings(environment, symbols)
    base = Situation(
        now=now,
        account=_state(account),
        largest=settings.ORDER_MAX_QUANTITY,
        unasked=unasked,
        facts=(hub or facts.read)(account.connection_id),
        contract_ids={name: listing.id for name, listing in listings.items()},
    )
    limits = _limits(account)
    around = Surroundings(
        account.pk, account.connection_id, environment, base, looked, listings, limits, account.orders_made
    )
    return around.with_sent(_sent(account.pk, now))


def _state(account: Account) -> AccountState:
    return AccountState(
        account.tradovate_id,
        account.name,
        closed=account.closed,
        readonly=account.readonly,
        signed_in=account.connection.is_authorised,
        is_replay=account.connection.is_replay,
    )


def _limits(account: Account) -> tuple[TradingLimit, ...]:
    """The limits for this account, and those for each."""
    rows = _LIMITING.rows(account=account.pk, user=account.connection.user_id)
    found = tuple(compiled.instance(TradingLimit, row) for row in rows)
    for limit in found:
        if limit.account_id is not None:
            limit.account = account
    return found


def _look(account: Account, symbols: list[str]) -> tuple[Looked, str]:
    """What Tradovate says of the symbols, and why it could not be asked."""
    try:
        return contracts.look_up(account.connection, symbols), ""
    except contracts.ContractsUnavailable as problem:
        return Looked({}), str(problem)


def _needs_a_look(listing: Listing, now: dt.datetime) -> bool:
    """Whether it has expired, or its margin and hours were not read for long: the hub keeps neither."""
    read_at = listing.terms_read_at
    return listing.expires <= now or read_at is None or read_at < now - TERMS_LAST


def _sent(account_id: int, now: dt.datetime) -> tuple[Sent, ...]:
    """What this portal made of late, or cannot be sure of."""
    rows = _MADE.rows(account=account_id, lately=now - LATELY, oldest=now - OPEN_FOR)
    return tuple(
        Sent(
            symbol=symbol,
            action=action,
            qty=qty or 0,
            at=at,
            order_id=order_id,
            pending=state in UNANSWERED
            or (state == WAITS and file in _BEING_SENT)
            or changed >= now - (LATELY if order_id or state == WAITS else _SHOWS_WITHIN),
            changes=target if kind == _CHANGE else None,
            closes=kind == _CLOSING,
            intent_id=intent_id,
            pair=intent_id if kind == _PAIR else lead,
            ended_at=changed if state in TERMINAL else None,
            traded=filled if state in _CAME_TO_NOTHING else None,
        )
        for symbol, action, qty, at, order_id, state, changed, filled, kind, target, intent_id, lead, file in rows
    )


def _listings(environment: str, symbols: list[str]) -> dict[str, Listing]:
    """The contracts of these symbols that were ever seen, each with its product's terms."""
    if len(symbols) == 1:
        found = _LISTED.rows(environment=environment, symbol=symbols[0])
    else:
        found = list(_listed(environment, symbols))
    rows = [dict(zip(_COLUMNS, row, strict=True)) for row in found]
    return {row["name"]: _listing(row) for row in rows}


def _listing(row: Mapping[str, Any]) -> Listing:
    product = {name.removeprefix("product__"): value for name, value in row.items()}
    hours = Hours(
        open_time=product["session__open_time"],
        close_time=product["session__close_time"],
        sunday_open_time=product["session__sunday_open_time"],
        all_day=bool(product["session__all_day"]),
    )
    return Listing(
        symbol=row["name"],
        counts_as=ContractFacts(
            id=row["tradovate_id"],
            product_id=row["product__tradovate_id"],
            product=row["product__name"],
            exchange_id=product["exchange_id_at_broker"],
            product_type=product["product_type"],
            contract_group_id=product["contract_group_id_at_broker"],
            status=product["status"],
        ),
        terms=PriceTerms(product["tick_size"], product["value_per_point"], product["currency"]),
        expires=row["expiration_date"],
        first_intent=row["first_intent_date"],
        margin=product["initial_margin"],
        # Without a session its hours are not known.
        hours=None if product["session__all_day"] is None else hours,
        exchange=product["exchange"],
        terms_read_at=product["terms_read_at"],
    )
