"""What runs by itself, and that the schedule names tasks that exist."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import attempts
from accounts.models import Environment, SignInAttempt
from accounts.tasks import clear_sessions
from portal.celery import app


@pytest.mark.django_db
def test_sessions_that_have_ended_are_deleted() -> None:
    now = timezone.now()
    Session.objects.create(session_key="ended", session_data="", expire_date=now - timedelta(seconds=1))
    Session.objects.create(session_key="lasting", session_data="", expire_date=now + timedelta(hours=1))
    clear_sessions()
    assert list(Session.objects.values_list("pk", flat=True)) == ["lasting"]


@pytest.mark.django_db
def test_addresses_of_failed_sign_ins_are_deleted_once_they_no_longer_count(time_machine) -> None:
    attempts.begin("192.0.2.1", Environment.SIM, "ann")
    attempts.begin_with_code("192.0.2.1")
    clear_sessions()
    assert SignInAttempt.objects.count() == 2

    time_machine.move_to(timezone.now() + timedelta(hours=1))
    clear_sessions()
    assert not SignInAttempt.objects.exists()


def test_every_scheduled_task_is_known_to_the_worker() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= set(app.tasks)
