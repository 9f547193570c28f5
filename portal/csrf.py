"""A form whose CSRF token is not the browser's any more: it was shown before a sign-in in another tab.

Nothing of it is done. Whoever meant to stop trading, or an order file, is asked once more, by a button that works.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_BAD_ORIGIN, REASON_BAD_REFERER
from django.views.csrf import csrf_failure

from trading.views import files, kill_switch

# What a message of these begins with: the form was another site's, and another site's wish is not repeated.
_FOREIGN = (REASON_BAD_ORIGIN.partition("%")[0], REASON_BAD_REFERER.partition("%")[0])
# By the view that was meant.
_ONCE_MORE: Mapping[str, Callable[..., HttpResponse]] = {
    "trading:throw": kill_switch.stale,
    "trading:stop": files.stale,
}


def failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """What is shown instead of the page that was asked for; `reason` is Django's."""
    meant = request.resolver_match
    if meant and meant.view_name in _ONCE_MORE and not reason.startswith(_FOREIGN):
        return _ONCE_MORE[meant.view_name](request, **meant.kwargs)
    return csrf_failure(request, reason)
