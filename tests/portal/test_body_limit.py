"""Bodies that are too large, sent over loopback to a real server."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from django.conf import settings

from portal import asgi, body_limit
from portal.body_limit import BodyLimit

LIMIT = 1000


class Inner:
    """An application that reads the whole body, as Django does, and says how long it was."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        length, more = 0, True
        while more:
            event = await receive()
            length, more = length + len(event["body"]), event["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": str(length).encode()})


class Served:
    """An application under uvicorn in a thread of its own."""

    def __init__(self, application: Any) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = self._socket.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        self._server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> "Served":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


@pytest.fixture
def inner() -> Inner:
    return Inner()


@pytest.fixture
def served(inner) -> Iterator[Served]:
    with Served(BodyLimit(inner, LIMIT)) as running:
        yield running


def chunks(number: int, size: int = 500) -> Iterator[bytes]:
    for _ in range(number):
        yield b"x" * size


def test_a_body_at_the_limit_passes(served, inner) -> None:
    with httpx.Client(base_url=served.url) as client:
        assert client.get("/").text == "0"
        assert client.post("/", content=b"x" * LIMIT).text == str(LIMIT)
        assert client.post("/", content=chunks(2)).text == str(LIMIT)
    assert inner.asked == 3


def test_a_declared_length_above_it_is_answered_with_a_page_and_never_passed_on(served, inner) -> None:
    reply = httpx.post(served.url, content=b"x" * (LIMIT + 1))

    assert reply.status_code == 413
    assert "too large" in reply.text
    assert "no order was sent" in reply.text
    assert reply.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert inner.asked == 0


def test_a_browser_that_sends_everything_first_still_sees_the_page(served) -> None:
    body = b"x" * (4 * 2**20)
    with socket.create_connection(served.address, timeout=20) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        reply = read_all(client)

    assert reply.startswith(b"HTTP/1.1 413 ")
    assert b"too large" in reply


def test_a_length_that_was_not_declared_is_cut_off_at_the_limit(served) -> None:
    with socket.create_connection(served.address, timeout=20) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in chunks(3):
            client.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        # There is no last chunk: the answer comes without it.
        reply = read_all(client)

    assert reply.startswith(b"HTTP/1.1 413 ")
    assert b"too large" in reply


def test_a_huge_or_slow_body_is_not_waited_for(served, inner, monkeypatch) -> None:
    monkeypatch.setattr(body_limit, "DRAIN_SECONDS", 0.2)
    with socket.create_connection(served.address, timeout=20) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\nslowly")
        started = time.monotonic()
        assert read_all(client).startswith(b"HTTP/1.1 413 ")

    assert time.monotonic() - started < 10
    assert inner.asked == 0


def test_the_portal_is_behind_it() -> None:
    with Served(asgi.application) as portal, httpx.Client(base_url=portal.url) as client:
        small = client.post("/accounts/sign-in/", content=b"x" * settings.REQUEST_MAX_BYTES)
        large = client.post("/accounts/sign-in/", content=b"x" * (settings.REQUEST_MAX_BYTES + 1))

    assert (small.status_code, large.status_code) == (403, 413)  # 403: the form's token is missing


def read_all(client: socket.socket) -> bytes:
    received = b""
    while part := client.recv(65536):
        received += part
    return received
