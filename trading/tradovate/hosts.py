"""Which host serves what, and how Tradovate may move us.

Every auth reply carries `apiHosts` with bare host names for this session; `Hosts.moved` reads them. A token is only
ever sent to a host that passes the rules here: a real environment never to loopback or to an address without a
name, the simulator never beyond loopback, and a real host never without TLS.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

AUTHORIZE_PAGE = "https://trader.tradovate.com/oauth"

_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_HOST_PORT = re.compile(rf"(\[[0-9A-Fa-f:.]+\]|{_LABEL}(?:\.{_LABEL})*)(?::([0-9]{{1,5}}))?")


class Environment(StrEnum):
    """Where orders go: real money, Tradovate's demo, or the stand-in on this machine."""

    LIVE = "live"
    DEMO = "demo"
    SIM = "sim"


# The keys of apiHosts per environment: REST and user socket, market data. Replay has one host for all.
_KEYS = {
    Environment.LIVE: ("live", "mdLive"),
    Environment.DEMO: ("demo", "mdDemo"),
    Environment.SIM: ("demo", "mdDemo"),
}


@dataclass(frozen=True)
class Hosts:
    """Base URLs of one environment, without a trailing slash.

    `auth` serves oauthtoken, /auth/me and token renewal (the live host for both real environments);
    `authorize` is the page that a browser opens to sign in.
    """

    rest: str
    user_socket: str
    market_socket: str
    auth: str
    authorize: str
    replay_socket: str = "wss://replay.tradovateapi.com/v1/websocket"

    @classmethod
    def default(cls, environment: Environment, simulator_url: str | None = None) -> Hosts:
        """Return the static table for an environment.

        `simulator_url` ("http://127.0.0.1:8787") is needed for SIM and ignored otherwise. Raises ValueError when it
        is missing or not on loopback.
        """
        if environment is Environment.SIM:
            return cls._simulator(simulator_url)
        name = "live" if environment is Environment.LIVE else "demo"
        market = "md" if environment is Environment.LIVE else "md-demo"
        return cls(
            rest=f"https://{name}.tradovateapi.com/v1",
            user_socket=f"wss://{name}.tradovateapi.com/v1/websocket",
            market_socket=f"wss://{market}.tradovateapi.com/v1/websocket",
            auth="https://live.tradovateapi.com",
            authorize=AUTHORIZE_PAGE,
        )

    @classmethod
    def _simulator(cls, url: str | None) -> Hosts:
        parts = urlsplit(url or "")
        if parts.scheme != "http" or not parts.hostname or not is_loopback(parts.hostname):
            raise ValueError(
                "The simulator's address must be a plain http address of this machine, such as http://127.0.0.1:8787."
            )
        host = parts.netloc
        socket = f"ws://{host}/v1/websocket"
        return cls(f"http://{host}/v1", socket, socket, f"http://{host}", f"http://{host}/oauth", socket)

    def moved(self, api_hosts: Mapping[str, str] | None, environment: Environment) -> Hosts:
        """Return the hosts that an auth reply's `apiHosts` names; what is missing or unusable stays as it is.

        Unusable is anything but `host` or `host:port`, and any host that the rules of this module forbid for the
        environment.
        """
        if not api_hosts:
            return self
        rest_key, market_key = _KEYS[environment]
        moved = self
        if host := _usable(api_hosts.get(rest_key), rest_key, environment):
            moved = replace(moved, rest=_origin("http", host) + "/v1", user_socket=_socket(host))
        if host := _usable(api_hosts.get(market_key), market_key, environment):
            moved = replace(moved, market_socket=_socket(host))
        if host := _usable(api_hosts.get("replay"), "replay", environment):
            moved = replace(moved, replay_socket=_socket(host))
        if host := _usable(api_hosts.get("live"), "live", environment):
            moved = replace(moved, auth=_origin("http", host))
        return moved


def is_loopback(host: str) -> bool:
    """True for localhost and for addresses of this machine's loopback network (`host` without a port)."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def redirect_target(old: str, location: str) -> str | None:
    """Return the base URL ("https://HOST") that a 307 from `old` may be followed to, or None.

    Followed: https to a host of the same domain (tradovateapi.com), or from loopback to loopback. Only the host is
    taken; what path a redirect names does not matter.
    """
    before, after = urlsplit(old), urlsplit(location)
    if after.username or after.password or not after.hostname or not before.hostname:
        return None
    try:
        netloc = after.hostname if after.port is None else f"{after.hostname}:{after.port}"
    except ValueError:
        return None
    if is_loopback(before.hostname):
        return f"http://{netloc}" if after.scheme == "http" and is_loopback(after.hostname) else None
    domain = before.hostname.split(".")[-2:]
    same_domain = len(domain) == 2 and after.hostname.split(".")[-2:] == domain
    return f"https://{netloc}" if after.scheme == "https" and same_domain else None


def _usable(value: object, key: str, environment: Environment) -> str | None:
    """Return `value` when it may replace a host of this environment, else None with a warning."""
    if value is None:
        return None
    match = _HOST_PORT.fullmatch(value) if isinstance(value, str) else None
    if match and 0 < int(match[2] or 443) < 65536:
        host = match[1]
        # A real host has a dotted name that no resolver reads as an address ("127.1", "0x7f.1").
        named = "." in host and not host.startswith("[") and host.rpartition(".")[2].isalpha()
        if is_loopback(host) if environment is Environment.SIM else named and not is_loopback(host):
            return match[0].lower()
    log.warning("Tradovate named a host for %s that cannot be used for %s; keeping the old one.", key, environment)
    return None


def _origin(scheme: str, host: str) -> str:
    name = urlsplit(f"//{host}").hostname or ""
    return f"{scheme}://{host}" if is_loopback(name) else f"{scheme}s://{host}"


def _socket(host: str) -> str:
    return _origin("ws", host) + "/v1/websocket"
