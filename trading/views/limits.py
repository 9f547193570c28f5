"""A trader's limits: his own to set, those of support and of Tradovate to read. Another's do not exist here."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts import audit
from accounts.models import Connection, User
from accounts.sign_in import current_connection
from trading.models import Account, Product, TradingLimit
from trading.orders import contracts, facts, limit_changes
from trading.orders.broker_limits import in_words
from trading.orders.trading_days import CHICAGO

if TYPE_CHECKING:
    LimitForm = forms.ModelForm[TradingLimit]
else:
    # Only the stubs' class takes a type argument.
    LimitForm = forms.ModelForm

ABOVE_ZERO = "Write a number above zero, or leave it empty for no limit."


class FiguresForm(LimitForm):
    """The figures of a limit; what is left empty is not limited."""

    class Meta:
        model = TradingLimit
        fields: tuple[str, ...] = limit_changes.FIGURES
        help_texts = {
            "max_order_qty": "Contracts in one order.",
            "max_position": "Contracts of one product, long or short, with what works counted in.",
            "daily_loss": "Dollars in a trading day, realised and open, over all products.",
            "collar_ticks": "Ticks that a price may lie from the last one.",
            "collar_percent": "Percent that a price may lie from the last one.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in limit_changes.FIGURES:
            self.fields[name].error_messages["min_value"] = ABOVE_ZERO
            self.fields[name].widget.attrs["inputmode"] = "decimal"

    @property
    def product_of_limit(self) -> str:
        return self.instance.product

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and all(cleaned.get(name) is None for name in limit_changes.FIGURES):
            raise forms.ValidationError("Write at least one figure.")
        if self.product_of_limit and cleaned.get("daily_loss") is not None:
            words = "A daily loss counts over all products: leave it empty here, and set it for each product."
            self.add_error("daily_loss", words)
        return cleaned


class NewForm(FiguresForm):
    """A new limit: what for, and how much."""

    class Meta(FiguresForm.Meta):
        fields = ("account", "product", *limit_changes.FIGURES)
        help_texts = {**FiguresForm.Meta.help_texts, "account": "", "product": "Such as ES. Empty: each product."}

    def __init__(self, connection: Connection, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connection = connection
        own = cast("forms.ModelChoiceField[Account]", self.fields["account"])
        own.queryset = Account.objects.visible_to(connection.user).select_related("connection")
        # Limits hold in every environment that the trader signs in to.
        own.choices = [("", "Each account"), *((account.pk, _named(account)) for account in own.queryset)]
        own.error_messages["invalid_choice"] = "Choose one of your accounts."
        self.fields["product"].widget.attrs |= {
            "autocapitalize": "characters",
            "spellcheck": "false",
            "autocomplete": "off",
        }

    @property
    def product_of_limit(self) -> str:
        return str(self.cleaned_data.get("product", ""))

    def clean_product(self) -> str:
        product = str(self.cleaned_data["product"]).strip().upper()
        if not product:
            return ""
        try:
            is_known = contracts.has_product(self._connection, product)
        except contracts.ContractsUnavailable as problem:
            raise forms.ValidationError(f"{product} could not be checked. {problem}") from problem
        if not is_known:
            raise forms.ValidationError(f"Tradovate has no product {product}. Write it without a month, such as ES.")
        return product


@dataclass(frozen=True)
class BrokerLimits:
    """Tradovate's limits of one account; None while nothing is known of it."""

    account: Account
    words: list[str] | None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """All limits that hold for the trader, and the form for another one; a POST adds it."""
    connection = current_connection(_user(request), request.session)
    if connection is None:
        return render(request, "trading/no_connection.html")
    if request.method != "POST":
        return _page(request, connection, NewForm(connection))
    form = NewForm(connection, request.POST)
    if not form.is_valid():
        return _page(request, connection, form, status=400)
    given = form.cleaned_data
    try:
        limit_changes.add(_user(request), given["account"], given["product"], given, audit.address_of(request))
    except limit_changes.AlreadyThere:
        form.add_error(None, "You have a limit for this account and product: change that one.")
        return _page(request, connection, form, status=400)
    messages.success(request, "The limit holds from now on.")
    return redirect("trading:own-limits")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, limit_id: int) -> HttpResponse:
    """The figures of one of the trader's own limits; a POST changes them."""
    limit = _own(request, limit_id)
    if request.method != "POST":
        limit.daily_loss = limit.next_daily_loss if limit.next_from else limit.daily_loss
        return render(request, "trading/limits/change.html", {"limit": limit, "form": FiguresForm(instance=limit)})
    form = FiguresForm(request.POST, instance=limit)
    if not form.is_valid():
        return render(request, "trading/limits/change.html", {"limit": limit, "form": form}, status=400)
    changed = limit_changes.change(limit_id, _user(request), form.cleaned_data, audit.address_of(request))
    _say(request, changed, "The limit is changed.")
    return redirect("trading:own-limits")


@login_required
@require_POST
def remove(request: HttpRequest, limit_id: int) -> HttpResponse:
    """Remove one of the trader's own limits."""
    left = limit_changes.remove(_own(request, limit_id).pk, _user(request), audit.address_of(request))
    _say(request, left, "The limit is removed.")
    return redirect("trading:own-limits")


def _say(request: HttpRequest, limit: TradingLimit | None, words: str) -> None:
    if limit is None or limit.next_from is None:
        messages.success(request, words)
        return
    begins = limit.next_from.astimezone(CHICAGO)
    then = "none" if limit.next_daily_loss is None else f"${limit.next_daily_loss:,.2f}"
    held = f"The daily loss of ${limit.daily_loss:,.2f} holds until {begins:%A %H:%M} in Chicago, then {then}"
    messages.info(request, f"{words} {held}: a loss limit is loosened for the next trading day.")


def _page(request: HttpRequest, connection: Connection, form: NewForm, *, status: int = 200) -> HttpResponse:
    user, now = _user(request), timezone.now()
    limit_changes.tidy(user, now)
    limits = list(TradingLimit.objects.visible_to(user).select_related("account__connection"))
    known = facts.read(connection.pk)
    context = {
        "form": form,
        "own": [limit for limit in limits if limit.set_by == TradingLimit.SetBy.TRADER],
        "by_staff": [limit for limit in limits if limit.set_by == TradingLimit.SetBy.STAFF],
        "brokers": _brokers(connection, known, now),
        "now": now,
        "limits_known": known is not None and known.position_limits is not None,
        "most_contracts": settings.ORDER_MAX_QUANTITY,
    }
    return render(request, "trading/limits/page.html", context, status=status)


def _brokers(connection: Connection, known: facts.Facts | None, now: dt.datetime) -> list[BrokerLimits]:
    products = dict(Product.objects.filter(environment=connection.environment).values_list("tradovate_id", "name"))
    found = []
    for account in connection.accounts.all():
        figures = known.account(account.tradovate_id) if known else None
        words = in_words(known, figures, products, now) if known and figures else None
        found.append(BrokerLimits(account, words))
    return found


def _own(request: HttpRequest, limit_id: int) -> TradingLimit:
    own = TradingLimit.objects.own(_user(request)).select_related("account__connection")
    return get_object_or_404(own, pk=limit_id)


def _named(account: Account) -> str:
    return f"{account} ({account.connection.get_environment_display()})"


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)
