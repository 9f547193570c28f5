"""SQLite as the embedded default must carry web, sync, worker and beat writing at once."""

import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import AuditEvent

WRITER = """
import django
django.setup()
from django.db import connection, transaction
from accounts.models import AuditEvent
connection.settings_dict["NAME"] = {name!r}
for number in range(250):
    with transaction.atomic():
        AuditEvent.objects.count()
        AuditEvent.objects.create(kind=AuditEvent.Kind.SIGNED_IN, detail=str(number))
"""


@pytest.mark.django_db(transaction=True)
def test_four_processes_write_at_once_and_none_finds_the_database_locked() -> None:
    source = WRITER.format(name=str(connection.settings_dict["NAME"]))
    environment = {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    if connection.vendor == "postgresql":
        environment["TEST_DATABASE_URL"] = _url_of_test_database()
    writers = [
        subprocess.Popen([sys.executable, "-c", source], env=environment, stderr=subprocess.PIPE, cwd=settings.BASE_DIR)
        for _ in range(4)
    ]
    complaints = [writer.communicate(timeout=100)[1].decode() for writer in writers]
    assert complaints == ["", "", "", ""]
    assert AuditEvent.objects.count() == 1000


def _url_of_test_database() -> str:
    import os

    return os.environ["TEST_DATABASE_URL"].rsplit("/", 1)[0] + "/" + str(connection.settings_dict["NAME"])
