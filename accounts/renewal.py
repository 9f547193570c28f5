"""Access tokens that are still good, renewed before they end: one renewal at a time per connection, and paced."""

from __future__ import annotations


class NoToken(Exception):
    """There is no access token to use; the text tells the trader what to do."""


class SignedOut(NoToken):
    """The connection holds no tokens: its owner signed out, or the connection is gone."""


class TokenExpired(NoToken):
    """The access token has ended (or does not open) and could not be renewed: its owner must sign in again."""


def access_token(connection_id: int) -> str:
    """An access token of the connection that is valid for 60 seconds at least, renewed first when it must be."""
    raise NotImplementedError


async def aaccess_token(connection_id: int) -> str:
    """`access_token` for async callers; the event loop is not blocked."""
    raise NotImplementedError


def renew(connection_id: int) -> bool:
    """Renew one connection's tokens now, unless another process is at it."""
    raise NotImplementedError


def renew_due() -> int:
    """Renew every connection whose token ends soon; returns how many were renewed."""
    raise NotImplementedError
