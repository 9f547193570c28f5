"""Command line options for limits, sessions and sockets, and what they say as settings."""

from __future__ import annotations

import argparse
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from .limits import GENEROUS, REAL, Limits
from .option_numbers import count, positive

PRESETS: dict[str, Limits | None] = {"off": None, "real": REAL, "generous": GENEROUS}


def add_limit_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    group = parser.add_argument_group("limits, sessions and sockets")
    group.add_argument(
        "--limits",
        choices=tuple(PRESETS),
        default="generous",
        help="requests an hour: none, Tradovate's own, or a hundred times those (%(default)s)",
    )
    group.add_argument("--user-requests", type=count, metavar="N", help="requests an hour of a user")
    group.add_argument(
        "--address-requests",
        type=_budget,
        action="append",
        default=[],
        metavar="ROUTE=N",
        help="requests an hour of an address, such as order/dryrun=50; repeatable",
    )
    group.add_argument("--penalty-seconds", type=count, metavar="N", help="how long a penalty ticket has to wait")
    group.add_argument("--captcha-after", type=count, metavar="N", help="penalties before a captcha is asked for")
    group.add_argument(
        "--tv-requests",
        type=count,
        metavar="N",
        help="requests a minute of an account in the TradingView-style dialect",
    )
    group.add_argument(
        "--token-lifetime", type=positive, default=4800, metavar="SECONDS", help="of an access token (%(default)s)"
    )
    group.add_argument(
        "--sessions-per-user", type=positive, default=2, metavar="N", help="one more ends the oldest (%(default)s)"
    )
    group.add_argument("--sockets-per-user", type=positive, metavar="N", help="one more closes the oldest; no limit")
    group.add_argument("--sockets-per-address", type=positive, metavar="N", help="one more is closed; no limit")
    group.add_argument("--cid", default="", help="the API key's client id; any is taken without it")
    group.add_argument(
        "--verified-device",
        action="append",
        metavar="ID",
        help="a deviceId that may trade live after an API-key login, repeatable; all may when there is none",
    )


def limit_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The options as arguments of Config. Adjustments of no limits begin with Tradovate's own."""
    limits = PRESETS[options.limits]
    changes: dict[str, Any] = {}
    if options.user_requests is not None:
        changes["per_user"] = options.user_requests
    if options.address_requests:
        changes["per_address"] = MappingProxyType({**(limits or REAL).per_address, **dict(options.address_requests)})
    if options.penalty_seconds is not None:
        changes |= {"penalty_seconds": options.penalty_seconds, "penalty_seconds_of": MappingProxyType({})}
    if options.captcha_after is not None:
        changes["captcha_after"] = options.captcha_after
    if options.tv_requests is not None:
        changes["tv_per_minute"] = options.tv_requests
    devices = options.verified_device
    return {
        "limits": replace(limits or REAL, **changes) if changes else limits,
        "token_lifetime": options.token_lifetime,
        "sessions_per_user": options.sessions_per_user,
        "sockets_per_user": options.sockets_per_user,
        "sockets_per_address": options.sockets_per_address,
        "cid": options.cid,
        "verified_devices": frozenset(devices) if devices is not None else None,
    }


def _budget(text: str) -> tuple[str, int]:
    route, sign, most = text.partition("=")
    if not sign or not most.isdecimal() or route.count("/") != 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not like order/dryrun=50")
    return route.lower(), int(most)
