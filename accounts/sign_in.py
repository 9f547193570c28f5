"""The journey in: to Tradovate's authorize page, back with a code, through /auth/me to a person and a Connection.

Where it ends (`enter`) is where the way by API key ends too.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.integrations.base_client import OAuthError
from django.contrib.auth import login
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import attempts, audit, grants, oauth
from accounts.budgets import budgets
from accounts.grants import Granted
from accounts.models import AuditEvent, Connection, Environment, SignInAttempt, User, Way
from accounts.reasons import Reason, SignInFailed
from accounts.sign_out import forget_messages
from accounts.signals import announce, connection_opened
from accounts.tokens import Tokens
from trading.tradovate import Tradovate
from trading.tradovate.entities import Me, OAuthTokens
from trading.tradovate.errors import NotSent, OutcomeUnknown, PenaltyImposed, RateLimited, TradovateError
from trading.tradovate.hosts import Environment as WireEnvironment

log = logging.getLogger(__name__)

BACKEND = "django.contrib.auth.backends.ModelBackend"
SESSION_KEY = "connection_id"
SIGNED_IN_AT = "signed_in_at"


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

    The state is used up once Tradovate is asked, whatever it answers. Whoever was signed in in this browser before is
    not any more, and the session has a new key. Raises SignInFailed, having changed nothing else.
    """
    with failures_on_record(request, Way.OAUTH):
        environment, pending = _take_pending(request)
        # BUSY, too: whose made-up codes have earned a penalty could make it last with more of them.
        with counted(partial(attempts.begin_with_code, audit.address_of(request)), (Reason.CODE, Reason.BUSY)):
            tokens = _exchange(request, environment)
        me = identify(environment, tokens.access_token, tokens.api_hosts)
        enter(request, environment, Way.OAUTH, me, _granted(tokens))
    return str(pending.get("next", ""))


@contextmanager
def failures_on_record(request: HttpRequest, way: Way, connection: Connection | None = None) -> Iterator[None]:
    """Log and audit a SignInFailed that leaves the block; `connection` is whose sign-in it seems to have been. Of one
    address only so many are audited (accounts.attempts)."""
    try:
        yield
    except SignInFailed as failure:
        detail = f"{way.label}: {failure.reason.word}"
        if failure.wait:
            detail += f", {failure.remaining} to wait"
        log.warning("Sign-in failed: %s", detail)
        address = audit.address_of(request)
        left = attempts.left_on_record(address)
        if left == 1:
            detail += "; more of this hour from there are in the log only"
        if left > 0:
            kind = AuditEvent.Kind.SIGN_IN_FAILED
            audit.record(kind, user=failure.user, connection=connection, ip_address=address, detail=detail)
        raise


@contextmanager
def counted(begin: Callable[[], SignInAttempt], failures: Container[Reason]) -> Iterator[None]:
    """Count an attempt to sign in (accounts.attempts) for which Tradovate is asked in the block; it counts no more
    unless it ends in one of `failures`. Raises SignInFailed, with Tradovate not asked, after too many."""
    try:
        attempt = begin()
    except attempts.TooManyAttempts as refusal:
        raise SignInFailed(Reason.LIMIT, wait=refusal.seconds) from None
    try:
        yield
    except SignInFailed as failure:
        if failure.reason not in failures:
            attempt.delete()
        raise
    attempt.delete()


def enter(request: HttpRequest, environment: Environment, way: Way, me: Me, granted: Granted) -> None:
    """Sign in in this browser whom Tradovate has let in; their connection holds the new tokens.

    Whoever was signed in in this browser before is not any more, and the session has a new key. Raises SignInFailed,
    having changed nothing.
    """
    connection = _connect(environment, way, me, granted, audit.address_of(request))
    forget_messages(request)
    request.session.flush()
    login(request, connection.user, backend=BACKEND)
    request.session[SESSION_KEY] = connection.pk
    request.session[SIGNED_IN_AT] = timezone.now().isoformat()


def current_connection(user: User, session: SessionBase) -> Connection | None:
    """The connection that this browser signed in to, or None when it is signed out or is not the user's."""
    return Connection.objects.visible_to(user).authorised().filter(pk=session.get(SESSION_KEY, 0)).first()


