"""What an order would meet, gathered from the database: no network for what is known."""

import asyncio
import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from django.utils import timezone
from time_machine import TimeMachineFixture

from accounts.models import Connection
from tests.trading.cast import contracts_of, listed, sign_in
from tests.trading.orders.pressing import contract_id
from trading.models import Account, OrderIntent, Product, ProductSession, TradingLimit
from trading.orders import contracts, facts, intents, pretrade, product_terms
from trading.orders.checks import Finding
from trading.orders.facts import AccountFacts, Facts, MarkFacts, OrderFacts, PositionFacts
from trading.orders.looks import Standing
from trading.orders.spec import OrderSpec
from trading.orders.states import State
from trading.orders.trading_days import CHICAGO
from trading.simulator import Config, RunningSimulator, serve
from trading.tradovate import Tradovate
from trading.tradovate.entities import Order, OrderVersion


def order(account: Account, symbol: str, action: str = "Buy", qty: int = 1, **terms: object) -> OrderSpec:
    return OrderSpec(account_id=account.pk, symbol=symbol, action=action, order_qty=qty, **terms)


def examine(spec: OrderSpec) -> tuple[Finding, ...]:
    return pretrade.vet(spec).findings


def said(findings: tuple[Finding, ...]) -> set[tuple[str, str]]:
    return {(finding.severity.value, finding.field) for finding in findings}


SATURDAY = 5
NO_HUB = {("warning", "account")}


def test_a_contract_seen_for_the_first_time_is_looked_up_with_its_terms(account: Account, symbol: str) -> None:
    assert said(examine(order(account, symbol))) == NO_HUB
    product = Product.objects.get(name="ES")
    assert (product.exchange, product.product_type, product.initial_margin) == ("CME", "Futures", Decimal(22400))
    assert ProductSession.objects.get(product=product).all_day


def test_what_is_known_costs_no_network_and_few_queries(
    account: Account, symbol: str, settings, django_assert_max_num_queries
) -> None:
    examine(order(account, symbol))
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    with django_assert_max_num_queries(5):
        assert said(examine(order(account, symbol))) == NO_HUB


def test_an_unknown_symbol_is_an_error_with_names_like_it(account: Account) -> None:
    finding = next(one for one in examine(order(account, "ESZZ")) if one.is_error)
    assert finding.message.startswith("Tradovate knows no contract ESZZ. Did you mean ES")


def test_an_expired_contract_names_the_front_month(connection: Connection, account: Account) -> None:
    listing = contracts_of(connection, "ES")
    expired = next(name for name, is_expired in listing.items() if is_expired)
    front = next(name for name, is_expired in listing.items() if not is_expired)
    finding = next(one for one in examine(order(account, expired)) if one.is_error)
    assert f"The front month is {front}" in finding.message


def test_a_broker_that_does_not_answer_makes_no_error(connection: Connection, account: Account, settings) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    Connection.objects.update(api_hosts={})
    assert said(examine(order(account, "ESZ9"))) == NO_HUB | {("warning", "symbol")}


def test_missing_terms_are_read_once_and_their_absence_hinders_nothing(
    connection: Connection, account: Account, symbol: str, settings, simulator: RunningSimulator
) -> None:
    contracts.look_up(connection, [symbol])
    # As the journal writes a product: without session and margin.
    Product.objects.update(terms_read_at=None, initial_margin=None)
    ProductSession.objects.all().delete()
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    assert contracts.look_up(connection, [symbol]).found[symbol].name == symbol
    assert ("note", "session") in said(examine(order(account, symbol)))
    settings.SIMULATOR_URL = simulator.url
    contracts.look_up(connection, [symbol])
    assert said(examine(order(account, symbol))) == NO_HUB


@pytest.mark.parametrize("fault", ["expire_token", "error_500", "garbage"])
@pytest.mark.parametrize("route", ["productmargin/item", "productsession/item", "exchange/item"])
def test_terms_that_cannot_be_read_do_not_hide_their_contract(
    connection: Connection, account: Account, symbol: str, simulator: RunningSimulator, fault: str, route: str
) -> None:
    simulator.control.fault(fault, route, times=9)
    assert contracts.look_up(connection, [symbol]).found[symbol].name == symbol
    assert not any(finding.is_error for finding in examine(order(account, symbol)))


