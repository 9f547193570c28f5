"""Access tokens that are still good, renewed before they end: one renewal at a time per connection, and paced.

Whoever sets `renewing_until` by compare-and-swap renews; nobody else does until it has passed. A renewal that fails
changes nothing but when it is tried again: the tokens stay, but for a refresh token that is one no longer. Tradovate
allows fifteen `auth/renewaccesstoken` an hour to all of us together (see trading.tradovate.limits): the schedule leaves
the last three to callers whose token is about to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections as database_connections
from django.db import transaction
from django.db.models import Q
from django.dispatch import Signal
from django.utils import timezone

from accounts import audit, grants
from accounts.crypto import CannotDecrypt
from accounts.due import Waiting, due
from accounts.grants import Grant, Granted
from accounts.models import AuditEvent, Connection, ConnectionQuerySet, Environment
from accounts.signals import announce, connection_ended, connection_renewed, renewals_due, renewals_first
from accounts.tokens import Tokens
from trading.tradovate.errors import (
    BudgetSpent,
    OAuthError,
    OutcomeUnknown,
    PenaltyImposed,
    RateLimited,
    TradovateError,
)

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# What callers may count on: a token that they get is good for this long, where such a one can be had.
USABLE = timedelta(seconds=60)

# Seconds for which a row that was read stands for the one in the database. Who signs out meanwhile has signed out after
# what was asked for.
JUST_READ = 1.0

# Outlasts two requests that both run into their timeouts.
CLAIM = 2 * grants.ANSWER_TIMEOUT + timedelta(seconds=10)
WAIT_FOR_ANOTHER = 20.0
POLL = 0.05
# Threads of our own: callers that wait for a renewal must not hold up what else the process does in threads.
_THREADS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="access-token")

RETRY_AFTER_TROUBLE = timedelta(seconds=15)
RETRY_AFTER_REFUSAL = timedelta(minutes=15)
RETRY_AFTER_LIMIT = timedelta(minutes=60)

ENDED = "Your Tradovate session has ended. Sign in again."
ENDED_EARLY = "Tradovate ended this session early; another login may have replaced it."
NOT_NOW = "Your Tradovate session has ended and cannot be renewed just now. Sign in again, or try again in a minute."


class NoToken(Exception):
    """There is no access token to use; the text tells the trader what to do."""


class SignedOut(NoToken):
    """The connection holds no tokens: its owner signed out, or the connection is gone."""


class TokenExpired(NoToken):
    """The access token has ended (or does not open) and could not be renewed: its owner must sign in again."""


class Outcome(enum.Enum):
    """What `renew` came to."""

    RENEWED = "renewed"
    BUSY = "another process is at it, or the tokens have just changed"
    PACED = "it is too early to try again"
    FAILED = "Tradovate refused or did not answer"
    IMPOSSIBLE = "nothing is left that could renew them"
    NOT_NEEDED = "Tradovate accepts the token: it was refused for what was asked with it"


def access_token(connection_id: int) -> str:
    """An access token of the connection that is valid for 60 seconds at least, renewed first when it must be.

    While another process renews, this one waits for its result. When nothing can be renewed now, a token that still
    has some seconds is returned as it is. Raises SignedOut, or TokenExpired when the trader has to sign in again.
    """
    give_up_at = time.monotonic() + WAIT_FOR_ANOTHER
    renewed = False
    while True:
        connection, tokens = _open(connection_id)
        left = _left(connection)
        # One that was renewed just now is returned even if Tradovate's tokens live shorter than what we promise.
        if left >= USABLE or renewed:
            return tokens.access_token
        outcome = _renew(connection, tokens, urgent=True)
        if outcome is Outcome.RENEWED:
            renewed = True
        elif outcome is Outcome.BUSY and time.monotonic() < give_up_at:
            time.sleep(POLL)
        elif left > timedelta(0):
            return tokens.access_token
        else:
            raise TokenExpired(ENDED if outcome is Outcome.IMPOSSIBLE else NOT_NOW)


def token_of(connection: Connection) -> str:
    """`access_token` of a connection whose row may just have been read: then it is not read again, unless its token has
    to be renewed first. Raises the same."""
    is_new = connection.read_at is not None and time.monotonic() - connection.read_at <= JUST_READ
    if is_new and _left(connection) >= USABLE:
        with contextlib.suppress(CannotDecrypt):
            if tokens := connection.tokens:
                return tokens.access_token
    return access_token(connection.pk)


async def aaccess_token(connection_id: int) -> str:
    """`access_token` for async callers, in a thread of its own; raises the same."""
    return await sync_to_async(_in_thread, thread_sensitive=False, executor=_THREADS)(access_token, connection_id)


def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return work(*args, **kwargs)
    finally:
        # The pool's threads outlive this call; a database connection of theirs must not.
        database_connections.close_all()


def renew_due() -> int:
    """Renew the connections whose turn it is (accounts.due); returns how many were renewed.

    Meant for a schedule. One connection's trouble never keeps the next one from its turn. The floors above say what is
    left alone (signals.renewals_due), and what comes first when not all can be in time (signals.renewals_first).
    """
    now = timezone.now()
    queues: dict[str, list[Waiting]] = defaultdict(list)
    left_alone, first = _told(renewals_due), _told(renewals_first)
    authorised = Connection.objects.authorised().exclude(access_token_expires_at=None).exclude(pk__in=left_alone)
    for connection in authorised.filter(Q(renew_after=None) | Q(renew_after__lte=now)):
        try:
            possible = _possible(connection, now)
        except CannotDecrypt as reason:
            log.warning("Connection %s cannot be renewed: its tokens do not open. %s", connection.pk, reason)
            continue
        if possible:
            ends_at, by_refresh_token = connection.access_token_expires_at or now, Grant.REFRESH_TOKEN in possible
            queues[Environment(connection.environment).realm].append(
                Waiting(connection.pk, ends_at, by_refresh_token, comes_first=connection.pk in first)
            )
    renewed = 0
    for one in [one for queue in queues.values() for one in due(queue, now)]:
        try:
            connection, tokens = _open(one.connection_id)
            if connection.access_token_expires_at == one.ends_at:
                renewed += _renew(connection, tokens, urgent=False) is Outcome.RENEWED
        except NoToken as reason:
            log.warning("Connection %s cannot be renewed: %s", one.connection_id, reason)
    return renewed


def lapsed() -> set[int]:
    """Ids of the connections whose access token has ended, with nothing that could renew it: only their traders can."""
    now = timezone.now()
    ended = Connection.objects.authorised().filter(access_token_expires_at__lte=now)
    return {connection.pk for connection in ended if _has_lapsed(connection, now)}


def _has_lapsed(connection: Connection, now: datetime) -> bool:
    try:
        return not _possible(connection, now)
    except CannotDecrypt:
        return True


def _told(signal: Signal) -> set[int]:
    """The ids of connections that the receivers of a signal return."""
    answers = [answer for _, answer in signal.send_robust(sender=Connection)]
    return {one for answer in answers if not isinstance(answer, Exception) for one in answer}


def _possible(connection: Connection, now: datetime) -> list[Grant]:
    """What may still renew the connection's tokens. Raises CannotDecrypt."""
    tokens = connection.tokens
    return grants.available(connection, tokens, now) if tokens else []


