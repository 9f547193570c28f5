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
