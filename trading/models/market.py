"""Products and contracts as Tradovate describes them, kept so that a check needs no network for what is known."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.utils import timezone

from accounts.models import Environment


class Product(models.Model):
    """What contracts are of, e.g. ES (openapi.json, Product)."""

    environment = models.CharField(max_length=4, choices=Environment)
    tradovate_id = models.BigIntegerField("Tradovate id")
    name = models.CharField(max_length=16)
    description = models.CharField(max_length=128)
    tick_size = models.DecimalField(max_digits=18, decimal_places=10)
    value_per_point = models.DecimalField(max_digits=18, decimal_places=6)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["environment", "tradovate_id"], name="one_product_per_id")]

    def __str__(self) -> str:
        return self.name

    @property
    def tick_value(self) -> Decimal:
        """Dollars that one tick is worth on one contract."""
        return self.tick_size * self.value_per_point


class Contract(models.Model):
    """One month of a product, e.g. ESZ6 (openapi.json, Contract and ContractMaturity)."""

    environment = models.CharField(max_length=4, choices=Environment)
    tradovate_id = models.BigIntegerField("Tradovate id")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="contracts")
    name = models.CharField(max_length=16, db_index=True)
    expiration_date = models.DateTimeField()
    first_intent_date = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["environment", "tradovate_id"], name="one_contract_per_id")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_expired(self) -> bool:
        return self.expiration_date <= timezone.now()
