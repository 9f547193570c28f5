"""Pages of the portal as its sockets know them: who signed in where, what is said and heard."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as django_settings

from accounts.models import Connection
from portal.asgi import application
from tests.trading.signed_in import browser_of
from trading.models import (
    Account,
    OrderFile,
    OrderIntent,
    OrderLine,
)
from trading.orders import intents
from trading.orders.spec import OrderSpec

HOST = "testserver"
ORIGIN = f"http://{HOST}"


def cookie(connection: Connection) -> str:
    """The cookie of a browser that has signed in to this connection."""
    return f"{django_settings.SESSION_COOKIE_NAME}={browser_of(connection).session.session_key}"


def a_file(connection: Connection) -> OrderFile:
    account, _ = Account.objects.get_or_create(connection=connection, tradovate_id=7, name=f"DEMO-{connection.name}")
    file = OrderFile.objects.create(account=account, name="orders.txt", content="", state=OrderFile.State.READY)
    OrderLine.objects.create(file=file, number=1, text="ESZ6 2")
    return file


def an_intent(connection: Connection, **fields: Any) -> OrderIntent:
    account, _ = Account.objects.get_or_create(connection=connection, tradovate_id=7, name=f"DEMO-{connection.name}")
    spec = OrderSpec(account_id=account.pk, symbol="ESZ6", action="Buy", order_qty=2)
    intent = intents.create(spec, f"click:{connection.name}:{OrderIntent.objects.count()}")
    OrderIntent.objects.filter(pk=intent.pk).update(**fields)
    return intent


class Page:
    """A browser page: its socket, and what it makes of the frames. A handshake without Origin has an empty `origin`."""

    def __init__(self, cookies: str, query: str, origin: str, host: str, path: str = "/ws/desk/") -> None:
        named = {"host": host, "origin": origin, "cookie": cookies}
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in named.items() if value],
            "scheme": "ws",
            "subprotocols": [],
        }
        self._socket = ApplicationCommunicator(application, scope)

    async def open(self) -> bool:
        """Whether the handshake is accepted."""
        await self._socket.send_input({"type": "websocket.connect"})
        return (await self._socket.receive_output(timeout=10))["type"] == "websocket.accept"

    async def say(self, text: str) -> None:
        await self._socket.send_input({"type": "websocket.receive", "text": text})

    async def frame(self) -> dict[str, Any]:
        """The next frame that is not of kill switches."""
        while True:
            frame = await self._any_frame()
            if frame["t"] != "kill":
                return frame

    async def switches(self) -> list[dict[str, str]]:
        """What the next frame of kill switches says."""
        while True:
            frame = await self._any_frame()
            if frame["t"] == "kill":
                return frame["switches"]

    async def thrown(self) -> list[dict[str, str]]:
        """The switches of the next frame that names any: a page is told how it stands after each of its snapshots, too,
        and may hear the same twice."""
        while not (told := await self.switches()):
            pass
        return told

    async def _any_frame(self) -> dict[str, Any]:
        return msgspec.json.decode((await self._socket.receive_output(timeout=10))["text"])

    async def hears_nothing(self, patience: float) -> bool:
        while not await self._socket.receive_nothing(timeout=patience):
            if (await self._any_frame())["t"] != "kill":
                return False
        return True

    async def closed(self) -> int:
        while True:
            output = await self._socket.receive_output(timeout=10)
            if output["type"] == "websocket.close":
                return output.get("code")

    async def leave(self) -> None:
        if self._socket.future.done():
            return
        await self._socket.send_input({"type": "websocket.disconnect", "code": 1001})
        await self._socket.wait(timeout=10)


@contextlib.asynccontextmanager
async def page(connection: Connection | None, query: str = "", path: str = "/ws/desk/") -> AsyncIterator[Page]:
    cookies = await sync_to_async(cookie)(connection) if connection is not None else ""
    made = Page(cookies, query, ORIGIN, HOST, path)
    assert await made.open()
    try:
        yield made
    finally:
        await made.leave()


def row(value: object) -> dict[str, dict[str, str]]:
    return {"account:1": {"id": "1", "cash": str(value)}}
