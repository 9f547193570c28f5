"""A whole portal whose processes can be killed and started again, beside a simulator that knows the truth."""

from __future__ import annotations

import argparse
import base64
import os
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import redis

from tests import turn
from tests.browser.stack import last_words
from tests.nursery import Nursery
from tests.ports import free_port, free_ports

ROLES = ("web", "sync", "worker", "files", "beat")
TWO_OF_EACH = ("web-1", "web-2", "sync-1", "sync-2", "worker-1", "worker-2", "files-1", "beat")
PATIENCE = 40.0  # seconds
ROOM = 600.0  # seconds that a run may take, all of them of one trading day
LONGEST_WAIT = turn.longest(ROOM)  # seconds before a run begins


@dataclass
class Portal:
    """Where things listen, and who is alive."""

    webs: list[str]
    simulator: str
    directory: Path
    redis_url: str
    nursery: Nursery
    kills: dict[str, int] = field(default_factory=dict)
    died: dict[str, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the first web process."""
        return self.webs[0]

    def processes(self, role: str) -> list[str]:
        """Those that are alive of a role: `web`, or `web-1` and `web-2`."""
        return [name for name in self.nursery.alive if name.partition("-")[0] == role]

    def start(self, role: str) -> None:
        """Start a process of the portal, or Redis."""
        self.nursery.start(role)

    def kill(self, role: str) -> None:
        """SIGKILL to a process and all its children: nobody is left to tidy up."""
        self.kills[role] = self.kills.get(role, 0) + 1
        self.nursery.kill(role)

    def revive(self) -> None:
        """Start again what ended by itself, as whoever supervises processes does."""
        for role in self.nursery.ended():
            self.died[role] = self.died.get(role, 0) + 1
            self.start(role)

    def control(self, what: str, **asked: Any) -> Any:
        """Steer the simulator (trading/simulator/control.py)."""
        reply = httpx.post(f"{self.simulator}/control/{what}", json=asked, timeout=30, trust_env=False)
        return reply.raise_for_status().json()

    def faults(self) -> list[dict[str, Any]]:
        """The armed faults: `met` of each says how often it has happened."""
        reply = httpx.get(f"{self.simulator}/control/faults", timeout=30, trust_env=False)
        return list(reply.raise_for_status().json()["armed"])

    def truth(self) -> Any:
        """The simulator's ledger."""
        return httpx.get(f"{self.simulator}/control/ledger", timeout=60, trust_env=False).raise_for_status().json()

    def wait_until_up(self) -> None:
        """Wait until every process does its work. Raises TimeoutError."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with suppress(httpx.HTTPError, redis.RedisError):
                answers = [httpx.get(f"{web}/health/", timeout=5, trust_env=False) for web in self.webs]
                if all(answer.status_code == 200 for answer in answers):
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(f"The portal did not come up.\n{last_words(self.directory)}")
            time.sleep(0.1)


def environment(directory: Path, simulator: int, web: int, database_url: str) -> dict[str, str]:
    """What the processes read; no secret in it is anybody else's."""
    return {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "TOKEN_KEYS": "chaos:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "SIMULATOR_CLIENT_SECRET": secrets.token_urlsafe(16),
        "SIMULATOR_URL": f"http://127.0.0.1:{simulator}",
        "TRADOVATE_ENVIRONMENTS": "sim",
        "API_KEY_ENVIRONMENTS": "sim",
        "REDIS_URL": f"unix://{directory / 'redis.sock'}",
        "DATABASE_URL": database_url or f"sqlite:///{directory / 'chaos.sqlite3'}",
        "ALLOWED_HOSTS": "127.0.0.1",
        "PORT": str(web),
        "BEAT_SCHEDULE": str(directory / "beat"),
        "DEBUG": "0",
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def running(database_url: str = "", seed: int = 1, roles: tuple[str, ...] = ROLES) -> Iterator[Portal]:
    """Start everything, on SQLite when no database is named; stop it afterwards. This process can then use the
    portal's models. `roles` are the portal's processes: `web`, or `web-1`, `web-2` and so on."""
    turn.wait_out(ROOM)
    with tempfile.TemporaryDirectory(prefix="tradeport-chaos-") as name:
        directory = Path(name)
        webs = sum(role.partition("-")[0] == "web" for role in roles)
        simulator, web = free_port(), free_ports(webs)
        variables = environment(directory, simulator, web, database_url)
        os.environ.update(variables, SIMULATOR_OPTIONS=f"--port {simulator} --control --seed {seed}")
        nursery = Nursery(directory, os.environ)
        addresses = [f"http://127.0.0.1:{web + number}" for number in range(webs)]
        portal = Portal(addresses, f"http://127.0.0.1:{simulator}", directory, variables["REDIS_URL"], nursery)
        try:
            nursery.make_database()
            for role in ("simulator", "redis", *roles):
                portal.start(role)
            portal.wait_until_up()
            yield portal
        except BaseException:
            print(last_words(directory))  # noqa: T201 - pytest shows it beside the failure
            raise
        finally:
            nursery.end()


def front_months(portal: Portal, products: Iterable[str]) -> list[str]:
    """The front months of some products, read as the trader who has no account."""
    login = {"name": "empty", "password": "empty-pass"}
    with httpx.Client(base_url=f"{portal.simulator}/v1", trust_env=False) as client:
        token = client.post("/auth/accesstokenrequest", json=login).json()["accessToken"]
        client.headers["Authorization"] = f"Bearer {token}"
        names = []
        for product in products:
            found = client.get("/product/find", params={"name": product}).json()
            maturities = client.get("/contractmaturity/deps", params={"masterid": found["id"]}).json()
            front = next(row["id"] for row in maturities if row["isFront"])
            names.append(str(client.get("/contract/deps", params={"masterid": front}).json()[0]["name"]))
        return names


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options of a run: its own, the seed, which is printed, and the database."""
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="what goes wrong when")
    parser.add_argument("--postgres", metavar="URL", help="a PostgreSQL server to use instead of SQLite")
    options = parser.parse_args()
    sys.stdout.write(f"seed {options.seed}\n")
    sys.stdout.flush()
    return options
