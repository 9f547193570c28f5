"""`python -m portal.migrate`: bring a server's database up to date, once it answers.

Nothing else starts before that. After a reboot PostgreSQL may be there later than we are, or recover first.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import django
from django.core.management import execute_from_command_line
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections

from portal.launch import load_environment

PATIENCE: Final = 300.0  # seconds
PAUSE: Final = 2.0  # seconds between two tries
LOCK: Final = 0x7261646570  # any number that nothing else in this database locks by


def main() -> int:
    """The exit status: 1 when the database has not answered for PATIENCE seconds. Raises what `manage.py` does."""
    load_environment()
    django.setup()
    if not database_answers():
        return 1
    with one_at_a_time():
        execute_from_command_line(["manage.py", "migrate", "--verbosity", "0"])
    return 0


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other machine migrates, and have the others wait meanwhile; a SQLite file is one machine's."""
    if connection.vendor != "postgresql":
        yield
        return
    own = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        # Of a transaction, so that it ends with the connection and holds through a pooler, too.
        own.set_autocommit(False)
        with own.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        yield
    finally:
        own.close()


def database_answers() -> bool:
    """Wait until the database lets us in; says why it does not, once for each reason. False after PATIENCE seconds."""
    deadline, said = time.monotonic() + PATIENCE, ""
    while True:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            reason = str(error).splitlines()[0]
            if reason != said:
                sys.stderr.write(f"The database does not let us in: {reason}\n")
                said = reason
            if time.monotonic() >= deadline:
                sys.stderr.write(f"Nothing is migrated: the database has not answered for {PATIENCE:g} s.\n")
                return False
            time.sleep(PAUSE)
        else:
            connection.close()
            return True


if __name__ == "__main__":
    sys.exit(main())
