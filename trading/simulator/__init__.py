"""A stand-in Tradovate on loopback: OAuth, REST, user and market data sockets, matching, accounts that add up.

It is written from Tradovate's documents alone and shares nothing with our client, so that neither can confirm the
other's mistakes. Run it with `python -m trading.simulator`, or in a test with `serve`:

    with serve(Config(manual_clock=True)) as simulator:
        simulator.control.price("ESZ6", "6850.25")
"""

from .app import create_app
from .config import DEFAULT_TRADERS, AccountSpec, Config, Trader
from .control_client import Control
from .server import PortInUseError, RunningSimulator, serve

__all__ = [
    "DEFAULT_TRADERS",
    "AccountSpec",
    "Config",
    "Control",
    "PortInUseError",
    "RunningSimulator",
    "Trader",
    "create_app",
    "serve",
]
