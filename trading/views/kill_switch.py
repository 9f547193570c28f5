"""The trader's kill switch: throw it, see what it does, release it, and set Tradovate's own protection."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from accounts.models import Connection, User
from accounts.sign_in import current_connection, signed_in_at
from trading import tasks
from trading.models import Account, KillSwitch
from trading.orders import kill_switch, protection

LISTED = 20
MOST = Decimal(1_000_000)


class ThrowForm(forms.Form):
    """What is to be stopped, one connection or all of the user's, and what else is to be done."""

    cancel = forms.BooleanField(required=False)
    flatten = forms.BooleanField(required=False)
    reason = forms.CharField(required=False, max_length=kill_switch.LONGEST_REASON)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The one that the page named: this browser may have signed in to another one since. A replay cannot be stopped.
        self.fields["connection"] = forms.ModelChoiceField(
            Connection.objects.visible_to(user).filter(source=None), required=False
        )


class Amount(forms.DecimalField):
    """Dollars, or nothing."""

    def __init__(self, label: str) -> None:
        super().__init__(
            label=label,
            required=False,
            min_value=Decimal("0.01"),
            max_value=MOST,
            decimal_places=2,
            error_messages={"min_value": "Write an amount above zero, or leave it empty for no limit."},
        )


class LimitsForm(forms.Form):
    """Amounts in dollars at which Tradovate closes everything; an empty one is no limit."""

    daily_loss_auto_liq = Amount("Daily loss")
    weekly_loss_auto_liq = Amount("Weekly loss")
    daily_profit_auto_liq = Amount("Daily profit")
    weekly_profit_auto_liq = Amount("Weekly profit")
    trailing_max_drawdown = Amount("Trailing drawdown")
    trailing_max_drawdown_mode = forms.ChoiceField(
        label="Drawdown is counted",
        choices=[(protection.REAL_TIME, "with every price"), (protection.END_OF_DAY, "at the end of the day")],
    )
    changes_locked = forms.BooleanField(label="Lock these limits until the trading day ends", required=False)

    def limits(self) -> protection.Limits:
        return protection.Limits(**self.cleaned_data)


@login_required
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """What is stopped and by whom, what was, and the accounts' protection; htmx gets the first part alone."""
    user, connection = _user(request), current_connection(_user(request), request.session)
    if connection is None:
        return render(request, "trading/no_connection.html")
    mine = KillSwitch.objects.visible_to(user).select_related("thrown_by", "released_by", "connection", "user")
    signed_in = signed_in_at(request.session)
    thrown = mine.thrown().prefetch_related("actions__connection")
    context = {
        "headline": _headline(thrown, connection),
        "thrown": [_shown(switch, connection, signed_in) for switch in thrown],
        "past": mine.exclude(released_at=None)[:LISTED],
        "accounts": Account.objects.filter(connection=connection),
    }
    part = "HX-Request" in request.headers
    answer = render(request, "trading/kill_switch/thrown.html" if part else "trading/kill_switch/page.html", context)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def throw(request: HttpRequest) -> HttpResponse:
    """Stop trading, or have a thrown switch cancel orders or close positions now. Never refused for a detail."""
    if request.method != "POST":
        # From the sign-in that a press in an old tab has led to.
        messages.warning(request, "Nothing was stopped: your sign-in had ended. Press Stop trading again.")
        return redirect("trading:kill-switch")
    user, asked = _user(request), _asked(request)
    # Whoever presses this wants to stop: what cannot be read is taken for the safer wish.
    connection = asked.get("connection")
    with transaction.atomic():
        switch = kill_switch.throw(
            user,
            user=None if connection else user,
            connection=connection,
            reason=asked.get("reason") or "",
            cancel=asked.get("cancel", False),
            flatten=asked.get("flatten", False),
            ip_address=audit.address_of(request),
        )
        transaction.on_commit(partial(tasks.kill_switch_changed, switch))
    return redirect("trading:kill-switch")


