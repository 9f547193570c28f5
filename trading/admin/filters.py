"""What lists of Tradovate's records are filtered by."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from trading.tradovate.entities import CashChangeType, OrdStatus


class OfTradovate(admin.SimpleListFilter):
    """A filter that offers each value Tradovate has: those that are kept would be looked for in the whole table."""

    values: type[StrEnum]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(one.value, one.value) for one in self.values]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class StatusFilter(OfTradovate):
    title, parameter_name, values = "status", "status__exact", OrdStatus


class ChangeFilter(OfTradovate):
    title, parameter_name, values = "change type", "change_type__exact", CashChangeType
