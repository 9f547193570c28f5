"""A press of a trader's button as a view gets it: whose it is, which key it carries, and what it is about.

The same press that arrives twice carries the same key, and is one wish.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from accounts.models import Connection, User
from accounts.sign_in import current_connection
from trading.models import Account
from trading.orders.outcomes import CLICK
from trading.views import answers
from trading.views.ticket import KEY, LONGEST_ID

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")


class Refused(Exception):
    """A press that cannot be meant; the text says why, to the trader."""


def press(
    act: Callable[Concatenate[HttpRequest, Connection, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A view for a press of a trader's button: a POST of somebody who is signed in to Tradovate."""

    @login_required
    @require_POST
    @wraps(act)
    def view(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        connection = current_connection(cast(User, request.user), request.session)
        if connection is None:
            return answers.answer(
                request, "error", "You are signed out of Tradovate: sign in again.", refused=True, status=403
            )
        try:
            return act(request, connection, *args, **kwargs)
        except Refused as refused:
            return answers.answer(request, "error", str(refused), refused=True)

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponse]", view)


def elsewhere(request: HttpRequest, owner: Connection) -> str:
    """Why what belongs to `owner`, a connection of the trader's, is to be read here and not acted on, to the trader;
    "" in the browser that is signed in to it."""
    here = current_connection(cast(User, request.user), request.session)
    if here == owner:
        return ""
    where = owner.get_environment_display()
    signed = f"signed in to {here.get_environment_display()}" if here else "signed out of Tradovate"
    return f"This belongs to {where}, and you are {signed}. To act on it, sign in to {where}."


def source_key(request: HttpRequest, verb: str = "") -> str:
    """The source key of a press; `verb` tells apart the buttons of a page that share its key. Raises Refused."""
    key = request.POST.get("key", "")
    if not KEY.fullmatch(key):
        raise Refused("This page is too old to send anything. Reload it, look at your orders, and press again.")
    return f"{CLICK}:{key}{'-' if verb else ''}{verb}"


def target(request: HttpRequest, connection: Connection, name: str) -> tuple[Account, int]:
    """The account and the id that a button names as ACCOUNT:ID, both Tradovate's. Raises Refused."""
    account_id, _, number = request.POST.get(name, "").partition(":")
    if not (account_id.isdecimal() and number.isdecimal() and max(len(account_id), len(number)) < LONGEST_ID):
        raise Refused("That button says nothing that Tradeport understands. Reload the page.")
    account = connection.accounts.filter(tradovate_id=int(account_id)).first()
    if account is None:
        raise Refused("That is not one of your accounts.")
    return account, int(number)


def chosen(request: HttpRequest, connection: Connection) -> int | None:
    """The account (primary key) that a button for many is about, named by Tradovate's id; None for all accounts of
    this connection. Raises Refused."""
    said = request.POST.get("account", "")
    if not said:
        return None
    is_id = said.isdecimal() and len(said) < LONGEST_ID
    account = connection.accounts.filter(tradovate_id=int(said)).first() if is_id else None
    if account is None:
        raise Refused("That is not one of your accounts.")
    return account.pk
