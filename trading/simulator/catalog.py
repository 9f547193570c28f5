"""Reference data: currencies, exchanges, groups, products, maturities and the contracts of a day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal

from . import hours
from .clock import stamp
from .entities import (
    Contract,
    ContractGroup,
    ContractMargin,
    ContractMaturity,
    Currency,
    CurrencyRate,
    Exchange,
    OrderStrategyType,
    Product,
    ProductMargin,
    ProductSession,
    TradeTime,
)
from .people_entities import ClearingHouse, Organization
from .products import MONTH_CODES, PRODUCTS, ProductSpec, maintenance

USD = 1
MULTIBRACKET = 2  # openapi.json, startOrderStrategy: the only strategy that there is
LISTED_AHEAD = 6
EXPIRED_KEPT = 2
_MICS = {"CME": "XCME", "CBOT": "XCBT", "NYMEX": "XNYM", "COMEX": "XCEC"}
_GROUPS = ["Index", "Energy", "Metals", "Rates", "Currencies", "Grains", "Livestock", "Crypto"]
_LONG_NAME = re.compile(r"(?P<root>[A-Z0-9]{1,4}?)(?P<month>[FGHJKMNQUVXZ])(?P<year>\d{2})")


@dataclass(frozen=True)
class Listing:
    """One contract month: what trading needs to know about it. `offset` counts months in the cycle from
    the first one that was listed, and orders the curve."""

    contract_id: int
    name: str
    spec: ProductSpec
    year: int
    expires: datetime
    offset: int


class Catalog:
    """Every reference entity, and the contracts that a day lists. Ids depend on nothing but the product and
    the contract month, so they stay the same from one start to the next."""

    def __init__(self, today: datetime, *, session_hours: bool = False) -> None:
        self.currencies = [Currency(id=USD, name="USD", symbol="$")]
        self.currency_rates = [CurrencyRate(id=USD, timestamp=stamp(today), rate=Decimal(1))]
        self.exchanges = [
            Exchange(id=number, name=name, mic_code=mic) for number, (name, mic) in enumerate(_MICS.items(), 1)
        ]
        self.groups = [ContractGroup(id=number, name=name) for number, name in enumerate(_GROUPS, 1)]
        self.order_strategy_types = [OrderStrategyType(id=MULTIBRACKET, name="multibracket", enabled=True)]
        self.products = [self._product(spec) for spec in PRODUCTS.values()]
        self.product_margins = [
            ProductMargin(
                id=100 + spec.number,
                initial_margin=spec.margin,
                maintenance_margin=maintenance(spec.margin),
                timestamp=stamp(today),
            )
            for spec in PRODUCTS.values()
        ]
        self.organizations = [Organization(id=1, name="Simulated Brokerage")]
        self.clearing_houses = [ClearingHouse(id=1, name="Simulated Clearing")]
        self._session_hours = session_hours
        self.product_sessions = [self._session(spec) for spec in PRODUCTS.values()]
        self.maturities: dict[int, ContractMaturity] = {}
        self.contracts: dict[int, Contract] = {}
        self.listings: dict[int, Listing] = {}
        self._by_name: dict[str, int] = {}
        self.extend(today)

    def extend(self, today: datetime) -> None:
        """List what `today` lists; what was listed before stays findable."""
        for spec in PRODUCTS.values():
            months = self._months(spec, today)
            front = next(number for number, (year, month) in enumerate(months) if spec.expires(year, month) > today)
            for number, (year, month) in enumerate(months):
                self._list(spec, year, month, today, is_front=number == front, offset=number - front)

    def relist(self, contract_id: int, today: datetime) -> None:
        """List a contract of an earlier day again, by its id. Does nothing when it is listed."""
        if contract_id in self.listings:
            return
        number, rest = divmod(contract_id - 3_000_000, 10_000)
        spec = next(spec for spec in PRODUCTS.values() if spec.number == number)
        self._list(spec, 2000 + rest // 100, rest % 100, today, is_front=False, offset=0)

    @property
    def contract_margins(self) -> list[ContractMargin]:
        """What each contract needs; its id is the contract's."""
        by_product = {margin.id: margin for margin in self.product_margins}
        found = []
        for number, listing in self.listings.items():
            margin = by_product[100 + listing.spec.number]
            found.append(
                ContractMargin(
                    id=number,
                    initial_margin=margin.initial_margin,
                    maintenance_margin=margin.maintenance_margin,
                    timestamp=margin.timestamp,
                )
            )
        return found

    def session_open(self, listing: Listing, moment: datetime) -> bool:
        """Does a contract trade at a moment? Always, when the simulator keeps no session hours."""
        return self.product_open(listing.spec, moment)

    def product_open(self, spec: ProductSpec, moment: datetime) -> bool:
        """The same for all contracts of a product."""
        return not self._session_hours or hours.is_open(spec.group, moment)

    def next_open(self, listing: Listing, moment: datetime) -> datetime:
        """When a contract trades next, UTC; the moment itself while it does."""
        return hours.next_open(listing.spec.group, moment) if self._session_hours else moment

    def find(self, symbol: str) -> Listing | None:
        """The listing of a symbol (`ESZ6` or `ESZ26`, any case) or of a contract id given as digits."""
        text = symbol.strip().upper()
        if text.isdigit():
            return self.listings.get(int(text))
        if (contract_id := self._by_name.get(text)) is not None:
            return self.listings[contract_id]
        if match := _LONG_NAME.fullmatch(text):
            short = f"{match['root']}{match['month']}{match['year'][-1]}"
            listing = self.listings.get(self._by_name.get(short, 0))
            return listing if listing and f"{listing.year % 100:02d}" == match["year"] else None
        return None

    def product(self, listing: Listing) -> Product:
        """The product of a contract."""
        return next(product for product in self.products if product.id == 100 + listing.spec.number)

    def suggest(self, text: str, limit: int) -> list[Contract]:
        """Contracts whose name has `text` in it: those that begin with it first, then unexpired and near ones."""
        wanted = text.strip().upper()
        hits = [listing for listing in self.listings.values() if wanted in listing.name]
        hits.sort(
            key=lambda listing: (
                not listing.name.startswith(wanted),
                listing.offset < 0,
                len(listing.spec.name),
                listing.spec.number,
                listing.offset,
            )
        )
        return [self.contracts[listing.contract_id] for listing in hits[:limit]]

    def _months(self, spec: ProductSpec, today: datetime) -> list[tuple[int, int]]:
        """(year, month) of the last expired and the next listed contracts, in order."""
        every = [
            (year, MONTH_CODES.index(code) + 1)
            for year in range(today.year - 1, today.year + 4)
            for code in sorted(spec.months, key=MONTH_CODES.index)
        ]
        first_open = next(number for number, month in enumerate(every) if spec.expires(*month) > today)
        return every[first_open - EXPIRED_KEPT : first_open + LISTED_AHEAD]

    def _list(self, spec: ProductSpec, year: int, month: int, today: datetime, *, is_front: bool, offset: int) -> None:
        key = spec.number * 10_000 + (year % 100) * 100 + month
        maturity_id, contract_id = 2_000_000 + key, 3_000_000 + key
        expires, first_intent = spec.expires(year, month), spec.first_intent(year, month)
        name = f"{spec.name}{MONTH_CODES[month - 1]}{year % 10}"
        self.maturities[maturity_id] = ContractMaturity(
            id=maturity_id,
            product_id=100 + spec.number,
            expiration_month=year * 100 + month,
            expiration_date=stamp(expires),
            first_intent_date=stamp(first_intent) if first_intent else None,
            is_front=is_front,
        )
        self.contracts[contract_id] = Contract(
            id=contract_id, name=name, contract_maturity_id=maturity_id, timestamp=stamp(today)
        )
        self.listings[contract_id] = Listing(contract_id, name, spec, year, expires, offset)
        self._by_name[name] = contract_id

    def _session(self, spec: ProductSpec) -> ProductSession:
        parts = hours.HOURS[spec.group]
        opens, closes = _trade_time(parts[0].opens), _trade_time(parts[-1].closes)
        return ProductSession(
            id=100 + spec.number,
            open_time=opens,
            start_time=_trade_time(parts[-1].opens),
            stop_time=closes,
            close_time=closes,
            sunday_open_time=opens if parts[0].overnight else None,
            all_day=not self._session_hours,
        )

    def _product(self, spec: ProductSpec) -> Product:
        return Product(
            id=100 + spec.number,
            name=spec.name,
            currency_id=USD,
            product_type="Futures",
            description=spec.description,
            exchange_id=list(_MICS).index(spec.exchange) + 1,
            contract_group_id=_GROUPS.index(spec.group) + 1,
            status="Verified",
            months=spec.months,
            is_secured=False,
            value_per_point=spec.point,
            price_format_type="Fractional" if spec.fractional else "Decimal",
            price_format=-32 if spec.fractional else spec.decimals,
            tick_size=spec.tick,
        )


def _trade_time(moment: time) -> TradeTime:
    return TradeTime(moment.hour, moment.minute)
