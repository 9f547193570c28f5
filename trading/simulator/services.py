"""Which operations a socket answers: it stands for a trading, a market data or the replay host, or for all of them."""

from __future__ import annotations

from starlette.websockets import WebSocket

from .hosts import Environment, environment_of

SERVICE_PATHS = ("live", "demo", "md", "md-demo", "replay")
"""First parts of a socket's path that stand for a host where names cannot be had: /md/v1/websocket."""


def service_of(websocket: WebSocket) -> Environment | None:
    """What a socket's path or Host header stands for; None for everything at once."""
    label = websocket.url.path.strip("/").partition("/")[0]
    if label in SERVICE_PATHS:
        return Environment(label)
    return environment_of(websocket.headers.get("host", ""))


def serves(service: Environment | None, endpoint: str, *, lowercase_only: bool) -> bool:
    """Does a service know an endpoint, as it was sent?

    Trading hosts have no market data and of replay only the check whether a time may be replayed; market data hosts
    have nothing else (guide, "WebSocket API"). With `lowercase_only`, market data hosts refuse upper case, as the live
    one was seen to (protocol notes, "Hosts").
    """
    if service is None or service is Environment.REPLAY:
        return True
    route = endpoint.strip("/").lower()
    if service.market_data:
        if lowercase_only and endpoint != endpoint.lower():
            return False
        return route.startswith("md/")
    return not route.startswith("md/") and (not route.startswith("replay/") or route == "replay/checkreplaysession")


def works_without_replay(route: str) -> bool:
    """May a socket of the replay host ask this before its clock is initialized?"""
    return route.startswith(("replay/", "auth/"))
