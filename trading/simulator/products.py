"""The futures that the simulator lists: tick, value per point, month cycle, expiry rule, margins, fees.

Contract specifications are CME Group's; prices, margins and book depth are plausible figures to trade against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

from .clock import from_chicago
from .holidays import FRIDAY, WEDNESDAY, is_business_day, nth_weekday

MONTH_CODES = "FGHJKMNQUVXZ"
QUARTERLY = "HMUZ"
MONTHLY = MONTH_CODES
MOST_DIGITS = 12


FIRST_INTENT_DAYS = {"Grains": 2, "Rates": 2, "Metals": 1}
"""Business days before the delivery month, by product group (CME Group's delivery procedures)."""


def _business_days_before(day: date, count: int) -> date:
    """The `count`-th business day before `day`."""
    while count > 0:
        day -= timedelta(days=1)
        if is_business_day(day):
            count -= 1
    return day


def _business_day_until(day: date) -> date:
    """The day, or the last business day before it."""
    return day if is_business_day(day) else _business_days_before(day, 1)


def _month_end(year: int, month: int) -> date:
    """The first day of the following month: one past the end."""
    return date(year + month // 12, month % 12 + 1, 1)


def third_friday(year: int, month: int) -> date:
    """Equity indices: the third Friday, or the business day before it."""
    return _business_day_until(nth_weekday(year, month, FRIDAY, 3))


def last_friday(year: int, month: int) -> date:
    """Crypto: the last Friday of the month, or the business day before it."""
    end = _month_end(year, month) - timedelta(days=1)
    return _business_day_until(end - timedelta(days=(end.weekday() - FRIDAY) % 7))


def before_third_wednesday(year: int, month: int) -> date:
    """Currencies: the second business day before the third Wednesday."""
    return _business_days_before(nth_weekday(year, month, WEDNESDAY, 3), 2)


def crude_oil(year: int, month: int) -> date:
    """Three business days before the 25th (or the business day before it) of the preceding month."""
    previous = date(year, month, 1) - timedelta(days=1)
    anchor = date(previous.year, previous.month, 25)
    return _business_days_before(anchor, 3 if is_business_day(anchor) else 4)


def micro_crude_oil(year: int, month: int) -> date:
    """One business day before crude oil."""
    return _business_days_before(crude_oil(year, month), 1)


def natural_gas(year: int, month: int) -> date:
    """Three business days before the first day of the delivery month."""
    return _business_days_before(date(year, month, 1), 3)


def refined_products(year: int, month: int) -> date:
    """The last business day of the preceding month."""
    return _business_days_before(date(year, month, 1), 1)


def metals(year: int, month: int) -> date:
    """The third last business day of the delivery month."""
    return _business_days_before(_month_end(year, month), 3)


def long_treasuries(year: int, month: int) -> date:
    """Seven business days before the last business day of the month."""
    return _business_days_before(_month_end(year, month), 8)


def month_end(year: int, month: int) -> date:
    """The last business day of the month: short Treasuries, live cattle."""
    return _business_days_before(_month_end(year, month), 1)


def grains(year: int, month: int) -> date:
    """The business day before the 15th."""
    return _business_days_before(date(year, month, 15), 1)


def lean_hogs(year: int, month: int) -> date:
    """The tenth business day of the month."""
    day = date(year, month, 1) - timedelta(days=1)
    for _ in range(10):
        day += timedelta(days=1)
        while not is_business_day(day):
            day += timedelta(days=1)
    return day


def maintenance(initial: Decimal) -> Decimal:
    """The maintenance margin that goes with an initial margin: the exchange asks 110 % at the start."""
    return (initial / Decimal("1.1")).quantize(Decimal("0.01"))


@dataclass(frozen=True)
class ProductSpec:
    """One product. `tick` and `start` are prices, `point` is dollars per 1.0 of price per contract,
    `margin` is the initial margin in dollars, `fee` the exchange fee per contract and side, `depth` the
    typical number of contracts on one price level, `pace` the chance that a step moves the price."""

    number: int
    name: str
    description: str
    exchange: str
    group: str
    tick: Decimal
    point: Decimal
    months: str
    expiry: Callable[[int, int], date]
    start: Decimal
    margin: Decimal
    fee: Decimal
    depth: int
    pace: float
    fractional: bool = False

    @property
    def tick_value(self) -> Decimal:
        """Dollars per tick and contract."""
        return self.tick * self.point

    def price(self, ticks: int) -> Decimal:
        """The price of a number of ticks, with as many decimals as the tick has."""
        return self.tick * ticks

    def ticks(self, price: Decimal) -> int | None:
        """The number of ticks, or None for a price that is not on one or that is no price at all."""
        if not price.is_finite() or price.adjusted() > MOST_DIGITS:
            return None
        quotient = price / self.tick
        return int(quotient) if quotient == quotient.to_integral_value() else None

    def ticks_near(self, price: Decimal) -> int:
        """The number of ticks, of the nearest price that is on one."""
        return int((price / self.tick).to_integral_value())

    @property
    def decimals(self) -> int:
        """Digits behind the point that a price needs."""
        exponent = self.tick.normalize().as_tuple().exponent
        return max(0, -exponent) if isinstance(exponent, int) else 0

    def first_intent(self, year: int, month: int) -> datetime | None:
        """When the first intentions to deliver may come in, UTC: on the second business day before the delivery month
        for grains and Treasuries, on the last one for metals. None for products that are settled in another way."""
        days = FIRST_INTENT_DAYS.get(self.group)
        return _first_intent(days, year, month) if days else None

    def expires(self, year: int, month: int) -> datetime:
        """The end of trading of a contract month, UTC: 16:29 in Chicago on its last trading day, which is what
        Tradovate's expirationDate says (guide, "deps", the example)."""
        return _end_of_trading(self.expiry, year, month)


@lru_cache(maxsize=4096)
def _end_of_trading(rule: Callable[[int, int], date], year: int, month: int) -> datetime:
    return from_chicago(datetime.combine(rule(year, month), time(16, 29)))


@lru_cache(maxsize=4096)
def _first_intent(days: int, year: int, month: int) -> datetime:
    return from_chicago(datetime.combine(_business_days_before(date(year, month, 1), days), time(16)))


_ROWS = """
ES |E-Mini S&P 500         |CME  |Index     |0.25      |50      |Q       |third_friday|6850    |22400 |1.38|24|.55
NQ |E-Mini Nasdaq-100      |CME  |Index     |0.25      |20      |Q       |third_friday|25200   |33600 |1.38|8 |.80
YM |E-Mini Dow             |CBOT |Index     |1         |5       |Q       |third_friday|47800   |14700 |1.38|8 |.60
RTY|E-Mini Russell 2000    |CME  |Index     |0.10      |50      |Q       |third_friday|2480    |9400  |1.38|9 |.60
MES|Micro E-Mini S&P 500   |CME  |Index     |0.25      |5       |Q       |third_friday|6850    |2240  |0.35|40|.55
MNQ|Micro E-Mini Nasdaq-100|CME  |Index     |0.25      |2       |Q       |third_friday|25200   |3360  |0.35|25|.80
MYM|Micro E-Mini Dow       |CBOT |Index     |1         |0.50    |Q       |third_friday|47800   |1470  |0.35|18|.60
M2K|Micro E-Mini Russell   |CME  |Index     |0.10      |5       |Q       |third_friday|2480    |940   |0.35|20|.60
CL |Crude Oil              |NYMEX|Energy    |0.01      |1000    |M       |crude_oil   |60.50   |6100  |1.50|12|.55
MCL|Micro Crude Oil        |NYMEX|Energy    |0.01      |100     |M       |micro_crude |60.50   |610   |0.50|20|.55
NG |Natural Gas            |NYMEX|Energy    |0.001     |10000   |M       |natural_gas |4.210   |5300  |1.50|9 |.55
RB |RBOB Gasoline          |NYMEX|Energy    |0.0001    |42000   |M       |refined     |1.9450  |6600  |1.50|4 |.60
HO |NY Harbor ULSD         |NYMEX|Energy    |0.0001    |42000   |M       |refined     |2.4450  |7100  |1.50|4 |.60
GC |Gold                   |COMEX|Metals    |0.10      |100     |GJMQVZ  |metals      |4080.0  |19800 |1.60|8 |.65
MGC|Micro Gold             |COMEX|Metals    |0.10      |10      |GJMQVZ  |metals      |4080.0  |1980  |0.60|20|.65
SI |Silver                 |COMEX|Metals    |0.005     |5000    |HKNUZ   |metals      |50.500  |19500 |1.60|5 |.60
SIL|Micro Silver           |COMEX|Metals    |0.005     |1000    |HKNUZ   |metals      |50.500  |3900  |1.00|8 |.60
HG |Copper                 |COMEX|Metals    |0.0005    |25000   |HKNUZ   |metals      |5.0500  |8800  |1.60|6 |.50
PL |Platinum               |NYMEX|Metals    |0.10      |50      |FJNV    |metals      |1560.0  |5200  |1.60|4 |.50
ZB |U.S. Treasury Bond     |CBOT |Rates     |0.03125   |1000    |Q       |long_bonds  |117.25  |3850  |0.97|30|.25
ZN |10-Year T-Note         |CBOT |Rates     |0.015625  |1000    |Q       |long_bonds  |112.875 |1950  |0.80|60|.25
ZF |5-Year T-Note          |CBOT |Rates     |0.0078125 |1000    |Q       |month_end   |109.375 |1300  |0.65|60|.20
ZT |2-Year T-Note          |CBOT |Rates     |0.00390625|2000    |Q       |month_end   |104.125 |1050  |0.65|60|.15
6E |Euro FX                |CME  |Currencies|0.00005   |125000  |Q       |currencies  |1.16300 |2600  |1.60|20|.40
6B |British Pound          |CME  |Currencies|0.0001    |62500   |Q       |currencies  |1.3150  |2050  |1.60|20|.40
6J |Japanese Yen           |CME  |Currencies|0.0000005 |12500000|Q       |currencies  |.0064500|3100  |1.60|18|.40
6A |Australian Dollar      |CME  |Currencies|0.00005   |100000  |Q       |currencies  |.65000  |1800  |1.60|20|.35
6C |Canadian Dollar        |CME  |Currencies|0.00005   |100000  |Q       |currencies  |.71500  |1150  |1.60|20|.35
ZC |Corn                   |CBOT |Grains    |0.25      |50      |HKNUZ   |grains      |430.25  |1150  |2.10|30|.25
ZS |Soybeans               |CBOT |Grains    |0.25      |50      |FHKNQUX |grains      |1125.50 |2300  |2.10|18|.35
ZW |Wheat                  |CBOT |Grains    |0.25      |50      |HKNUZ   |grains      |540.25  |1850  |2.10|15|.35
LE |Live Cattle            |CME  |Livestock |0.025     |400     |GJMQVZ  |month_end   |215.000 |3300  |2.10|6 |.40
HE |Lean Hogs              |CME  |Livestock |0.025     |400     |GJKMNQVZ|hogs        |85.000  |1700  |2.10|6 |.35
BTC|Bitcoin                |CME  |Crypto    |5         |5       |M       |last_friday |92000   |115000|6.00|2 |.70
MBT|Micro Bitcoin          |CME  |Crypto    |5         |0.10    |M       |last_friday |92000   |2300  |2.50|6 |.70
MET|Micro Ether            |CME  |Crypto    |0.50      |0.10    |M       |last_friday |3050.0  |90    |0.20|12|.70
"""

_CYCLES = {"Q": QUARTERLY, "M": MONTHLY}
_RULES: dict[str, Callable[[int, int], date]] = {
    "third_friday": third_friday,
    "crude_oil": crude_oil,
    "micro_crude": micro_crude_oil,
    "natural_gas": natural_gas,
    "refined": refined_products,
    "metals": metals,
    "long_bonds": long_treasuries,
    "month_end": month_end,
    "currencies": before_third_wednesday,
    "grains": grains,
    "hogs": lean_hogs,
    "last_friday": last_friday,
}


def _read() -> dict[str, ProductSpec]:
    specs: dict[str, ProductSpec] = {}
    for number, line in enumerate(_ROWS.strip().splitlines(), start=1):
        cell = [part.strip() for part in line.split("|")]
        specs[cell[0]] = ProductSpec(
            number=number,
            name=cell[0],
            description=cell[1],
            exchange=cell[2],
            group=cell[3],
            tick=Decimal(cell[4]),
            point=Decimal(cell[5]),
            months=_CYCLES.get(cell[6], cell[6]),
            expiry=_RULES[cell[7]],
            start=Decimal(cell[8]),
            margin=Decimal(cell[9]),
            fee=Decimal(cell[10]),
            depth=int(cell[11]),
            pace=float(cell[12]),
            fractional=cell[3] == "Rates",
        )
    return specs


PRODUCTS: dict[str, ProductSpec] = _read()
"""Every product by name."""
