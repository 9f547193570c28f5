"""Times on pages that Django writes by itself, the admin's above all."""

from datetime import UTC, datetime

from django.utils.formats import localize


def test_times_tell_seconds_and_zone() -> None:
    assert localize(datetime(2026, 11, 21, 6, 22, 5, tzinfo=UTC)) == "2026-11-21 06:22:05 UTC"
