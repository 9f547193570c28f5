"""What is known of a symbol: from our own tables when seen today, else from Tradovate, which then is kept."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from django.utils import timezone

from accounts import renewal
from accounts.budgets import budgets
from accounts.models import Connection
from trading.models import Contract, Product
from trading.orders import product_terms, refused, warm
from trading.orders.prices import PriceTerms
from trading.orders.product_terms import ProductTerms
from trading.tradovate import entities
from trading.tradovate.client import Tradovate
from trading.tradovate.errors import NotAuthorized, NotFound, TradovateError

# What a contract's symbol looks like once it is all there: ESZ6, MESH27, 6EZ6.
COMPLETE_SYMBOL: Final = re.compile(r"[A-Z0-9]{1,5}[FGHJKMNQUVXZ]\d{1,2}")
_AT_ONCE = 4
# A file of nonsense must not spend the hour's request budget on suggestions.
_SUGGEST_FOR = 5
_SUGGESTIONS = 3


class ContractsUnavailable(Exception):
    """Tradovate could not be asked; the text says why, to the trader."""


class SignInNeeded(ContractsUnavailable):
    """Tradovate could not be asked because the trader must sign in again."""


@dataclass(frozen=True)
class Looked:
    """What a look-up found: contracts by symbol, near names of unknown symbols, front months of expired ones."""

    found: dict[str, Contract]
    near: dict[str, tuple[str, ...]] = field(default_factory=dict)
    front: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Terms:
    contract: entities.Contract
    maturity: entities.ContractMaturity
    product: entities.Product
    expires: dt.datetime


@dataclass(frozen=True)
class _Answers:
    terms: dict[str, _Terms]
    near: dict[str, tuple[str, ...]]
    front: dict[str, str]
    products: list[ProductTerms]


def look_up(connection: Connection, symbols: Iterable[str]) -> Looked:
    """Look up contracts by symbol (upper case) in the connection's environment.

    For threads without a running event loop. Raises ContractsUnavailable when Tradovate had to be asked and could not.
    """
    wanted = list(dict.fromkeys(symbols))
    found = _seen_today(connection, wanted)
    unseen = [symbol for symbol in wanted if symbol not in found]
    expired = [symbol for symbol, contract in found.items() if contract.is_expired]
    bare = {contract.product_id: contract.product for contract in found.values() if _is_bare(contract.product)}
    if not unseen and not expired and not bare:
        return Looked(found)
    token = ""
    try:
        token = renewal.access_token(connection.pk)
        warm.give_back()
        answers = asyncio.run(_ask(connection, token, unseen, [found[s] for s in expired], list(bare.values())))
    except (renewal.NoToken, TradovateError) as error:
        if not unseen and not expired:
            # What is missing only makes checks say that they do not know.
            return Looked(found)
        raise _unavailable(connection, token, error) from error
    for symbol, one in answers.terms.items():
        found[symbol] = _keep(connection.environment, one)
    if answers.products:
        product_terms.keep(connection.environment, answers.products)
        found = _seen_today(connection, wanted)
    return Looked(found, answers.near, answers.front)


def is_contract(name: str) -> bool:
    """Whether this (upper case) is the name of a contract or looks like one, and is no product's, by what is known
    here of all environments."""
    if Product.objects.filter(name=name).exists():
        return False
    return COMPLETE_SYMBOL.fullmatch(name) is not None or Contract.objects.filter(name=name).exists()


def has_product(connection: Connection, name: str) -> bool:
    """Whether Tradovate has a product of this name (ES). Raises ContractsUnavailable when it had to be asked and could
    not."""
    if Product.objects.filter(environment=connection.environment, name=name).exists():
        return True

    async def find() -> bool:
        async with _client(connection, token) as client:
            try:
                return (await client.product.find(name)).name.upper() == name
            except NotFound:
                return False

    token = ""
    try:
        token = renewal.access_token(connection.pk)
        warm.give_back()
        return asyncio.run(find())
    except (renewal.NoToken, TradovateError) as error:
        raise _unavailable(connection, token, error) from error


def known(environment: str, symbols: Iterable[str]) -> dict[str, Contract]:
    """The contracts of these symbols that were ever seen, with their products and sessions. Asks nobody."""
    seen = Contract.objects.named(*symbols).filter(environment=environment)
    return {contract.name: contract for contract in seen.select_related("product__session")}


def price_terms(product: Product) -> PriceTerms:
    """How a product is priced, as far as it was ever told."""
    return PriceTerms(product.tick_size, product.value_per_point, product.currency)


def _seen_today(connection: Connection, symbols: Sequence[str]) -> dict[str, Contract]:
    midnight = _midnight()
    return {name: one for name, one in known(connection.environment, symbols).items() if one.seen_at >= midnight}


def _is_bare(product: Product) -> bool:
    """Whether the product's margin and session were not read today."""
    return product.terms_read_at is None or product.terms_read_at < _midnight()


