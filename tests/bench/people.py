"""Traders of the simulator who are signed in at the portal, for benchmarks; Django is set up already."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

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


def sign_in(simulator: Simulator, name: str) -> Person:
    """A trader as if come back from Tradovate."""
    from django.conf import settings
    from django.test import Client
    from django.utils import timezone

    from accounts import sign_in as journey
    from accounts.models import Connection, User
    from accounts.tokens import Tokens

    answer = simulator.sign_in(name)
    user_id, token = answer["userId"], answer["accessToken"]
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
