"""`python -m tests` on a machine without PostgreSQL: said, and not good enough for CI."""

import pytest

from tests import __main__ as command


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("false", 0), (None, 0)])
def test_where_postgresql_is_not_there_ci_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: str | None, code: int
) -> None:
    monkeypatch.setattr(command, "POSTGRES_URL", "postgres://nobody@127.0.0.1:1/none")
    monkeypatch.setattr(command, "install_chromium", lambda: None)
    monkeypatch.setattr(command, "pytest", lambda *arguments, **environment: 0)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("CI", raising=False)
    if ci is not None:
        monkeypatch.setenv("CI", ci)
    assert command.main([]) == code
    assert "NOT RUN: the tests on PostgreSQL and Redis" in capsys.readouterr().out
