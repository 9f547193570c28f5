"""Command line options about market data."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any, Literal, get_args

from .config import DEFAULT_TRADERS, Trader
from .option_numbers import add_number, positive

Mode = Literal["RealTime", "Delayed", "None"]


def add_market_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    group = parser.add_argument_group("market data")
    group.add_argument(
        "--market-data",
        action="append",
        default=[],
        type=_entitlement,
        metavar="TRADER=MODE",
        help="a trader's entitlement, repeatable: RealTime (everybody's), Delayed or None",
    )
    add_number(group, "tick-seconds", positive, "how often the market takes a step (%(default)g)")
    add_number(group, "delay-seconds", positive, "how late delayed market data is (%(default)g)")
    most = "the most bars or ticks of history that one request gets (%(default)d)"
    add_number(group, "chart-elements", positive, most)
    group.add_argument(
        "--lowercase-market-data",
        action="store_true",
        help="let market data hosts refuse routes with capitals, as the live one was seen to",
    )


def market_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of Config that the options set."""
    modes: dict[str, Mode] = dict(options.market_data)
    return {
        "traders": tuple(_entitled(trader, modes.get(trader.name)) for trader in DEFAULT_TRADERS),
        "tick_seconds": options.tick_seconds,
        "delay_seconds": options.delay_seconds,
        "chart_elements": options.chart_elements,
        "lowercase_market_data": options.lowercase_market_data,
    }


def _entitled(trader: Trader, mode: Mode | None) -> Trader:
    return trader if mode is None else replace(trader, market_data=mode)


def _entitlement(text: str) -> tuple[str, str]:
    name, _, mode = text.partition("=")
    if name not in {trader.name for trader in DEFAULT_TRADERS}:
        raise argparse.ArgumentTypeError(f"there is no trader {name!r}")
    if mode not in get_args(Mode):
        raise argparse.ArgumentTypeError(f"{mode!r} is none of {', '.join(get_args(Mode))}")
    return name, mode
