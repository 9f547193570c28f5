"""A setting that is missing or misspelt is named before anything starts."""

from pathlib import Path

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured
from kombu import Connection
from kombu.transport.redis import Channel

from portal import env


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRADEPORT_X", raising=False)
    with pytest.raises(ImproperlyConfigured, match="TRADEPORT_X is not set"):
        env.text("TRADEPORT_X")


@pytest.mark.parametrize(("value", "meaning"), [("1", True), ("Yes", True), ("off", False), ("0", False)])
def test_flags_read_the_usual_words(monkeypatch: pytest.MonkeyPatch, value: str, meaning: bool) -> None:
    monkeypatch.setenv("TRADEPORT_X", value)
    assert env.flag("TRADEPORT_X", default=not meaning) is meaning


@pytest.mark.parametrize("read", [lambda: env.flag("TRADEPORT_X", False), lambda: env.integer("TRADEPORT_X", 1)])
def test_a_misspelt_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, read) -> None:
    monkeypatch.setenv("TRADEPORT_X", "maybe")
    with pytest.raises(ImproperlyConfigured, match=r"TRADEPORT_X must be .*'maybe'"):
        read()


def test_lists_drop_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEPORT_X", " sim, ,live ")
    assert env.words("TRADEPORT_X", "") == ["sim", "live"]


def test_the_private_redis_socket_fits_the_kernels_limit_however_deep_the_clone() -> None:
    shallow = Path("/srv/tradeport/var")
    deep = Path("/srv") / ("x" * 120) / "var"
    assert env.embedded_redis_socket(shallow) == shallow / "redis.sock"
    assert len(str(env.embedded_redis_socket(deep))) <= env.LONGEST_SOCKET_PATH
    assert env.embedded_redis_socket(deep) != env.embedded_redis_socket(deep.with_name("other"))


@pytest.mark.parametrize(
    "address",
    [
        "redis://127.0.0.1:6379",
        "redis://somebody:p%40ss@redis.example.com:6380/1",
        "rediss://:secret@redis.example.com/1",
        "rediss://redis.example.com/1?ssl_ca_certs=/etc/ca.pem",
        "rediss://redis.example.com/1?ssl_cert_reqs=none",
        "unix:///redis.sock",
        "unix:///redis.sock?db=2",
        "unix://somebody:p%2Fss%40@/run/our%20redis/redis.sock?db=2",
        "unix:///redis.sock?password=p%26ss&db=2",
    ],
)
def test_celery_goes_to_the_same_redis_and_database_as_everything_else(address: str) -> None:
    ours = redis.Redis.from_url(address).connection_pool.make_connection()
    with Connection(env.celery_broker(address)) as connection:
        channel = Channel.__new__(Channel)
        channel.connection = connection.transport
        theirs = redis.ConnectionPool(**channel._connparams()).make_connection()
    assert type(theirs) is type(ours)
    for name in ("host", "port", "path", "db", "username", "password", "cert_reqs", "ca_certs", "check_hostname"):
        assert getattr(theirs, name, None) == getattr(ours, name, None), name
