"""The other journey in: a Tradovate name, password and API key, exchanged for tokens on the spot.

Nothing that was typed is kept: the session that Tradovate opens renews itself, and when it has ended the trader types
it all again. What Tradovate may impose, a time penalty, is remembered in the browser's session until it is used up.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts import attempts, audit, grants, oauth
from accounts.budgets import budgets, penalty_left
from accounts.grants import Granted
from accounts.models import Connection, Environment, Installation, Way
from accounts.reasons import Reason, SignInFailed
from accounts.sign_in import counted, enter, failures_on_record, identify
from accounts.tokens import Tokens
from trading.tradovate import Hosts, request_access_token
from trading.tradovate.entities import AccessToken, AccessTokenRequest, Me
from trading.tradovate.errors import (
    ApiError,
    NotAuthorized,
    PenaltyImposed,
    RateLimited,
    TradovateError,
)
from trading.tradovate.hosts import is_loopback

PENALTY_KEY = "api_key_penalty"
ROUTE = "auth/accesstokenrequest"

# Tradovate has looked at the login and said no, or has had too much of that: these it counts, and so do we.
FAILURES = (
    *(Reason.CREDENTIALS, Reason.APP, Reason.REFUSED, Reason.DENIED, Reason.DEVICE),
    *(Reason.PENALTY, Reason.CAPTCHA),
)


@dataclass(frozen=True)
class ApiKeyLogin:
    """What a trader types. `cid` and `secret` are the API key; they may be empty for the simulator."""

    environment: Environment
    name: str
    password: str = field(repr=False)
    app_id: str
    app_version: str
    cid: str
    secret: str = field(repr=False)


def offered(request: HttpRequest) -> list[Environment]:
    """The environments that this request may sign in to by API key.

    None for a page that came unencrypted from another machine: no password is asked for there.
    """
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    if not request.is_secure() and not is_loopback(host):
        return []
    return [environment for environment in oauth.configured() if environment in settings.API_KEY_ENVIRONMENTS]


@sensitive_variables("login")
def sign_in(request: HttpRequest, login: ApiKeyLogin) -> None:
    """Sign in in this browser with a password and an API key, as the person whom OAuth would find.

    Raises SignInFailed; then nobody's sign-in has changed.
    """
    with failures_on_record(request, Way.API_KEY, _known_connection(login)):
        ticket = _ticket(request.session, login)
        # Without a ticket, asking earns one more penalty, and after some of them a captcha.
        if ticket is None and (seconds := penalty_left(login.environment, ROUTE)):
            raise SignInFailed(Reason.PENALTY, wait=seconds)
        begin = partial(attempts.begin, audit.address_of(request), login.environment, login.name)
        with counted(begin, FAILURES):
            reply = _exchange(request.session, login, ticket)
        enter(request, login.environment, Way.API_KEY, _identity(login.environment, reply), _granted(reply))


def _known_connection(login: ApiKeyLogin) -> Connection | None:
    """Whose sign-in this seems to be, so that support finds its failures at that person."""
    return Connection.objects.filter(environment=login.environment, name__iexact=login.name).first()


@sensitive_variables("login", "ticket")
def _exchange(session: SessionBase, login: ApiKeyLogin, ticket: str | None) -> AccessToken:
    """One request for tokens. Raises SignInFailed."""
    try:
        hosts = oauth.default_hosts(login.environment)
    except ValueError:
        raise SignInFailed(Reason.PORTAL) from None
    if ticket is not None:
        del session[PENALTY_KEY]
        oauth.save_now(session)
    request = AccessTokenRequest(
        name=login.name,
        password=login.password,
        app_id=login.app_id or None,
        app_version=login.app_version or None,
        device_id=Installation.this().device_id(login.name),
        cid=login.cid or None,
        sec=login.secret or None,
        p_ticket=ticket,
    )
    try:
        return asyncio.run(_ask(login.environment, hosts, request))
    except PenaltyImposed as penalty:
        if penalty.captcha:
            raise SignInFailed(Reason.CAPTCHA) from None
        _remember(session, login, penalty)
        raise SignInFailed(Reason.PENALTY, wait=penalty.seconds) from None
    except TradovateError as failure:
        raise _refusal(login, failure) from None
    except TimeoutError:
        raise SignInFailed(Reason.UNREACHABLE) from None


async def _ask(environment: Environment, hosts: Hosts, request: AccessTokenRequest) -> AccessToken:
    """Ask Tradovate, for ANSWER_TIMEOUT at most, and count a failure.

    Failures used up do not hold it back: over the limit Tradovate itself asks to wait for seconds, the budget for an
    hour.
    """
    async with budgets(environment) as ours, asyncio.timeout(grants.ANSWER_TIMEOUT.total_seconds()):
        try:
            return await request_access_token(hosts, request)
        except TradovateError as failure:
            ours.failed(ROUTE, failure)
            raise
        finally:
            await ours.counted()


@sensitive_variables("login")
def _refusal(login: ApiKeyLogin, failure: TradovateError) -> SignInFailed:
    """What Tradovate's answer means to the trader (protocol: a refusal is status 200 with errorText, or a 401)."""
    if isinstance(failure, RateLimited):
        wait = failure.retry_after
        return SignInFailed(Reason.BUSY, wait=None if wait is None else math.ceil(wait))
    if isinstance(failure, NotAuthorized):
        return SignInFailed(Reason.DEVICE if login.environment is Environment.LIVE else Reason.DENIED)
    if not isinstance(failure, ApiError):
        return SignInFailed(Reason.UNREACHABLE)
    text = failure.text.casefold()
    if "password" in text and "incorrect" in text:
        return SignInFailed(Reason.CREDENTIALS)
    if "not registered" in text:
        return SignInFailed(Reason.APP)
    # Its own words, unless they repeat what was typed.
    secret = any(typed and typed.casefold() in text for typed in (login.password, login.secret))
    return SignInFailed(Reason.REFUSED, words="" if secret else failure.text)


def _identity(environment: Environment, reply: AccessToken) -> Me:
    """Who signed in: the reply says so; where it does not, /auth/me does, of which Tradovate allows few."""
    if reply.user_id is None:
        return identify(environment, reply.access_token, reply.api_hosts)
    return Me(user_id=reply.user_id, name=reply.name or "")


def _granted(reply: AccessToken) -> Granted:
    # The market data token opens the same doors as the access token: one of them is enough.
    return Granted(Tokens(reply.access_token), reply.expiration_time, None, reply.api_hosts or {})


def _ticket(session: SessionBase, login: ApiKeyLogin) -> str | None:
    """The penalty ticket that this login must be repeated with, if any. Raises SignInFailed before its time."""
    penalty = session.get(PENALTY_KEY)
    if penalty is None or penalty["login"] != attempts.digest(login.environment, login.name):
        return None
    waited = timezone.now().timestamp() - penalty["until"]
    if waited < 0:
        raise SignInFailed(Reason.PENALTY, wait=math.ceil(-waited))
    return str(penalty["ticket"])


def _remember(session: SessionBase, login: ApiKeyLogin, penalty: PenaltyImposed) -> None:
    session[PENALTY_KEY] = {
        "ticket": penalty.ticket,
        "login": attempts.digest(login.environment, login.name),
        "until": timezone.now().timestamp() + penalty.seconds,
    }
