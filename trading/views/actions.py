"""What a trader does about orders and positions that are there: one button, one wish."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.models import Connection, User
from trading.models import OrderIntent
from trading.orders import desk, position_exits, resend
from trading.orders.replace import cancel_and_replace
from trading.sync import intent_rows
from trading.views import answers
from trading.views.press import Refused, chosen, elsewhere, press, source_key, target
from trading.views.row_forms import ChangeForm, ExitsForm
from trading.views.ticket import LONGEST_ID, form_problems

if TYPE_CHECKING:
    from collections.abc import Callable


@press
def cancel(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Take an order out of the market."""
    account, order_id = target(request, connection, "order")
    key = source_key(request, f"cancel-{order_id}")
    came = desk.cancel(cast(User, request.user), account.pk, order_id, key, received_at=timezone.now())
    return answers.outcome(request, came)


@press
def modify(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Change the quantity or a price of a working order; what is left empty stays."""
    account, order_id = target(request, connection, "order")
    form = ChangeForm(request.POST)
    if not form.is_valid():
        return answers.refused(request, form_problems(form))
    came = desk.modify(
        cast(User, request.user),
        account.pk,
        order_id,
        desk.NewTerms(**form.cleaned_data),
        source_key(request, f"modify-{order_id}"),
        received_at=timezone.now(),
    )
    return answers.outcome(request, came)


@press
def cancel_all(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Cancel all working orders of the account that is shown, or of all accounts of this connection."""
    came = desk.cancel_all(
        cast(User, request.user),
        chosen(request, connection),
        source_key(request, "cancel-all"),
        received_at=timezone.now(),
        connection_id=connection.pk,
    )
    return answers.outcome(request, came)


@press
def flatten(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Close one position at the market and cancel its contract's orders."""
    account, contract_id = target(request, connection, "position")
    key = source_key(request, f"flatten-{contract_id}")
    came = desk.flatten(cast(User, request.user), account.pk, contract_id, key, received_at=timezone.now())
    return answers.outcome(request, came)


@press
def flatten_all(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Close all positions, and cancel all orders, of the account that is shown or of all of this connection."""
    came = desk.flatten_all(
        cast(User, request.user),
        chosen(request, connection),
        source_key(request, "flatten-all"),
        received_at=timezone.now(),
        connection_id=connection.pk,
    )
    return answers.outcome(request, came)


@press
def reverse(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Turn a position around."""
    account, contract_id = target(request, connection, "position")
    shown, key = _net_shown(request), source_key(request, f"reverse-{contract_id}")
    came = desk.reverse(cast(User, request.user), account.pk, contract_id, key, shown=shown, received_at=timezone.now())
    return answers.outcome(request, came)


@press
def add_exits(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Place a target and a stop beside a position."""
    account, contract_id = target(request, connection, "position")
    form = ExitsForm(request.POST)
    if not form.is_valid():
        return answers.refused(request, form_problems(form))
    came = position_exits.add_exits(
        cast(User, request.user),
        account.pk,
        contract_id,
        form.distance("target"),
        form.distance("stop"),
        source_key(request, f"exits-{contract_id}"),
        received_at=timezone.now(),
    )
    return answers.outcome(request, came)


@press
def break_even(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Move the stops of a position to its average price."""
    account, contract_id = target(request, connection, "position")
    key = source_key(request, f"even-{contract_id}")
    came = position_exits.to_break_even(
        cast(User, request.user), account.pk, contract_id, key, received_at=timezone.now()
    )
    return answers.outcome(request, came)


@press
def replace(request: HttpRequest, connection: Connection, intent_id: int) -> HttpResponse:
    """Cancel the order that a change came to nothing for, and place it anew with the terms of the change."""
    intent, key = _own(request, intent_id), source_key(request, f"replace-{intent_id}")
    came = cancel_and_replace(cast(User, request.user), intent.pk, key, received_at=timezone.now())
    return answers.outcome(request, came)


@press
def again(request: HttpRequest, connection: Connection, intent_id: int) -> HttpResponse:
    """Send an order once more that Tradovate never got."""
    return _decide(request, intent_id, resend.again)


@press
def give_up(request: HttpRequest, connection: Connection, intent_id: int) -> HttpResponse:
    """Put an order aside that Tradovate never got."""
    return _decide(request, intent_id, resend.give_up)


def _net_shown(request: HttpRequest) -> int:
    """The contracts of the position that its trader saw when they pressed, negative when short. Raises Refused."""
    # Without JavaScript they come with the address.
    side, qty = (request.POST.get(name) or request.GET.get(name, "") for name in ("side", "qty"))
    sign = {"Long": 1, "Short": -1}.get(side, 0)
    if not sign or not qty.isdecimal() or len(qty) >= LONGEST_ID:
        raise Refused("This page does not say which position it showed. Reload it, look, and press again.")
    return sign * int(qty)


def _own(request: HttpRequest, intent_id: int) -> OrderIntent:
    """The trader's own order or change. Raises Refused for one that is not of the connection that they see."""
    own = OrderIntent.objects.select_related("connection")
    intent = get_object_or_404(own, pk=intent_id, connection__user=cast(User, request.user))
    if words := elsewhere(request, intent.connection):
        raise Refused(words)
    return intent


def _decide(request: HttpRequest, intent_id: int, decision: Callable[[User, int], OrderIntent]) -> HttpResponse:
    intent = _own(request, intent_id)
    try:
        intent = decision(cast(User, request.user), intent_id)
    except resend.CannotDecide as problem:
        intent.refresh_from_db()
        return answers.answer(request, "warning", str(problem), told=[intent])
    finally:
        intent_rows.tell([intent_id])
    return answers.answer(request, intent_rows.level(intent), intent_rows.words(intent), told=[intent])
