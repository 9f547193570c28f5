"""The REST side of the wire: one warm connection pool, and every failure sorted by what it proves.

Nothing is ever sent twice from here. The one exception proves itself: a 307 says that the host did not handle the
request and names another; it is followed once, to a host of the same domain only.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote_plus, urlsplit

import httpx

from . import answers, penalties
from .budgets import Budgets
from .entities.codec import encode
from .errors import BadReply, HostMoved, NotAuthorized, NotSent, OutcomeUnknown
from .frames import encode_query
from .hosts import Hosts, is_loopback, redirect_target
from .priorities import Priority

T = TypeVar("T")
TokenSource = str | Callable[[], Awaitable[str]]

_CONNECT_TIMEOUT = 5.0
# A kernel goes on delivering what a closed connection, or a killed process, had written: for two minutes, when a route
# is lost and comes back. With these a close takes back what the peer has not acknowledged, and after ten seconds
# without acknowledgement the kernel gives up by itself (macOS, which does not know that option, keeps to the close).
_NEVER_LATER = [(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))]
if hasattr(socket, "TCP_USER_TIMEOUT"):
    _NEVER_LATER.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, struct.pack("i", 10_000)))


def new_http(hosts: Hosts, timeout: float = 10.0, *, keepalive: float = 30.0, most: int = 50) -> httpx.AsyncClient:
    """Return a pool of at most `most` connections for these hosts; `timeout` is seconds of silence while sending or
    reading, `keepalive` those for which an idle connection is kept.

    Share one per process: `Tradovate(..., http=...)` then costs no handshake. Proxies of the environment are used,
    except towards the simulator.
    """
    trust_env = not is_loopback(urlsplit(hosts.rest).hostname or "")
    return httpx.AsyncClient(
        verify=_tls(trust_env, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
        timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT)),
        limits=httpx.Limits(max_connections=most, max_keepalive_connections=20, keepalive_expiry=keepalive),
        follow_redirects=False,
        headers={"Accept": "application/json"},
        # A pool is shared by users: a cookie that one of them was given must not travel with another's request.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        trust_env=trust_env,
    )


@cache
def _tls(trust_env: bool, *_authorities: str | None) -> ssl.SSLContext:
    """httpx's own context, once for each set of authorities: reading them takes some 30 ms of a core."""
    return httpx.create_ssl_context(trust_env=trust_env)


