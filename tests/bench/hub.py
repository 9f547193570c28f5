"""`python -m tests.bench.hub`: the sync process without the pace and the budget of sync requests, which a crowd would
wait for by the hour (Tradovate takes 300 an hour from a network)."""

from __future__ import annotations

import os
from functools import partial

import django

UNPACED = 10**9

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    from django.core.management import call_command

    from trading.sync import hub
    from trading.sync.pace import Pace
    from trading.tradovate import budgets
    from trading.tradovate.limits import Limit

    unlimited = Limit("user/syncrequest", UNPACED)
    budgets.ROUTES = {**budgets.ROUTES, unlimited.name: unlimited}
    hub.Pace = partial(Pace, per_hour=2 * UNPACED, burst=UNPACED)  # type: ignore[misc]
    call_command("sync")