def test_what_the_trader_may_not_read_leaves_the_other_terms(
    connection: Connection, symbol: str, simulator: RunningSimulator
) -> None:
    simulator.control.fault("expire_token", "productmargin/item")
    product = contracts.look_up(connection, [symbol]).found[symbol].product
    assert (product.initial_margin, product.currency, product.exchange) == (None, "USD", "CME")
    assert product.terms_read_at is not None, "else each order would ask for them again"


@pytest.mark.parametrize("fault", ["expire_token", "error_500", "garbage"])
@pytest.mark.parametrize("route", ["productmargin/item", "exchange/item"])
def test_terms_that_cannot_be_read_any_more_stay_as_they_were(
    connection: Connection, symbol: str, simulator: RunningSimulator, fault: str, route: str
) -> None:
    known = Product.objects.filter(pk=contracts.look_up(connection, [symbol]).found[symbol].product_id)
    known.update(terms_read_at=timezone.now() - dt.timedelta(days=1))
    simulator.control.fault(fault, route, times=9)
    contracts.look_up(connection, [symbol])
    assert known.values_list("initial_margin", "exchange", "currency").get() == (Decimal(22400), "CME", "USD")


def test_a_product_that_tradovate_fails_to_tell_leaves_the_terms_of_the_other_ones(
    connection: Connection, symbol: str, simulator: RunningSimulator
) -> None:
    simulator.control.fault("error_500", "productmargin/item")
    both = [symbol, listed(connection, "GC")]
    margins = {one.product.initial_margin for one in contracts.look_up(connection, both).found.values()}
    assert len(margins) == 2
    assert None in margins
    margins = {one.product.initial_margin for one in contracts.look_up(connection, both).found.values()}
    assert None not in margins


def test_the_same_order_twice_is_told(account: Account, symbol: str) -> None:
    intents.create(order(account, symbol), "test:1")
    assert said(examine(order(account, symbol))) == NO_HUB | {("warning", "order_qty")}
    assert said(examine(order(account, symbol, "Sell"))) == NO_HUB
    OrderIntent.objects.update(created_at=timezone.now() - dt.timedelta(seconds=11))
    assert said(examine(order(account, symbol))) == NO_HUB


def test_what_was_cancelled_after_some_of_it_traded_was_made_all_the_same(account: Account, symbol: str) -> None:
    """What has traded counts until the figures show it, and no more than that."""
    made = intents.create(order(account, symbol, qty=3), "test:1")
    gone = OrderIntent.objects.filter(pk=made.pk)
    known = {"heard_at": timezone.now(), "accounts": [AccountFacts(id=account.tradovate_id)], "position_limits": []}
    facts._client().set(facts.key(account.connection_id), facts.encode(Facts(**known)))
    for state in (State.CANCELLED, State.EXPIRED):
        gone.update(state=state, filled_qty=0)
        assert ("warning", "order_qty") not in said(examine(order(account, symbol, qty=3)))
        gone.update(state=state, filled_qty=1)
        assert ("warning", "order_qty") in said(examine(order(account, symbol, qty=3)))
    around = pretrade.look_around(account, [symbol]).situation(symbol)
    assert around.holdings.of(contract_id(symbol)).buys == 1


def test_limits_of_trader_and_staff_hold_for_their_account_and_product(
    simulator: RunningSimulator, account: Account, symbol: str
) -> None:
    user = account.connection.user
    TradingLimit.objects.create(user=user, max_order_qty=10)
    TradingLimit.objects.create(user=user, account=account, product="ES", set_by="staff", max_order_qty=4)
    TradingLimit.objects.create(user=user, product="NQ", max_order_qty=1)
    TradingLimit.objects.create(user=sign_in(simulator, "pro").user, max_order_qty=1)
    assert said(examine(order(account, symbol, qty=4))) == NO_HUB
    (finding,) = (one for one in examine(order(account, symbol, qty=5)) if one.is_error)
    assert finding.message == "5 contracts: support's limit is 4 in one order (DEMO1001001, ES)."


