"""Traders of the simulator who are signed in to the portal, and what tests ask of the simulator's ledger."""

import asyncio
from typing import Any

import redis
from django.conf import settings
from django.utils import timezone

from accounts.budgets import budgets
from accounts.models import Connection, User
from accounts.tokens import Tokens
from trading.models import Account
from trading.simulator import RunningSimulator
from trading.tradovate import Environment, Hosts, Tradovate, request_access_token
from trading.tradovate.entities import AccessTokenRequest, ContractMaturity
from trading.tradovate.errors import RateLimited
from trading.tradovate.limits import USER


def sign_in(simulator: RunningSimulator, name: str = "trader") -> Connection:
    """The trader's connection with fresh tokens, made at the first sign-in with the accounts that Tradovate lists."""
    person = simulator.trader(name)
    hosts = Hosts.default(Environment.SIM, simulator.url)
    request = AccessTokenRequest(name=person.name, password=person.password, app_id="tests", app_version="1")
    access = asyncio.run(request_access_token(hosts, request))
    user, _ = User.objects.get_or_create(username=f"sim:{person.user_id}", first_name=person.full_name)
    connection, is_new = Connection.objects.get_or_create(
        environment="sim", tradovate_user_id=person.user_id, defaults={"user": user, "name": name}
    )
    connection.signed_in_at = timezone.now()
    connection.store_tokens(Tokens(access.access_token), access.expiration_time)
    if is_new:
        for account in asyncio.run(_accounts(hosts, access.access_token)):
            Account.objects.create(connection=connection, tradovate_id=account.id, name=account.name)
    return connection


async def _accounts(hosts: Hosts, token: str) -> list[Any]:
    async with Tradovate(hosts, token) as client:
        return await client.account.list()


def contracts_of(connection: Connection, product: str) -> dict[str, bool]:
    """Symbol -> has expired, for a product's contracts in the simulator, by expiration."""
    return asyncio.run(_contracts_of(connection, product))


async def _contracts_of(connection: Connection, product: str) -> dict[str, bool]:
    async with _client(connection) as client:
        now = timezone.now()
        return {await _symbol(client, m): m.expiration_date <= now for m in await _maturities(client, product)}


def listed(connection: Connection, product: str) -> str:
    """The symbol of the product's last listed contract, which does not expire for a long time."""
    return asyncio.run(_listed(connection, product))


async def _listed(connection: Connection, product: str) -> str:
    async with _client(connection) as client:
        return await _symbol(client, (await _maturities(client, product))[-1])


def _client(connection: Connection) -> Tradovate:
    tokens = connection.tokens
    assert tokens is not None
    return Tradovate(connection.hosts, tokens.access_token)


async def _maturities(client: Tradovate, product: str) -> list[ContractMaturity]:
    """By expiration."""
    found = await client.contract_maturity.deps((await client.product.find(product)).id)
    return sorted(found, key=lambda maturity: maturity.expiration_date)


async def _symbol(client: Tradovate, maturity: ContractMaturity) -> str:
    return (await client.contract.deps(maturity.id))[0].name


def orders_at_broker(simulator: RunningSimulator) -> list[tuple[str, str, int]]:
    """(clOrdId, action, quantity) of every order that the simulator took from the portal, in the order of arrival."""
    entities = simulator.control.ledger()["entities"]
    mine = {order["id"]: order for order in entities.get("order", [])}
    quantity = {version["orderId"]: version["orderQty"] for version in entities.get("orderVersion", [])}
    commands = sorted(entities.get("command", []), key=lambda command: command["id"])
    return [
        (command["clOrdId"], mine[command["orderId"]]["action"], quantity[command["orderId"]])
        for command in commands
        if (command.get("clOrdId") or "").startswith("tp-")
    ]


def order_of(simulator: RunningSimulator, cl_ord_id: str) -> int:
    """The id of the order that the simulator made of a clOrdId."""
    commands = simulator.control.ledger()["entities"]["command"]
    return int(next(command["orderId"] for command in commands if command.get("clOrdId") == cl_ord_id))


def posts(simulator: RunningSimulator) -> list[dict[str, Any]]:
    """Every order/placeorder that reached the simulator, taken or not."""
    return [r["params"] for r in simulator.control.ledger()["received"] if r["route"].lower() == "order/placeorder"]


def use_up(connection: Connection, requests: int) -> None:
    """Have so many of the hour's requests used by the connection's Tradovate user, all of them just now."""
    redis_client, key = redis.Redis.from_url(settings.REDIS_URL), f"budget:sim:user:{connection.tradovate_user_id}"
    seconds, _ = redis_client.time()
    now = int(seconds // USER.slice_seconds)
    for name in redis_client.hkeys(key):
        if name.isdigit():
            redis_client.hdel(key, name)
    redis_client.hset(key, str(now), requests)


def refuse_more(connection: Connection) -> None:
    """Have learnt that Tradovate answers 429 to the connection's user, without saying for how long."""

    async def learn() -> None:
        async with budgets(connection.environment, connection.tradovate_user_id) as own:
            own.failed("order/list", RateLimited())
            await own.counted()

    asyncio.run(learn())
