"""Why nobody was signed in, in words for the trader and a word for the logs."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounts.models import User


class Reason(enum.Enum):
    """A word for logs and the audit trail, an HTTP status, a title and what to do about it."""

    CANCELLED = (
        "cancelled",
        403,
        "Sign-in was cancelled",
        "You did not allow Tradeport to use your Tradovate login. Nothing was changed.",
    )
    STATE = (
        "state",
        400,
        "This sign-in is no longer valid",
        "It was started in another browser, has been used already, or is older than ten minutes. Please start again.",
    )
    CODE = (
        "code",
        400,
        "Tradovate did not accept this sign-in",
        "A sign-in can be used only once and for a short time. Please start again.",
    )
    PORTAL = (
        "portal",
        500,
        "This portal is not set up for Tradovate",
        "What the portal's settings say of Tradovate is incomplete or not accepted. Please tell whoever runs it.",
    )
    UNREACHABLE = (
        "unreachable",
        502,
        "Tradovate did not answer",
        "Nobody was signed in. Please try again in a minute.",
    )
    IDENTITY = (
        "identity",
        502,
        "Tradovate did not say who you are",
        "Nobody was signed in. Please try again; if it keeps happening, tell your support staff.",
    )
    DISABLED = (
        "disabled",
        403,
        "Your access is switched off",
        "Your support staff have switched off this login. Please ask them.",
    )
    CREDENTIALS = (
        "credentials",
        403,
        "Wrong name or password",
        "Tradovate did not accept this name and password. Passwords are case-sensitive.",
    )
    APP = (
        "app",
        403,
        "Tradovate does not know this API key",
        "Check the app name, the client id and the secret: they must be what Tradovate showed when the key was made. "
        "A key that was removed there needs a new one.",
    )
    REFUSED = (
        "refused",
        403,
        "Tradovate refused this sign-in",
        "Nobody was signed in.",
    )
    DENIED = (
        "denied",
        403,
        "Tradovate denied access",
        "Check that the API key is still active and what it may do, in Tradovate's settings for API access.",
    )
    DEVICE = (
        "device",
        403,
        "Tradovate has not verified this portal as your device",
        "LIVE is open to verified devices only. Follow Tradovate's message about a new device, or ask its support to "
        "approve it, then try again: this portal stays the same device.",
    )
    PENALTY = (
        "penalty",
        429,
        "Tradovate asks you to wait",
        "Type the password and the secret again when the time is up.",
    )
    CAPTCHA = (
        "captcha",
        429,
        "Tradovate has paused sign-ins by API key",
        "After too many failures it wants to see a person. Try again in about an hour, or sign in once in Tradovate's "
        "own application.",
    )
    LIMIT = (
        "limit",
        429,
        "Too many failed sign-ins",
        "Tradovate was not asked again, so that one person's failures lock nobody else out.",
    )
    BUSY = (
        "busy",
        503,
        "Tradovate takes no more requests just now",
        "Nobody was signed in. Please try again later, within the hour.",
    )

    def __init__(self, word: str, status: int, title: str, text: str) -> None:
        self.word = word
        self.status = status
        self.title = title
        self.text = text


class SignInFailed(Exception):
    """Nobody was signed in. `wait` is the seconds until another try makes sense, `words` what Tradovate itself said,
    `user` who it was, where Tradovate has let somebody in whom the portal does not."""

    def __init__(self, reason: Reason, *, wait: int | None = None, words: str = "", user: User | None = None) -> None:
        super().__init__(reason.title)
        self.reason = reason
        self.wait = wait
        self.words = words
        self.user = user

    @property
    def remaining(self) -> str:
        """`wait` as minutes and seconds, "0:15"."""
        minutes, seconds = divmod(self.wait or 0, 60)
        return f"{minutes}:{seconds:02}"