def renew(connection_id: int, *, urgent: bool = False) -> Outcome:
    """Renew one connection's tokens now, however long they still last, unless another process is at it.

    `urgent` may use the last of the hour's `renewaccesstoken` calls. Raises SignedOut; TokenExpired when the stored
    tokens do not open.
    """
    connection, tokens = _open(connection_id)
    return _renew(connection, tokens, urgent=urgent)


def refused(connection_id: int, token: str) -> Outcome:
    """Tradovate has answered 401 to `token` before its end: find out whether it is over, and renew at once if so.

    One process at a time asks, with one harmless read; nothing that was refused is repeated. RENEWED says that there is
    another token now, from here or from whoever was faster. When the token is over and nothing can take its place, the
    connection says so from now on (TokenExpired) instead of when it would have ended, and its desk is told. Raises
    SignedOut, TokenExpired.
    """
    connection, tokens = _open(connection_id)
    if tokens.access_token != token:
        return Outcome.RENEWED
    now = timezone.now()
    if connection.renew_after is not None and connection.renew_after > now:
        return Outcome.PACED
    if not _claim(connection, now):
        return Outcome.BUSY
    try:
        accepted = asyncio.run(grants.still_accepted(connection, tokens))
    except (TradovateError, ValueError) as trouble:
        log.warning("Connection %s: whether its token is over is not known: %s", connection_id, type(trouble).__name__)
        _row(connection).update(renewing_until=None)
        return Outcome.FAILED
    if accepted:
        _row(connection).update(renewing_until=None)
        return Outcome.NOT_NEEDED
    return _replace_ended(connection, tokens)


