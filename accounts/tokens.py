"""What a Connection holds sealed: Tradovate's tokens."""

from __future__ import annotations

import msgspec

# So much of a token is enough to know it by.
_BEGINNING = 12


class Tokens(msgspec.Struct, frozen=True):
    """An access token and, where Tradovate gave one, the refresh token that renews it. Neither is ever in a repr."""

    access_token: str
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return f"Tokens(refreshable={self.refresh_token is not None})"

    def hidden_in(self, text: str) -> str:
        """`text`, which somebody else has written, up to where it repeats a token or the beginning of one."""
        for token in (self.access_token, self.refresh_token):
            if token and (at := text.find(token[:_BEGINNING])) >= 0:
                text = f"{text[:at]}…"
        return text

    def encode(self) -> bytes:
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, raw: bytes) -> Tokens:
        return msgspec.json.decode(raw, type=cls)
