"""The Celery application; its queue is a doorbell, the database is the truth."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("tradeport")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
