"""The chart alone on a page, for a screen of its own."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.sign_in import current_connection
from trading.market.intervals import SYMBOL, Interval


@login_required
@require_safe
def chart(request: HttpRequest) -> HttpResponse:
    """The chart of the trader's connection; its script asks for the bars. `?symbol=` and `?interval=` say of what."""
    if current_connection(cast(User, request.user), request.session) is None:
        return render(request, "trading/no_connection.html")
    symbol = request.GET.get("symbol", "").strip().upper()
    interval = request.GET.get("interval", "")
    asked = {
        "symbol": symbol if SYMBOL.fullmatch(symbol) else "",
        "interval": interval if interval in set(Interval) else "",
    }
    return render(request, "trading/chart.html", {"asked": asked})
