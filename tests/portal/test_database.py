"""The database: what is in it survives a migration, and SQLite carries web, sync, worker and beat writing at once."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection as database
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps

from accounts.models import AuditEvent
from trading.models import OrderIntent
from trading.orders import intents
from trading.orders.templates import sell_limit

WRITER = """
import django
django.setup()
from django.db import transaction
from accounts.models import AuditEvent
from trading.models import OrderIntent
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


def test_sqlite_commits_to_the_disk(database_url: str) -> None:
    if not database_url.startswith("sqlite"):
        pytest.skip("PostgreSQL does so by default.")
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "portal.settings", "DATABASE_URL": database_url}
    asked = [sys.executable, "manage.py", "shell", "--no-imports", "-c"]
    ask = "from django.db import connection; print(*connection.cursor().execute('PRAGMA synchronous').fetchone())"
    said = subprocess.run(
        [*asked, ask], env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["2"]


@pytest.mark.django_db
def test_every_change_of_a_model_has_its_migration() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.fixture
def before_specs(transactional_db: None) -> Iterator[StateApps]:
    """The models as they were when intents had columns only; the database is brought up to date afterwards."""
    executor = MigrationExecutor(database)
    newest = [node for node in executor.loader.graph.leaf_nodes() if node[0] != "trading"]
    executor.migrate([("trading", "0001_initial")])
    try:
        yield executor.loader.project_state([*newest, ("trading", "0001_initial")]).apps
    finally:
        call_command("migrate", verbosity=0)


def test_an_intent_of_an_older_portal_is_still_the_order_that_was_asked_for(before_specs: StateApps) -> None:
    user = before_specs.get_model("accounts", "User").objects.create(username="sim:1")
    owner = {"environment": "sim", "tradovate_user_id": 1, "name": "trader"}
    connection = before_specs.get_model("accounts", "Connection").objects.create(user=user, **owner)
    accounts = before_specs.get_model("trading", "Account").objects
    account = accounts.create(connection=connection, tradovate_id=7, name="DEMO7")
    terms = {"symbol": "ESZ6", "action": "Sell", "order_qty": 3, "order_type": "Limit", "price": "5000.25"}
    before_specs.get_model("trading", "OrderIntent").objects.create(
        connection=connection, account=account, source_key="file:1", cl_ord_id="tp-1", **terms
    )
    call_command("migrate", verbosity=0)
    assert intents.spec_of(OrderIntent.objects.get()) == (
        sell_limit("ESZ6", 3, "5000.25").set_account(account.pk).build()
    )


@pytest.mark.parametrize(
    ("query", "threshold"), [("", 3), ("?prepare_threshold=0", None), ("?prepare_threshold=7&sslmode=disable", 7)]
)
def test_what_outlives_a_transaction_on_the_server_can_be_switched_off_for_a_pooler(
    query: str, threshold: int | None
) -> None:
    code = """
from portal.settings import DATABASES
print(DATABASES["default"]["OPTIONS"]["prepare_threshold"], DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"])
"""
    environment = os.environ | {"DATABASE_URL": f"postgres://somebody@127.0.0.1/tradeport{query}"}
    said = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=settings.BASE_DIR
    )
    assert said.stdout.split() == [str(threshold), str(threshold is None)]


def test_a_server_that_says_nothing_is_given_up_soon() -> None:
    """psycopg would wait for 130 seconds, and a sync process for as long with everything that needs its database."""
    code = "import django; django.setup(); from django.db import connection; connection.ensure_connection()"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgres://somebody@127.0.0.1:{silent.getsockname()[1]}/tradeport"
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "portal.settings", "DATABASE_URL": address}
        command = [sys.executable, "-c", code]
        said = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False, cwd=settings.BASE_DIR
        )
    assert "OperationalError" in said.stderr


@pytest.mark.django_db
@pytest.mark.skipif(database.vendor != "postgresql", reason="a SQLite file cannot vanish from the network")
def test_a_server_that_vanishes_without_a_word_is_given_up_soon() -> None:
    database.ensure_connection()
    with socket.fromfd(database.connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as wire:
        assert 0 < wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 10_000
        asked = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        idle, interval, count = (wire.getsockopt(socket.IPPROTO_TCP, one) for one in asked)
    assert idle + interval * count <= 15
