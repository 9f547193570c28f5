"""Who may ask: authorization codes, access and refresh tokens, and the two sessions that a user may have.

A third session closes the oldest one (protocol notes, "Password / API-key login"). Tokens are random and opaque.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from .clock import Clock
from .config import Config

ENDED_KEPT = 1000
NEVER = datetime.fromtimestamp(0, UTC)


@dataclass
class Token:
    """An access token. `market_data` marks the second token of an API login, which opens the same doors."""

    value: str = field(repr=False)
    session_id: int
    expires: datetime
    market_data: bool = False


@dataclass(frozen=True)
class Origin:
    """Where a login came from, as the client tells it; empty when it does not."""

    address: str = ""
    app_id: str = ""
    app_version: str = ""
    device_id: str = ""


@dataclass
class Session:
    """One login. Renewing it adds tokens; earlier ones live until they expire. `client_id` is the OAuth application's,
    None for a login with an API key."""

    id: int
    user_id: int
    refresh_token: str = field(repr=False)
    refresh_expires: datetime
    client_id: str | None = None
    opened: datetime = NEVER
    origin: Origin = Origin()
    ended: datetime | None = None


@dataclass
class Code:
    """An authorization code and what it is bound to."""

    user_id: int
    client_id: str
    redirect_uri: str
    expires: datetime
    challenge: str | None = field(default=None, repr=False)
    method: str = "plain"


@dataclass(frozen=True)
class Grant:
    """What a login or a renewal hands out."""

    session: Session
    access: Token
    market_data: Token


class Sessions:
    """All codes, tokens and sessions. `on_close` is called with the session that has to go."""

    def __init__(self, config: Config, clock: Clock, on_close: Callable[[Session], None]) -> None:
        self._config = config
        self._clock = clock
        self._on_close = on_close
        self._codes: dict[str, Code] = {}
        self.sessions: dict[int, Session] = {}
        self.ended: list[Session] = []
        self.tokens: dict[str, Token] = {}
        self.last_id = 0
        self.changes = 0

    def new_code(
        self, user_id: int, client_id: str, redirect_uri: str, challenge: str | None = None, method: str = "plain"
    ) -> str:
        """A new single-use code for a user who signed in, bound to the client, the address and the challenge."""
        now = self._clock.now()
        self._codes = {key: code for key, code in self._codes.items() if code.expires > now}
        value = secrets.token_urlsafe(32)
        expires = now + timedelta(seconds=self._config.code_lifetime)
        self._codes[value] = Code(user_id, client_id, redirect_uri, expires, challenge, method)
        return value

    def redeem(self, value: str, client_id: str, redirect_uri: str, verifier: str | None) -> Grant | None:
        """Exchange a code for a session. Whatever comes of it, the code is used up."""
        code = self._codes.pop(value, None)
        if code is None or code.expires <= self._clock.now():
            return None
        if (code.client_id, code.redirect_uri) != (client_id, redirect_uri):
            return None
        if code.challenge is not None and not _verifies(code, verifier):
            return None
        return self.login(code.user_id, client_id)

    def login(self, user_id: int, client_id: str | None = None, origin: Origin | None = None) -> Grant:
        """Open a session, closing the oldest when the user has too many."""
        self.last_id += 1
        now = self._clock.now()
        session = Session(self.last_id, user_id, "", now, client_id, now, origin or Origin())
        self.sessions[session.id] = session
        own = sorted(number for number, other in self.sessions.items() if other.user_id == user_id)
        for number in own[: -self._config.sessions_per_user]:
            self.close(number)
        self._new_refresh_token(session)
        return self._grant(session)

    def renew(self, session: Session) -> Grant:
        """New tokens for an open session."""
        return self._grant(session)

    def refresh(self, refresh_token: str, client_id: str) -> Grant | None:
        """New tokens for a refresh token, which is replaced by a new one."""
        now = self._clock.now()
        for session in self.sessions.values():
            if (session.refresh_token, session.client_id) == (refresh_token, client_id):
                if session.refresh_expires <= now:
                    return None
                self._new_refresh_token(session)
                return self._grant(session)
        return None

    def session(self, access_token: str) -> Session | None:
        """The open session of a token that has not expired."""
        token = self.tokens.get(access_token)
        if token is None or token.expires <= self._clock.now():
            return None
        return self.sessions.get(token.session_id)

    def bearer(self, authorization: str) -> Session | None:
        """The session of a request's Authorization header; None without one or when its token has expired."""
        scheme, _, token = authorization.partition(" ")
        return self.session(token.strip()) if scheme.lower() == "bearer" else None

    def close(self, session_id: int) -> None:
        """End a session: its tokens fail from now on."""
        session = self.sessions.pop(session_id, None)
        if session is not None:
            self.changes += 1
            session.ended = self._clock.now()
            self.ended = [*self.ended, session][-ENDED_KEPT:]
            self.tokens = {key: token for key, token in self.tokens.items() if token.session_id != session_id}
            self._on_close(session)

    def every(self) -> list[Session]:
        """The open sessions and those that ended not long ago, oldest first."""
        return sorted([*self.ended, *self.sessions.values()], key=lambda session: session.id)

    def expire(self, user_id: int) -> int:
        """Let all access tokens of a user expire now; refresh tokens live on. Return how many."""
        count = 0
        for token in self.tokens.values():
            session = self.sessions.get(token.session_id)
            if session is not None and session.user_id == user_id:
                token.expires = self._clock.now()
                self.changes += 1
                count += 1
        return count

    def _grant(self, session: Session) -> Grant:
        now = self._clock.now()
        self.changes += 1
        self.tokens = {key: token for key, token in self.tokens.items() if token.expires > now}
        expires = now + timedelta(seconds=self._config.token_lifetime)
        access = Token(secrets.token_urlsafe(48), session.id, expires)
        market_data = Token(secrets.token_urlsafe(48), session.id, expires, market_data=True)
        self.tokens[access.value] = access
        self.tokens[market_data.value] = market_data
        return Grant(session, access, market_data)

    def _new_refresh_token(self, session: Session) -> None:
        session.refresh_token = secrets.token_urlsafe(48)
        session.refresh_expires = self._clock.now() + timedelta(seconds=self._config.refresh_lifetime)


def _verifies(code: Code, verifier: str | None) -> bool:
    """RFC 7636, 4.6: does the verifier belong to the challenge?"""
    if verifier is None:
        return False
    if code.method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(verifier.encode(), (code.challenge or "").encode())
