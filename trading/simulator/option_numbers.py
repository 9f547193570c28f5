"""Numbers on the command line: how they are read, and options whose default is that of the setting."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from math import inf

from .config import Config


def add_number(parser: argparse._ActionsContainer, name: str, read: Callable[[str], float], text: str) -> None:
    """Add `--name` for the setting of that name. Its default is the setting's own, which `text` may show."""
    default = getattr(Config, name.replace("-", "_"))
    parser.add_argument(f"--{name}", type=read, default=default, metavar="N", help=text)


def count(text: str) -> int:
    """A number from 0. Raises ArgumentTypeError for anything else."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of 0 or more")
    return int(text)


def positive(text: str) -> int:
    """A number from 1. Raises ArgumentTypeError for anything else."""
    if count(text) == 0:
        raise argparse.ArgumentTypeError("it has to be 1 or more")
    return int(text)


def positive_seconds(text: str) -> float:
    """A time such as 0.5. Raises ArgumentTypeError for one that does not pass."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds
