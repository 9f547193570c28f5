"""SQLite as the embedded default must carry web, sync, worker and beat writing at once."""

import os
import subprocess
import sys

from django.conf import settings

from accounts.models import AuditEvent

WRITER = """
import django
django.setup()
from django.db import transaction
from accounts.models import AuditEvent
for number in range(250):
    with transaction.atomic():
        AuditEvent.objects.count()
        AuditEvent.objects.create(kind=AuditEvent.Kind.SIGNED_IN, detail=str(number))
"""


def test_four_processes_write_at_once_and_none_finds_the_database_locked(database_url: str) -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "portal.settings", "DATABASE_URL": database_url}
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER], env=environment, stderr=subprocess.PIPE, cwd=settings.BASE_DIR)
        for _ in range(4)
    ]
    complaints = [writer.communicate(timeout=100)[1].decode() for writer in writers]
    assert complaints == ["", "", "", ""]
    assert AuditEvent.objects.count() == 1000
