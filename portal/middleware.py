"""What holds for every page, whoever made it."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin


class NoStore(MiddlewareMixin):
    """No page is kept by a browser or a proxy: after a sign-out its back button shows nobody's money.

    Static files are answered before this; a view that says itself how long it may be kept is obeyed.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault("Cache-Control", "no-store")
        return response
