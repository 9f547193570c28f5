"""Command line options for the names of hosts and for TLS, and what they say as settings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .hosts import LABELS, TRADOVATE_DOMAIN, HostNames


def add_host_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    group = parser.add_argument_group("names of hosts and TLS")
    group.add_argument(
        "--tls",
        type=Path,
        metavar="DIRECTORY",
        help="speak TLS with a throw-away certificate that is kept there, and made when there is none",
    )
    group.add_argument(
        "--tls-name", action="append", default=[], metavar="NAME", help="a name for it, repeatable; Tradovate's if none"
    )
    group.add_argument(
        "--named-hosts",
        nargs="?",
        const=TRADOVATE_DOMAIN,
        metavar="DOMAIN",
        help="let apiHosts have names in a domain (%(const)s) even for clients that come by an address",
    )
    group.add_argument(
        "--api-host",
        action="append",
        default=[],
        type=_api_host,
        metavar="KEY=HOST",
        help="another value of apiHosts, repeatable: demo=demo-b.tradovateapi.com; the old name answers 307 and 421",
    )


def host_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The options as arguments of Config."""
    return {
        "hosts": HostNames(options.named_hosts, dict(options.api_host)),
        "tls": options.tls,
        "tls_names": tuple(options.tls_name),
    }


def _api_host(text: str) -> tuple[str, str]:
    key, equals, host = text.partition("=")
    if not equals or key not in LABELS or not host:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=HOST. The keys are: {', '.join(LABELS)}.")
    return key, host
