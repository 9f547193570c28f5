"""What a report of an unexpected error shows, with DEBUG too."""

import sys

import pytest
from django.test import RequestFactory
from django.views.debug import ExceptionReporter


@pytest.mark.parametrize("debug", [False, True])
def test_no_report_shows_a_secret_of_the_portal_or_a_code_of_tradovates(settings, debug) -> None:
    # Not written as they are: a report shows the lines of the source.
    secret, code, cookie = ("x".join(parts) for parts in (("pass", "word"), ("co", "de"), ("coo", "kie")))
    settings.DEBUG = debug
    settings.REDIS_URL = settings.CELERY_BROKER_URL = f"redis://:{secret}@127.0.0.1/0"
    settings.TRADOVATE_CLIENT_SECRET = secret
    request = RequestFactory().get(
        "/accounts/sign-in/",
        headers={
            "cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}; csrftoken={cookie}",
            "referer": f"http://testserver/accounts/sign-in/callback/?code={code}",
        },
    )
    try:
        {}["anything"]
    except KeyError:
        reporter = ExceptionReporter(request, *sys.exc_info())
    report = reporter.get_traceback_text() + reporter.get_traceback_html()

    assert "anything" in report
    assert "REDIS_URL" in report
    assert [one for one in (secret, code, cookie) if one in report] == []
