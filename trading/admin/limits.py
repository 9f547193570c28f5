"""Limits that support sets for a trader; his own are to be read here. Each change is in the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.admin import NOT_A_TRADER
from accounts.models import User
from trading.models import Product, TradingLimit
from trading.orders import contracts, limit_changes

if TYPE_CHECKING:
    LimitBase = admin.ModelAdmin[TradingLimit]
    LimitForm = forms.ModelForm[TradingLimit]
else:
    # Only the stubs' classes take a type argument.
    LimitBase, LimitForm = admin.ModelAdmin, forms.ModelForm

STAFF = TradingLimit.SetBy.STAFF
FIGURES_TOLD = ["daily_loss_told" if name == "daily_loss" else name for name in limit_changes.FIGURES]


class StaffLimitForm(LimitForm):
    """A limit for one trader, in one of his accounts or each; of one that is there only the figures change."""

    # As it was last changed when the page showed it.
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = TradingLimit
        fields = ["user", "account", "product", *limit_changes.FIGURES]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["seen"] = self.instance.changed_at.isoformat()

    def clean_product(self) -> str:
        product = str(self.cleaned_data["product"]).strip().upper()
        if contracts.is_contract(product):
            raise forms.ValidationError(f"{product} is the name of a contract. Write it without a month, such as ES.")
        return product

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        user, account = cleaned.get("user"), cleaned.get("account")
        product = cleaned.get("product", self.instance.product)
        if user is not None and not user.is_trader:
            self.add_error("user", NOT_A_TRADER)
        if account is not None and user is not None and account.connection.user_id != user.pk:
            self.add_error("account", "This is not an account of that trader.")
        if product and cleaned.get("daily_loss") is not None:
            self.add_error("daily_loss", "A daily loss counts over all products: leave the product empty.")
        if all(cleaned.get(name) is None for name in limit_changes.FIGURES):
            self.add_error(None, "Write at least one figure.")
        twins = TradingLimit.objects.filter(user=user, account=account, product=product, set_by=STAFF)
        if user is not None and not self.errors and twins.exclude(pk=self.instance.pk).exists():
            self.add_error(None, "There is a limit of support's for this trader, account and product: change that one.")
        now = TradingLimit.objects.select_for_update(of=("self",)).filter(pk=self.instance.pk).first()
        if now is not None and cleaned.get("seen") != now.changed_at.isoformat():
            held = ", ".join(now.words())
            self.add_error(None, f"This limit was changed meanwhile: {held}. Open it again to change what it is now.")
        return cleaned


class ProductFilter(admin.AllValuesFieldListFilter):
    """Limits by product; those for each are named so."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or "each"}


def _dollars(amount: Decimal | None) -> str | None:
    return None if amount is None else f"${amount:,.2f}"


@admin.register(TradingLimit)
class TradingLimitAdmin(LimitBase):
    """Staff with the permissions to add, change and delete trading limits do so here, one at a time."""

    form = StaffLimitForm
    actions = None
    list_display = ["user", "account", "product", "set_by", *FIGURES_TOLD, "changed_at"]
    list_filter = ["set_by", ("product", ProductFilter)]
    list_select_related = ["user", "account"]
    search_fields = ["user__username", "user__first_name", "user__email", "user__connections__name", "account__name"]
    autocomplete_fields = ["user", "account"]

    @admin.display(description="daily loss limit", ordering="daily_loss")
    def daily_loss_told(self, limit: TradingLimit) -> str | None:
        """What holds now, and what a trader's own is from when on."""
        now = timezone.now()
        holds = _dollars(limit.daily_loss_at(now))
        if limit.next_from is None or limit.next_from <= now:
            return holds
        return f"{holds}, then {_dollars(limit.next_daily_loss) or 'none'} from {limit.next_from:%Y-%m-%d %H:%M %Z}"

    def get_fields(self, request: HttpRequest, obj: TradingLimit | None = None) -> Any:
        whose = ["user", "account", "product"]
        is_traders = obj is not None and obj.set_by != STAFF
        seen = ["seen"] if obj is not None and self.has_change_permission(request, obj) else []
        return [*whose, *(FIGURES_TOLD if is_traders else limit_changes.FIGURES), *seen]

    def get_readonly_fields(self, request: HttpRequest, obj: TradingLimit | None = None) -> Any:
        # Moved to another trader, it would end without a word in the trail of the first one.
        return ["user", "account", "product"] if obj else []

    def has_change_permission(self, request: HttpRequest, obj: TradingLimit | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.set_by == STAFF)

    def has_delete_permission(self, request: HttpRequest, obj: TradingLimit | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.set_by == STAFF)

    def save_model(self, request: HttpRequest, obj: TradingLimit, form: Any, change: bool) -> None:
        obj.set_by = STAFF
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            self._record(request, obj, "changed to" if change else "set")
        known = Product.objects.filter(environment__in=obj.user.connections.values("environment"))
        if obj.product and not change and not known.filter(name=obj.product).exists():
            words = "is not known here yet: unless Tradovate has a product of that name, this limit holds for nothing."
            messages.warning(request, f"{obj.product} {words}")

    def delete_model(self, request: HttpRequest, obj: TradingLimit) -> None:
        with transaction.atomic():
            self._record(request, obj, "removed, was")
            super().delete_model(request, obj)

    def _record(self, request: HttpRequest, limit: TradingLimit, what: str) -> None:
        limit_changes.record(limit, what, cast("User", request.user), audit.address_of(request))
