"""What the command line says of limits."""

import argparse

import pytest

from trading.simulator.limit_options import add_limit_options, limit_settings
from trading.simulator.limits import GENEROUS, REAL
from trading.simulator.option_numbers import positive_seconds


def settings(text: str) -> dict[str, object]:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_limit_options(parser)
    return limit_settings(parser.parse_args(text.split()))


def test_the_presets() -> None:
    assert settings("")["limits"] == GENEROUS
    assert settings("--limits real")["limits"] == REAL
    assert settings("--limits off")["limits"] is None
    assert settings("")["verified_devices"] is None


def test_every_figure_can_be_adjusted() -> None:
    made = settings(
        "--limits real --user-requests 10 --address-requests Order/DryRun=7 --penalty-seconds 1 --captcha-after 0 "
        "--tv-requests 9 "
        "--sockets-per-user 3 --sockets-per-address 4 --sessions-per-user 5 --token-lifetime 60 --cid 8 "
        "--verified-device a --verified-device b"
    )
    limits = made["limits"]
    assert (limits.per_user, limits.per_address["order/dryrun"], limits.per_address["auth/me"]) == (10, 7, 10)
    assert (limits.penalty_seconds, limits.penalty_seconds_of, limits.captcha_after) == (1, {}, 0)
    assert limits.tv_per_minute == 9
    assert (made["sockets_per_user"], made["sockets_per_address"], made["sessions_per_user"]) == (3, 4, 5)
    assert (made["token_lifetime"], made["cid"], made["verified_devices"]) == (60, "8", frozenset({"a", "b"}))


def test_an_adjustment_of_no_limits_begins_with_the_real_ones() -> None:
    limits = settings("--limits off --user-requests 10")["limits"]
    assert (limits.per_user, limits.per_address) == (10, REAL.per_address)


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_a_time_that_never_passes_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no number of seconds above 0"):
        positive_seconds(text)


@pytest.mark.parametrize(
    "text", ["--user-requests many", "--address-requests dryrun=1", "--address-requests a/b", "--sockets-per-user 0"]
)
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        settings(text)
