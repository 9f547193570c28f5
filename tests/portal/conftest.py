"""A copy of the project to start things in, as on a machine of its own."""

import shutil
from pathlib import Path

import pytest
from django.conf import settings

NOT_COPIED = (".git", ".venv", "node_modules", "var", ".env*", "__pycache__", "tests", ".*_cache", "staticfiles")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project without anything that a start makes; the front-end assets are shared."""
    copy = tmp_path / "tradeport"
    shutil.copytree(settings.BASE_DIR, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
    (copy / "node_modules").symlink_to(settings.BASE_DIR / "node_modules")
    return copy
