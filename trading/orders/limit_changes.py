"""How limits change, and that every change is in the audit trail.

A trader's own daily loss limit guards him against himself: he tightens it at once, and loosens it for the next trading
day. Nobody but staff touches what staff has set.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from textwrap import shorten
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent, User
from trading.models import Account, TradingLimit
from trading.orders.trading_days import next_day_opens

Figure = int | Decimal | None
FIGURES: Final = ("max_order_qty", "max_position", "daily_loss", "collar_ticks", "collar_percent")


class AlreadyThere(Exception):
    """The trader has a limit for this account and product already."""


def add(
    user: User, account: Account | None, product: str, figures: Mapping[str, Figure], ip_address: str | None = None
) -> TradingLimit:
    """A trader's new limit for an account of his (None: each) and a product ("": each). Raises AlreadyThere."""
    limit = TradingLimit(user=user, account=account, product=product, **{name: figures.get(name) for name in FIGURES})
    try:
        with transaction.atomic():
            limit.save()
            record(limit, "set", user, ip_address)
    except IntegrityError as twin:
        raise AlreadyThere from twin
    return limit


def change(
    limit_id: int, user: User, figures: Mapping[str, Figure], ip_address: str | None = None, what: str = "changed to"
) -> TradingLimit:
    """Give one of the trader's own limits these figures; a looser daily loss waits for the next trading day.

    Raises TradingLimit.DoesNotExist for another's, and for what staff has set.
    """
    now = timezone.now()
    with transaction.atomic():
        limit = TradingLimit.objects.own(user).select_for_update(of=("self",)).get(pk=limit_id)
        for name in FIGURES:
            if name != "daily_loss":
                setattr(limit, name, figures.get(name))
        loss = figures.get("daily_loss")
        limit.want_daily_loss(None if loss is None else Decimal(loss), now, next_day_opens(now))
        limit.save()
        record(limit, what, user, ip_address)
    return limit


def remove(limit_id: int, user: User, ip_address: str | None = None) -> TradingLimit | None:
    """Remove one of the trader's own limits; returns it when its daily loss holds until the next trading day.

    Raises TradingLimit.DoesNotExist as `change` does.
    """
    with transaction.atomic():
        limit = change(limit_id, user, {}, ip_address, "removed; left")
        if limit.limits_nothing(timezone.now()):
            limit.delete()
            return None
    return limit


def tidy(user: User, now: dt.datetime) -> None:
    """Delete the trader's limits whose last figure has ended."""
    ended = TradingLimit.objects.own(user).filter(next_from__lte=now, next_daily_loss=None)
    if not ended.exists():
        return
    with transaction.atomic():
        for limit in ended.select_for_update(of=("self",)):
            if limit.limits_nothing(now):
                limit.delete()


def record(limit: TradingLimit, what: str, by: User, ip_address: str | None) -> None:
    """Write a change to the trail of the trader whom it concerns."""
    who = f"support ({by.get_username()})" if limit.set_by == TradingLimit.SetBy.STAFF else "the trader"
    later = ""
    if limit.next_from is not None:
        loss = "none" if limit.next_daily_loss is None else f"${limit.next_daily_loss:,.2f}"
        later = f"; daily loss {loss} from {limit.next_from:%Y-%m-%d %H:%M %Z}"
    head = f"Trading limit for {limit.scope} {what}: {', '.join(limit.words()) or 'nothing'}"
    tail = f"{later}; by {who}"
    audit.record(
        AuditEvent.Kind.LIMITS_CHANGED,
        user=limit.user,
        connection=limit.account.connection if limit.account else None,
        ip_address=ip_address,
        # Who it was is told, however much there is to say.
        detail=shorten(head, audit.DETAIL_LENGTH - len(tail), placeholder=" ...") + tail,
    )
