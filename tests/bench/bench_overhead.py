"""What the portal adds to an order: desk.place beside a bare POST of the same body, to the same simulator, in turn.

    python -m tests.bench.bench_overhead [--orders 300] [--postgres URL]

Either way one market order at a time goes out over a connection that is warm, and is answered before the next one.
The portal's time is that of all it does for a click: checks, the intent and its steps committed, the claim, the kill
switch, the request's budget, the POST, and the answer committed. A simulator, a Redis and a database of its own.
"""

from __future__ import annotations

import argparse
import time
import uuid
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import psycopg

from tests.bench.processes import Stack, foundation, fresh_database

if TYPE_CHECKING:
    from accounts.models import Connection
    from trading.models import Account, OrderIntent
    from trading.orders.spec import OrderSpec

TRADER = "trader"
WARM_UP = 20
LATELY = 10


def measure(running: Stack, orders: int) -> dict[str, list[float]]:
    """Seconds of every order by path, in the order in which they were sent."""
    from trading.orders import desk
    from trading.orders.messages import message
    from trading.orders.spec import OrderSpec
    from trading.tradovate.entities.codec import encode

    reply = running.simulator.sign_in(TRADER)
    account = _account(_sign_in(reply), reply["accessToken"], running)
    bare = httpx.Client(base_url=f"{running.simulator.url}/v1", trust_env=False, timeout=30)
    bare.headers.update({"Authorization": f"Bearer {reply['accessToken']}", "Content-Type": "application/json"})
    symbol = _front_month(bare)
    running.simulator.control("liquidity", symbol=symbol, size=1_000_000)
    # Bought the one way and sold the other, so that no position grows.
    buys, sells = (
        OrderSpec(account_id=account.pk, symbol=symbol, action=action, order_qty=1, is_automated=False)
        for action in ("Buy", "Sell")
    )
    _tell_facts(account)
    times: dict[str, list[float]] = {"bare POST": [], "Tradeport": []}

    def post(spec: OrderSpec) -> None:
        body = message(spec, account_id=account.tradovate_id, account_name=account.name, cl_ord_id=f"b-{uuid.uuid4()}")
        text = encode(body)
        began = time.perf_counter()
        answer = bare.post("/order/placeorder", content=text)
        times["bare POST"].append(time.perf_counter() - began)
        if "orderId" not in answer.json():
            raise RuntimeError(answer.text)

    def place(spec: OrderSpec) -> None:
        key = f"click:{uuid.uuid4()}"
        began = time.perf_counter()
        outcome = desk.place(account.connection.user, spec, key)
        times["Tradeport"].append(time.perf_counter() - began)
        if not outcome.succeeded:
            raise RuntimeError(outcome.words)
        _let_time_pass(outcome.intents[0])

    for number in range(orders + WARM_UP):
        first, second = (buys, sells) if number % 2 else (sells, buys)
        post(first)
        place(second)
    return {path: seconds[WARM_UP:] for path, seconds in times.items()}


def _sign_in(reply: dict[str, str]) -> Connection:
    from django.utils import timezone

    from accounts.models import Connection, User
    from accounts.tokens import Tokens

    user = User.objects.create(username=f"sim:{reply['userId']}")
    connection = Connection.objects.create(
        user=user, environment="sim", tradovate_user_id=reply["userId"], name=TRADER, signed_in_at=timezone.now()
    )
    connection.store_tokens(Tokens(reply["accessToken"]), timezone.now() + timedelta(hours=1))
    return connection


def _account(connection: Connection, token: str, running: Stack) -> Account:
    from trading.models import Account

    headers = {"Authorization": f"Bearer {token}"}
    listed = httpx.get(f"{running.simulator.url}/v1/account/list", headers=headers, trust_env=False).json()[0]
    return Account.objects.create(connection=connection, tradovate_id=listed["id"], name=listed["name"])


def _front_month(client: httpx.Client) -> str:
    """The micro S&P contract that trades now."""
    product = client.get("/product/find", params={"name": "MES"}).json()
    maturities = client.get("/contractmaturity/deps", params={"masterid": product["id"]}).json()
    front = next(maturity["id"] for maturity in maturities if maturity["isFront"])
    return str(client.get("/contract/deps", params={"masterid": front}).json()[0]["name"])


def _tell_facts(account: Account) -> None:
    """What a hub would have told the checks."""
    import redis
    from django.conf import settings
    from django.utils import timezone

    from trading.orders import facts

    known = facts.Facts(
        heard_at=timezone.now() + timedelta(hours=1),
        accounts=[facts.AccountFacts(id=account.tradovate_id, name=account.name)],
        position_limits=[],
    )
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.set(facts.key(account.connection_id), facts.encode(known))


def _let_time_pass(latest: OrderIntent) -> None:
    """All but the last orders have filled, as a hub would say, and are from longer ago. Checks look at what works or
    was made in the last minute: ten orders are as many as a busy trader's hand makes in it, this benchmark makes
    thousands.
    """
    from trading.models import OrderIntent

    earlier = latest.created_at - timedelta(minutes=5)
    OrderIntent.objects.filter(pk=latest.pk - LATELY).update(state="filled", created_at=earlier, changed_at=earlier)


def percentile(seconds: list[float], part: float) -> float:
    """Milliseconds below which this part of the samples lies."""
    return sorted(seconds)[min(len(seconds) - 1, int(part * len(seconds)))] * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--postgres", metavar="URL", default="", help="a PostgreSQL server to use instead of SQLite")
    options = parser.parse_args()
    with ExitStack() as cleanup:
        try:
            database = fresh_database(options.postgres, cleanup) if options.postgres else ""
        except psycopg.OperationalError as error:
            print(f"NOT RUN: orders on PostgreSQL; {str(error).splitlines()[0]}")
            return
        times = measure(cleanup.enter_context(foundation(database)), options.orders)
    print(f"{options.orders} market orders either way in turn, on {'PostgreSQL' if options.postgres else 'SQLite'}")
    print(f"{'path':<10} {'p50 ms':>8} {'p99 ms':>8} {'p50 ratio':>10} {'p99 ratio':>10} {'p50 more':>9}")
    yardstick = times["bare POST"]
    for path, seconds in times.items():
        p50, p99 = percentile(seconds, 0.5), percentile(seconds, 0.99)
        base50, base99 = percentile(yardstick, 0.5), percentile(yardstick, 0.99)
        name = path.replace(" ", "-")
        print(f"{name:<10} {p50:>8.2f} {p99:>8.2f} {p50 / base50:>10.2f} {p99 / base99:>10.2f} {p50 - base50:>9.2f}")


if __name__ == "__main__":
    main()
