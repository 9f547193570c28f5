"""The small forms below a row of the desk: the change of an order, and the exits of a position."""

from __future__ import annotations

from typing import Any

from django import forms

from trading.orders.prices import Distance, Unit
from trading.views.ticket import ContractsField, PriceField


class ChangeForm(forms.Form):
    """What is to be other than it is in a working order; empty fields leave it."""

    order_qty = ContractsField(required=False)
    price = PriceField()
    stop_price = PriceField()
    limit_if_touched_price = PriceField()
    max_show = ContractsField(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and all(value is None for value in cleaned.values()):
            raise forms.ValidationError("Nothing was changed: write a quantity or a price.")
        return cleaned


class ExitsForm(forms.Form):
    """Distances of a target and a stop from where a position breaks even."""

    target = PriceField()
    stop = PriceField()
    unit = forms.ChoiceField(choices=[(unit.value, unit.value) for unit in Unit])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and cleaned["target"] is None and cleaned["stop"] is None:
            self.add_error("target", "Write a target, a stop or both.")
        return cleaned

    def distance(self, name: str) -> Distance | None:
        """The distance in a field; None when it is empty."""
        amount = self.cleaned_data[name]
        return None if amount is None else Distance(amount, Unit(self.cleaned_data["unit"]))
