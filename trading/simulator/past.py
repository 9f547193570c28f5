"""The market before the simulator was started: minute bars and prints as pure functions of seed, product and time.

A product's price is a sum of slow and fast waves of noise at each full hour; minutes lead from one hour to the next,
and prints fill a minute so that its bar is exactly theirs. Nothing is kept: asked again, the same comes out.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from itertools import pairwise
from random import Random

from .bars import IDS_PER_MINUTE, MINUTE, Bar, Print
from .products import PRODUCTS, ProductSpec

OCTAVES = 13  # the slowest wave takes 2^12 hours: about half a year
DAILY_MOVE = 0.008  # of the price
ROOT_OF_MINUTES = 37.0  # of the minutes of a day
BUSY_HOURS = range(13, 21)  # UTC: New York and Chicago
LEAST_PRINTS = 8


def pace(spec: ProductSpec) -> float:
    """The standard deviation of a product's price over a minute, in ticks."""
    return max(0.8, DAILY_MOVE * spec.ticks_near(spec.start) / ROOT_OF_MINUTES)


@lru_cache(maxsize=4096)
def level(seed: int, product: str, hour: int) -> float:
    """Where a product stands at a full hour (hours since 1970), in ticks from some fixed price."""
    slowest = pace(PRODUCTS[product]) * 60**0.5 / 2
    total = 0.0
    for octave in range(OCTAVES):
        node, into = divmod(hour, 1 << octave)
        share = into / (1 << octave)
        noise = (1 - share) * _noise(seed, product, octave, node) + share * _noise(seed, product, octave, node + 1)
        total += slowest * (1 << octave) ** 0.5 * noise
    return total


