"""Signing in and out, as pages."""

from __future__ import annotations

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import audit, oauth
from accounts import sign_in as journey_in
from accounts.models import Environment, User
from accounts.sign_in import SignInFailed
from accounts.sign_out import sign_out as sign_out_everywhere


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """A button per configured environment; pressing one (POST `environment`) leads to Tradovate's authorize page."""
    if request.method != "POST":
        next_url = journey_in.own_url(request, request.GET.get("next", ""))
        return _page(request, "accounts/sign_in.html", {"next": next_url})
    environment = request.POST.get("environment", "")
    if environment not in oauth.configured():
        raise BadRequest("This portal does not offer that environment.")
    try:
        return redirect(journey_in.begin(request, Environment(environment), request.POST.get("next", "")))
    except SignInFailed as failure:
        return _failed(request, failure)


@require_GET
def callback(request: HttpRequest) -> HttpResponseBase:
    """Where Tradovate sends the browser back to."""
    try:
        next_url = journey_in.complete(request)
    except SignInFailed as failure:
        return _failed(request, failure)
    return redirect(next_url or resolve_url(settings.LOGIN_REDIRECT_URL))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponseBase:
    """End this person's access everywhere."""
    if isinstance(request.user, User):
        sign_out_everywhere(request.user, ip_address=audit.address_of(request))
    logout(request)
    return redirect("accounts:sign-in")


def _failed(request: HttpRequest, failure: SignInFailed) -> HttpResponseBase:
    return _page(request, "accounts/sign_in_failed.html", {"reason": failure.reason}, status=failure.reason.status)


def _page(request: HttpRequest, template: str, context: dict[str, object], status: int = 200) -> HttpResponseBase:
    """A page with sign-in buttons. Browsers hold a form's redirects to form-action too: it names Tradovate's page."""
    context["environments"] = oauth.configured()

    @csp_update({"form-action": oauth.authorize_origins()})
    def page(request: HttpRequest) -> HttpResponseBase:
        return render(request, template, context, status=status)

    return page(request)
