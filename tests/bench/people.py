"""Traders of the simulator who are signed in at the portal, for benchmarks; Django is set up already."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from tests.bench.processes import Simulator

PATIENCE = 180.0  # seconds


@dataclass(frozen=True)
class Person:
    """A trader: the connection's primary key here, and the Cookie header of a browser's session."""

    name: str
    user_id: int
    token: str
    connection_id: int
    cookie: str


@cache
def sign_in(simulator: Simulator, name: str) -> Person:
    """A trader as if come back from Tradovate; the same one for all who ask."""
    from django.conf import settings
    from django.db import transaction
    from django.test import Client
    from django.utils import timezone

    from accounts import sign_in as journey
    from accounts.models import Connection, User
    from accounts.tokens import Tokens

    answer = simulator.sign_in(name)
    user_id, token = answer["userId"], answer["accessToken"]
    # One commit waits for the disk instead of six.
    with transaction.atomic():
        user = User.objects.create(username=f"sim:{user_id}")
        connection = Connection.objects.create(
            user=user, environment="sim", tradovate_user_id=user_id, name=name, signed_in_at=timezone.now()
        )
        connection.store_tokens(Tokens(token), timezone.now() + timedelta(hours=1))
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session[journey.SESSION_KEY] = connection.pk
        session.save()
    return Person(name, user_id, token, connection.pk, f"{settings.SESSION_COOKIE_NAME}={session.session_key}")


def wait_until_mirrored(people: list[Person]) -> None:
    """Have the hub hold a socket for each, and wait until all have their snapshot. Raises TimeoutError."""
    from trading.sync import presence, stream

    for person in people:
        presence.announce(person.connection_id)

    async def wait() -> None:
        async with asyncio.timeout(PATIENCE):
            for person in people:
                while not (await stream.aread_snapshot(person.connection_id, wait=5)).epoch:
                    presence.announce(person.connection_id)

    asyncio.run(wait())


def wait_until_at_rest(people: list[Person]) -> None:
    """As wait_until_mirrored, and until what the hub asks for after each sync has come and the journal is written.

    Raises TimeoutError.
    """
    from trading.models import EquityPoint
    from trading.orders import facts

    wait_until_mirrored(people)
    waiting, deadline = {person.connection_id for person in people}, time.monotonic() + PATIENCE
    while waiting:
        # What an account is worth is put in the journal after the rest, and the limits are asked for last.
        waiting -= set(EquityPoint.objects.filter(connection__in=waiting).values_list("connection_id", flat=True)) & {
            one for one in waiting if (found := facts.read(one)) and found.position_limits is not None
        }
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(waiting)} traders are not at rest.")
        time.sleep(0.1)
