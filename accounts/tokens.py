"""What a Connection holds sealed: Tradovate's tokens."""

from __future__ import annotations

import msgspec


class Tokens(msgspec.Struct, frozen=True):
    """An access token and, where Tradovate gave one, the refresh token that renews it. Neither is ever in a repr."""

    access_token: str
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return f"Tokens(refreshable={self.refresh_token is not None})"

    def encode(self) -> bytes:
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, raw: bytes) -> Tokens:
        return msgspec.json.decode(raw, type=cls)
