"""Contracts whose last price is wanted though none is held and no order works in them: an open ticket or chart has
named them lately. Kept in Redis for each connection; its hub reads them whenever it writes the facts (fact_sheet).
"""

from __future__ import annotations

import logging
from typing import Final

import redis

from accounts.models import Connection
from trading.models import Contract
from trading.sync import stream

log = logging.getLogger(__name__)

# Seconds for which a contract is followed that nobody names again, and so many at most for one connection: the newest.
LASTS: Final = 900
MOST: Final = 8
# KEYS: contract id -> when it was named last, by the clock of Redis. ARGV: contract id, MOST, LASTS.
_NAME: Final = """
redis.call('ZADD', KEYS[1], redis.call('TIME')[1], ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[2]))
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""


def key(connection_id: int) -> str:
    """The Redis key of what a connection's pages have named."""
    return f"sync:{{{connection_id}}}:watched"


def name(connection_id: int, contract_id: int) -> None:
    """A page of this connection shows this contract (Tradovate's id): its last price is wanted for a while.

    Without Redis it is not followed, and checks say that they do not know the price.
    """
    try:
        stream.client().register_script(_NAME)(keys=[key(connection_id)], args=[contract_id, MOST, LASTS])
    except redis.RedisError:
        log.warning("Redis does not answer; nobody follows contract %d for connection %d.", contract_id, connection_id)


def name_symbol(connection_id: int, symbol: str) -> None:
    """As `name`, by a contract's symbol; one that was never seen is not followed."""
    environment = Connection.objects.filter(pk=connection_id).values("environment")[:1]
    named = Contract.objects.named(symbol).filter(environment=environment)
    contract_id = named.values_list("tradovate_id", flat=True).last()
    if contract_id is not None:
        name(connection_id, contract_id)
