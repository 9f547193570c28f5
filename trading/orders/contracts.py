"""What is known of a symbol: from our own tables when seen today, else from Tradovate, which then is kept."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from accounts import renewal
from accounts.budgets import budgets
from accounts.models import Connection
from trading.models import Contract, Product
from trading.tradovate import entities
from trading.tradovate.client import Tradovate
from trading.tradovate.errors import NotAuthorized, NotFound, TradovateError

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


def look_up(connection: Connection, symbols: Iterable[str]) -> Looked:
    """Look up contracts by symbol (upper case) in the connection's environment.

    For threads without a running event loop. Raises ContractsUnavailable when Tradovate had to be asked and could not.
    """
    wanted = list(dict.fromkeys(symbols))
    found = _seen_today(connection, wanted)
    unseen = [symbol for symbol in wanted if symbol not in found]
    expired = [symbol for symbol, contract in found.items() if contract.is_expired]
    if not unseen and not expired:
        return Looked(found)
    try:
        token = renewal.access_token(connection.pk)
        terms, near, front = asyncio.run(_ask(connection, token, unseen, [found[s] for s in expired]))
    except renewal.NoToken as error:
        raise SignInNeeded(str(error)) from error
    except NotAuthorized as error:
        raise SignInNeeded("Tradovate does not accept your sign-in any more. Sign in again.") from error
    except TradovateError as error:
        raise ContractsUnavailable(str(error)) from error
    for symbol, one in terms.items():
        found[symbol] = _keep(connection.environment, one)
    return Looked(found, near, front)


def _seen_today(connection: Connection, symbols: Sequence[str]) -> dict[str, Contract]:
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    seen = Contract.objects.filter(environment=connection.environment, name__in=symbols, seen_at__gte=midnight)
    # A name comes back every ten years; the row seen last is the one that trades now.
    return {contract.name: contract for contract in seen.select_related("product").order_by("seen_at")}


async def _ask(
    connection: Connection, token: str, unseen: Sequence[str], expired: Sequence[Contract]
) -> tuple[dict[str, _Terms], dict[str, tuple[str, ...]], dict[str, str]]:
    terms: dict[str, _Terms] = {}
    near: dict[str, tuple[str, ...]] = {}
    front: dict[str, str] = {}
    gate = asyncio.Semaphore(_AT_ONCE)
    async with (
        budgets(connection.environment, connection.tradovate_user_id) as own,
        Tradovate(connection.hosts, token, budgets=own) as client,
    ):

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
    return terms, near, front


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
