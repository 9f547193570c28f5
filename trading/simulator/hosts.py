"""Tradovate's host names: what a name stands for, and the names that apiHosts hands out (protocol notes, "Hosts").

Pure. A service is known by the first label of its name, in whatever domain, so that `demo.tradovateapi.com` and
`demo.example.test:8443` are the same one; `demo-b.tradovateapi.com` is another host of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

TRADOVATE_DOMAIN = "tradovateapi.com"
SIGN_IN_HOST = "trader.tradovate.com"


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
_PORT = re.compile(r":(\d+)$")


def environment_of(host: str) -> Environment | None:
    """What the Host header's name stands for, with or without a port. None for an address, `localhost` and any other
    name: there the simulator stands for all of them."""
    found = _KNOWN.match(host.strip())
    return Environment(found[1].lower()) if found else None


def tradovate_names(domain: str = TRADOVATE_DOMAIN) -> list[str]:
    """Every host name of Tradovate that a client may have built in: the services and the sign-in page."""
    labels = list(dict.fromkeys([*(one.value for one in Environment), *LABELS.values()]))
    return [f"{label}.{domain}" for label in labels] + ([SIGN_IN_HOST] if domain == TRADOVATE_DOMAIN else [])


def named_hosts(domain: str, port: str = "") -> dict[str, str]:
    """apiHosts with names in a domain, such as `demo.tradovateapi.com`, followed by `:PORT` when one is given."""
    return {key: with_port(f"{label}.{domain}", port) for key, label in LABELS.items()}


@dataclass(frozen=True)
class HostNames:
    """The names that a simulator goes by. `domain`: it always calls itself by names there; None: by the name that the
    client used. `moved` has other hosts for some keys of apiHosts, such as {"demo": "demo-b.tradovateapi.com"}: who
    comes by the old name is sent on."""

    domain: str | None = None
    moved: Mapping[str, str] = field(default_factory=dict)

    def api_hosts(self, reached: str) -> dict[str, str]:
        """apiHosts for a client whose Host header is `reached`: one value for each key, with the port that it used."""
        name, port = split_port(reached)
        if self.domain is not None:
            hosts = named_hosts(self.domain, port)
        elif environment_of(reached):
            hosts = named_hosts(name.partition(".")[2], port)
        else:
            hosts = dict.fromkeys(LABELS, reached)
        return hosts | {key: self._elsewhere(key, port) for key in self.moved}

    def right_host(self, reached: str, *, trading: bool = False) -> str | None:
        """Where a client of the native API has to go that came by the name `reached`; None when it is right there.
        `trading`: it asks for an operation that only trading hosts serve."""
        environment = environment_of(reached)
        if environment is None:
            return None
        name, port = split_port(reached)
        if environment.trading_view or (trading and environment.market_data):
            live = environment in (Environment.MD_LIVE, Environment.TV_LIVE)
            return self.api_hosts(reached)["live" if live else "demo"]
        key = _KEYS.get(environment)
        if key is not None and key in self.moved and split_port(self.moved[key])[0].lower() != name.lower():
            return self._elsewhere(key, port)
        return None

    def _elsewhere(self, key: str, port: str) -> str:
        name, own_port = split_port(self.moved[key])
        return with_port(name, own_port or port)


_KEYS = {
    Environment.LIVE: "live",
    Environment.DEMO: "demo",
    Environment.MD_LIVE: "mdLive",
    Environment.MD_DEMO: "mdDemo",
    Environment.REPLAY: "replay",
}


def split_port(host: str) -> tuple[str, str]:
    """A host and its port; the port is empty when there is none."""
    found = _PORT.search(host)
    return (host[: found.start()], found[1]) if found else (host, "")


def with_port(name: str, port: str) -> str:
    """`name:port`, or the name alone."""
    return f"{name}:{port}" if port else name