def test_orders_that_wait_to_be_sent_count_towards_a_position(account: Account, symbol: str) -> None:
    TradingLimit.objects.create(user=account.connection.user, max_position=3)
    known = Facts(heard_at=timezone.now(), accounts=[AccountFacts(id=account.tradovate_id)], position_limits=[])
    facts._client().set(facts.key(account.connection_id), facts.encode(known))
    waiting = intents.create(order(account, symbol, qty=2), "file:1:1")
    assert ("error", "position") in said(examine(order(account, symbol, qty=3)))
    assert ("error", "position") not in said(examine(order(account, symbol)))
    OrderIntent.objects.filter(pk=waiting.pk).update(state="cancelled")
    assert ("error", "position") not in said(examine(order(account, symbol, qty=3)))


@pytest.mark.parametrize("change", [{"closed": True}, {"readonly": True}])
def test_an_account_that_cannot_trade(account: Account, symbol: str, change: dict[str, bool]) -> None:
    contracts.look_up(account.connection, [symbol])
    Account.objects.update(**change)
    assert ("error", "account") in said(examine(order(account, symbol)))


def test_who_is_signed_out_sends_nothing(account: Account, symbol: str) -> None:
    contracts.look_up(account.connection, [symbol])
    account.connection.forget_tokens()
    assert ("error", "account") in said(examine(order(account, symbol)))


def test_hours_that_tradovate_does_not_tell_are_said(account: Account, symbol: str) -> None:
    contracts.look_up(account.connection, [symbol])
    ProductSession.objects.update(all_day=False, open_time=None)
    assert said(examine(order(account, symbol))) == NO_HUB | {("note", "session")}


@pytest.fixture
def keeping_hours(settings, redis_url: str, transactional_db: None) -> Iterator[Connection]:
    """A trader of a simulator whose products close."""
    secret = settings.SIMULATOR_CLIENT_SECRET
    with serve(Config(seed=7, manual_clock=True, history=False, session_hours=True, client_secret=secret)) as running:
        settings.SIMULATOR_URL = running.url
        yield sign_in(running)


def test_hours_that_tradovate_tells_close_a_product(
    keeping_hours: Connection, time_machine: TimeMachineFixture
) -> None:
    account, symbol = keeping_hours.accounts.get(), listed(keeping_hours, "ES")
    contracts.look_up(keeping_hours, [symbol])
    hours = ProductSession.objects.values_list("all_day", "open_time", "close_time", "sunday_open_time")
    assert hours.get(product__name="ES") == (False, dt.time(17), dt.time(16), dt.time(17))
    today = timezone.now().astimezone(CHICAGO).replace(hour=12)
    time_machine.move_to(today + dt.timedelta(days=(SATURDAY - today.weekday()) % 7))
    assert said(examine(order(account, symbol))) == NO_HUB | {("error", "session")}


def test_a_contract_that_may_be_delivered_is_told(
    account: Account, connection: Connection, time_machine: TimeMachineFixture
) -> None:
    gold = listed(connection, "GC")
    first_intent = contracts.look_up(connection, [gold]).found[gold].first_intent_date
    assert first_intent is not None
    time_machine.move_to(first_intent - dt.timedelta(minutes=1))
    assert ("warning", "symbol") not in said(examine(order(account, gold)))
    time_machine.move_to(first_intent)
    (told,) = (one.message for one in examine(order(account, gold)) if one.field == "symbol")
    assert "past its first intent date" in told


def test_a_product_that_tradovate_sets_aside_is_told(account: Account, connection: Connection, symbol: str) -> None:
    product = contracts.look_up(connection, [symbol]).found[symbol].product
    (terms,) = asyncio.run(terms_of(connection, product.tradovate_id))
    locked = replace(terms, product=msgspec.structs.replace(terms.product, status="Locked"))
    product_terms.keep(connection.environment, [locked])
    assert said(examine(order(account, symbol))) == NO_HUB | {("warning", "symbol")}


