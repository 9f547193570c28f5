"""The manual's backup comes back by the manual's own commands, also over the database of a newer version."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

from tests.bench.processes import fresh_database

POSTGRES_URL = os.environ.get("TEST_DATABASE_URL", "")
TOOLS = ("pg_dump", "pg_restore", "dropdb", "createdb")
MISSING = [tool for tool in TOOLS if not shutil.which(tool)]
# What stands before a command that the machine of the database is to do.
ELSEWHERE = r"^(?:sudo -u postgres|docker compose exec (?:-T )?postgres) "

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(not POSTGRES_URL, reason="NOT RUN: a restore needs PostgreSQL; TEST_DATABASE_URL names none"),
    pytest.mark.skipif(bool(MISSING), reason=f"NOT RUN: a restore needs {', '.join(MISSING)}"),
]


@pytest.fixture
def database() -> Iterator[str]:
    """The address of a database as an older version left it."""
    with psycopg.connect(POSTGRES_URL) as server:
        version = server.info.server_version // 10_000
    tools = subprocess.run(["pg_dump", "--version"], capture_output=True, text=True, check=True).stdout
    if f" {version}." not in tools:
        pytest.skip(f"NOT RUN: a restore needs the tools of PostgreSQL {version}, the server's; here is {tools}")
    with ExitStack() as cleanup:
        url = fresh_database(POSTGRES_URL, cleanup)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE trader (id int PRIMARY KEY, name text)")
            connection.execute("INSERT INTO trader VALUES (1, 'of the backup')")
        yield url


def manuals_commands(section: str, kind: str) -> list[str]:
    """The lines of a section of docs/server.md that use PostgreSQL's tools, those for Docker or for systemd."""
    manual = (settings.BASE_DIR / "docs" / "server.md").read_text()
    text = manual.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if re.search(rf"^(\S.* )?({'|'.join(TOOLS)}) --", line)]
    return [line for line in lines if line.startswith("docker ") == (kind == "Docker")]


def follow(commands: list[str], database: str, folder: Path) -> None:
    """Do what the manual says with that database, by its server's own user."""
    address = conninfo_to_dict(database)
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password"}
    environment = {name: str(address[part]) for name, part in names.items() if part in address}
    with psycopg.connect(database) as connection:
        user = connection.info.user
    for line in commands:
        here = re.sub(r"--(host|username) \S+ ", "", re.sub(ELSEWHERE, "", line))
        here = re.sub(r"(?<!--owner )\btradeport\b(?!\.)", str(address["dbname"]), here)
        here = here.replace("--owner tradeport", f"--owner {user}")
        done = subprocess.run(
            ["/bin/sh", "-c", here],
            cwd=folder,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{here}\n{done.stderr}"


@pytest.mark.parametrize("kind", ["systemd", "Docker"])
def test_a_restore_leaves_nothing_of_what_came_after_the_backup(kind: str, database: str, tmp_path: Path) -> None:
    backup, restore = manuals_commands("Backup", kind), manuals_commands("Restore", kind)
    assert len(backup) == 1
    assert len(restore) >= 1
    follow(backup, database, tmp_path)
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO trader VALUES (2, 'of today')")
        connection.execute("CREATE TABLE of_a_newer_version (id int PRIMARY KEY, trader int REFERENCES trader)")
        connection.execute("INSERT INTO of_a_newer_version VALUES (1, 2)")
    follow(restore, database, tmp_path)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT * FROM trader").fetchall() == [(1, "of the backup")]
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert tables == [("trader",)]
