"""What Celery runs for this room; the schedule is in settings."""

from celery import shared_task
from django.core.management import call_command

from accounts import attempts, renewal


@shared_task
def renew_due_tokens() -> int:
    """Renew tokens that end soon; returns how many were renewed."""
    return renewal.renew_due()


@shared_task
def clear_sessions() -> None:
    """Delete browser sessions that have ended, of which each visit to the sign-in page begins one, and failed sign-ins
    that no longer count."""
    call_command("clearsessions")
    attempts.forget_old()