def level_at(seed: int, product: str, minute: int, prints: int) -> int:
    """The open of the bar of a minute (milliseconds since 1970), in ticks from the price that `level` counts from."""
    hour, into = divmod(minute // MINUTE, 60)
    return minutes(seed, product, hour, prints)[into].open


@lru_cache(maxsize=1024)
def minutes(seed: int, product: str, hour: int, prints: int) -> tuple[Bar, ...]:
    """The sixty bars of an hour, in ticks from the price that `level` counts from, about `prints` prints in each."""
    spec = PRODUCTS[product]
    source = Random(f"{seed}:{product}:{hour}")
    draw = source.random
    spread = pace(spec)
    size = max(0.5, spec.depth / 4) * (1.3 if hour % 24 in BUSY_HOURS else 0.6)
    target = level(seed, product, hour + 1)
    here = level(seed, product, hour)
    price = round(here)
    made = []
    for number in range(60):
        left = 60 - number
        here += (target - here) / left + source.gauss(0, spread) * ((left - 1) / left) ** 0.5
        close = round(here)
        high = max(price, close) + int(abs(source.gauss(0, spread)) / 2)
        low = min(price, close) - int(abs(source.gauss(0, spread)) / 2)
        count = max(LEAST_PRINTS, int(prints * (0.8 + 0.2 * draw())))
        rising = 0.5 + (close - price) / (4 * (high - low + 1)) + 0.1 * (draw() - 0.5)
        up = min(count - 3, max(3, int(count * rising)))
        more = int(count * size * (0.5 + draw()))
        up_more = int(more * up / count * (0.8 + 0.4 * draw()))
        up_volume, down_volume = up + min(more, up_more), count - up + max(0, more - up_more)
        contrary = int((draw() - 0.5) * 0.3 * min(up_volume, down_volume))
        made.append(
            Bar(
                (hour * 60 + number) * MINUTE,
                price,
                high,
                low,
                close,
                up_volume,
                down_volume,
                up,
                count - up,
                down_volume - contrary,
                up_volume + contrary,
            )
        )
        price = close
    return tuple(made)


@lru_cache(maxsize=65536)
def hour_bar(seed: int, product: str, hour: int, prints: int) -> Bar:
    """The bar of a whole hour, as `minutes` has it."""
    first, *others = minutes(seed, product, hour, prints)
    bar = first.at(first.begin)
    for other in others:
        bar.add(other)
    return bar


def prints(bar: Bar, key: str) -> tuple[Print, ...]:
    """The prints of a minute: their bar is `bar`. `key` fixes which of all possible ones.

    Open, high, low, close, and volume and number of prints in each direction are met exactly; volume at bid and offer
    too, unless all prints of a direction are a single one.
    """
    return _prints(bar.row(), key)


@lru_cache(maxsize=64)  # a replay asks for the same minute with every step of its clock
def _prints(row: tuple[int, ...], key: str) -> tuple[Print, ...]:
    bar = Bar(*row)
    count = bar.up_ticks + bar.down_ticks
    if not count:
        return ()
    source = Random(key)
    path = _path(bar, source)
    sizes = {
        True: _sizes(bar.up_volume, bar.up_ticks, bar.up_volume - bar.offer_volume, source, offered=True),
        False: _sizes(bar.down_volume, bar.down_ticks, bar.offer_volume - bar.up_volume, source, offered=False),
    }
    first = bar.begin // MINUTE * IDS_PER_MINUTE
    made = []
    for number, (price, up) in enumerate(path):
        size, offered = sizes[up].pop()
        made.append(Print(first + number, bar.begin + number * MINUTE // count, price, size, up, offered))
    return tuple(made)


@lru_cache(maxsize=16384)
def _noise(seed: int, product: str, octave: int, node: int) -> float:
    """About normally distributed: the sum of eight bytes."""
    digest = hashlib.blake2b(f"{seed}:{product}:{octave}:{node}".encode(), digest_size=8).digest()
    return (sum(digest) - 1020) / 209


def _path(bar: Bar, source: Random) -> list[tuple[int, bool]]:
    """(price, up) of each print, from open to close by way of high and low, with some steps back on the way."""
    legs = _legs(bar, source)
    spare_up = bar.up_ticks - sum(end > start for start, end in legs)
    spare_down = bar.down_ticks - sum(end < start for start, end in legs)
    first_up = spare_up > 0 and (spare_down <= 0 or source.random() < 0.5)
    spare_up, spare_down = spare_up - first_up, spare_down - (not first_up)
    for _ in range(min(spare_up, spare_down, (bar.up_ticks + bar.down_ticks) // 8)):
        if not legs:
            break
        number = source.randrange(len(legs))
        start, end = legs[number]
        if end > start:
            turn = source.randint(start + 1, end)
            back = source.randint(max(bar.low, turn - 3), turn - 1)
        else:
            turn = source.randint(end, start - 1)
            back = source.randint(turn + 1, min(bar.high, turn + 3))
        legs[number : number + 1] = [(start, turn), (turn, back), (back, end)]
        spare_up, spare_down = spare_up - 1, spare_down - 1
    shares = {
        True: _shares(spare_up, sum(end > start for start, end in legs), source),
        False: _shares(spare_down, sum(end < start for start, end in legs), source),
    }
    path = [(bar.open, first_up)]
    for up, more in ((True, spare_up), (False, spare_down)):
        if not shares[up]:  # nowhere to go in that direction
            path += [(bar.open, up)] * more
    for start, end in legs:
        up = end > start
        steps = 1 + shares[up].pop()
        path += [(start + (end - start) * step // steps, up) for step in range(1, steps + 1)]
    return path


def _legs(bar: Bar, source: Random) -> list[tuple[int, int]]:
    """The way from open to close through the high and then the low, or the other way round, as prints allow."""
    ways = []
    for first, second in ((bar.high, bar.low), (bar.low, bar.high)):
        points = [bar.open, first, second, bar.close]
        legs = [(start, end) for start, end in pairwise(points) if start != end]
        ups = sum(end > start for start, end in legs)
        downs = len(legs) - ups
        if ups <= bar.up_ticks and downs <= bar.down_ticks and len(legs) < bar.up_ticks + bar.down_ticks:
            ways.append(legs)
    if not ways:
        raise ValueError(f"No prints make the bar {bar}.")
    return list(source.choice(ways))


def _shares(total: int, parts: int, source: Random) -> list[int]:
    """`total` split at random, nearly evenly, into parts of zero or more."""
    shares = []
    for left in range(parts, 0, -1):
        share = total if left == 1 else min(total, int(source.random() * 2 * total / left + 0.5))
        shares.append(share)
        total -= share
    return shares


def _sizes(volume: int, count: int, contrary: int, source: Random, *, offered: bool) -> list[tuple[int, bool]]:
    """(size, offered) of the prints of one direction: `contrary` contracts of them on the other side of the book."""
    contrary = max(0, min(contrary, volume))
    # as many prints as contracts at most on either side, and none where there is no volume
    fewest, most = max(0, count - (volume - contrary)), min(count, contrary)
    if contrary and contrary < volume:
        fewest, most = max(1, fewest), min(count - 1, most)
    if fewest > most:
        contrary = fewest = most = 0
    others = min(most, max(fewest, count * contrary // volume if volume else 0))
    here = [(1 + share, offered) for share in _shares(volume - contrary - count + others, count - others, source)]
    there = [(1 + share, not offered) for share in _shares(contrary - others, others, source)]
    sizes = here + there
    source.shuffle(sizes)
    return sizes
