"""No request body larger than an order file needs: Django would write it to disk before it looks whose it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from http import HTTPStatus
from typing import Any

from asgiref.typing import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    HTTPScope,
    Scope,
)
from csp.utils import build_policy
from django.template.loader import render_to_string

# Django's and asgiref's types of one do not agree.
App = Callable[[Any, Any, Any], Awaitable[None]]

# A browser that is answered before it has sent everything shows a broken connection instead of the answer.
DRAIN_BYTES = 8 * 2**20
DRAIN_SECONDS = 10.0


class _TooLarge(Exception):
    """More has come than is allowed."""


class BodyLimit:
    """Passes requests on to `app` whose body has `limit` bytes at most; the others are answered with a 413 page.

    A length that is declared too large never reaches `app`: up to 8 MiB of it are read and dropped for 10 seconds at
    most, so that browsers show the page. A body without a declared length is cut off at the limit.
    """

    def __init__(self, app: App, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _declared(scope) > self._limit:
            await _drain(receive)
            await _refuse(send)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        received = 0
        answered = False

        async def count() -> ASGIReceiveEvent:
            nonlocal received
            event = await receive()
            if event["type"] == "http.request":
                received += len(event["body"])
                if received > self._limit:
                    raise _TooLarge
            return event

        async def note(event: ASGISendEvent) -> None:
            nonlocal answered
            answered = True
            await send(event)

        try:
            await self._app(scope, count, note)
        except _TooLarge:
            if not answered:
                await _refuse(send)


def _declared(scope: HTTPScope) -> int:
    """The body's declared length in bytes, 0 when there is none; the server has refused what is no number."""
    lengths = [int(value) for name, value in scope["headers"] if name == b"content-length"]
    return max(lengths, default=0)


async def _drain(receive: ASGIReceiveCallable) -> None:
    left = DRAIN_BYTES
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while left > 0:
                event = await receive()
                if event["type"] != "http.request" or not event["more_body"]:
                    return
                left -= len(event["body"])
    except TimeoutError:
        return


async def _refuse(send: ASGISendCallable) -> None:
    body, policy = _page()
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-length": str(len(body)),
        "content-security-policy": policy,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        # The rest of the body, if there is any, is nobody's next request.
        "connection": "close",
    }
    await send(
        {
            "type": "http.response.start",
            "status": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "trailers": False,
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})


@cache
def _page() -> tuple[bytes, str]:
    """The page and its security policy."""
    return render_to_string("413.html").encode(), build_policy()
