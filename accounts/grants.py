"""The two ways to a new access token, and what each asks of Tradovate. No table is written here.

A refresh token is tried first. Without one, when that certainly did nothing, or when the access token is about to end
and that was not answered, a still valid access token renews itself by `auth/renewaccesstoken`, which keeps the session.
"""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts import oauth
from accounts.budgets import budgets
from accounts.models import Connection, Environment
from accounts.tokens import Tokens
from trading.tradovate import Hosts, Priority, Tradovate, refresh
from trading.tradovate.errors import (
    ApiError,
    HostMoved,
    NotAuthorized,
    NotFound,
    NotSent,
    OAuthError,
    OutcomeUnknown,
    PenaltyImposed,
    RateLimited,
)

# For replies that do not say how long their token lives (measured in production: 80 minutes).
DEFAULT_LIFETIME = timedelta(minutes=80)
ANSWER_TIMEOUT = timedelta(seconds=25)
PROBE_TIMEOUT = 5.0
# How long a time penalty may be to be sat out within that; after a longer one it is tried again later.
PENALTY_PATIENCE = 10.0

# Tradovate has said no, and will say it again: this grant need not be repeated soon.
REFUSALS = (OAuthError, NotAuthorized, ApiError)
# This grant has certainly done nothing: the next may be tried. A host that cannot be reached is the next one's too, and
# the attempt would cost the network one of its renewals.
NOTHING_DONE = (*REFUSALS, NotFound, RateLimited, PenaltyImposed, HostMoved)


class Grant(enum.Enum):
    """A way to a new access token; the value is its name in the audit trail."""

    REFRESH_TOKEN = "refresh token"  # noqa: S105 - the name of a grant
    ACCESS_TOKEN = "renewaccesstoken"  # noqa: S105 - as above


@dataclass(frozen=True)
class Granted:
    """What Tradovate gave: tokens and when they end (aware)."""

    tokens: Tokens
    access_expires_at: datetime
    refresh_expires_at: datetime | None
    api_hosts: dict[str, str]


def available(connection: Connection, tokens: Tokens, now: datetime) -> list[Grant]:
    """What may still renew the connection's tokens, in the order to try."""
    grants = []
    access_ends, refresh_ends = connection.access_token_expires_at, connection.refresh_token_expires_at
    if tokens.refresh_token and (refresh_ends is None or refresh_ends > now):
        grants.append(Grant.REFRESH_TOKEN)
    if access_ends is not None and access_ends > now:
        grants.append(Grant.ACCESS_TOKEN)
    return grants


async def ask(connection: Connection, tokens: Tokens, grant: Grant, *, urgent: bool) -> Granted:
    """One request to Tradovate, which takes ANSWER_TIMEOUT at most. Raises any TradovateError.

    Raises BudgetSpent, with nothing sent, when the hour's `renewaccesstoken` of all connections together are used up;
    `urgent` may use the last few.
    """
    try:
        hosts = connection.hosts
    except ValueError as problem:
        raise NotSent(str(problem)) from None
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
            if grant is Grant.REFRESH_TOKEN:
                return await _by_refresh_token(connection, tokens, hosts)
            return await _by_access_token(connection, tokens, hosts, urgent=urgent)
    except TimeoutError:
        raise OutcomeUnknown("Tradovate did not answer the renewal in time.") from None


async def still_accepted(connection: Connection, tokens: Tokens) -> bool:
    """Does Tradovate still take the access token? Asked with one harmless read, because a 401 alone does not say: LIVE
    refuses orders from unverified devices like that (protocol notes, Password login). Raises any other TradovateError.
    """
    try:
        async with (
            budgets(connection.environment, connection.tradovate_user_id, priority=Priority.EXIT) as own,
            Tradovate(connection.hosts, tokens.access_token, timeout=PROBE_TIMEOUT, budgets=own) as tradovate,
        ):
            await tradovate.account.list()
    except NotAuthorized:
        return False
    return True


async def _by_access_token(connection: Connection, tokens: Tokens, hosts: Hosts, *, urgent: bool) -> Granted:
    priority = Priority.EXIT if urgent else Priority.READ
    async with (
        budgets(connection.environment, connection.tradovate_user_id, priority=priority) as own,
        Tradovate(hosts, tokens.access_token, budgets=own, patience=PENALTY_PATIENCE) as tradovate,
    ):
        reply = await tradovate.auth.renew()
    return Granted(
        Tokens(reply.access_token, tokens.refresh_token),
        reply.expiration_time,
        connection.refresh_token_expires_at,
        reply.api_hosts or {},
    )


async def _by_refresh_token(connection: Connection, tokens: Tokens, hosts: Hosts) -> Granted:
    own = oauth.credentials(Environment(connection.environment))
    reply = await refresh(hosts, tokens.refresh_token or "", own.client_id, own.client_secret)
    now = timezone.now()
    # A reply without a refresh token leaves the old one in force.
    refresh_expires_at = None if reply.refresh_token else connection.refresh_token_expires_at
    return Granted(
        Tokens(reply.access_token, reply.refresh_token or tokens.refresh_token),
        after(now, reply.expires_in) or now + DEFAULT_LIFETIME,
        after(now, reply.refresh_token_expires_in) or refresh_expires_at,
        reply.api_hosts or {},
    )


def after(now: datetime, seconds: int | None) -> datetime | None:
    """The moment `seconds` from `now`, or None when that is not said (or nonsense)."""
    return now + timedelta(seconds=seconds) if seconds and 0 < seconds < 10 * 365 * 86_400 else None
