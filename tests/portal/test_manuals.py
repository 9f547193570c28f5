"""README and the manuals lead to what is there, and say what is so."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from portal.postgresql import base as postgresql
from trading.files import execute
from trading.orders import gateway, sole, warm
from trading.sync import crew, hub, lease
from trading.views import files, kill_switch, refusals

MANUALS = [settings.BASE_DIR / "README.md", *sorted((settings.BASE_DIR / "docs").glob("*.md"))]


def anchors(manual: Path) -> set[str]:
    """The names under which a manual's headings are linked to."""
    headings = re.findall(r"^#+ (.+)$", manual.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("manual", MANUALS, ids=lambda path: path.name)
def test_no_link_leads_nowhere(manual: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", manual.read_text())
    dead = []
    for path, anchor in links:
        target = (manual.parent / path).resolve() if path else manual
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(f"{path}#{anchor}")
    assert dead == []


def test_a_backup_is_for_its_owner_alone_and_holds_no_session() -> None:
    manual = settings.BASE_DIR / "docs" / "server.md"
    blocks = re.findall(r"^```\n(.*?)^```", manual.read_text(), re.MULTILINE | re.DOTALL)
    dumps = [line for block in blocks for line in block.splitlines() if "pg_dump" in line]
    assert len(dumps) == 2
    assert all(" --exclude-table-data=django_session " in line for line in dumps)
    making = [block for block in blocks if "pg_dump" in block or ".backup '" in block]
    assert len(making) == 2
    assert all(block.startswith("umask 077") for block in making)
    assert "DELETE FROM django_session" in making[1]


@pytest.mark.parametrize(
    ("promised", "said", "is_so"),
    [
        ("12 hours after its session was last written", 12 * 3600, settings.SESSION_COOKIE_AGE),
        ("Ten wrong passwords", 10, settings.AXES_FAILURE_LIMIT),
        ("lock an account out for 15 minutes", timedelta(minutes=15), settings.AXES_COOLOFF_TIME),
        ("of orders that were not sent 60 an hour for a connection", 60, refusals.MOST),
        ("lists the last 20 that were released", 20, kill_switch.LISTED),
        ("lists the newest 50", 50, files.LISTED),
        ("keeps at most 5 connections to PostgreSQL", 5, postgresql.MOST),
        ("Count five for each `web`", 5, postgresql.MOST),
        ("waits for Tradovate for over half a second holds none", 0.5, warm.HELD),
        ("take its connections 3.5 s later at most", 3.5, lease.LASTS + hub.LOOK),
        ("take its connections 3.5 s later at most", 3.5, crew.LASTS + hub.LOOK),
        ("waits ten seconds at most for an answer that was lost", timedelta(seconds=10), sole.CLOSES_WITHIN),
        ("a request begins within 20 s of its claim", timedelta(seconds=20), gateway.LATEST),
        ("That is 75 s in a portal", timedelta(seconds=75), execute.ABANDONED_AFTER),
    ],
)
def test_the_numbers_of_the_manuals_are_so(promised: str, said: object, is_so: object) -> None:
    assert promised in " ".join(" ".join(manual.read_text() for manual in MANUALS).replace("*", "").split())
    assert is_so == said


@pytest.mark.parametrize("manual", MANUALS, ids=lambda path: path.name)
def test_no_password_is_written_where_all_of_the_machine_sees_it(manual: Path) -> None:
    """In the arguments of a command."""
    assert re.findall(r'"\$(?:DATABASE|REDIS)_URL"|PASSWORD \'', manual.read_text()) == []
