"""A process that sends one order after another until it is killed, and says "sent" or "stopped" for each.

`python -m tests.trading.stopping ACCOUNT SYMBOL NAME`
"""

import os
import sys
from collections.abc import Mapping
from typing import Any


def environment_of(settings: Any, database_url: str) -> Mapping[str, str]:
    """What such a process needs to work with a test's database, Redis and simulator."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": database_url,
        "SIMULATOR_URL": settings.SIMULATOR_URL,
        "LOG_LEVEL": "ERROR",
    }


def main(account_id: int, symbol: str, name: str) -> None:
    import django

    django.setup()
    from trading.orders import gateway, intents
    from trading.orders.spec import OrderSpec

    number = 0
    while True:
        number += 1
        spec = OrderSpec(account_id=account_id, symbol=symbol, action="Buy", order_qty=1)
        try:
            gateway.submit(intents.create(spec, f"click:{name}:{number}").pk)
            word = "sent"
        except gateway.CannotSend:
            word = "stopped"
        print(word, flush=True)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
