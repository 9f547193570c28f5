"""What holds for every page, whoever made it."""

import logging
from http import HTTPStatus

from django.conf import settings
from django.contrib import messages
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin

from trading.sync.journal import is_away

logger = logging.getLogger(__name__)


class NoStore(MiddlewareMixin):
    """No page is kept by a browser or a proxy: after a sign-out its back button shows nobody's money.

    Static files are answered before this; a view that says itself how long it may be kept is obeyed.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class DatabaseAway(MiddlewareMixin):
    """A database that was restarted, is too busy or takes no writes is a reason to try again, no fault of ours: 503."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not is_away(error):
            return None
        logger.error("%s: the database did not answer (%s)", request.path, type(error.__cause__ or error).__name__)
        # Without the request: its session and user are in the database.
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": "2"})


class Sessions(SessionMiddleware):
    """Django's own, but that a browser keeps the cookie of a session that is gone, unless this very request ended it:
    when the answer comes, the cookie of that name may be that of a sign-in in another tab, which would be lost."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        ended_here = request.session.modified
        answer = super().process_response(request, response)
        if not ended_here and request.session.is_empty():
            answer.cookies.pop(settings.SESSION_COOKIE_NAME, None)
        return answer


class OnlyPressed(MiddlewareMixin):
    """What only a press of a button does, opened as a page: a sign-in leads there whoever pressed it signed out.

    Nothing is done, and the desk says so instead of an empty page.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or not is_page:
            return response
        messages.warning(request, "Nothing was done: you were signed out when you pressed that button. Press it again.")
        return redirect("trading:desk")
