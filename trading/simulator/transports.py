"""Network connections by peer, so that a fault can cut one: ASGI itself has no way to do that."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class Transports:
    """The open connections of a server."""

    def __init__(self) -> None:
        self._by_peer: dict[tuple[str, int], asyncio.Transport] = {}

    def add(self, transport: asyncio.Transport) -> None:
        """A connection was made."""
        if peer := transport.get_extra_info("peername"):
            self._by_peer[peer[0], peer[1]] = transport

    def remove(self, transport: asyncio.BaseTransport) -> None:
        """A connection is gone."""
        peer = transport.get_extra_info("peername")
        if peer and self._by_peer.get((peer[0], peer[1])) is transport:
            del self._by_peer[peer[0], peer[1]]

    def abort(self, scope: MutableMapping[str, Any]) -> None:
        """Cut the connection of an ASGI scope at once, unsent data included. Does nothing when it is gone."""
        # uvloop's transports are none of asyncio's classes: what is there can be aborted
        if transport := self._of(scope):
            transport.abort()

    def close(self, scope: MutableMapping[str, Any]) -> None:
        """End the connection of an ASGI scope after the data that was written. Does nothing when it is gone."""
        if transport := self._of(scope):
            transport.close()

    def stop_reading(self, scope: MutableMapping[str, Any]) -> None:
        """Leave unread what the client sends from now on; its connection stays."""
        if transport := self._of(scope):
            transport.pause_reading()

    def _of(self, scope: MutableMapping[str, Any]) -> asyncio.Transport | None:
        client = scope.get("client")
        return self._by_peer.get((client[0], client[1])) if client else None

    def http(self) -> type[HttpToolsProtocol]:
        """A uvicorn HTTP protocol that registers its connections here."""
        transports = self

        class Http(HttpToolsProtocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn does
                transports.add(transport)
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                transports.remove(self.transport)
                super().connection_lost(exc)

        return Http

    def websocket(self) -> type[WebSocketsSansIOProtocol]:
        """A uvicorn WebSocket protocol that takes its connections off the list in the end."""
        transports = self

        class Socket(WebSocketsSansIOProtocol):
            def shutdown(self) -> None:
                # uvicorn cannot say goodbye on a connection that is closing: over TLS that takes a while
                if not self.transport.is_closing():
                    super().shutdown()

            def connection_lost(self, exc: Exception | None) -> None:
                transports.remove(self.transport)
                super().connection_lost(exc)

        return Socket
