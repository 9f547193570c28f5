"""Signing in and out, as pages."""

from __future__ import annotations

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import api_key as journey_by_key
from accounts import audit, oauth
from accounts import sign_in as journey_in
from accounts.forms import ApiKeyForm
from accounts.models import Environment, User
from accounts.reasons import SignInFailed
from accounts.sign_out import forget_messages
from accounts.sign_out import sign_out as sign_out_everywhere


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """A button per configured environment; pressing one (POST `environment`) leads to Tradovate's authorize page."""
    if request.method != "POST":
        next_url = journey_in.own_url(request, request.GET.get("next", ""))
        return _page(request, "accounts/sign_in.html", {"next": next_url})
    environment = request.POST.get("environment", "")
    if environment not in oauth.offered():
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
    return _redirect_in(next_url)


@sensitive_post_parameters("password", "secret")
@require_http_methods(["GET", "HEAD", "POST"])
def api_key(request: HttpRequest) -> HttpResponseBase:
    """The form of the second way in; it is not there where the operator has not switched it on."""
    environments = journey_by_key.offered(request)
    if not environments:
        raise Http404("This portal does not offer to sign in by API key.")
    is_sent = request.method == "POST"
    next_url = journey_in.own_url(request, (request.POST if is_sent else request.GET).get("next", ""))
    form = ApiKeyForm(environments, request.POST if is_sent else None)
    context = {
        "form": form,
        "next": next_url,
        "environments": environments,
        "oauth_offered": oauth.offered(),
        "live_offered": Environment.LIVE in environments,
    }
    if not form.is_valid():
        return render(request, "accounts/api_key.html", context, status=400 if is_sent else 200)
    try:
        journey_by_key.sign_in(request, form.login())
    except SignInFailed as failure:
        return render(request, "accounts/api_key.html", context | {"failure": failure}, status=failure.reason.status)
    return _redirect_in(next_url)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponseBase:
    """End this person's access everywhere."""
    if isinstance(request.user, User):
        sign_out_everywhere(request.user, ip_address=audit.address_of(request))
    forget_messages(request)
    logout(request)
    return redirect("accounts:sign-in")


def _redirect_in(next_url: str) -> HttpResponseBase:
    return redirect(next_url or resolve_url(settings.LOGIN_REDIRECT_URL))


def _failed(request: HttpRequest, failure: SignInFailed) -> HttpResponseBase:
    return _page(request, "accounts/sign_in_failed.html", {"failure": failure}, status=failure.reason.status)


def _page(request: HttpRequest, template: str, context: dict[str, object], status: int = 200) -> HttpResponseBase:
    """A page with the ways in. Browsers hold a form's redirects to form-action too: it names Tradovate's page."""
    context |= {"environments": oauth.offered(), "api_key_environments": journey_by_key.offered(request)}

    @csp_update({"form-action": oauth.authorize_origins()})
    def page(request: HttpRequest) -> HttpResponseBase:
        return render(request, template, context, status=status)

    return page(request)
