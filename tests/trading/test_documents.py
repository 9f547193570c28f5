"""Tradovate's documents are compared with where they are at hand, and CI cannot pass without them."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.trading import documents

SCRIPT = Path(__file__).parents[2] / ".ci/run"
MAKE = '#!/bin/sh\necho "make $1 with ${TRADOVATE_SPEC:-no document} and ${TRADOVATE_GUIDE:-no guide}"\n'


@pytest.fixture(autouse=True)
def looked_up_anew() -> Iterator[None]:
    documents._document.cache_clear()
    yield
    documents._document.cache_clear()


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A place without documents, as the repository's; nothing names any."""
    monkeypatch.setattr(documents, "_homes", lambda: [tmp_path / "checkout"])
    for variable in ("CI", "TRADOVATE_SPEC", "TRADOVATE_GUIDE"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def failure_of(read: Callable[[], object]) -> str:
    """What a test that reads a document fails with; a skip is none."""
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception)) as ended:
        read()
    assert ended.type is pytest.fail.Exception
    return str(ended.value)


def test_a_document_that_is_named_has_to_be_there(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADOVATE_SPEC", str(nowhere / "gone.json"))
    assert "TRADOVATE_SPEC" in failure_of(documents.openapi)


@pytest.mark.parametrize("ci", ["", "false", None])
def test_without_the_documents_a_test_says_so_and_is_skipped(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, ci: str | None
) -> None:
    if ci is not None:
        monkeypatch.setenv("CI", ci)
    with pytest.raises(pytest.skip.Exception, match="NOT COMPARED"):
        documents.guide()


def test_without_the_documents_a_test_fails_in_ci(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert "CI has to compare" in failure_of(documents.openapi)


def test_a_run_of_ci_fails_at_once_where_the_documents_are_not(nowhere: Path) -> None:
    done = _run(nowhere, CI="true")
    assert done.returncode != 0
    assert "TRADOVATE_SPEC" in done.stderr
    assert "../shared" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("ci", [{}, {"CI": "false"}], ids=["unset", "false"])
def test_elsewhere_it_says_what_is_not_compared_and_goes_on(nowhere: Path, ci: dict[str, str]) -> None:
    done = _run(nowhere, **ci)
    assert done.returncode == 0
    assert "NOT COMPARED" in done.stderr
    made = [re.fullmatch(r"make (\S+) with no document and no guide", line)[1] for line in done.stdout.splitlines()]
    assert sorted(made[1:3]) == ["check", "ready"]
    assert (made[0], *made[3:]) == (".venv/dev-installed", "test")


def test_documents_that_lie_beside_the_checkout_are_named_to_the_tests(nowhere: Path) -> None:
    spec, guide = nowhere / "shared/tradovate/openapi.json", nowhere / "shared/reference/tradovate-api-guide.txt"
    for path in (spec, guide):
        path.parent.mkdir(parents=True)
        path.touch()
    done = _run(nowhere, CI="true")
    assert done.returncode == 0
    checkout = nowhere / "checkout/.."
    assert f"make test with {checkout / spec.relative_to(nowhere)} and {checkout / guide.relative_to(nowhere)}" in (
        done.stdout.splitlines()
    )


def _run(place: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run .ci/run in a checkout of its own, with a `make` that only tells what it was asked."""
    script = place / "checkout/.ci/run"
    script.parent.mkdir(parents=True)
    shutil.copy(SCRIPT, script)
    make = place / "bin/make"
    make.parent.mkdir()
    make.write_text(MAKE, encoding="utf-8")
    make.chmod(0o755)
    path = f"{make.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", script], env={"PATH": path, **environment}, capture_output=True, text=True, timeout=30, check=False
    )