class Transport:
    """Sends one request at a time over a pool and returns the answer's body, or raises what its absence means."""

    def __init__(
        self,
        hosts: Hosts,
        token: TokenSource | None,
        *,
        http: httpx.AsyncClient | None = None,
        timeout: float = 10.0,
        budgets: Budgets | None = None,
        patience: float = 0.0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        before_sending: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.hosts = hosts
        self._extensions = {"trace": _trace(before_sending)}
        self._budgets = budgets
        self._patience = patience
        self._sleep = sleep
        self._token = token
        self._exchange_timeout = 2 * timeout + _CONNECT_TIMEOUT
        self._own_http = http is None
        self._http = http or new_http(hosts, timeout)

    def __repr__(self) -> str:
        return f"<Transport to {self.hosts.rest}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Wait until what was sent is counted, and close the connections unless the pool was passed in."""
        if self._budgets is not None:
            await self._budgets.counted()
        if self._own_http:
            await self._http.aclose()

    async def get(self, path: str, kind: type[T], query: Mapping[str, object] | None = None) -> T:
        """GET `path` of the REST host ("order/list") and return the body as `kind`. Raises TradovateError."""
        return await self._ask("GET", self._url(path), path, kind, query=query)

    async def post(self, path: str, kind: type[T], body: object, *, priority: Priority | None = None) -> T:
        """POST `body` (a struct or mapping) as JSON to `path` of the REST host. Raises TradovateError.

        `priority` is that of this request in the budgets, in place of their own.
        """
        return await self._ask("POST", self._url(path), path, kind, content=_json(body), priority=priority)

    async def auth(self, path: str, kind: type[T], *, body: object = None) -> T:
        """Ask the auth host ("/v1/auth/me"): GET, or POST when there is a body. Raises TradovateError."""
        url = self.hosts.auth + path
        if body is None:
            return await self._ask("GET", url, path, kind)
        return await self._ask("POST", url, path, kind, content=_json(body))

    async def form(
        self, path: str, fields: Mapping[str, str], *, basic: tuple[str, str] | None = None
    ) -> tuple[int, bytes, float | None]:
        """POST a form to the auth host without a token, and follow no redirect.

        Return status, body and Retry-After (seconds). Raises NotSent, OutcomeUnknown.
        `basic` are name and secret of an HTTP Basic header, which percent-encodes both (RFC 6749, 2.3.1).
        """
        headers = {} if basic is None else {"Authorization": _basic(*basic)}
        reply = await self._once("POST", self.hosts.auth + path, headers, data=dict(fields))
        return reply.status_code, reply.content, answers.retry_after(reply.headers.get("Retry-After"))

    async def exchange(
        self, method: str, url: str, *, form: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, float | None]:
        """Ask `url` with the token as another dialect wants it: a form, and no redirect followed.

        Return status, body and Retry-After (seconds). Raises NotAuthorized without a usable token, NotSent,
        OutcomeUnknown.
        """
        headers = {"Authorization": f"Bearer {await self._access_token()}"}
        sent = {} if form is None else {"data": dict(form)}
        reply = await self._once(method, url, headers, **sent)
        return reply.status_code, reply.content, answers.retry_after(reply.headers.get("Retry-After"))

    def _url(self, path: str) -> str:
        return f"{self.hosts.rest}/{path.lower()}"

    async def _ask(
        self,
        method: str,
        url: str,
        path: str,
        kind: type[T],
        *,
        query: Mapping[str, object] | None = None,
        content: bytes | None = None,
        priority: Priority | None = None,
    ) -> T:
        route = path.removeprefix("/v1").strip("/").lower()

        async def once(ticket: str | None) -> T:
            async with self._counted(method, route, with_ticket=ticket is not None, priority=priority):
                if ticket is None:
                    reply = await self._send(method, url, query=query, content=content)
                else:
                    reply = await self._send("POST", url, query=query, content=penalties.with_ticket(content, ticket))
                return self._read(reply, kind)

        patience = self._patience if penalties.may_be_repeated(method, route) else 0.0
        return await penalties.sit_out(once, patience=patience, sleep=self._sleep)

    def _counted(
        self, method: str, route: str, *, with_ticket: bool, priority: Priority | None
    ) -> AbstractAsyncContextManager[None]:
        if self._budgets is None:
            return nullcontext()
        return self._budgets.request(method, route, with_ticket=with_ticket, priority=priority)

    async def _send(
        self, method: str, url: str, *, query: Mapping[str, object] | None = None, content: bytes | None = None
    ) -> httpx.Response:
        headers = {} if content is None else {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {await self._access_token()}"
        if query:
            url = f"{url}?{encode_query(query)}"
        reply = await self._once(method, url, headers, content=content)
        if reply.status_code == 307:
            moved = self._follow(url, reply.headers.get("Location", ""))
            reply = await self._once(method, moved, headers, content=content)
        return reply

    async def _access_token(self) -> str:
        token = self._token if isinstance(self._token, str) else await self._token() if self._token else ""
        # A token that cannot be a header would otherwise end up in the text of an exception.
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise NotAuthorized("There is no usable access token. Sign in again.")
        return token

    async def _once(self, method: str, url: str, headers: dict[str, str], **sent: Any) -> httpx.Response:
        try:
            # httpx limits each read; this limits the whole exchange, so that a dripping answer ends too.
            async with asyncio.timeout(self._exchange_timeout):
                return await self._http.request(
                    method, url, headers=headers, follow_redirects=False, extensions=self._extensions, **sent
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise NotSent("Tradovate cannot be reached; nothing was sent.") from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError):
            raise NotSent("The request could not be made; nothing was sent.") from None
        except TimeoutError as error:
            raise OutcomeUnknown("Tradovate did not finish its answer in time.") from error
        except httpx.TimeoutException as error:
            raise OutcomeUnknown("Tradovate did not answer in time.") from error
        except httpx.DecodingError as error:
            raise BadReply("Tradovate's answer cannot be unpacked.") from error
        except httpx.HTTPError as error:
            raise OutcomeUnknown("The connection broke before Tradovate's answer.") from error

    def _follow(self, url: str, location: str) -> str:
        """Return `url` on the host that Tradovate moved us to, and remember it. Raises HostMoved if not allowed."""
        target = redirect_target(url, location)
        old = _base(url)
        if target is None or target == old:
            raise HostMoved("Tradovate named another host that cannot be trusted; sign in again.")
        if _base(self.hosts.rest) == old:
            self.hosts = replace(self.hosts, rest=target + self.hosts.rest.removeprefix(old))
        if self.hosts.auth == old:
            self.hosts = replace(self.hosts, auth=target)
        return target + url.removeprefix(old)

    @staticmethod
    def _read(reply: httpx.Response, kind: type[T]) -> T:
        return answers.read(
            reply.status_code, reply.content, kind, retry_after=answers.retry_after(reply.headers.get("Retry-After"))
        )


def _trace(before_sending: Callable[[], Awaitable[object]] | None) -> Callable[[str, dict[str, Any]], Awaitable[None]]:
    """Return a trace for httpx: what a connection, also one to a proxy, has not delivered when it is closed never
    arrives; and once it is there `before_sending` is asked, before the first byte of a request."""

    async def trace(event: str, told: dict[str, Any]) -> None:
        if event.endswith("connect_tcp.complete"):
            wire = told["return_value"].get_extra_info("socket")
            for option in _NEVER_LATER:
                wire.setsockopt(*option)
        elif before_sending is not None and event.endswith("send_request_headers.started"):
            await before_sending()

    return trace


def _json(body: object) -> bytes:
    return encode(body)


def _basic(name: str, secret: str) -> str:
    return "Basic " + b64encode(f"{quote_plus(name)}:{quote_plus(secret)}".encode()).decode()


def _base(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