async def arefused(connection_id: int, token: str) -> Outcome:
    """`refused` for async callers, in a thread of its own; raises the same."""
    return await sync_to_async(_in_thread, thread_sensitive=False, executor=_THREADS)(refused, connection_id, token)


def _replace_ended(connection: Connection, tokens: Tokens) -> Outcome:
    """Tradovate has ended these tokens early, and the claim to renew them is held."""
    connection.access_token_expires_at = now = timezone.now()
    _row(connection).update(access_token_expires_at=now, renewal_error=ENDED_EARLY)
    audit.record(AuditEvent.Kind.RENEWAL_FAILED, connection=connection, detail=ENDED_EARLY)
    possible = grants.available(connection, tokens, now)
    outcome = _try(connection, tokens, possible, urgent=True) if possible else Outcome.IMPOSSIBLE
    if outcome is Outcome.IMPOSSIBLE:
        _row(connection).update(renewing_until=None)
    if outcome is not Outcome.RENEWED:
        announce(connection_ended, connection)
    return outcome


def _renew(connection: Connection, tokens: Tokens, *, urgent: bool) -> Outcome:
    """Renew these very tokens: when others have taken their place since they were read, there is nothing to do."""
    now = timezone.now()
    possible = grants.available(connection, tokens, now)
    if not possible:
        return Outcome.IMPOSSIBLE
    if connection.renew_after is not None and connection.renew_after > now:
        return Outcome.PACED
    # The row that was read may already say so; that spares those who wait a write each time they look.
    if (connection.renewing_until is not None and connection.renewing_until > now) or not _claim(connection, now):
        return Outcome.BUSY
    return _try(connection, tokens, possible, urgent=urgent)


def _open(connection_id: int) -> tuple[Connection, Tokens]:
    """The connection as it is in the database now, and its tokens. Raises SignedOut, TokenExpired."""
    connection = Connection.objects.filter(pk=connection_id).first()
    try:
        tokens = connection.tokens if connection is not None else None
    except CannotDecrypt as reason:
        raise TokenExpired(f"The stored Tradovate session cannot be opened. Sign in again. ({reason})") from None
    if connection is None or tokens is None:
        raise SignedOut("You are signed out of Tradovate. Sign in again.")
    return connection, tokens


def _left(connection: Connection) -> timedelta:
    """How long the access token is still good."""
    now = timezone.now()
    return (connection.access_token_expires_at or now) - now


def _claim(connection: Connection, now: datetime) -> bool:
    """Take the right to renew these very tokens; False when somebody has it, or has already used it."""
    row = _row(connection).filter(
        Q(renewing_until=None) | Q(renewing_until__lte=now), Q(renew_after=None) | Q(renew_after__lte=now)
    )
    return bool(row.update(renewing_until=now + CLAIM))


def _row(connection: Connection) -> ConnectionQuerySet:
    """The connection's row while it holds the tokens that were read: a sign-out or new sign-in meanwhile stands."""
    return Connection.objects.filter(pk=connection.pk, sealed_tokens=connection.sealed_tokens)


def _try(connection: Connection, tokens: Tokens, possible: list[Grant], *, urgent: bool) -> Outcome:
    failure: TradovateError | None = None
    left = tokens
    for grant in possible:
        try:
            renewed = asyncio.run(grants.ask(connection, left, grant, urgent=urgent))
        except BudgetSpent:
            break
        except TradovateError as error:
            _note_failure(connection, grant, tokens.hidden_in(str(error)))
            if _is_over(error):
                left = _without_refresh_token(connection, tokens)
            # A refresh without an answer is soon tried again, whatever comes of the access token's last chance.
            failure = failure if isinstance(failure, OutcomeUnknown) else error
            is_last_chance = isinstance(error, OutcomeUnknown) and _left(connection) <= USABLE
            if not isinstance(error, grants.NOTHING_DONE) and not is_last_chance:
                # This grant may have worked, so the next one must not be spent yet.
                break
        else:
            return _keep(connection, grant, renewed)
    _give_up(connection, failure, "" if failure is None else tokens.hidden_in(str(failure)))
    return Outcome.PACED if failure is None else Outcome.FAILED


