"""What a time penalty asks of a client: wait, then repeat the same request with the ticket in its body.

Source: official Access text, Request Rate Limits And Time Penalty. It says, too, that a penalised request was not
handled. All the same an order is never repeated here: a minute later it may not be wanted any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .entities.codec import decode_plain, encode
from .errors import PenaltyImposed

T = TypeVar("T")

SHORTEST = 0.1  # seconds

# What trades, or has the risk desk trade. Their reads, and what only asks what an order would do, may wait.
_TRADING = ("order/", "orderstrategy/", "accountriskstatus/")
_ASKING = ("order/dryrun",)


def may_be_repeated(method: str, route: str) -> bool:
    """Return whether a request ("POST", "user/syncrequest") may be sent again once its penalty is over."""
    return method == "GET" or route in _ASKING or not route.startswith(_TRADING)


def with_ticket(content: bytes | None, ticket: str) -> bytes:
    """Return a JSON body with the ticket added; a request without a body gets one."""
    fields = decode_plain(content) if content else {}
    return encode({**fields, "p-ticket": ticket})


async def sit_out(
    ask: Callable[[str | None], Awaitable[T]],
    *,
    patience: float,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> T:
    """Return what `ask` answers, sitting out the penalties that it meets for `patience` seconds in all.

    `ask` gets the ticket of the last penalty, None at first: `lambda ticket: socket.sync(7, ticket=ticket)`. Raises
    PenaltyImposed for a wait that is longer than what is left of the patience, CaptchaRequired at once, and whatever
    else `ask` raises.
    """
    ticket: str | None = None
    while True:
        try:
            return await ask(ticket)
        except PenaltyImposed as penalty:
            # A penalty of no time at all would otherwise be met for ever.
            pause = max(SHORTEST, penalty.seconds)
            if penalty.captcha or pause > patience:
                raise
            patience -= pause
            ticket = penalty.ticket
        await sleep(pause)
