"""Which host serves what, and how Tradovate may move us.

Every auth reply carries `apiHosts` with bare host names for this session; `Hosts.moved` reads them. A token is only
ever sent to a host that passes the rules here: a real environment never to loopback or to an address without a
name, the simulator never beyond loopback, and a real host never without TLS. What is meant for DEMO goes to no host
that calls itself live, nor the other way round.
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
_HOST_PORT = re.compile(rf"(\[[0-9A-Fa-f:.]+\]|{_LABEL}(?:\.{_LABEL})*)(?::([0-9]{{1,5}}))?", re.ASCII)
_LOCATION = re.compile(r"(https?)://([^/?#]+)(?:[/?#].*)?", re.IGNORECASE)


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
    `authorize` is the page that a browser opens to sign in; `tv` serves the TradingView-style dialect.
    """

    rest: str
    user_socket: str
    market_socket: str
    auth: str
    authorize: str
    replay_socket: str = ""
    tv: str = ""

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
            replay_socket="wss://replay.tradovateapi.com/v1/websocket",
            tv=f"https://tv-{name}.tradovateapi.com",
        )

    @classmethod
    def _simulator(cls, url: str | None) -> Hosts:
        parts = urlsplit(url or "")
        host = parts.netloc
        match = _HOST_PORT.fullmatch(host)
        if parts.scheme != "http" or not match or not _is_port(match[2]) or not is_loopback(match[1]):
            raise ValueError(
                "The simulator's address must be a plain http address of this machine, such as http://127.0.0.1:8787."
            )
        socket = f"ws://{host}/v1/websocket"
        base = f"http://{host}"
        replay = _replay(host, Environment.SIM)
        return cls(f"{base}/v1", socket, socket, base, f"{base}/oauth", replay, f"{base}/tv")

    def moved(self, api_hosts: Mapping[str, str] | None, environment: Environment) -> Hosts:
        """Return the hosts that an auth reply's `apiHosts` names; what is missing or unusable stays as it is.

        Unusable is anything but `host` or `host:port`, and any host that the rules of this module forbid for the
        environment. Within them a host may be of any domain, other than that of a 307 (see redirect_target): the reply
        comes from the host that issues the tokens, over TLS, and no domain is promised for what it names (official
        notice on apiHosts), while a redirect is whatever the last server on the way to an order answers.
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
            moved = replace(moved, replay_socket=_replay(host, environment))
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

    Followed: https to a host of the same domain (tradovateapi.com) and environment, or from loopback to loopback.
    Only the host is taken; what path a redirect names does not matter.
    """
    match = _LOCATION.fullmatch(location)
    target = _HOST_PORT.fullmatch(match[2]) if match else None
    before = urlsplit(old).hostname or ""
    if match is None or target is None or not _is_port(target[2]):
        return None
    if is_loopback(before):
        allowed = match[1].lower() == "http" and is_loopback(target[1])
    else:
        same_place = _domain(target[1]) == _domain(before) and not _are_opposed(before, target[1])
        allowed = match[1].lower() == "https" and _is_public_name(target[1]) and same_place
    return f"{match[1]}://{target[0]}".lower() if allowed else None


def _usable(value: object, key: str, environment: Environment) -> str | None:
    """Return `value` when it may replace a host of this environment, else None with a warning."""
    if value is None:
        return None
    match = _HOST_PORT.fullmatch(value) if isinstance(value, str) else None
    if match and _is_port(match[2]):
        is_sim = environment is Environment.SIM
        if is_loopback(match[1]) if is_sim else _is_public_name(match[1]) and not _are_opposed(key, match[1]):
            return match[0].lower()
    log.warning("Tradovate named a host for %s that cannot be used for %s; keeping the old one.", key, environment)
    return None


def _is_port(digits: str | None) -> bool:
    return digits is None or 0 < int(digits) < 65536


def _is_public_name(host: str) -> bool:
    """True for a dotted name that no resolver reads as an address ("127.1", "0x7f.1"), and not for loopback."""
    return "." in host and not host.startswith("[") and host.rpartition(".")[2].isalpha() and not is_loopback(host)


def _are_opposed(one: str, other: str) -> bool:
    """True when of two names ("mdDemo", "live-b.tradovateapi.com") one says live and the other demo."""
    said = [{word for word in ("live", "demo") if word in name.partition(".")[0].lower()} for name in (one, other)]
    return bool(said[0] and said[1] and not said[0] & said[1])


def _domain(host: str) -> list[str]:
    return host.lower().split(".")[-2:]


def _origin(scheme: str, host: str) -> str:
    name = urlsplit(f"//{host}").hostname or ""
    return f"{scheme}://{host}" if is_loopback(name) else f"{scheme}s://{host}"


def _socket(host: str) -> str:
    return _origin("ws", host) + "/v1/websocket"


def _replay(host: str, environment: Environment) -> str:
    # The simulator has one host for all, and tells its services apart by path.
    path = "/replay/v1/websocket" if environment is Environment.SIM else "/v1/websocket"
    return _origin("ws", host) + path
