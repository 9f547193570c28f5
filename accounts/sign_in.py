"""The journey in: to Tradovate's authorize page, back with a code, through /auth/me to a person and a Connection."""

from __future__ import annotations

import asyncio
import enum
import logging
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from django.contrib.auth import login
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import audit, grants, oauth
from accounts.models import AuditEvent, Connection, Environment, User
from accounts.signals import announce, connection_opened
from accounts.tokens import Tokens
from trading.tradovate import Tradovate
from trading.tradovate.entities import Me, OAuthTokens
from trading.tradovate.errors import NotSent, OutcomeUnknown, TradovateError
from trading.tradovate.hosts import Environment as WireEnvironment

log = logging.getLogger(__name__)

BACKEND = "django.contrib.auth.backends.ModelBackend"
SESSION_KEY = "connection_id"


class Reason(enum.Enum):
    """Why nobody was signed in: a word for logs, an HTTP status, a title and what to do about it."""

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
        "Tradovate does not accept the portal's own client id or secret. Please tell whoever runs it.",
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

    def __init__(self, word: str, status: int, title: str, text: str) -> None:
        self.word = word
        self.status = status
        self.title = title
        self.text = text


class SignInFailed(Exception):
    """Nobody was signed in."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.title)
        self.reason = reason


def begin(request: HttpRequest, environment: Environment, next_url: str = "") -> str:
    """Start a sign-in in this browser's session; returns the URL of Tradovate's authorize page.

    `next_url` is where to go afterwards; anything but an address of this portal is dropped. Raises SignInFailed when
    the portal's settings for the environment are incomplete.
    """
    if not oauth.is_ready(environment):
        log.error("Nobody can sign in to %s: see `manage.py check`.", environment.label)
        raise SignInFailed(Reason.PORTAL)
    redirect_uri = request.build_absolute_uri(reverse("accounts:callback"))
    return oauth.client(environment).begin(request, redirect_uri, own_url(request, next_url))


def complete(request: HttpRequest) -> str:
    """Finish the sign-in that Tradovate sent the browser back from; returns where to go next ("" for the usual place).

    The state is used up whatever happens. Whoever was signed in in this browser before is not any more, and the session
    has a new key. Raises SignInFailed, having changed nothing else.
    """
    try:
        environment, pending = _take_pending(request)
        tokens = _exchange(request, environment)
        me = _identify(environment, tokens)
        connection = _connect(environment, me, tokens, audit.address_of(request))
    except SignInFailed as failure:
        word = failure.reason.word
        log.warning("Sign-in failed: %s", word)
        audit.record(AuditEvent.Kind.SIGN_IN_FAILED, ip_address=audit.address_of(request), detail=word)
        raise
    request.session.flush()
    login(request, connection.user, backend=BACKEND)
    request.session[SESSION_KEY] = connection.pk
    return str(pending.get("next", ""))


def current_connection(user: User, session: SessionBase) -> Connection | None:
    """The connection that this browser signed in to, or None when it is signed out or is not the user's."""
    return Connection.objects.visible_to(user).authorised().filter(pk=session.get(SESSION_KEY, 0)).first()


def own_url(request: HttpRequest, url: str) -> str:
    """`url` when it is an address of this portal, else ""."""
    mine = url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return url if mine else ""


def _take_pending(request: HttpRequest) -> tuple[Environment, dict[str, Any]]:
    """The sign-in that this callback answers. Its state is gone from the session if Tradovate reports an error."""
    state = request.GET.get("state", "")
    for environment in filter(oauth.is_ready, oauth.configured()):
        app = oauth.client(environment)
        pending = app.take(request.session, state)
        if pending is None:
            continue
        if request.GET.get("error") or not request.GET.get("code"):
            app.forget(request.session, state)
            raise SignInFailed(Reason.CANCELLED if request.GET.get("error") == "access_denied" else Reason.CODE)
        return environment, pending
    raise SignInFailed(Reason.STATE)


def _exchange(request: HttpRequest, environment: Environment) -> OAuthTokens:
    try:
        return oauth.client(environment).exchange(request)
    except OAuthError as refusal:
        match refusal.error:
            case "invalid_client" | "unauthorized_client":
                reason = Reason.PORTAL
            case oauth.PENALTY:
                reason = Reason.UNREACHABLE
            case _:
                reason = Reason.CODE
        raise SignInFailed(reason) from None
    except (requests.RequestException, ValueError):
        # Their texts may hold the request, with the code and the client secret.
        raise SignInFailed(Reason.UNREACHABLE) from None


def _identify(environment: Environment, tokens: OAuthTokens) -> Me:
    """Who the token belongs to (openapi.json, OAuthMeResponse)."""

    async def ask() -> Me:
        hosts = oauth.default_hosts(environment).moved(tokens.api_hosts, WireEnvironment(environment))
        async with Tradovate(hosts, tokens.access_token) as tradovate:
            return await tradovate.auth.me()

    try:
        return asyncio.run(ask())
    except NotSent:
        raise SignInFailed(Reason.UNREACHABLE) from None
    except TradovateError as failure:
        log.warning("/auth/me did not identify anybody: %s", failure)
        unanswered = type(failure) is OutcomeUnknown
        raise SignInFailed(Reason.UNREACHABLE if unanswered else Reason.IDENTITY) from None


def _connect(environment: Environment, me: Me, tokens: OAuthTokens, ip_address: str | None) -> Connection:
    """The person and their connection, made or brought up to date, with the new tokens. Raises SignInFailed."""
    now = timezone.now()
    name = (me.name or str(me.user_id))[:64]
    full_name = (me.full_name or "")[:128]
    email = (me.email or "")[:254]
    with transaction.atomic():
        user, is_new = User.objects.get_or_create(username=f"{environment.realm}:{me.user_id}")
        if not user.is_active or user.is_staff or user.is_superuser:
            # Staff sign in with a password and a second look, never because somebody at Tradovate says so.
            raise SignInFailed(Reason.DISABLED)
        if is_new:
            user.set_unusable_password()
        user.first_name, user.email = full_name or name, email
        user.save()
        connection, _ = Connection.objects.get_or_create(
            environment=environment, tradovate_user_id=me.user_id, defaults={"user": user}
        )
        connection.name, connection.full_name, connection.email = name, full_name, email
        connection.signed_in_at, connection.renewed_at = now, None
        connection.store_tokens(
            Tokens(tokens.access_token, tokens.refresh_token),
            grants.after(now, tokens.expires_in) or now + grants.DEFAULT_LIFETIME,
            grants.after(now, tokens.refresh_token_expires_in),
            tokens.api_hosts,
        )
        audit.record(AuditEvent.Kind.SIGNED_IN, connection=connection, ip_address=ip_address)
        announce(connection_opened, connection)
    return connection
