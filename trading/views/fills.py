"""The fills blotter: what the journal has kept, by trade date, with fees; on a page and as CSV."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Connection, User
from accounts.sign_in import current_connection
from trading import spreadsheet
from trading.history import fills as kept
from trading.history.fills import Line, Wanted
from trading.models import Account, Order, OrderIntent
from trading.sync import rows as formatter

ON_A_PAGE = 100
LARGEST_ID = 2**63 - 1
DATES = [MinValueValidator(dt.date(2000, 1, 1)), MaxValueValidator(dt.date(2099, 12, 31))]
DATE_INPUT = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
HEADER = (
    *("time (UTC)", "trade date", "account", "symbol", "action", "quantity", "price"),
    *("value", "fees", "net", "source", "order id", "fill id", "remark"),
)


class FilterForm(forms.Form):
    """Which fills are wanted."""

    since = forms.DateField(label="From", required=False, validators=DATES, widget=DATE_INPUT)
    until = forms.DateField(label="To", required=False, validators=DATES, widget=DATE_INPUT)
    account = forms.TypedChoiceField(label="Account", required=False, coerce=int, empty_value=None)
    symbol = forms.ChoiceField(label="Symbol", required=False)
    order = forms.IntegerField(required=False, min_value=1, max_value=LARGEST_ID, widget=forms.HiddenInput)

    def __init__(self, connection: Connection, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].choices = account_choices(connection)  # type: ignore[attr-defined]  # of both choices
        symbols = [("", "All symbols"), *((symbol, symbol) for symbol in kept.symbols(connection))]
        self.fields["symbol"].choices = symbols  # type: ignore[attr-defined]  # as above

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            raise forms.ValidationError("The first day is after the last one.")
        return cleaned

    def wanted(self) -> Wanted:
        """What is asked for; of what cannot be read nothing is."""
        found = self.cleaned_data
        return Wanted(
            since=found.get("since"),
            until=found.get("until"),
            account_id=found.get("account"),
            symbol=found.get("symbol") or "",
            order_id=found.get("order"),
        )


def account_choices(connection: Connection) -> list[tuple[str, str]]:
    """All accounts of a connection by their Tradovate ids, and all of them together first."""
    own = Account.objects.filter(connection=connection)
    return [("", "All accounts"), *((str(account.tradovate_id), str(account)) for account in own)]


@login_required
@require_safe
def fills(request: HttpRequest) -> HttpResponse:
    """A page of the wanted fills, newest first, and the totals of all of them."""
    connection = current_connection(cast(User, request.user), request.session)
    if connection is None:
        return render(request, "trading/no_connection.html")
    form = FilterForm(connection, request.GET)
    form.is_valid()
    wanted = form.wanted()
    found = kept.select(connection, wanted)
    page = Paginator(found.with_source(), ON_A_PAGE).get_page(request.GET.get("page"))
    asked = request.GET.copy()
    asked.pop("page", None)
    order = None
    if wanted.order_id is not None:
        order = Order.objects.filter(connection=connection, tradovate_id=wanted.order_id).first()
    context = {
        "form": form,
        "page": page,
        "rows": _rows(connection, list(kept.lines(connection, page.object_list))),
        "totals": _totals(kept.totals(found)),
        "asked": asked.urlencode(),
        "is_filtered": wanted != Wanted(),
        "order": order,
        "wanted": wanted,
    }
    return render(request, "trading/fills.html", context, status=200 if form.is_valid() else 400)


@login_required
@require_safe
def csv(request: HttpRequest) -> HttpResponse:
    """All wanted fills as a CSV file; 400 with the page for filters that cannot be read."""
    connection = current_connection(cast(User, request.user), request.session)
    if connection is None:
        return render(request, "trading/no_connection.html")
    form = FilterForm(connection, request.GET)
    if not form.is_valid():
        return fills(request)
    found = kept.select(connection, form.wanted()).with_source()
    text = spreadsheet.text(HEADER, (_cells(line) for line in kept.lines(connection, found.iterator())))
    headers = {"Content-Disposition": 'attachment; filename="fills.csv"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


def _rows(connection: Connection, lines: list[Line]) -> list[dict[str, Any]]:
    """Lines as the page shows them; orders that were placed here have a page of their own."""
    orders = {line.fill.order_id_at_broker for line in lines}
    intents = OrderIntent.objects.filter(connection=connection, order_id_at_broker__in=orders)
    pages = dict(intents.order_by("-pk").values_list("order_id_at_broker", "pk"))
    return [_row(line) | {"intent_id": pages.get(line.fill.order_id_at_broker)} for line in lines]


def _row(line: Line) -> dict[str, Any]:
    fill = line.fill
    return {
        "trade_date": line.trade_date,
        "at": formatter.moment(fill.at),
        "account": line.label or formatter.UNKNOWN,
        "symbol": fill.symbol,
        "action": fill.action,
        "qty": fill.qty,
        "price": formatter.price(fill.price, line.tick_size),
        "value": formatter.signed(line.value),
        "fees": formatter.money(line.fees),
        "net": formatter.signed(line.net),
        "source": fill.source,
        "order_id": fill.order_id_at_broker,
        "is_busted": not fill.active,
    }


def _totals(totals: kept.Totals) -> dict[str, Any]:
    return {
        "fills": totals.fills,
        "bought": totals.bought,
        "sold": totals.sold,
        "open_qty": totals.open_qty,
        "unvalued": totals.unvalued,
        "gross": formatter.signed(totals.gross),
        "fees": formatter.money(totals.fees),
        "net": formatter.signed(totals.net),
    }


def _cells(line: Line) -> tuple[object, ...]:
    fill = line.fill
    exact = ("" if amount is None else f"{amount.normalize():f}" for amount in (line.value, line.fees, line.net))
    return (
        *(formatter.moment(fill.at), line.trade_date, line.account, fill.symbol, fill.action, fill.qty),
        *(f"{fill.price.normalize():f}", *exact, fill.source, fill.order_id_at_broker, fill.tradovate_id),
        "" if fill.active else "busted",
    )
