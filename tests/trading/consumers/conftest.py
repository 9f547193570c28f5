"""Two traders, and the writing end of the first one's stream."""

from collections.abc import AsyncIterator

import pytest

from accounts.models import Connection
from tests.trading.consumers.pages import HOST, row
from tests.trading.signed_in import person
from trading.sync import stream
from trading.sync.stream import Stream


@pytest.fixture(autouse=True)
def _host(settings, redis_url) -> None:
    settings.ALLOWED_HOSTS = [HOST, "127.0.0.1"]


@pytest.fixture
def alice(transactional_db) -> Connection:
    return person("alice", 1)


@pytest.fixture
def bob(transactional_db) -> Connection:
    return person("bob", 2)


@pytest.fixture
async def writer(alice) -> AsyncIterator[Stream]:
    client = stream.async_client()
    made = Stream(client, alice.pk)
    await made.replace(row(0))
    yield made
    await client.aclose()
