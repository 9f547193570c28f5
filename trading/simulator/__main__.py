"""`python -m trading.simulator`: a stand-in Tradovate on this machine."""

from __future__ import annotations

import argparse
import ipaddress
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .app import create_app
from .config import DEFAULT_TRADERS, DEV_CLIENT_SECRET, Config
from .fault_kinds import KINDS, Front
from .faults import FaultRequest, read_fault
from .host_options import add_host_options, host_settings
from .limit_options import add_limit_options, limit_settings
from .market_options import add_market_options, market_settings
from .option_numbers import add_number, positive_seconds
from .server import PortInUseError, listen, make_server
from .tls import certificates_of, how_to_trust, names_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulator until a signal comes. Returns the exit code: 2 when it could not start."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.list_traders:
        sys.stdout.write(list_traders() + "\n")
        return 0
    if options.list_faults:
        sys.stdout.write(list_faults() + "\n")
        return 0
    if not options.allow_remote and not _is_loopback(options.host):
        return _fail(f"{options.host} can be reached from other machines. Add --allow-remote if you mean it.")
    secret = os.environ.get(options.client_secret_env) or DEV_CLIENT_SECRET
    config = Config(
        seed=options.seed,
        control=options.control,
        client_id=options.client_id,
        client_secret=secret,
        redirect_uris=tuple(options.redirect_uri),
        oauth_error_status=options.oauth_error_status,
        state_path=options.state,
        save_seconds=options.save_seconds,
        session_hours=options.session_hours,
        **market_settings(options),
        **limit_settings(options),
        faults=tuple(options.fault),
        **host_settings(options),
    )
    try:
        certificates = certificates_of(config)
    except (OSError, ValueError) as error:
        return _fail(f"Cannot use the certificates: {error}")
    try:
        bound = listen(options.host, options.port)
    except PortInUseError:
        return _fail(
            f"Port {options.port} on {options.host} is in use. Stop what listens there or choose another --port."
        )
    except OSError as error:
        return _fail(f"Cannot listen on {options.host}:{options.port}: {error.strerror}.")
    try:
        app = create_app(config)
    except (OSError, ValueError) as error:
        bound.close()
        return _fail(f"Cannot read the state: {error}")
    server = make_server(app, certificates=certificates)

    def end(*_: object) -> None:
        server.should_exit = True

    # uvicorn has handlers of its own while it runs, and sends a signal on to these after its orderly end
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    scheme = "https" if certificates else "http"
    host = f"[{options.host}]" if ":" in options.host else options.host
    sys.stdout.write(f"Tradovate simulator on {scheme}://{host}:{bound.getsockname()[1]}\n")
    if certificates:
        sys.stdout.write(how_to_trust(certificates, names_of(config), options.host) + "\n")
    sys.stdout.flush()
    if not _is_loopback(options.host):
        sys.stderr.write("Others can reach this simulator: it has known passwords and made-up money only.\n")
    server.run(sockets=[bound])
    bound.close()
    return 0


def list_traders() -> str:
    """Who can sign in, one line each: name, password, accounts."""
    lines = []
    for trader in DEFAULT_TRADERS:
        names = ", ".join(account.name for account in trader.accounts) or "no account"
        lines.append(f"{trader.name:8} {trader.password:12} {names}")
    return "\n".join(lines)


def list_faults() -> str:
    """What can go wrong, one line each: name, options besides those that all have, what happens."""
    lines = []
    for kind in KINDS.values():
        name = f"{kind.name} ({', '.join(sorted(kind.options))})" if kind.options else kind.name
        by_control = " By /control/faults only." if kind.fronts == Front.USER else ""
        lines.append(f"{name:28} {kind.summary}{by_control}")
    return "\n".join(lines)


def _fault(text: str) -> FaultRequest:
    try:
        return read_fault(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trading.simulator",
        description="A stand-in Tradovate with made-up money: OAuth, REST and WebSocket on one port.",
        epilog="Who can sign in (name, password, accounts):\n" + list_traders(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8180, help="port to listen on, 0 for any (%(default)s)")
    parser.add_argument("--allow-remote", action="store_true", help="listen on an address that others can reach")
    parser.add_argument("--seed", type=int, default=1, help="fixes the prices (%(default)s)")
    parser.add_argument("--client-id", default="tradeport", help="OAuth client id (%(default)s)")
    parser.add_argument(
        "--client-secret-env",
        default="SIMULATOR_CLIENT_SECRET",
        metavar="NAME",
        help="environment variable with the OAuth client secret (%(default)s)",
    )
    parser.add_argument(
        "--redirect-uri",
        action="append",
        default=[],
        metavar="URI",
        help="allowed return address, repeatable; any loopback address when there is none",
    )
    parser.add_argument(
        "--oauth-error-status",
        type=int,
        choices=(200, 400),
        default=200,
        help="status of OAuth error replies (%(default)s, as Tradovate has it)",
    )
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep accounts, orders and sessions in this file")
    add_number(
        parser,
        "save-seconds",
        positive_seconds,
        "how often the state file is written, if anything has changed (%(default)g)",
    )
    parser.add_argument(
        "--session-hours", action="store_true", help="keep each product's session hours and the exchange's holidays"
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        type=_fault,
        metavar="KIND[:OPTION=VALUE,...]",
        help="let something go wrong, repeatable: --fault lose_reply:route=order/placeorder,probability=0.1,seed=7",
    )
    parser.add_argument("--list-faults", action="store_true", help="print what can go wrong, and end")
    parser.add_argument("--control", action="store_true", help="serve /control/* to peers on this machine")
    parser.add_argument("--list-traders", action="store_true", help="print who can sign in, and end")
    add_host_options(parser)
    add_market_options(parser)
    add_limit_options(parser)
    return parser


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _fail(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