def signed_in_at(session: SessionBase) -> dt.datetime | None:
    """When somebody last signed in with Tradovate in this browser (aware); None when nobody did.

    What is worth asking for once more is done only soon after this.
    """
    kept = session.get(SIGNED_IN_AT)
    return dt.datetime.fromisoformat(kept) if kept else None


def own_url(request: HttpRequest, url: str) -> str:
    """`url` when it is an address of this portal, with all of its path, else ""."""
    mine = url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return url if mine and urlsplit(url).path.startswith("/") else ""


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
                reason = Reason.BUSY
            case _:
                reason = Reason.CODE
        raise SignInFailed(reason) from None
    except (requests.RequestException, ValueError):
        # Their texts may hold the request, with the code and the client secret.
        raise SignInFailed(Reason.UNREACHABLE) from None


def identify(environment: Environment, access_token: str, api_hosts: Mapping[str, str] | None) -> Me:
    """Whom the token belongs to (openapi.json, OAuthMeResponse), or SignInFailed."""

    async def ask() -> Me:
        hosts = oauth.default_hosts(environment).moved(api_hosts, WireEnvironment(environment))
        async with budgets(environment) as ours, Tradovate(hosts, access_token, budgets=ours) as tradovate:
            return await tradovate.auth.me()

    try:
        return asyncio.run(ask())
    except NotSent:
        raise SignInFailed(Reason.UNREACHABLE) from None
    except (RateLimited, PenaltyImposed) as limit:
        log.warning("/auth/me is limited: %s", limit)
        raise SignInFailed(Reason.BUSY) from None
    except TradovateError as failure:
        log.warning("/auth/me did not identify anybody: %s", Tokens(access_token).hidden_in(str(failure)))
        unanswered = type(failure) is OutcomeUnknown
        raise SignInFailed(Reason.UNREACHABLE if unanswered else Reason.IDENTITY) from None


def _granted(tokens: OAuthTokens) -> Granted:
    now = timezone.now()
    return Granted(
        Tokens(tokens.access_token, tokens.refresh_token),
        grants.after(now, tokens.expires_in) or now + grants.DEFAULT_LIFETIME,
        grants.after(now, tokens.refresh_token_expires_in),
        tokens.api_hosts or {},
    )


def _connect(environment: Environment, way: Way, me: Me, granted: Granted, ip_address: str | None) -> Connection:
    """The person and their connection, made or brought up to date, with the new tokens. Raises SignInFailed."""
    name = (me.name or str(me.user_id))[:64]
    full_name = (me.full_name or "")[:128]
    email = (me.email or "")[:254]
    with transaction.atomic():
        # Locked until the end: who ends an access meanwhile does it after this, and nothing of it is written over. Not
        # the key: a renewal, which holds the connection, looks that up when it commits.
        user, _ = User.objects.select_for_update(no_key=True).get_or_create(
            username=f"{environment.realm}:{me.user_id}", defaults={"password": make_password(None)}
        )
        if not user.is_active or user.is_staff or user.is_superuser:
            # Staff sign in with a password and a second look, never because somebody at Tradovate says so.
            raise SignInFailed(Reason.DISABLED, user=user)
        connection, _ = Connection.objects.get_or_create(
            environment=environment, tradovate_user_id=me.user_id, defaults={"user": user}
        )
        # A sign-in by API key tells neither: what is known stays.
        connection.name = name
        connection.full_name, connection.email = full_name or connection.full_name, email or connection.email
        user.first_name, user.email = connection.full_name or name, connection.email
        user.save(update_fields=["first_name", "email"])
        connection.signed_in_at, connection.signed_in_by, connection.renewed_at = timezone.now(), way, None
        connection.store_tokens(
            granted.tokens, granted.access_expires_at, granted.refresh_expires_at, granted.api_hosts
        )
        audit.record(AuditEvent.Kind.SIGNED_IN, connection=connection, ip_address=ip_address, detail=way.label)
        announce(connection_opened, connection)
    return connection
