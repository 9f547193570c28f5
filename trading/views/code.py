"""An order of one's own as code: the one that was chosen on the desk, or the latest one that was placed anywhere."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.sign_in import current_connection
from trading.orders.as_code import CannotAsk, NoCode, NotThere, SignInNeeded, order_code

_STATUS = {NotThere: 404, CannotAsk: 503}


@login_required
@require_safe
def code(request: HttpRequest, order_id: int | None = None) -> HttpResponse:
    """Builder code, order-file line and JSON of an order of today; why there is none, otherwise."""
    connection = current_connection(cast(User, request.user), request.session)
    if connection is None:
        return render(request, "trading/no_connection.html")
    try:
        found = order_code(connection, order_id)
    except NoCode as trouble:
        context = {"order_id": order_id, "words": str(trouble), "sign_in_needed": isinstance(trouble, SignInNeeded)}
        return render(request, "trading/code.html", context, status=_STATUS.get(type(trouble), 200))
    return render(request, "trading/code.html", {"order_id": found.order_id, "code": found})