def stale(request: HttpRequest) -> HttpResponseForbidden:
    """For a press in a tab from before a sign-in, whose form is not valid any more: nothing is stopped, and the page
    asks for the same with a form that is."""
    context = {"asked": _asked(request) if request.user.is_authenticated else {}}
    return HttpResponseForbidden(render_to_string("trading/kill_switch/stale.html", context, request))


@login_required
@require_POST
def release(request: HttpRequest, switch_id: int) -> HttpResponse:
    """Release one of the trader's own switches, soon after a fresh sign-in."""
    _connection(request)
    address = audit.address_of(request)
    try:
        switch = kill_switch.release(switch_id, _user(request), signed_in_at(request.session), address)
    except KillSwitch.DoesNotExist:
        raise Http404("No such kill switch of yours.") from None
    except kill_switch.CannotRelease as problem:
        messages.error(request, str(problem))
    else:
        tasks.kill_switch_changed(switch)
        messages.success(
            request, "The kill switch is released. Order files that it stopped go on when you resume them."
        )
    return redirect("trading:kill-switch")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def limits(request: HttpRequest, account_id: int) -> HttpResponse:
    """Tradovate's own limits of an account, as they are now; a POST changes them. htmx gets the form alone."""
    own = Account.objects.filter(connection=_connection(request)).select_related("connection")
    account = get_object_or_404(own, pk=account_id)
    context: dict[str, Any] = {"account": account}
    status = 200
    if request.method == "POST":
        form = context["form"] = LimitsForm(request.POST)
        if form.is_valid():
            try:
                protection.change(account, form.limits(), audit.address_of(request))
            except (protection.Unreachable, protection.NotChanged) as problem:
                context["problem"], status = str(problem), 502
            else:
                messages.success(request, f"Tradovate keeps these limits for {account} now.")
                return redirect("trading:limits", account.pk)
        else:
            status = 400
    else:
        try:
            now = protection.read(account)
            context |= {"form": LimitsForm(initial=vars(now)), "locked": now.changes_locked}
        except protection.Unreachable as problem:
            context["problem"] = str(problem)
    part = "HX-Request" in request.headers
    template = "trading/kill_switch/limits_form.html" if part else "trading/kill_switch/limits.html"
    answer = render(request, template, context, status=status)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


def _asked(request: HttpRequest) -> dict[str, Any]:
    """What a press asks for, as far as it can be read."""
    form = ThrowForm(_user(request), request.POST)
    form.is_valid()
    return form.cleaned_data


def _headline(thrown: Iterable[KillSwitch], connection: Connection) -> str:
    """Whether trading goes on in the connection that this browser is signed in to; others have their cards."""
    stopped = [switch.connection for switch in thrown]
    if not stopped or None in stopped:
        return "Trading is stopped" if stopped else "Trading goes on"
    how = "is stopped" if connection in stopped else "goes on"
    return f"Trading in {connection.get_environment_display()} {how}"


def _shown(switch: KillSwitch, connection: Connection, signed_in: Any) -> dict[str, Any]:
    """A thrown switch on a page of this connection's."""
    user = connection.user
    if switch.connection is not None:
        where = switch.connection.get_environment_display()
    else:
        where = "all connections" if user.connections.authorised().count() > 1 else ""
    # Of a global one a trader sees what concerns themselves.
    actions = [action for action in switch.actions.all() if action.connection.user_id == user.pk]
    under_way = {action.connection_id for action in actions if action.state == action.State.WORKING}
    return {
        "switch": switch,
        "words": kill_switch.said(switch),
        "where": where,
        "actions": actions,
        # The stream of the page tells of its own connection alone.
        "is_here": switch.connection in (None, connection),
        "is_untold": bool(under_way - {connection.pk}),
        "can_release": not switch.by_staff and kill_switch.is_fresh(signed_in, switch.thrown_at),
    }


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)


def _connection(request: HttpRequest) -> Connection:
    connection = current_connection(_user(request), request.session)
    if connection is None:
        raise Http404("You are not signed in to Tradovate.")
    return connection
