"""The builder, its templates and the code that is generated for it."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from tests.trading.orders.specs import specs
from trading.orders import builder as builder_module
from trading.orders import codegen, prices, templates
from trading.orders import spec as spec_module
from trading.orders.builder import INEXPRESSIBLE, Inexpressible, OrderBuilder, from_spec
from trading.orders.codegen import NoFileLine, builder_code, file_line
from trading.orders.prices import Distance, PriceTerms, Unit
from trading.orders.spec import InvalidSpec, OrderSpec
from trading.orders.templates import (
    bracket,
    buy_if_touched,
    buy_limit,
    buy_market,
    buy_stop,
    buy_stop_limit,
    first_triggers_second,
    one_cancels_other,
    sell_limit,
    sell_stop,
    sell_stop_limit,
    trailing_stop,
)

ES = PriceTerms(Decimal("0.25"), Decimal(50))
NAMES: dict[str, Any] = {
    **{
        name: thing
        for module in (templates, builder_module, spec_module, prices)
        for name, thing in vars(module).items()
    },
    "Decimal": Decimal,
}


@given(specs())
def test_code_of_a_spec_builds_that_spec(spec: OrderSpec) -> None:
    assert eval(builder_code(spec), NAMES) == spec  # noqa: S307 - it is our own code that is proven


@given(specs())
def test_a_builder_from_a_spec_builds_that_spec(spec: OrderSpec) -> None:
    assert from_spec(spec).build() == spec
    assert from_spec(spec).copy().build() == spec


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (buy_market("esz6", 2), {"action": "Buy", "order_type": "Market"}),
        (sell_limit("ESZ6", 2, "5000.25"), {"action": "Sell", "order_type": "Limit", "price": Decimal("5000.25")}),
        (buy_stop("ESZ6", 2, 5000), {"action": "Buy", "order_type": "Stop", "stop_price": Decimal(5000)}),
        (
            sell_stop_limit("ESZ6", 2, "5000", "4999.75"),
            {"action": "Sell", "order_type": "StopLimit", "stop_price": Decimal(5000), "price": Decimal("4999.75")},
        ),
        (buy_stop_limit("ESZ6", 2, "5000", "5001"), {"stop_price": Decimal(5000), "price": Decimal(5001)}),
        (buy_if_touched("ESZ6", 2, "4990"), {"order_type": "MIT", "price": Decimal(4990)}),
        (trailing_stop("Sell", "ESZ6", 2, "4990"), {"order_type": "TrailingStop", "stop_price": Decimal(4990)}),
    ],
)
def test_templates_say_what_their_names_say(made: OrderBuilder, wanted: dict[str, object]) -> None:
    spec = made.set_account(7).build()
    assert (spec.account_id, spec.symbol, spec.order_qty) == (7, "ESZ6", 2)
    assert {name: getattr(spec, name) for name in wanted} == wanted


def test_an_entry_with_two_exits_reads_aloud() -> None:
    spec = (
        first_triggers_second(
            buy_limit("ESZ6", 1, "5000"),
            one_cancels_other(
                sell_limit("ESZ6", 1, "5010"),
                sell_limit("ESZ6", 1, "4990").set_order_type("Stop").clear_price().set_stop_price("4990"),
            ),
        )
        .set_account(7)
        .build()
    )
    assert [(child.action, child.order_type, child.price, child.stop_price) for child in spec.triggers] == [
        ("Sell", "Limit", Decimal(5010), None),
        ("Sell", "Stop", None, Decimal(4990)),
    ]


def test_templates_leave_what_they_are_given_as_it_was() -> None:
    entry = buy_limit("ESZ6", 3, "5000").set_account(7)
    exits = bracket(entry, stop_loss=Distance(Decimal(8), Unit.TICKS), trailing_stop=True).build()
    assert [(one.order_qty, one.trailing_stop) for one in exits.brackets] == [(3, True)]
    assert entry.build().brackets == ()


def test_floats_are_rounded_to_the_tick_and_text_is_not() -> None:
    computed = buy_limit("ESZ6", 1, 5000 * 1.00013).set_account(7)
    assert computed.build(ES).price == Decimal("5000.75")
    with pytest.raises(InvalidSpec, match="float"):
        computed.build()
    written = buy_limit("ESZ6", 1, "5000.65").set_account(7)
    assert written.build(ES).price == Decimal("5000.65")


def test_floats_of_linked_orders_are_rounded_as_the_entrys_are() -> None:
    exits = one_cancels_other(sell_limit("ESZ6", 1, 5010 * 1.00001), sell_stop("ESZ6", 1, 4990 * 1.00001))
    made = first_triggers_second(buy_limit("ESZ6", 1, "5000"), exits).set_account(7)
    target, stop = made.build(ES).triggers
    assert (target.price, stop.stop_price) == (Decimal("5010.00"), Decimal("4990.00"))
    pair = exits.set_account(7).build(ES)
    assert (pair.price, pair.other and pair.other.stop_price) == (target.price, stop.stop_price)
    with pytest.raises(InvalidSpec, match="float"):
        made.build()


@pytest.mark.parametrize("price", [1e30, -1e300, "1e40"])
def test_a_price_beyond_all_bounds_is_refused_in_words(price: float | str) -> None:
    with pytest.raises(InvalidSpec, match="price must be below"):
        buy_limit("ESZ6", 1, price).set_account(1).build(ES)


def test_a_copied_price_is_exactly_the_other_ones() -> None:
    source = buy_limit("ESZ6", 1, 5000.1).set_account(7).set_text("first").set_max_show(1)
    copied = OrderBuilder().set_price("1").copy_price(source).copy_symbol(source).copy_quantity(source)
    copied.copy_action(source).copy_order_type(source).copy_account(source).copy_text(source).copy_max_show(source)
    assert copied.build(ES) == source.build(ES)
    assert copied.copy_stop_price(source).copy_price(source.build(ES)).build().price == Decimal("5000.00")


@pytest.mark.parametrize("field", [name for name in vars(OrderBuilder) if name.startswith("set_")])
def test_every_field_can_be_copied_and_cleared(field: str) -> None:
    values: dict[str, tuple[object, ...]] = {
        "set_account": (7,), "set_quantity": (2,), "set_max_show": (1,), "set_is_automated": (False,),
        "set_expire_time": (dt.datetime(2026, 12, 1, tzinfo=dt.UTC),), "set_other": (OrderBuilder(),),
        "set_triggers": (OrderBuilder(),), "set_symbol": ("ESZ6",),
    }  # fmt: skip
    name = field.removeprefix("set_")
    made = getattr(OrderBuilder(), field)(*values.get(field, ("5",)))
    copied = getattr(OrderBuilder(), f"copy_{name}")(made)
    assert repr(copied) == repr(made) != repr(OrderBuilder())
    assert repr(getattr(copied, f"clear_{name}")()) == repr(OrderBuilder())


OTHER_BUILDERS = """
    add_equity_leg add_option_leg clear_activation_price clear_complex_order_strategy_type clear_duration
    clear_order_legs clear_order_strategy_type clear_order_type clear_price clear_price_link_basis
    clear_price_link_type clear_quantity clear_requested_destination clear_session clear_special_instruction
    clear_stop_price clear_stop_price_link_basis clear_stop_price_link_type clear_stop_price_offset clear_stop_type
    copy_price copy_stop_price set_activation_price set_complex_order_strategy_type set_duration
    set_order_strategy_type set_order_type set_price set_price_link_basis set_price_link_type set_quantity
    set_requested_destination set_session set_special_instruction set_stop_price set_stop_price_link_basis
    set_stop_price_link_type set_stop_price_offset set_stop_type
