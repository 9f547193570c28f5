"""Performance: the curve of equity, the days of a month, and what they come to."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Connection, User
from accounts.sign_in import current_connection
from trading.history.days import Span, curve, days
from trading.history.figures import ZERO, Day, Figures, figures, weeks
from trading.orders.trading_days import CHICAGO
from trading.sync import rows as formatter
from trading.views.fills import DATES, account_choices

SPANS = {
    Span.DAY: "1 day",
    Span.WEEK: "1 week",
    Span.MONTH: "1 month",
    Span.QUARTER: "3 months",
    Span.YEAR: "1 year",
    Span.ALL: "All",
}


class ViewForm(forms.Form):
    """What to look at. What cannot be read is taken as not asked for."""

    account = forms.TypedChoiceField(label="Account", required=False, coerce=int, empty_value=None)
    span = forms.TypedChoiceField(label="Curve", required=False, choices=SPANS.items, coerce=Span)
    pnl = forms.ChoiceField(label="P&L", required=False, choices=[("net", "After fees"), ("gross", "Before fees")])
    month = forms.DateField(required=False, input_formats=["%Y-%m"], validators=DATES, widget=forms.HiddenInput)

    def __init__(self, connection: Connection, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].choices = account_choices(connection)  # type: ignore[attr-defined]  # of choices


@login_required
@require_safe
def performance(request: HttpRequest) -> HttpResponse:
    """The page of the trader's connection, for one account or all together."""
    connection = current_connection(cast(User, request.user), request.session)
    if connection is None:
        return render(request, "trading/no_connection.html")
    form = ViewForm(connection, {"span": Span.MONTH.value, "pnl": "net", **request.GET.dict()})
    form.is_valid()
    asked = form.cleaned_data
    account_id, span = asked.get("account"), asked.get("span") or Span.MONTH
    is_net = asked.get("pnl") != "gross"
    now = timezone.now()
    found = days(connection, account_id)
    # On a Friday evening the day that is traded already is the next Monday: its month is shown once it has a result.
    newest = max([now.astimezone(CHICAGO).date(), *(day.date for day in found[-1:])])
    month = asked.get("month") or newest.replace(day=1)
    points = curve(connection, account_id, span, now)
    in_month = [day for day in found if (day.date.year, day.date.month) == (month.year, month.month)]
    link = request.GET.copy()
    link.pop("month", None)
    context = {
        "form": form,
        "account_id": account_id,
        "points": [[int(at.timestamp()), f"{worth:f}"] for at, worth in points],
        "curve_words": _curve_words(points),
        "has_days": bool(found),
        "month": month,
        "weeks": [[_cell(date, day, is_net, month) for date, day in week] for week in weeks(month, _by_date(found))],
        "earlier": _month(month, -1) if found and found[0].date < month else None,
        "later": _month(month, 1) if _month(month, 1) <= newest else None,
        "asked": link.urlencode(),
        "is_net": is_net,
        "fees_missing": is_net and any(day.fees is None for day in found),
        "periods": [(f"{month:%B %Y}", _figures(in_month, is_net)), ("All days", _figures(found, is_net))],
    }
    return render(request, "trading/performance.html", context)


def _by_date(found: list[Day]) -> dict[dt.date, Day]:
    return {day.date: day for day in found}


def _amount(day: Day, is_net: bool) -> Any:
    """A day's result; before fees where they are not known."""
    return day.net if is_net and day.net is not None else day.gross


def _cell(date: dt.date, day: Day | None, is_net: bool, month: dt.date) -> dict[str, Any]:
    cell: dict[str, Any] = {"date": date, "is_inside": date.month == month.month}
    if day is not None:
        amount = _amount(day, is_net)
        cell |= {
            "amount": formatter.signed(amount),
            "short": f"{amount:+,.0f}" if abs(amount) >= 1 else "0",
            "fills": day.fills,
            "is_before_fees": is_net and day.fees is None,
        }
    return cell


def _figures(found: list[Day], is_net: bool) -> dict[str, Any]:
    result: Figures = figures([(day.date, _amount(day, is_net)) for day in found])
    fees = [day.fees for day in found]
    known = [fee for fee in fees if fee is not None]
    return {
        "total": formatter.signed(result.total),
        "fees": formatter.money(sum(known, ZERO)) if known else formatter.UNKNOWN,
        "fees_are_partial": 0 < len(known) < len(fees),
        "days": len(found),
        "won": result.won,
        "lost": result.lost,
        "win_rate": formatter.UNKNOWN if result.win_rate is None else f"{result.win_rate:.0%}",
        "best": result.best and (result.best[0], formatter.signed(result.best[1])),
        "worst": result.worst and (result.worst[0], formatter.signed(result.worst[1])),
        "max_drawdown": formatter.money(result.max_drawdown),
    }


def _curve_words(points: list[tuple[dt.datetime, Any]]) -> dict[str, str] | None:
    if not points:
        return None
    (_, first), (_, last) = points[0], points[-1]
    return {
        "begin": formatter.money(first),
        "end": formatter.money(last),
        "change": formatter.signed(last - first),
        "lowest": formatter.money(min(worth for _, worth in points)),
        "highest": formatter.money(max(worth for _, worth in points)),
    }


def _month(month: dt.date, step: int) -> dt.date:
    index = month.year * 12 + month.month - 1 + step
    return dt.date(index // 12, index % 12 + 1, 1)
