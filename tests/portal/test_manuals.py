"""README and the manuals lead to what is there."""

import re
from pathlib import Path

import pytest
from django.conf import settings

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


@pytest.mark.parametrize("manual", MANUALS, ids=lambda path: path.name)
def test_no_password_is_written_where_all_of_the_machine_sees_it(manual: Path) -> None:
    """In the arguments of a command."""
    assert re.findall(r'"\$(?:DATABASE|REDIS)_URL"|PASSWORD \'', manual.read_text()) == []
