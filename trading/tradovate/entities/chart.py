"""Depth, histograms and charts as market data sends them, and how charts are asked for.

Sources: official Market Data text, Subscribe DOM, Subscribe Histogram and Get Chart; official Using Tick Charts text.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import field

from .base import Timestamp, TradeDate, Wire
from .quote import Level
from .request_base import Positive, Request

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class UnderlyingType(StrEnum):
    """What the elements of a chart are made of."""

    TICK = "Tick"
    DAILY_BAR = "DailyBar"
    MINUTE_BAR = "MinuteBar"
    CUSTOM = "Custom"
    DOM = "DOM"


class ElementSizeUnit(StrEnum):
    """What the size of a chart's element counts."""

    VOLUME = "Volume"
    RANGE = "Range"
    UNDERLYING_UNITS = "UnderlyingUnits"
    RENKO = "Renko"
    MOMENTUM_RANGE = "MomentumRange"
    POINT_AND_FIGURE = "PointAndFigure"
    OFA_RANGE = "OFARange"


class Dom(Wire, frozen=True, kw_only=True):
    """The whole book of a contract, best prices first; each one replaces the one before."""

    contract_id: int
    timestamp: Timestamp
    bids: list[Level] = []
    offers: list[Level] = []


class VolumeByPrice(Wire, frozen=True, kw_only=True):
    """Contracts traded at each price; `items` are by ticks from `base`."""

    base: Decimal
    items: dict[int, Decimal] = {}

    def by_price(self, tick_size: Decimal) -> dict[Decimal, Decimal]:
        """Return the volumes by price in points; `tick_size` is the product's."""
        return {self.base + offset * tick_size: volume for offset, volume in self.items.items()}


class Histogram(VolumeByPrice, frozen=True, kw_only=True):
    """Volume by price over a trading day; `refresh` replaces what was there."""

    contract_id: int
    timestamp: Timestamp
    trade_date: TradeDate | None = None
    refresh: bool = False


class Bar(Wire, frozen=True, kw_only=True):
    """One bar; a bar with the timestamp of an earlier one replaces it, since it was still forming.

    `histogram` is what a chart with `with_histogram` adds, as it came: no document shows its form.
    """

    timestamp: Timestamp
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    up_volume: Decimal = Decimal(0)
    down_volume: Decimal = Decimal(0)
    up_ticks: Decimal = Decimal(0)
    down_ticks: Decimal = Decimal(0)
    bid_volume: Decimal = Decimal(0)
    offer_volume: Decimal = Decimal(0)
    histogram: Any = None

    def by_price(self, tick_size: Decimal) -> dict[Decimal, Decimal]:
        """Return the bar's volumes by price in points, when its histogram has the form of md/subscribehistogram's, as
        the simulator's has; empty otherwise. `tick_size` is the product's."""
        try:
            return msgspec.convert(self.histogram, VolumeByPrice, strict=False).by_price(tick_size)
        except msgspec.ValidationError:
            return {}


class Tick(Wire, frozen=True, kw_only=True):
    """One trade, prices in points; the bid or ask beside it is None when Tradovate gave no size for it."""

    id: int
    timestamp: Timestamp
    price: Decimal
    size: Decimal
    bid: Decimal | None = None
    bid_size: Decimal | None = None
    ask: Decimal | None = None
    ask_size: Decimal | None = None


class PackedTick(Wire, frozen=True, kw_only=True, rename=None):
    """A tick as sent: `t` milliseconds, `p`, `b` and `a` ticks from the packet's base; `s`, `bs`, `as` sizes."""

    t: int
    p: int
    s: Decimal = Decimal(0)
    b: int | None = None
    a: int | None = None
    bs: Decimal | None = None
    as_: Decimal | None = field(default=None, name="as")
    id: int = 0


class ChartPacket(Wire, frozen=True, kw_only=True, rename=None):
    """A part of a chart: bars or packed ticks, or with `eoh` the end of its history.

    `id` is a historical or realtime id of a ChartSubscription, `td` the trade date as YYYYMMDD, `bp` a price in
    ticks, `bt` milliseconds since 1970, `ts` the tick size in points.
    """

    id: int
    td: int | None = None
    bars: list[Bar] = []
    eoh: bool = False
    s: str | None = None
    bp: int = 0
    bt: int = 0
    ts: Decimal = Decimal(0)
    tks: list[PackedTick] = []

    @property
    def ticks(self) -> list[Tick]:
        """The ticks unpacked, in the order of the packet, which need not be that of time."""
        return list(self._ticks())

    def _ticks(self) -> Iterator[Tick]:
        for packed in self.tks:
            try:
                moment = _EPOCH + dt.timedelta(milliseconds=self.bt + packed.t)
            except OverflowError:
                # A time that no calendar has: the tick cannot be placed.
                continue
            yield Tick(
                id=packed.id,
                timestamp=moment,
                price=(self.bp + packed.p) * self.ts,
                size=packed.s,
                bid=self._beside(packed.b, packed.bs),
                bid_size=packed.bs,
                ask=self._beside(packed.a, packed.as_),
                ask_size=packed.as_,
            )

    def _beside(self, offset: int | None, size: Decimal | None) -> Decimal | None:
        return None if offset is None or not size else (self.bp + offset) * self.ts


class ChartDescription(Request, frozen=True, kw_only=True):
    """What a chart is made of: 15-minute bars unless said otherwise. Ticks want an `element_size` of 1."""

    # As factories, so that omit_defaults does not leave them out: Tradovate has no defaults here.
    underlying_type: str = field(default_factory=lambda: UnderlyingType.MINUTE_BAR)
    element_size: Positive = field(default_factory=lambda: 15)
    element_size_unit: str = field(default_factory=lambda: ElementSizeUnit.UNDERLYING_UNITS)
    with_histogram: bool | None = None


class TimeRange(Request, frozen=True, kw_only=True):
    """Which part of a chart: back from the closest, as far or as much as said. Raises ValueError when empty."""

    closest_timestamp: Timestamp | None = None
    closest_tick_id: int | None = None
    as_far_as_timestamp: Timestamp | None = None
    as_much_as_elements: Positive | None = None

    def __post_init__(self) -> None:
        Request.__post_init__(self)
        if all(getattr(self, name) is None for name in self.__struct_fields__):
            raise ValueError("A time range must say at least one of its parts.")


class ChartSubscription(Wire, frozen=True, kw_only=True):
    """The reply of md/getchart: packets carry one id while history comes and the other afterwards."""

    historical_id: int | None = None
    realtime_id: int | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """Both ids, without gaps or repetition."""
        return tuple(dict.fromkeys(one for one in (self.historical_id, self.realtime_id) if one is not None))
