"""Wiring only: settings, URLs, ASGI, Celery, health and the launcher behind `make run`."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
