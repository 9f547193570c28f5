"""What every page carries, and what changes behind HTTPS."""

import runpy

import pytest
from django.conf import settings as django_settings
from django.db import InterfaceError, InternalError, OperationalError
from django.test import Client

from accounts.models import User


@pytest.fixture
def staff(db) -> User:
    return User.objects.create_superuser("sam", password="a-long-password")


@pytest.mark.parametrize(
    "path", ["/", "/files/", "/admin/", "/admin/accounts/user/", "/nowhere/", "/accounts/sign-in/"]
)
@pytest.mark.parametrize("signed_in", [False, True])
def test_no_page_is_stored_or_framed_or_runs_foreign_code(client: Client, staff, path, signed_in) -> None:
    if signed_in:
        client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")

    headers = client.get(path).headers

    assert "no-store" in headers["Cache-Control"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_static_files_may_be_stored(client: Client) -> None:
    assert "no-store" not in client.get("/static/portal/tradeport.css").headers.get("Cache-Control", "")


@pytest.mark.django_db
def test_https_guards_the_cookies_and_leaves_the_health_page_reachable(monkeypatch, settings, client: Client) -> None:
    monkeypatch.setenv("HTTPS", "1")
    read = runpy.run_path(str(django_settings.BASE_DIR / "portal" / "settings.py"))
    assert read["SESSION_COOKIE_SECURE"]
    assert read["CSRF_COOKIE_SECURE"]
    assert read["SESSION_COOKIE_NAME"].startswith("__Host-")
    assert read["CSRF_COOKIE_NAME"].startswith("__Host-")
    assert read["SECURE_HSTS_SECONDS"] >= 31_536_000

    settings.SECURE_SSL_REDIRECT = read["SECURE_SSL_REDIRECT"]
    settings.SECURE_REDIRECT_EXEMPT = read["SECURE_REDIRECT_EXEMPT"]
    assert client.get("/").headers["Location"] == "https://testserver/"
    settings.REDIS_URL = "unix:///nonexistent/redis.sock"
    assert client.get("/health/").status_code == 503


@pytest.mark.parametrize("path", ["/desk/place/", "/orders/1/again/", "/limits/1/remove/", "/accounts/sign-out/"])
def test_a_button_that_a_sign_in_leads_back_to_does_nothing_and_says_so(client: Client, staff, path) -> None:
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get(path, headers={"Accept": "text/html,*/*"}, follow=True)
    assert answer.redirect_chain == [("/", 302)]
    assert "Nothing was done: you were signed out" in answer.content.decode()
    assert client.get(path, headers={"Accept": "application/json"}).status_code == 405


class ReadOnly(Exception):
    sqlstate = "25006"


def read_only() -> InternalError:
    error = InternalError("cannot execute UPDATE in a read-only transaction")
    error.__cause__ = ReadOnly()
    return error


@pytest.mark.parametrize("error", [OperationalError("the connection is closed"), InterfaceError("closed"), read_only()])
def test_a_database_that_went_away_is_a_reason_to_try_again(client: Client, staff, monkeypatch, error) -> None:
    def gone(*_: object) -> None:
        raise error

    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    monkeypatch.setattr("trading.views.files.current_connection", gone)
    answer = client.get("/files/")
    assert answer.status_code == 503
    assert "Try again in a moment" in answer.content.decode()
    assert "closed" not in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_tab_with_a_session_that_is_gone_takes_no_other_tab_s_away(client: Client, staff) -> None:
    """Its answer may come after a sign-in in the other tab, whose cookie has the same name."""
    client.force_login(staff)
    gone = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    client.session.flush()
    answer = client.get("/", headers={"cookie": f"{django_settings.SESSION_COOKIE_NAME}={gone}"})
    assert answer.status_code == 302
    assert django_settings.SESSION_COOKIE_NAME not in answer.cookies
    client.force_login(staff)
    answer = client.post("/accounts/sign-out/")
    assert answer.cookies[django_settings.SESSION_COOKIE_NAME]["max-age"] == 0
