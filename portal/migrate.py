"""`python -m portal.migrate`: bring a server's database up to date, once it answers.

Nothing else starts before that. After a reboot PostgreSQL may be there later than we are, or recover first.
"""

from __future__ import annotations

import sys
import time
from typing import Final

import django
from django.core.management import execute_from_command_line
from django.db import OperationalError, connection

from portal.launch import load_environment

PATIENCE: Final = 300.0  # seconds
PAUSE: Final = 2.0  # seconds between two tries


def main() -> int:
    """The exit status: 1 when the database has not answered for PATIENCE seconds. Raises what `manage.py` does."""
    load_environment()
    django.setup()
    if not database_answers():
        return 1
    execute_from_command_line(["manage.py", "migrate", "--verbosity", "0"])
    return 0


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
