"""Settings: what a trader calls his accounts. What is kept in the browser (zone, sound, ...) is settings.js's."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import Connection, User
from accounts.sign_in import current_connection
from trading.models import Account

# Zones that traders of these markets ask for first; the page's script adds all that the browser knows.
ZONES = {
    "America/Chicago": "Chicago (the exchange)",
    "America/New_York": "New York",
    "Europe/London": "London",
    "Europe/Berlin": "Berlin",
    "Asia/Tokyo": "Tokyo",
    "UTC": "UTC",
}


class NamesForm(forms.Form):
    """A field for each account of a connection, named by its key."""

    def __init__(self, accounts: list[Account], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.accounts = accounts
        longest = Account._meta.get_field("alias").max_length
        for account in accounts:
            self.fields[_name(account)] = forms.CharField(
                label=account.name, required=False, max_length=longest, initial=account.alias
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        taken = {account.name.casefold(): account for account in self.accounts}
        for account in self.accounts:
            alias = cleaned.get(_name(account), "")
            if alias and taken.setdefault(alias.casefold(), account) != account:
                self.add_error(_name(account), "Another account is called so already.")
        return cleaned

    def save(self) -> None:
        """Keep the names that are others now."""
        changed = []
        for account in self.accounts:
            alias = self.cleaned_data[_name(account)]
            if alias != account.alias:
                account.alias = alias
                changed.append(account)
        Account.objects.bulk_update(changed, ["alias"])


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    """The page, and what it does: naming accounts."""
    connection = current_connection(cast(User, request.user), request.session)
    if connection is None:
        return render(request, "trading/no_connection.html")
    form = NamesForm(_accounts(connection), request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "The names are kept.")
        return redirect("trading:settings")
    status = 400 if form.errors else 200
    return render(request, "trading/settings.html", {"form": form, "zones": ZONES}, status=status)


def _accounts(connection: Connection) -> list[Account]:
    return list(Account.objects.filter(connection=connection))


def _name(account: Account) -> str:
    return f"alias-{account.pk}"
