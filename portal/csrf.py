"""A form whose CSRF token is not the browser's any more: it was shown before a sign-in in another tab.

Nothing of it is done. Whoever meant to stop all trading is asked once more, by a button that works.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseForbidden
from django.middleware.csrf import REASON_BAD_ORIGIN, REASON_BAD_REFERER
from django.urls import reverse
from django.views.csrf import csrf_failure

from trading.views import kill_switch

# What a message of these begins with: the form was another site's, and another site's wish is not repeated.
_FOREIGN = (REASON_BAD_ORIGIN.partition("%")[0], REASON_BAD_REFERER.partition("%")[0])


def failed(request: HttpRequest, reason: str = "") -> HttpResponseForbidden:
    """What is shown instead of the page that was asked for; `reason` is Django's."""
    if request.path == reverse("trading:throw") and not reason.startswith(_FOREIGN):
        return kill_switch.stale(request)
    return csrf_failure(request, reason)
