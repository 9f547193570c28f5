"""Limits that a trader sets for himself, or support for him, beside those that Tradovate keeps."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from trading.models.journal import Account
from trading.models.market import LONGEST_NAME

if TYPE_CHECKING:
    from accounts.models import User

LARGEST = 1_000_000


class TradingLimitQuerySet(models.QuerySet["TradingLimit"]):
    def visible_to(self, user: User) -> TradingLimitQuerySet:
        """The limits that hold for this user, whoever set them."""
        return self.filter(user=user)

    def own(self, user: User) -> TradingLimitQuerySet:
        """Those that the user set and may change."""
        return self.filter(user=user, set_by=TradingLimit.SetBy.TRADER)


class TradingLimit(models.Model):
    """What one trader's orders must keep to, in one account or in each of them, in one product or in each.

    `max_order_qty` is contracts in one order, `max_position` contracts of one product in one account, either way.
    `daily_loss` is dollars that one account may lose in a trading day, over all products. `collar_ticks` and
    `collar_percent` are how far a price may lie from the last one. Of several limits the strictest holds.

    A trader's looser daily loss waits in `next_daily_loss` (None: no limit) until `next_from`.
    """

    class SetBy(models.TextChoices):
        TRADER = "trader", "trader"
        STAFF = "staff", "support"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="trading_limits")
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, null=True, blank=True, related_name="limits", help_text="Empty: each account"
    )
    product = models.CharField(max_length=LONGEST_NAME, blank=True, help_text="Such as ES. Empty: each product")
    set_by = models.CharField(max_length=6, choices=SetBy, default=SetBy.TRADER)
    max_order_qty = models.PositiveIntegerField(
        "most contracts in an order",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(LARGEST)],
    )
    max_position = models.PositiveIntegerField(
        "largest position", null=True, blank=True, validators=[MaxValueValidator(LARGEST)]
    )
    daily_loss = models.DecimalField(
        "daily loss limit",
        null=True,
        blank=True,
        max_digits=14,
        decimal_places=2,
        validators=[MinValueValidator(Decimal("0.01"))],
    )
    next_daily_loss = models.DecimalField(null=True, blank=True, max_digits=14, decimal_places=2, editable=False)
    next_from = models.DateTimeField(null=True, blank=True, editable=False)
    collar_ticks = models.PositiveIntegerField(
        "price collar in ticks", null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(LARGEST)]
    )
    collar_percent = models.DecimalField(
        "price collar in percent",
        null=True,
        blank=True,
        max_digits=6,
        decimal_places=2,
        validators=[MinValueValidator(Decimal("0.01"))],
    )
    changed_at = models.DateTimeField(auto_now=True)

    objects = TradingLimitQuerySet.as_manager()

    class Meta:
        ordering = ["set_by", "account", "product"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "account", "product", "set_by"],
                condition=Q(account__isnull=False),
                name="one_limit_per_account_and_product",
            ),
            models.UniqueConstraint(
                fields=["user", "product", "set_by"],
                condition=Q(account__isnull=True),
                name="one_limit_per_product",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope}: {', '.join(self.words()) or 'nothing'}"

    @property
    def scope(self) -> str:
        """Where it holds, in words."""
        where = str(self.account) if self.account else "each account"
        return f"{where}, {self.product or 'each product'}"

    def daily_loss_at(self, now: dt.datetime) -> Decimal | None:
        """The daily loss limit in force, in dollars."""
        return self.next_daily_loss if self.next_from is not None and self.next_from <= now else self.daily_loss

    @property
    def daily_loss_now(self) -> Decimal | None:
        return self.daily_loss_at(timezone.now())

    def want_daily_loss(self, wanted: Decimal | None, now: dt.datetime, begins: dt.datetime) -> None:
        """Take a trader's own daily loss limit: a stricter one holds at once, a looser one or none from `begins` on."""
        current = self.daily_loss_at(now)
        self.daily_loss, self.next_daily_loss, self.next_from = wanted, None, None
        if current is not None and (wanted is None or wanted > current):
            self.daily_loss, self.next_daily_loss, self.next_from = current, wanted, begins

    def limits_nothing(self, now: dt.datetime) -> bool:
        """Whether it has no figure any more, now or later."""
        figures = (self.max_order_qty, self.max_position, self.collar_ticks, self.collar_percent)
        waiting = self.daily_loss if self.next_from and self.next_from > now else None
        return all(one is None for one in (*figures, self.daily_loss_at(now), waiting))

    def words(self) -> list[str]:
        """What it limits now, each in words."""
        said = [
            ("at most {:,} contracts an order", self.max_order_qty),
            ("at most {:,} contracts long or short", self.max_position),
            ("daily loss ${:,.2f}", self.daily_loss_now),
            ("prices within {:,} ticks", self.collar_ticks),
            ("prices within {:f} %", self.collar_percent),
        ]
        return [words.format(value) for words, value in said if value is not None]
