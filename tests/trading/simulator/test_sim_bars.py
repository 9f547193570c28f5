"""Bars of prints, prints of bars, and tick packets: each is exactly what the other says."""

import itertools
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.simulator import bars, past, ticks
from trading.simulator.bars import Bar, Builder, Print

BEGIN = 1_795_014_000_000


def walk(seed: int, count: int, *, gap: int = 250) -> list[Print]:
    """Prints of a market that moves by up to three ticks at a time."""
    source = Random(seed)
    made: list[Print] = []
    price, up = 1000, True
    for number in range(count):
        moved = max(5, price + source.randint(-3, 3))
        up = moved > price if moved != price else up
        price = moved
        time = BEGIN + number * gap
        made.append(Print(number, time, price, source.randint(1, 30), up, source.random() < 0.5))
    return made


def build(builder: Builder, prints: list[Print]) -> list[Bar]:
    """The last state of every bar, in the order in which they appeared."""
    found: dict[int, Bar] = {}
    for one in prints:
        for bar in builder.add(Bar.of(one)):
            found[bar.begin] = bar
    return list(found.values())


def whole(prints: list[Print]) -> Bar:
    [bar] = build(bars.whole(prints[0].time), prints)
    return bar


walks = st.builds(walk, st.integers(0, 10_000), st.integers(1, 300))
BUILDERS = {
    "minutes": lambda size: bars.by_minutes(size, BEGIN),
    "count": bars.by_count,
    "volume": bars.by_volume,
    "range": bars.by_range,
    "momentum": bars.by_momentum,
    "renko": bars.Renko,
    "point and figure": bars.PointAndFigure,
}


@pytest.mark.parametrize("kind", BUILDERS)
@given(prints=walks, size=st.integers(1, 40))
def test_no_print_is_lost_or_counted_twice(kind: str, prints: list[Print], size: int) -> None:
    made = build(BUILDERS[kind](size), prints)
    assert sum(bar.up_ticks + bar.down_ticks for bar in made) == len(prints)
    total = sum(one.size for one in prints)
    assert sum(bar.volume for bar in made) == total
    assert sum(bar.bid_volume + bar.offer_volume for bar in made) == total
    begins = [bar.begin for bar in made]
    assert begins == sorted(set(begins))
    for bar in made:
        assert bar.low <= min(bar.open, bar.close)
        assert max(bar.open, bar.close) <= bar.high


@given(prints=walks, size=st.integers(1, 40))
def test_bars_end_where_their_size_says(prints: list[Print], size: int) -> None:
    for bar in build(bars.by_range(size), prints):
        assert bar.high - bar.low <= max(size, 0) or bar.up_ticks + bar.down_ticks == 1
    *counted, last = build(bars.by_count(size), prints)
    assert {bar.up_ticks + bar.down_ticks for bar in counted} <= {size}
    assert last.up_ticks + last.down_ticks <= size
    *by_volume, _ = build(bars.by_volume(size), prints)
    assert all(bar.volume >= size for bar in by_volume)
    *moved, _ = build(bars.by_momentum(size), prints)
    assert all(abs(bar.close - bar.open) >= size for bar in moved)
    for bar in build(bars.by_minutes(size, BEGIN), prints):
        inside = [one for one in prints if bar.begin <= one.time < bar.begin + size * bars.MINUTE]
        assert bar == whole(inside).at(bar.begin)


@given(prints=walks, size=st.integers(1, 10))
def test_renko_bricks_are_of_one_size_and_join(prints: list[Print], size: int) -> None:
    *bricks, forming = build(bars.Renko(size), prints)
    assert {abs(brick.close - brick.open) for brick in bricks} <= {size}
    for before, after in itertools.pairwise(bricks):
        same_way = (after.close > after.open) == (before.close > before.open)
        assert after.open == (before.close if same_way else before.open)
    assert forming.close == prints[-1].price