def _keep(connection: Connection, grant: Grant, renewed: Granted) -> Outcome:
    connection.api_hosts = renewed.api_hosts
    with transaction.atomic():
        kept = _row(connection).update(
            sealed_tokens=connection.seal(renewed.tokens),
            access_token_expires_at=renewed.access_expires_at,
            refresh_token_expires_at=renewed.refresh_expires_at,
            api_hosts=connection.api_hosts,
            renewed_at=timezone.now(),
            renewing_until=None,
            renew_after=None,
            renewal_error="",
        )
        if kept:
            until = f"{renewed.access_expires_at:%Y-%m-%d %H:%M:%S} UTC"
            detail = f"{grant.value}: valid until {until}"
            audit.record(AuditEvent.Kind.TOKEN_RENEWED, connection=connection, detail=detail)
            announce(connection_renewed, connection)
    return Outcome.RENEWED if kept else Outcome.BUSY


def _is_over(failure: TradovateError) -> bool:
    """Whether it says that the refresh token is one no longer (RFC 6749, 5.2)."""
    return isinstance(failure, OAuthError) and failure.code == "invalid_grant"


def _without_refresh_token(connection: Connection, tokens: Tokens) -> Tokens:
    """Keep the access token alone: these are the tokens from now on."""
    left, row = Tokens(tokens.access_token), _row(connection)
    connection.sealed_tokens, connection.refresh_token_expires_at = connection.seal(left), None
    row.update(sealed_tokens=connection.sealed_tokens, refresh_token_expires_at=None)
    return left


def _note_failure(connection: Connection, grant: Grant, words: str) -> None:
    """Say what went wrong; in the audit trail not again and again while the connection has the same tokens."""
    detail = f"{grant.value}: {words}"[: audit.DETAIL_LENGTH]
    failed = Q(kind=AuditEvent.Kind.RENEWAL_FAILED, detail__startswith=f"{grant.value}: ")
    got_tokens = Q(kind__in=[AuditEvent.Kind.TOKEN_RENEWED, AuditEvent.Kind.SIGNED_IN])
    last = AuditEvent.objects.filter(failed | got_tokens, connection=connection).first()
    if last is None or last.detail != detail:
        audit.record(AuditEvent.Kind.RENEWAL_FAILED, connection=connection, detail=detail)
    log.warning("Renewal of connection %s by %s failed: %s", connection.pk, grant.value, words)


def _give_up(connection: Connection, failure: TradovateError | None, words: str) -> None:
    """Give up the claim; after a failure also say, in `words`, why, and when to try again."""
    row = _row(connection)
    if failure is None:
        row.update(renewing_until=None)
    else:
        pause, until_last_chance = _pause(failure), _left(connection) - USABLE
        if until_last_chance > RETRY_AFTER_TROUBLE:
            # An access token that has ended does not renew itself any more.
            pause = min(pause, until_last_chance)
        row.update(renewing_until=None, renew_after=timezone.now() + pause, renewal_error=words[:255])


def _pause(failure: TradovateError) -> timedelta:
    """How long to leave Tradovate alone after `failure`."""
    if isinstance(failure, PenaltyImposed):
        # A captcha is for people; a program can only wait.
        return RETRY_AFTER_LIMIT if failure.captcha else timedelta(seconds=max(failure.seconds, 1))
    if isinstance(failure, RateLimited):
        return RETRY_AFTER_LIMIT if failure.retry_after is None else timedelta(seconds=failure.retry_after)
    will_be_repeated = isinstance(failure, grants.REFUSALS) and not _is_over(failure)
    return RETRY_AFTER_REFUSAL if will_be_repeated else RETRY_AFTER_TROUBLE
