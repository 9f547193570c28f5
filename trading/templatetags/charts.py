"""What the chart panel offers to choose from."""

from __future__ import annotations

from django import template
from django.utils import timezone

from accounts.models import Connection
from trading.market import Interval
from trading.models import Contract

register = template.Library()

MOST = 50

_LABELS = {
    Interval.TICKS: "Ticks",
    Interval.ONE_MINUTE: "1 min",
    Interval.FIVE_MINUTES: "5 min",
    Interval.FIFTEEN_MINUTES: "15 min",
    Interval.HOUR: "1 hour",
    Interval.DAY: "1 day",
}


@register.simple_tag
def chart_symbols(connection: Connection) -> list[str]:
    """The contracts of an environment that are known and still trade, those that expire first before the others."""
    known = Contract.objects.filter(environment=connection.holder.environment, expiration_date__gt=timezone.now())
    return list(known.order_by("expiration_date", "name").values_list("name", flat=True)[:MOST])


@register.simple_tag
def chart_intervals() -> list[tuple[str, str]]:
    """The values and names of the intervals."""
    return [(interval.value, label) for interval, label in _LABELS.items()]
