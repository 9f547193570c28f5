"""A setting that is missing or misspelt is named before anything starts."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

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
