"""`python -m tests` where PostgreSQL or Chromium is missing, or Redis somebody's: said, and not enough for CI."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis
from django.conf import settings

from tests import __main__ as command
from tests import own_redis
from tests.browser import chromium


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("false", 0), ("", 0), (None, 0)])
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


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("false", pytest.skip.Exception)])
def test_where_chromium_is_not_there_ci_fails(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setattr(chromium, "executable", lambda: None)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="NOT RUN"):
        chromium.asked_for()


@pytest.fixture
def somebodys_redis(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> redis.Redis:
    """The Redis of the test stands for all four databases that a run would empty."""
    monkeypatch.setattr(own_redis, "databases", lambda _: [redis_url])
    monkeypatch.setattr(psycopg, "connect", lambda *_, **__: type("Connection", (), {"close": lambda self: None})())
    monkeypatch.setattr(command, "install_chromium", lambda: None)
    return redis.Redis.from_url(redis_url)


@pytest.mark.parametrize("ci", ["", "false", None])
def test_a_redis_in_use_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], somebodys_redis, ci: str | None
) -> None:
    somebodys_redis.flushdb()
    somebodys_redis.set("orders", "of somebody")
    runs = []
    monkeypatch.setattr(command, "everything", lambda *_, **environment: runs.append(environment) or 0)
    monkeypatch.delenv("CI", raising=False)
    if ci is not None:
        monkeypatch.setenv("CI", ci)

    assert command.main([]) == 0

    assert runs == [{}], "no run on servers"
    said = capsys.readouterr().out
    assert "NOT RUN: the tests on PostgreSQL and Redis; the Redis of TEST_REDIS_URL has keys in database" in said
    assert somebodys_redis.get("orders") == b"of somebody"


@pytest.mark.parametrize("whose", ["ours", "nobody's", "CI's"])
def test_what_is_empty_or_the_tests_own_is_used(monkeypatch: pytest.MonkeyPatch, somebodys_redis, whose: str) -> None:
    if whose != "ours":
        somebodys_redis.flushdb()
    if whose != "nobody's":
        somebodys_redis.set("left", "by a run that was killed")
    monkeypatch.setenv("CI", "true" if whose == "CI's" else "false")
    runs = []
    monkeypatch.setattr(command, "everything", lambda *_, **environment: runs.append(environment) or 0)

    assert command.main([]) == 0

    assert [bool(environment) for environment in runs] == [False, True]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:6379/2", "redis://127.0.0.1:6379", "redis://127.0.0.1:6379/"])
def test_an_address_with_no_room_for_four_databases_is_told_as_that(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    monkeypatch.setattr(command, "REDIS_URL", url)
    monkeypatch.setattr(command, "install_chromium", lambda: None)
    monkeypatch.setattr(command, "pytest", lambda *arguments, **environment: 0)
    monkeypatch.setenv("CI", "true")
    assert command.main([]) == 1
    assert (
        "NOT RUN: the tests on PostgreSQL and Redis; TEST_REDIS_URL has to end in /3 or more" in capsys.readouterr().out
    )


def test_a_redis_that_is_not_there_is_told_in_ci_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], somebodys_redis
) -> None:
    monkeypatch.setattr(own_redis, "databases", lambda _: ["redis://127.0.0.1:1/15"])
    monkeypatch.setattr(command, "everything", lambda *_, **environment: 0)
    monkeypatch.setenv("CI", "true")
    assert command.main([]) == 1
    assert "nothing of use answers at TEST_POSTGRES_URL and TEST_REDIS_URL" in capsys.readouterr().out


def test_a_run_empties_the_database_that_is_named_and_the_three_below() -> None:
    urls = own_redis.databases("redis://:secret@127.0.0.1:6379/15")
    assert [url.rpartition("/")[2] for url in urls] == ["15", "14", "13", "12"]
    assert "secret" not in own_redis.refusal(urls)


def test_pytest_by_itself_refuses_too(redis_process: None, redis_url: str) -> None:
    address = redis_url if redis_url.startswith("redis://") else os.environ.get("TEST_REDIS_URL")
    if address is None:
        pytest.skip("NOT RUN: a private Redis is nobody else's; TEST_REDIS_URL names none")
    client = redis.Redis.from_url(address)
    client.flushdb()
    client.set("orders", "of somebody")
    one = ["-q", "-p", "no:cacheprovider", "tests/portal/test_health.py"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TEST_", "CI"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *one, "-k", "all_well"],
        cwd=settings.BASE_DIR,
        env=environment | {"TEST_REDIS_URL": address},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "that the tests have not made" in done.stdout + done.stderr
    assert client.get("orders") == b"of somebody"


def test_the_working_copys_env_is_not_read(tmp_path: Path) -> None:
    shutil.copytree(settings.BASE_DIR / "portal", tmp_path / "portal")
    (tmp_path / "tests").mkdir()
    for name in ("__init__.py", "settings.py"):
        shutil.copy(settings.BASE_DIR / "tests" / name, tmp_path / "tests" / name)
    (tmp_path / ".env").write_text("HTTPS=1\nALLOWED_HOSTS=desk.example.com\nAPI_KEY_ENVIRONMENTS=live\n")
    read = "from tests import settings as s; print(s.HTTPS, s.ALLOWED_HOSTS[0], s.API_KEY_ENVIRONMENTS)"
    done = subprocess.run(
        [sys.executable, "-c", read],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "127.0.0.1", "[]"]
