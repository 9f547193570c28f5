"""Any order that a spec can say, for property tests."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

from hypothesis import strategies as st

from trading.orders.prices import Distance, PriceTerms, Unit
from trading.orders.spec import OPTIONAL_PRICES, PRICES_OF_TYPE, Bracket, LinkedOrder, OrderSpec, OrderTerms

price_terms = st.sampled_from(
    [
        PriceTerms(Decimal(tick), Decimal(point))
        for tick, point in [
            ("0.25", "50"),
            ("0.01", "1000"),
            ("0.0000005", "12500000"),
            ("0.03125", "1000"),
            ("5", "5"),
        ]
    ]
)
prices = st.decimals(min_value=-100, max_value=60_000, places=4, allow_nan=False)
distances = st.one_of(
    st.builds(Distance, st.integers(1, 4000).map(Decimal), st.just(Unit.TICKS)),
    st.builds(
        Distance,
        st.decimals(min_value=Decimal("0.01"), max_value=5000, places=2),
        st.sampled_from([Unit.POINTS, Unit.DOLLARS]),
    ),
)


@st.composite
def terms(draw: st.DrawFn, kind: type[OrderTerms] = LinkedOrder, **fixed: object) -> OrderTerms:
    order_type = draw(st.sampled_from(sorted(PRICES_OF_TYPE)))
    optional = [name for name in OPTIONAL_PRICES.get(order_type, ()) if draw(st.booleans())]
    given = {name: draw(prices.filter(bool)) for name in [*PRICES_OF_TYPE[order_type], *optional]}
    time_in_force = draw(st.sampled_from(["Day", "GTC", "GTD", "IOC", "FOK"]))
    expires = st.timedeltas(dt.timedelta(), dt.timedelta(days=900)).map(dt.datetime(2026, 12, 1, tzinfo=dt.UTC).__add__)
    return kind(
        action=draw(st.sampled_from(["Buy", "Sell"])),
        order_type=order_type,
        time_in_force=time_in_force,
        expire_time=draw(expires) if time_in_force == "GTD" else None,
        text=draw(st.text("aé 'x\"\\{%", max_size=64)),
        **given,
        **fixed,
    )


@st.composite
def specs(draw: st.DrawFn) -> OrderSpec:
    """Specs of every kind; exits are on the right side of their entry because they are of its own side."""
    order_qty = draw(st.integers(1, 500))
    spec = draw(
        terms(
            OrderSpec,
            account_id=draw(st.integers(1, 10**6)),
            symbol=draw(st.sampled_from(["ESZ6", "MNQH7", "CLF7", "6EZ6"])),
            order_qty=order_qty,
            max_show=draw(st.none() | st.integers(1, order_qty)),
            is_automated=draw(st.booleans()),
        )
    )
    match draw(st.sampled_from(["alone", "oco", "oso", "brackets"])):
        case "oco":
            return replace(spec, other=draw(terms()))
        case "oso":
            children = draw(st.lists(terms(), min_size=1, max_size=2))
            return replace(spec, triggers=tuple(replace(child, action=spec.action) for child in children))
        case "brackets":
            return replace(spec, brackets=draw(brackets(order_qty)))
        case _:
            return spec


@st.composite
def brackets(draw: st.DrawFn, order_qty: int) -> tuple[Bracket, ...]:
    first = draw(st.integers(1, order_qty))
    parts = [first] if first == order_qty else [first, order_qty - first]
    made = []
    for part in parts:
        target = draw(st.none() | distances)
        stop = draw(distances if target is None else st.none() | distances)
        made.append(
            Bracket(
                order_qty=part,
                profit_target=target,
                stop_loss=stop,
                trailing_stop=stop is not None and draw(st.booleans()),
            )
        )
    return tuple(made)
