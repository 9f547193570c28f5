"""How often sign-ins may fail, counted before Tradovate is asked, and where they come from.

Tradovate allows five failed `accesstokenrequest` an hour to all who use this portal together (official Access text,
Request Rate Limits And Time Penalty): nobody gets more than a part of them, by address or by name. Nor may anybody who
makes up codes of OAuth have Tradovate penalise the `oauthtoken` that renews everybody's tokens. What counts is in the
database, so that all web processes count together; an attempt counts from its start, so that many at once do too.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import audit
from accounts.models import AuditEvent, Environment, Installation, SignInAttempt

FAILURES_PER_HOUR = 3
# Codes are bad more often without anybody guessing: old ones, from a page that was reloaded.
CODES_PER_HOUR = 10
# More in an hour from one address are not written into the audit trail: whoever asks a thousand times a second must not
# fill the disk, nor bury what support looks for.
FAILURES_ON_RECORD = 20
HOUR = timedelta(hours=1)
# In place of the name, which a code does not tell.
_BY_CODE = ""


class TooManyAttempts(Exception):
    """Tradovate is not asked; the next try is possible in `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many failed sign-ins; the next is possible in {seconds} seconds.")
        self.seconds = seconds


def begin(ip_address: str | None, environment: Environment, name: str) -> SignInAttempt:
    """Count an attempt to sign in as `name` from `ip_address`; delete it when it turns out to be no failure.

    Raises TooManyAttempts when the address or the name has had its three in the last hour.
    """
    network, login_digest = network_of(ip_address), digest(environment, name)
    by_name = SignInAttempt.objects.exclude(login_digest=_BY_CODE)
    same = [by_name.filter(network=network), by_name.filter(login_digest=login_digest)]
    return _begin(network, login_digest, FAILURES_PER_HOUR, same)


def begin_with_code(ip_address: str | None) -> SignInAttempt:
    """Count a code that came back from Tradovate's page to a browser at `ip_address`; as `begin`, of ten by address."""
    network = network_of(ip_address)
    same = [SignInAttempt.objects.filter(login_digest=_BY_CODE, network=network)]
    return _begin(network, _BY_CODE, CODES_PER_HOUR, same)


def forget(environment: Environment, name: str) -> None:
    """Delete the attempts to sign in as `name`, and with them where they came from."""
    SignInAttempt.objects.filter(login_digest=digest(environment, name)).delete()


def forget_old() -> None:
    """Delete what no longer counts."""
    SignInAttempt.objects.filter(at__lte=timezone.now() - HOUR).delete()


def _begin(network: str, login_digest: str, most: int, same: list[QuerySet[SignInAttempt]]) -> SignInAttempt:
    """Count an attempt unless there are `most` already in one of `same`."""
    with one_at_a_time():
        forget_old()
        now = timezone.now()
        if seconds := max(_wait(alike, most, now) for alike in same):
            raise TooManyAttempts(seconds)
        return SignInAttempt.objects.create(at=now, network=network, login_digest=login_digest)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """A transaction that waits for the others of this kind: two that look at once must not both find the last place
    free."""
    installation = Installation.this()
    with transaction.atomic():
        Installation.objects.select_for_update().get(pk=installation.pk)
        yield


def digest(environment: Environment, name: str) -> str:
    """What stands for a Tradovate user name, in any case: people type passwords into the wrong field."""
    who = f"{environment.realm}:{name.strip().casefold()}"
    return salted_hmac("accounts.attempts", who, algorithm="sha256").hexdigest()


def network_of(ip_address: str | None) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 customer has; "" for none at all."""
    if ip_address is None:
        return ""
    address = ipaddress.ip_address(ip_address)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def address_that_counts(request: HttpRequest) -> str | None:
    """By which address wrong passwords of staff are counted (settings.AXES_CLIENT_IP_CALLABLE): the first one of
    `network_of`; None for no address."""
    return network_of(audit.address_of(request)).partition("/")[0] or None


def left_on_record(ip_address: str | None) -> int:
    """How many more failures from `ip_address` the audit trail takes in this hour."""
    events = AuditEvent.objects.filter(kind=AuditEvent.Kind.SIGN_IN_FAILED, at__gt=timezone.now() - HOUR)
    network = network_of(ip_address)
    from_there = sum(network_of(one) == network for one in events.values_list("ip_address", flat=True))
    return FAILURES_ON_RECORD - from_there


def _wait(alike: QuerySet[SignInAttempt], most: int, now: datetime) -> int:
    """Seconds until one more may be begun beside these, 0 when it may be now."""
    latest = alike.order_by("-at").values_list("at", flat=True)[:most]
    if len(latest) < most:
        return 0
    return max(1, math.ceil((latest[most - 1] + HOUR - now).total_seconds()))
