"""Products and contracts as Tradovate describes them, kept so that a check needs no network for what is known."""

from __future__ import annotations

from typing import Final, Self

from django.db import models
from django.utils import timezone

from accounts.models import Environment

# What a replay tells of contracts is not kept.
SIGNED_IN_TO: Final = [(one.value, one.label) for one in Environment.of_sign_ins()]
LONGEST_NAME: Final = 64  # of a contract, a product and a currency (openapi.json)


class Product(models.Model):
    """What contracts are of, e.g. ES (openapi.json, Product, ProductMargin and Exchange).

    Ids are Tradovate's. `currency` is that of `value_per_point`, "" when it is not known. `initial_margin` is in
    dollars for one contract; `terms_read_at` is when it was asked for last, together with the session.
    """

    environment = models.CharField(max_length=4, choices=SIGNED_IN_TO)
    tradovate_id = models.BigIntegerField("Tradovate id")
    name = models.CharField(max_length=LONGEST_NAME)
    description = models.CharField(max_length=128)
    tick_size = models.DecimalField(max_digits=18, decimal_places=10)
    value_per_point = models.DecimalField(max_digits=18, decimal_places=6)
    currency = models.CharField(max_length=LONGEST_NAME, blank=True, default="", db_default="")
    product_type = models.CharField(max_length=20, blank=True)
    exchange_id_at_broker = models.BigIntegerField("exchange id at Tradovate", null=True, blank=True)
    exchange = models.CharField(max_length=64, blank=True)
    contract_group_id_at_broker = models.BigIntegerField("contract group id at Tradovate", null=True, blank=True)
    status = models.CharField(max_length=20, blank=True)
    initial_margin = models.DecimalField(null=True, blank=True, max_digits=18, decimal_places=2)
    terms_read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["environment", "tradovate_id"], name="one_product_per_id")]

    def __str__(self) -> str:
        return self.name


class ProductSession(models.Model):
    """When a product trades on a day without a holiday, in the exchange's time (guide, ProductSession)."""

    product = models.OneToOneField(Product, on_delete=models.CASCADE, related_name="session")
    open_time = models.TimeField(null=True, blank=True)
    start_time = models.TimeField(null=True, blank=True)
    stop_time = models.TimeField(null=True, blank=True)
    close_time = models.TimeField(null=True, blank=True)
    sunday_open_time = models.TimeField(null=True, blank=True)
    all_day = models.BooleanField(default=False)

    def __str__(self) -> str:
        return "all day" if self.all_day else f"{self.open_time} to {self.close_time}"


class ContractQuerySet(models.QuerySet["Contract"]):
    """Contracts of all environments."""

    def named(self, *names: str) -> Self:
        """Those of these names, the one that trades now last of its name: a name comes back every ten years, and which
        row was seen last tells it."""
        return self.filter(name__in=names).order_by("seen_at")


class Contract(models.Model):
    """One month of a product, e.g. ESZ6 (openapi.json, Contract and ContractMaturity)."""

    environment = models.CharField(max_length=4, choices=SIGNED_IN_TO)
    tradovate_id = models.BigIntegerField("Tradovate id")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="contracts")
    name = models.CharField(max_length=LONGEST_NAME, db_index=True)
    expiration_date = models.DateTimeField()
    first_intent_date = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(auto_now=True)

    objects = ContractQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["environment", "tradovate_id"], name="one_contract_per_id")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_expired(self) -> bool:
        return self.expiration_date <= timezone.now()
