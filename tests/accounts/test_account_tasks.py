"""What runs by itself, and that the schedule names tasks that exist."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.tasks import clear_sessions
from portal.celery import app


@pytest.mark.django_db
def test_sessions_that_have_ended_are_deleted() -> None:
    now = timezone.now()
    Session.objects.create(session_key="ended", session_data="", expire_date=now - timedelta(seconds=1))
    Session.objects.create(session_key="lasting", session_data="", expire_date=now + timedelta(hours=1))
    clear_sessions()
    assert list(Session.objects.values_list("pk", flat=True)) == ["lasting"]


def test_every_scheduled_task_is_known_to_the_worker() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= set(app.tasks)
