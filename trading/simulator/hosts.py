"""Tradovate's host names: what a name stands for, and the names that apiHosts hands out (protocol notes, "Hosts").

Pure. A service is known by the first label of its name, in whatever domain, so that `demo.tradovateapi.com` and
`demo.example.test:8443` are the same one; `demo-b.tradovateapi.com` is another host of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

TRADOVATE_DOMAIN = "tradovateapi.com"


class Environment(Enum):
    """What a host name stands for. The value is the first label of its name."""

    LIVE = "live"
    DEMO = "demo"
    MD_LIVE = "md"
    MD_DEMO = "md-demo"
    REPLAY = "replay"
    TV_LIVE = "tv-live"
    TV_DEMO = "tv-demo"

    @property
    def market_data(self) -> bool:
        """Is it one of the hosts for market data?"""
        return self in (Environment.MD_LIVE, Environment.MD_DEMO)

    @property
    def trading_view(self) -> bool:
        """Does it speak the TradingView-style dialect?"""
        return self in (Environment.TV_LIVE, Environment.TV_DEMO)


LABELS: Mapping[str, str] = {
    "live": "live",
    "demo": "demo",
    "mdLive": "md",
    "mdDemo": "md-demo",
    "replay": "replay",
    "reportingLive": "reporting",
    "reportingDemo": "reporting-demo",
    "riskMonitorLive": "riskmonitor",
    "riskMonitorDemo": "riskmonitor-demo",
    "userContext": "usercontext",
}
"""The keys of apiHosts with the first label of each one's host name. Those after `replay` are nowhere documented."""

# the longest name first: md-demo is no other host of md
_KNOWN = re.compile(
    "(" + "|".join(sorted((one.value for one in Environment), key=len, reverse=True)) + r")(-[a-z0-9]+)?\.[a-z]",
    re.IGNORECASE,
)


def environment_of(host: str) -> Environment | None:
    """What the Host header's name stands for, with or without a port. None for an address, `localhost` and any other
    name: there the simulator stands for all of them."""
    found = _KNOWN.match(host.strip())
    return Environment(found[1].lower()) if found else None


def named_hosts(domain: str, port: int | None = None) -> dict[str, str]:
    """apiHosts with names in a domain, such as `demo.tradovateapi.com`, followed by `:PORT` when one is given."""
    suffix = f".{domain}" if port is None else f".{domain}:{port}"
    return {key: label + suffix for key, label in LABELS.items()}
