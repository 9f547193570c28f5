"""What checks need of a product besides its tick: margin, session, exchange. Read once a day, and kept."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Collection
from dataclasses import dataclass
from typing import Final, TypeVar

from django.db import transaction
from django.utils import timezone

from trading.models import Product, ProductSession
from trading.models.market import LONGEST_NAME
from trading.tradovate import entities
from trading.tradovate.client import Tradovate
from trading.tradovate.entities.terms import DOLLAR, DOLLARS
from trading.tradovate.errors import BadReply, NotAuthorized, NotFound, OutcomeUnknown

_AT_ONCE: Final = 4
T = TypeVar("T")


@dataclass(frozen=True)
class ProductTerms:
    """A product with what belongs to it; None where Tradovate has nothing. `currency` is the name of the one that its
    points are worth something in, "" when Tradovate has none. `unread` are the columns of which nothing is known: the
    user may not read them, or Tradovate's answer cannot be read."""

    product: entities.Product
    margin: entities.ProductMargin | None
    session: entities.ProductSession | None
    exchange: entities.Exchange | None
    currency: str
    unread: frozenset[str] = frozenset()


async def read(client: Tradovate, product_ids: Collection[int]) -> list[ProductTerms]:
    """Ask for the terms of products, four requests each, five when not in dollars; a product that Tradovate does not
    have, or fails to tell, is left out. Raises TradovateError."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(product_id: int) -> ProductTerms | None:
        async with gate:
            try:
                return await _read(client, product_id)
            except (NotFound, OutcomeUnknown):
                return None

    found = await asyncio.gather(*(one(product_id) for product_id in product_ids))
    return [terms for terms in found if terms is not None]


def keep(environment: str, found: Collection[ProductTerms]) -> None:
    """Write the terms of products that are kept already. What is not known stays as it was for this day."""
    for terms in found:
        with transaction.atomic():
            product = terms.product
            columns: dict[str, object] = {
                "exchange": terms.exchange.name[:64] if terms.exchange else "",
                "currency": terms.currency,
                "initial_margin": terms.margin.initial_margin if terms.margin else None,
            }
            known = {name: value for name, value in columns.items() if name not in terms.unread}
            row = Product.objects.filter(environment=environment, tradovate_id=product.id)
            row.update(
                product_type=product.product_type[:20],
                exchange_id_at_broker=product.exchange_id,
                contract_group_id_at_broker=product.contract_group_id,
                status=product.status[:20],
                terms_read_at=timezone.now(),
                **known,
            )
            if terms.session is not None and (kept := row.first()):
                ProductSession.objects.update_or_create(product=kept, defaults=_session(terms.session))


async def _read(client: Tradovate, product_id: int) -> ProductTerms:
    product = await client.product.item(product_id)
    unread: set[str] = set()

    async def beside(column: str, asked: Awaitable[T]) -> T | None:
        """What goes with a product: checks can do without. Whether the token is good the product itself has shown."""
        try:
            return await asked
        except NotFound:
            return None
        except (NotAuthorized, BadReply):
            unread.add(column)
            return None

    exchange = None
    if product.exchange_id is not None:
        exchange = await beside("exchange", client.exchange.item(product.exchange_id))
    margin = await beside("initial_margin", client.product_margin.item(product_id))
    session = await beside("session", client.product_session.item(product_id))
    currency = DOLLAR
    if product.currency_id not in (None, DOLLARS):
        told = await beside("currency", client.currency.item(product.currency_id))
        currency = told.name[:LONGEST_NAME] if told else ""
    return ProductTerms(product, margin, session, exchange, currency, frozenset(unread))


def _session(session: entities.ProductSession) -> dict[str, object]:
    names = ("open_time", "start_time", "stop_time", "close_time", "sunday_open_time")
    times: dict[str, object] = {name: _time(getattr(session, name)) for name in names}
    return {**times, "all_day": bool(session.all_day)}


def _time(time: entities.TradeTime | None) -> dt.time | None:
    """None for what no clock shows."""
    if time is None or not (0 <= time.hour <= 24 and 0 <= time.minute < 60):
        return None
    return dt.time(time.hour % 24, time.minute)
