"""The Tradovate wire: REST, sockets, frames and entities as a plain async library.

`Tradovate` is REST with a token, `UserSocket` mirrors a user, `MarketSocket` brings quotes, `MarketFeed` depth,
histograms and charts too, and `ReplaySocket` plays a past day. These live once; `ReconnectingUserSocket`,
`ReconnectingMarketFeed` and `ReconnectingReplaySocket` last. `Hosts` says where they go, `Budgets` how often, and
`errors` what a failure proves. Nothing here knows of Django or of the portal, or sends an order twice.
"""

from .attempts import Attempts, Patience
from .budgets import Budgets
from .client import Tradovate
from .hosts import Environment, Hosts
from .market import MarketFeed, MarketSocket, QuoteSubscription
from .priorities import Priority
from .reconnect import Access, Interrupted
from .replay import MirroringSocket, ReconnectingReplaySocket, ReplaySocket
from .retry import Retry
from .socket import ReconnectingUserSocket, UserSocket
from .stores import MemoryStore, RedisStore
from .subscriptions import ReconnectingMarketFeed
from .tokens import authorize_url, device_id, exchange_code, refresh, request_access_token
from .transport import new_http

__all__ = [
    "Access",
    "Attempts",
    "Budgets",
    "Environment",
    "Hosts",
    "Interrupted",
    "MarketFeed",
    "MarketSocket",
    "MemoryStore",
    "MirroringSocket",
    "Patience",
    "Priority",
    "QuoteSubscription",
    "ReconnectingMarketFeed",
    "ReconnectingReplaySocket",
    "ReconnectingUserSocket",
    "RedisStore",
    "ReplaySocket",
    "Retry",
    "Tradovate",
    "UserSocket",
    "authorize_url",
    "device_id",
    "exchange_code",
    "new_http",
    "refresh",
    "request_access_token",
]
