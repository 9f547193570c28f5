"""A simulator with as many traders as a benchmark wants: `python -m tests.bench.crowd PORT COUNT ACCOUNTS`.

They are called crowd-0, crowd-1, ..., and have the password NAME-pass like the simulator's own; each has one account,
the last so many.
"""

from __future__ import annotations

import os
import sys
from decimal import Decimal

from trading.simulator.app import create_app
from trading.simulator.config import DEFAULT_TRADERS, DEV_CLIENT_SECRET, AccountSpec, Config, Trader
from trading.simulator.server import listen, make_server

FIRST_USER = 2000


def trader(number: int, accounts: int = 1) -> Trader:
    """One of the crowd."""
    name, user_id = f"crowd-{number}", FIRST_USER + number
    specs = tuple(AccountSpec(f"DEMO{user_id}{account:03}", Decimal(50_000)) for account in range(accounts))
    return Trader(user_id, name, f"{name}-pass", f"Crowd {number}", f"{name}@simulator.example", specs)


def main() -> None:
    port, count, accounts = (int(text) for text in sys.argv[1:4])
    crowd = tuple(trader(number, accounts if number == count - 1 else 1) for number in range(count))
    secret = os.environ.get("SIMULATOR_CLIENT_SECRET") or DEV_CLIENT_SECRET
    config = Config(control=True, client_secret=secret, traders=DEFAULT_TRADERS + crowd)
    bound = listen("127.0.0.1", port)
    make_server(create_app(config)).run(sockets=[bound])


if __name__ == "__main__":
    main()