def test_a_product_is_in_dollars_unless_tradovate_names_another_currency(connection: Connection, symbol: str) -> None:
    product = contracts.look_up(connection, [symbol]).found[symbol].product
    assert product.currency == "USD"
    (terms,) = asyncio.run(terms_of(connection, product.tradovate_id))
    product_terms.keep(connection.environment, [replace(terms, currency="EUR")])
    assert contracts.look_up(connection, [symbol]).found[symbol].product.currency == "EUR"


async def terms_of(connection: Connection, product_id: int) -> list[product_terms.ProductTerms]:
    assert connection.tokens is not None
    async with Tradovate(connection.hosts, connection.tokens.access_token) as client:
        return await product_terms.read(client, [product_id])


@pytest.fixture
def collared(connection: Connection, account: Account, symbol: str) -> Iterator[None]:
    """Two contracts are held at 5000, two linked orders are to close them, and no price may be 40 ticks from the last
    one."""
    examine(order(account, symbol))
    mine, key = account.tradovate_id, contract_id(symbol)
    legs = [
        OrderFacts(id=one, account_id=mine, contract_id=key, action="Sell", left=2, oco_id=other)
        for one, other in ((7, 8), (8, 7))
    ]
    told = Facts(
        heard_at=timezone.now(),
        accounts=[AccountFacts(id=mine)],
        positions=[PositionFacts(account_id=mine, contract_id=key, net_pos=2)],
        orders=legs,
        marks=[MarkFacts(contract_id=key, price=Decimal(5000), at=timezone.now())],
        position_limits=[],
    )
    facts._client().set(facts.key(connection.pk), facts.encode(told))
    TradingLimit.objects.create(user=connection.user, collar_ticks=40, max_order_qty=1)
    yield
    facts._client().delete(facts.key(connection.pk))


def changed(account: Account, becomes: OrderSpec, qty: int = 2, **terms: object) -> set[tuple[str, str]]:
    """(severity, field) of what is found about a change of order 7, which sells so many contracts."""
    standing = Order(id=7, account_id=account.tradovate_id, action="Sell", **terms)
    version = OrderVersion(id=7, order_id=7, order_qty=qty, order_type=becomes.order_type)
    return said(pretrade.vet_change(Standing(standing, version), becomes).findings)


def test_one_of_two_linked_exits_stays_an_exit_when_it_is_changed(
    account: Account, symbol: str, collared: None
) -> None:
    """The other one does not count beside it: only one of them trades."""
    through = order(account, symbol, "Sell", 2, order_type="Limit", price=Decimal(4950))
    assert changed(account, through, ord_status="Working", oco_id=8) == {("warning", "price")}
    assert changed(account, through, ord_status="Working") == {("error", "price")}, "both may trade"
    raised = replace(through, price=Decimal(5001))
    assert changed(account, raised, qty=1, ord_status="Working", oco_id=8) == {("warning", "order_qty")}


def test_an_order_that_is_changed_has_what_tradovate_has_just_said_of_it(
    account: Account, symbol: str, collared: None
) -> None:
    """Also where the hub has not heard of its terms."""
    known = facts.read(account.connection_id)
    assert known is not None
    unheard = [msgspec.structs.replace(one, left=None) if one.id == 7 else one for one in known.orders]
    told = msgspec.structs.replace(known, orders=unheard)
    facts._client().set(facts.key(account.connection_id), facts.encode(told))
    raised = order(account, symbol, "Sell", 2, order_type="Limit", price=Decimal(5001))
    assert changed(account, raised, qty=1, ord_status="Working", oco_id=8) == {("warning", "order_qty")}


def test_an_exit_that_waits_for_its_entry_is_not_held_by_the_collar(
    account: Account, symbol: str, collared: None
) -> None:
    """The entry rests above the market, and so does the stop of what it buys: it sells nothing before."""
    stop = order(account, symbol, "Sell", 1, order_type="Stop", stop_price=Decimal(5090))
    assert changed(account, stop, qty=1, ord_status="Suspended", parent_id=6) == {("warning", "stop_price")}
    assert changed(account, stop, qty=1, ord_status="Working", parent_id=6) == {("error", "stop_price")}
