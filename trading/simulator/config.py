"""What a simulator is told at the start: seed, clock, clients, traders and limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

from .faults import FaultRequest
from .hosts import HostNames
from .limits import Limits

DEV_CLIENT_SECRET = "simulator-secret-for-development-only"  # noqa: S105 - it guards nothing but made-up money


@dataclass(frozen=True)
class AccountSpec:
    """An account as it is opened at the first start: its name and its cash in US dollars."""

    name: str
    cash: Decimal


@dataclass(frozen=True)
class Trader:
    """Somebody who can sign in. `user_id` is what OAuth's /auth/me answers as userId, `market_data` the mode that
    market data subscriptions answer: RealTime, Delayed or None. Replays may begin up to `replay_days` ago; 0 forbids
    them."""

    user_id: int
    name: str
    password: str = field(repr=False)
    full_name: str
    email: str
    accounts: tuple[AccountSpec, ...] = ()
    has_history: bool = False
    market_data: Literal["RealTime", "Delayed", "None"] = "RealTime"
    replay_days: int = 90


DEFAULT_TRADERS: tuple[Trader, ...] = (
    Trader(
        user_id=1001,
        name="trader",
        password="trader-pass",  # noqa: S106 - printed for everybody by --list-traders
        full_name="Tess Trader",
        email="trader@simulator.example",
        accounts=(AccountSpec("DEMO1001001", Decimal(100_000)),),
    ),
    Trader(
        user_id=1002,
        name="pro",
        password="pro-pass",  # noqa: S106 - as above
        full_name="Priya Prop",
        email="pro@simulator.example",
        accounts=(
            AccountSpec("DEMO1002001", Decimal(250_000)),
            AccountSpec("DEMO1002002", Decimal(150_000)),
            AccountSpec("DEMO1002003", Decimal(50_000)),
            AccountSpec("DEMO1002004", Decimal(50_000)),
            AccountSpec("DEMO1002005", Decimal(25_000)),
        ),
        has_history=True,
    ),
    Trader(
        user_id=1003,
        name="empty",
        password="empty-pass",  # noqa: S106 - as above
        full_name="Emil Empty",
        email="empty@simulator.example",
    ),
)


@dataclass(frozen=True)
class Config:
    """All settings of one simulator.

    `seed` fixes prices and book sizes. `manual_clock` stops time at `start` (UTC; now when None) until
    `POST /control/advance`. `redirect_uris` empty means: any loopback address. `token_lifetime`,
    `code_lifetime` and the socket timings are in seconds. `oauth_error_status` is the status of OAuth error
    replies: Tradovate answers 200, others 400. `control` mounts /control/* for loopback peers.
    `session_hours` keeps the products' hours and holidays; without it they trade around the clock.
    A socket is cut when more than `socket_queue` frames, or more than `socket_characters`, wait for its client.
    `limits` are the requests an hour; None for no limits. `sockets_per_user` and `sockets_per_address` are how many
    may be open, None for any number. `verified_devices` are the deviceIds that may trade live after an API-key login,
    None for all; `cid` is the API key's, empty for any. `faults` are armed from the start.
    `hosts` are the names that apiHosts hands out. `tls` is the directory of a throw-away certificate for `tls_names`,
    or for all of Tradovate's names; it is made when there is none. Without it, connections are not encrypted.
    """

    seed: int = 1
    manual_clock: bool = False
    start: datetime | None = None
    tick_seconds: float = 0.25
    control: bool = False
    client_id: str = "tradeport"
    client_secret: str = field(default=DEV_CLIENT_SECRET, repr=False)
    redirect_uris: tuple[str, ...] = ()
    token_lifetime: int = 4800
    refresh_lifetime: int = 30 * 24 * 3600
    code_lifetime: int = 60
    sessions_per_user: int = 2
    sockets_per_user: int | None = None
    sockets_per_address: int | None = None
    verified_devices: frozenset[str] | None = None
    cid: str = ""
    oauth_error_status: int = 200
    traders: tuple[Trader, ...] = DEFAULT_TRADERS
    history: bool = True
    max_order_qty: int = 250
    session_hours: bool = False
    lowercase_market_data: bool = False
    chart_elements: int = 4096
    delay_seconds: float = 600.0
    replay_pause_seconds: float = 7200.0
    limits: Limits | None = None
    faults: tuple[FaultRequest, ...] = ()
    hosts: HostNames = field(default_factory=HostNames)
    tls: Path | None = None
    tls_names: tuple[str, ...] = ()
    state_path: Path | None = None
    save_seconds: float = 2.0
    heartbeat_seconds: float = 2.5
    silence_seconds: float = 15.0
    authorize_seconds: float = 10.0
    socket_queue: int = 5000
    socket_characters: int = 2**26