"""


@pytest.mark.parametrize("name", OTHER_BUILDERS.split())
def test_what_a_builder_of_another_broker_has_is_here_or_refused_in_words(name: str) -> None:
    assert hasattr(OrderBuilder, name) or name in INEXPRESSIBLE


@pytest.mark.parametrize("name", INEXPRESSIBLE)
def test_what_tradovate_cannot_say_is_refused_with_what_to_use(name: str) -> None:
    with pytest.raises(Inexpressible, match=r"Tradovate|future|wakes"):
        getattr(OrderBuilder(), name)("anything")


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: OrderBuilder().build(), "account_id"),
        (lambda: OrderBuilder().set_price("five"), "price"),
        (lambda: OrderBuilder().set_price("NaN"), "price"),
        (lambda: OrderBuilder().set_expire_time("tomorrow"), "expire_time"),
        (lambda: one_cancels_other(buy_market("ESZ6", 1), buy_market("NQZ6", 1)), "other"),
        (lambda: one_cancels_other(buy_market("ESZ6", 1), buy_market("ESZ6", 2)), "other"),
        (lambda: OrderBuilder().set_triggers(*[buy_market("ESZ6", 1)] * 3), "triggers"),
        (lambda: bracket(OrderBuilder(), stop_loss=Distance(Decimal(1))), "order_qty"),
        (
            lambda: (
                first_triggers_second(
                    buy_market("ESZ6", 1), first_triggers_second(sell_limit("ESZ6", 1, 1), sell_limit("ESZ6", 1, 2))
                )
                .set_account(1)
                .build()
            ),
            "triggers",
        ),
    ],
)
def test_what_cannot_be_built_is_refused_by_field(make: Any, field: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        make()
    assert refused.value.field == field


def test_an_order_that_a_file_can_say_becomes_its_line() -> None:
    assert file_line(buy_market("ESZ6", 2).set_account(1).build()) == "ESZ6 2"
    assert file_line(templates.sell_market("CLF7", 3).set_account(1).build()) == "CLF7 -3"
    for made in (
        buy_limit("ESZ6", 1, "1"),
        buy_market("ESZ6", 1).set_time_in_force("IOC"),
        one_cancels_other(buy_market("ESZ6", 1), buy_market("ESZ6", 1)),
    ):
        with pytest.raises(NoFileLine, match="order file"):
            file_line(made.set_account(1).build())


def test_code_is_short_where_a_template_says_it_all() -> None:
    assert codegen.builder_code(sell_stop("ESZ6", 1, "4990").set_account(3).build()) == (
        "(\n    sell_stop('ESZ6', 1, '4990')\n    .set_account(3)\n).build()"
    )


def test_a_linked_order_stays_for_the_same_contracts_when_the_first_is_changed_later() -> None:
    pair = one_cancels_other(sell_limit("ESZ6", 1, "5010"), sell_stop("ESZ6", 1, "4990")).set_account(1)
    for changed in (pair.copy().set_symbol("NQZ6"), pair.copy().set_quantity(3)):
        with pytest.raises(InvalidSpec, match="share one"):
            changed.build()
