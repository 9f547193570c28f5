"""What every page carries."""

import pytest
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
