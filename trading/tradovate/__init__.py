"""The Tradovate wire: REST, sockets, frames and entities as a plain async library.

`Tradovate` is REST with a token, `UserSocket` mirrors a user, `MarketSocket` brings quotes and
`MarketFeed` depth, histograms and charts too; `Hosts` says where they go, `Budgets` how often, and `errors` what a
failure proves. Nothing here knows of Django or of the portal, reconnects by itself, or sends an order twice.
"""

from .client import Tradovate
from .hosts import Environment, Hosts
from .limits import Budgets
from .market import MarketFeed, MarketSocket, QuoteSubscription
from .socket import UserSocket
from .stores import MemoryStore, RedisStore
from .tokens import device_id, refresh, request_access_token
from .transport import new_http

__all__ = [
    "Budgets",
    "Environment",
    "Hosts",
    "MarketFeed",
    "MarketSocket",
    "MemoryStore",
    "QuoteSubscription",
    "RedisStore",
    "Tradovate",
    "UserSocket",
    "device_id",
    "new_http",
    "refresh",
    "request_access_token",
]