def _midnight() -> dt.datetime:
    return timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)


def _unavailable(connection: Connection, token: str, error: Exception) -> ContractsUnavailable:
    if isinstance(error, renewal.NoToken):
        return SignInNeeded(str(error))
    if isinstance(error, NotAuthorized):
        now = refused.meaning(connection.pk, token, error)
        return (SignInNeeded if now.sign_in else ContractsUnavailable)(now.words)
    return ContractsUnavailable(str(error))


@asynccontextmanager
async def _client(connection: Connection, token: str) -> AsyncIterator[Tradovate]:
    async with (
        budgets(connection.environment, connection.tradovate_user_id) as own,
        Tradovate(connection.hosts, token, budgets=own) as client,
    ):
        yield client


async def _ask(
    connection: Connection, token: str, unseen: Sequence[str], expired: Sequence[Contract], bare: Sequence[Product]
) -> _Answers:
    terms: dict[str, _Terms] = {}
    near: dict[str, tuple[str, ...]] = {}
    front: dict[str, str] = {}
    gate = asyncio.Semaphore(_AT_ONCE)
    async with _client(connection, token) as client:

        async def describe(symbol: str) -> None:
            async with gate:
                try:
                    contract = await client.contract.find(symbol)
                    if contract.contract_maturity_id is None:
                        return
                    maturity = await client.contract_maturity.item(contract.contract_maturity_id)
                    product = await client.product.item(maturity.product_id)
                except NotFound:
                    return
            # A name that Tradovate understands in its own way is not the contract that was written.
            if contract.name.upper() == symbol and maturity.expiration_date is not None:
                terms[symbol] = _Terms(contract, maturity, product, maturity.expiration_date)

        await _all(describe(symbol) for symbol in unseen)
        for symbol in [symbol for symbol in unseen if symbol not in terms][:_SUGGEST_FOR]:
            near[symbol] = await _near(client, symbol)
        ended = {contract.name: contract.product.tradovate_id for contract in expired}
        now = timezone.now()
        ended |= {s: t.product.id for s, t in terms.items() if t.expires <= now}
        fronts = {product_id: await _front_month(client, product_id) for product_id in set(ended.values())}
        front = {symbol: name for symbol, product_id in ended.items() if (name := fronts[product_id])}
        ids = {one.product.id for one in terms.values()} | {product.tradovate_id for product in bare}
        try:
            products = await product_terms.read(client, ids)
        except TradovateError:
            # As in look_up: the contracts count without them.
            products = []
    return _Answers(terms, near, front, products)


async def _all(jobs: Iterable[Coroutine[None, None, None]]) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)
    except* TradovateError as errors:
        raise errors.exceptions[0] from None


async def _near(client: Tradovate, symbol: str) -> tuple[str, ...]:
    """Names like `symbol`: those that Tradovate suggests for it, else for its product."""
    for text in dict.fromkeys((symbol, symbol[:-2], symbol[:2])):
        if text:
            names = [contract.name for contract in await client.contract.suggest(text, 10)]
            if names:
                alike = [name for name in names if name.startswith(text)] or names
                return tuple(alike[:_SUGGESTIONS])
    return ()


async def _front_month(client: Tradovate, product_id: int) -> str:
    """The symbol of the product's next contract to expire, or "" when it has none."""
    now = timezone.now()
    maturities = await client.contract_maturity.deps(product_id)
    open_ones = [
        (m.expiration_date, m.id) for m in maturities if m.expiration_date is not None and m.expiration_date > now
    ]
    if not open_ones:
        return ""
    contracts = await client.contract.deps(min(open_ones)[1])
    return contracts[0].name if contracts else ""


def _keep(environment: str, terms: _Terms) -> Contract:
    product, _ = Product.objects.update_or_create(
        environment=environment,
        tradovate_id=terms.product.id,
        defaults={
            "name": terms.product.name,
            "description": terms.product.description[:128],
            "tick_size": terms.product.tick_size,
            "value_per_point": terms.product.value_per_point,
        },
    )
    contract, _ = Contract.objects.update_or_create(
        environment=environment,
        tradovate_id=terms.contract.id,
        defaults={
            "product": product,
            "name": terms.contract.name,
            "expiration_date": terms.expires,
            "first_intent_date": terms.maturity.first_intent_date,
        },
    )
    return contract