@given(prints=walks, box=st.integers(1, 5))
def test_point_and_figure_columns_alternate_and_turn_after_three_boxes(prints: list[Print], box: int) -> None:
    columns = build(bars.PointAndFigure(box), prints)
    for before, after in itertools.pairwise(columns):
        up = before.close > before.open
        assert (after.close < after.open) is up
        assert after.open == before.close + (-box if up else box)
        assert abs(after.close - before.close) >= 3 * box
        assert abs(after.close - after.open) % box == 0


def test_a_brick_and_a_column_by_hand() -> None:
    prices = [100, 102, 104, 105, 103, 100, 99]
    prints = [Print(n, BEGIN + n, price, 1, True, True) for n, price in enumerate(prices)]
    bricks = build(bars.Renko(2), prints)
    assert [(bar.open, bar.close) for bar in bricks] == [(100, 102), (102, 104), (102, 100), (100, 99)]
    columns = build(bars.PointAndFigure(1), prints)
    assert [(bar.open, bar.close) for bar in columns] == [(100, 105), (104, 99)]


@given(prints=walks.filter(lambda made: len(made) >= 1))
def test_the_prints_of_a_recorded_bar_make_the_same_bar(prints: list[Print]) -> None:
    minute = [one for one in prints if one.time < BEGIN + bars.MINUTE]
    recorded = whole(minute)
    made = past.prints(recorded, "key")
    assert made == past.prints(recorded, "key")
    again = whole(made).at(recorded.begin)
    for name in ("open", "high", "low", "close", "up_volume", "down_volume", "up_ticks", "down_ticks", "volume"):
        assert getattr(again, name) == getattr(recorded, name), name
    assert all(recorded.begin <= one.time < recorded.begin + bars.MINUTE for one in made)
    assert [one.id for one in made] == sorted({one.id for one in made})


@given(seed=st.integers(0, 1000), hour=st.integers(400_000, 600_000), prints=st.sampled_from([8, 60, 240]))
def test_seeded_minutes_join_and_their_prints_make_them(seed: int, hour: int, prints: int) -> None:
    found = past.minutes(seed, "CL", hour, prints)
    after = past.minutes(seed, "CL", hour + 1, prints)
    assert [bar.begin for bar in found] == [(hour * 60 + number) * bars.MINUTE for number in range(60)]
    joined = [*found, after[0]]
    assert all(before.close == later.open for before, later in itertools.pairwise(joined))
    for bar in found[::20]:
        assert whole(past.prints(bar, "key")).at(bar.begin) == bar


@given(prints=walks, shift=st.integers(0, 50))
def test_ticks_unpack_by_the_documented_formula(prints: list[Print], shift: int) -> None:
    tick_size = Decimal("0.25")
    arrived = ticks.out_of_order(prints)
    packet = ticks.tick_packet(7, "db", 20261118, arrived, shift=shift, tick_size=tick_size, depth=20)
    assert sorted(one["id"] for one in packet["tks"]) == [one.id for one in prints]
    by_id = {one.id: one for one in prints}
    for tick in packet["tks"]:
        one = by_id[tick["id"]]
        assert packet["bt"] + tick["t"] == one.time
        assert (packet["bp"] + tick["p"]) * packet["ts"] == (one.price + shift) * tick_size
        assert tick["s"] == one.size
        assert ("b" in tick) == ("a" in tick) == ("bs" in tick) == ("as" in tick)
        if "bs" in tick:
            bid, ask = packet["bp"] + tick["b"], packet["bp"] + tick["a"]
            assert one.price + shift == (ask if one.offered else bid)
            assert (ask - bid, tick["bs"] > 0, tick["as"] > 0) == (1, True, True)


def test_some_ticks_lack_the_book_and_some_come_early() -> None:
    prints = walk(1, 200)
    packet = ticks.tick_packet(7, "db", 20261118, ticks.out_of_order(prints), shift=0, tick_size=Decimal(1), depth=5)
    ids = [one["id"] for one in packet["tks"]]
    assert ids != sorted(ids)
    assert 0 < sum("bs" not in one for one in packet["tks"]) < 50
