"""Opening a WebSocket: the HTTP upgrade, and what a refusal of it means."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

import websockets.asyncio.client as ws_client
from websockets.exceptions import InvalidStatus, WebSocketException

from . import answers
from .errors import HostMoved, NotAuthorized, NotSent, RateLimited, TradovateError
from .hosts import is_loopback

# A first snapshot is well over the library's default of 1 MiB.
MAX_FRAME = 64 * 1024 * 1024
CLOSE_TIMEOUT = 2.0

# Never at DEBUG, whatever the root logger is: there the library writes frames, and with them tokens, to the log.
_wire_log = logging.getLogger(f"{__name__}.wire")
_wire_log.setLevel(logging.INFO)


class _Connect(ws_client.connect):
    """Opens a WebSocket without following redirects: a token goes to no host that we did not choose."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def upgrade(url: str) -> ws_client.ClientConnection:
    """Open a WebSocket, through a proxy of the environment except on loopback; no token is sent yet.

    Raises NotAuthorized, HostMoved (307, 421), RateLimited, and NotSent for any other refusal or no answer.
    """
    parts = urlsplit(url)
    try:
        return await _Connect(
            url,
            open_timeout=None,
            compression=None,
            max_size=MAX_FRAME,
            ping_interval=None,
            close_timeout=CLOSE_TIMEOUT,
            proxy=None if is_loopback(parts.hostname or "") else True,
            logger=_wire_log,
        )
    except InvalidStatus as error:
        raise _refused(error) from error
    except (OSError, WebSocketException) as error:
        raise NotSent(f"Tradovate's socket cannot be reached ({type(error).__name__}).") from error


def _refused(error: InvalidStatus) -> TradovateError:
    """Return what a refused upgrade means; no answer to an upgrade leaves anything in doubt."""
    status = error.response.status_code
    try:
        answers.check(status, b"", retry_after=answers.retry_after(error.response.headers.get("Retry-After")))
    except (NotAuthorized, RateLimited, HostMoved) as meaning:
        return meaning
    except TradovateError:
        return NotSent(f"Tradovate refused to open a socket (status {status}).")
    return NotSent("Tradovate's answer opened no socket.")
