"""What Celery runs for this room; the schedule is in settings."""

from celery import shared_task

from accounts import renewal


@shared_task
def renew_due_tokens() -> int:
    """Renew tokens that end soon; returns how many were renewed."""
    return renewal.renew_due()
