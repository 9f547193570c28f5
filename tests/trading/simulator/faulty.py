"""What tests of faults ask, and what they look at afterwards."""

import time
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed

from trading.simulator import RunningSimulator

from .conftest import Api, Socket

ROUTE = "order/placeorder"


STATUSES = (500, 502, 503, 504)
ORDER = {"accountId": 1001001, "action": "Buy", "symbol": "ESZ6", "orderQty": 1, "orderType": "Market"}


def orders(sim: RunningSimulator) -> int:
    """How many orders the trader really has."""
    return sum(order["accountId"] == 1001001 for order in sim.control.ledger()["entities"]["order"])


def come_to(sim: RunningSimulator, count: int) -> bool:
    """Whether the trader has so many orders, within ten seconds: what nobody is told of is there when it is."""
    deadline = time.monotonic() + 10
    while orders(sim) != count:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def post(trader: Api, **more: Any) -> httpx.Response:
    return trader.http.post(f"/v1/{ROUTE}", json=ORDER, **more)


def closing(socket: Socket) -> tuple[int | None, str]:
    """Read until the socket ends; the code and reason of the close frame."""
    try:
        while True:
            socket.receive()
    except ConnectionClosed as closed:
        return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (None, "")


def falls_silent(socket: Socket) -> bool:
    """Read the heartbeats that were on their way; does nothing come after them?"""
    try:
        while socket.receive(0.4) == "h":
            pass
    except TimeoutError:
        return True
    return False
