"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import own_redis

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
# Debian's packages, and their programs. The shell draws the same pages without a window, for half the work.
SHELL, WHOLE = "chromium-headless-shell", "chromium"
MISSING = f"NOT RUN: no Chromium on this machine. Install it (apt-get install {SHELL}) or name one in CHROMIUM."


def executable(*, whole: bool = False) -> str | None:
    """The Chromium to use: the one that the environment names, else one on PATH, the shell before the `whole` browser
    unless that is asked for."""
    names = (WHOLE, SHELL) if whole else (SHELL, WHOLE)
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def asked_for() -> None:
    """Skip the test where there is none, but in CI fail: it says so of whatever it could not run."""
    if executable() is None:
        (pytest.fail if own_redis.in_ci() else pytest.skip)(MISSING)


@contextmanager
def launched(*, whole: bool = False) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(whole=whole), args=list(FLAGS))
        yield browser
        browser.close()
