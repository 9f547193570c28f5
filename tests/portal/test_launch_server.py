"""`deploy/serve`: two web, two sync, two worker, two files and one beat on PostgreSQL and Redis, as on a server."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import redis
from celery import Celery
from websockets.sync.client import ClientConnection, connect

from portal import redis_server
from portal.fresh_secrets import fresh_secrets
from tests.bench.processes import fresh_database, wait_for
from tests.browser.stack import Stack
from tests.chaos.traders import Trader
from tests.mortal import die_with_parent, marked
from tests.ports import free_port, free_ports
from trading.sync import crew

POSTGRES_URL = os.environ.get("TEST_DATABASE_URL", "")
PATIENCE = 60.0  # seconds

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(
        not POSTGRES_URL, reason="NOT RUN: two of each process need PostgreSQL; TEST_DATABASE_URL names none"
    ),
]


class Server:
    """The running processes: `webs` are the addresses of the two web processes."""

    def __init__(self, project: Path, cleanup: ExitStack) -> None:
        web, redis_port, simulator = free_ports(2), free_port(), free_port()
        self.webs = [f"http://127.0.0.1:{web}", f"http://127.0.0.1:{web + 1}"]
        self.mark = uuid.uuid4().hex
        self.redis_url = f"redis://127.0.0.1:{redis_port}/0"
        self.simulator = Stack(self.webs[0], f"http://127.0.0.1:{simulator}")
        self._project, self._cleanup = project, cleanup
        (project / ".venv").symlink_to(sys.prefix)
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._environment = inherited | {"LAUNCH_MARK": self.mark}
        written = fresh_secrets() | {
            "DATABASE_URL": fresh_database(POSTGRES_URL, cleanup),
            "REDIS_URL": self.redis_url,
            "PORT": str(web),
            "SIMULATOR_PORT": str(simulator),
            "API_KEY_ENVIRONMENTS": "sim",
            "STATIC_ROOT": str(project / "staticfiles"),
            "LOG_LEVEL": "WARNING",
        }
        (project / ".env").write_text("".join(f"{name}={value}\n" for name, value in written.items()))
        redis_dir = project / "redis"
        redis_dir.mkdir()
        redis_command = [redis_server.binary(), "--port", str(redis_port), "--save", "", "--dir", str(redis_dir)]
        self._start(*redis_command, "--loglevel", "warning")
        self._start(sys.executable, "-m", "trading.simulator", "--port", str(simulator), "--control")
        subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
            cwd=project,
            env=self._environment,
            check=True,
        )
        wait_for(redis_port)
        wait_for(simulator)
        self.log = project / "serve.log"
        with self.log.open("wb") as log:
            self.process = self._start("deploy/serve", stdout=log)

    def _start(self, *command: str, stdout: object = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command,
            cwd=self._project,
            env=self._environment,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )
        self._cleanup.callback(_end, process)
        return process

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something that the processes do; fails when they have ended, or take too long."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, "one of the processes has ended"
            assert time.monotonic() < deadline, what
            time.sleep(0.1)

    def stop(self) -> str:
        """Ask everything to stop as systemd does; returns what the processes have said."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        return self.log.read_text()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        process.wait(30)


@contextmanager
def serving(project: Path) -> Iterator[Server]:
    """The server; what it said is printed when something goes wrong beside it."""
    with ExitStack() as cleanup:
        made = Server(project, cleanup)
        try:
            yield made
        except BaseException:
            print(made.log.read_text()[-6000:])  # noqa: T201 - pytest shows it beside the failure
            raise


class Page:
    """A page's socket, and the rows that it shows."""

    def __init__(self, socket: ClientConnection) -> None:
        self.rows: dict[str, dict[str, str]] = {}
        self._socket = socket

    def wait_for(self, kind: str, count: int) -> list[dict[str, str]]:
        """Read frames until so many rows of a kind are there."""
        deadline = time.monotonic() + PATIENCE
        while len(found := [row for key, row in self.rows.items() if key.startswith(f"{kind}:")]) < count:
            frame = json.loads(self._socket.recv(timeout=max(0.0, deadline - time.monotonic())))
            self.rows.update(frame.get("rows", {}))
        return found


def is_up(web: str, address: str = "/health/") -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{web}{address}", trust_env=False).status_code == 200
    return False


@pytest.mark.timeout(180)
def test_two_of_each_bring_fills_to_the_page_and_stop_cleanly(project: Path) -> None:
    with serving(project) as server:
        _come_up(server)
        _trade(server)
        said = server.stop()
        assert server.process.returncode == 128 + signal.SIGTERM
        assert "SIGKILL" not in said
        ours = [line for line in marked(server.mark) if "trading.simulator" not in line and "redis-server" not in line]
        assert ours == []


def _come_up(server: Server) -> None:
    server.until(lambda: all(map(is_up, server.webs)), "the web processes did not come up")
    with redis.Redis.from_url(server.redis_url) as client:
        server.until(lambda: client.zcard(crew.KEY) == 2, "there are not two sync processes")
    workers = {f"{name}{number}" for name in ("worker", "files") for number in (1, 2)}
    heard: set[str] = set()

    def workers_answer() -> bool:
        answers = Celery(broker=server.redis_url, set_as_current=False).control.ping(timeout=5, limit=len(workers))
        heard.update(name.partition("@")[0] for answer in answers for name in answer)
        return heard >= workers

    server.until(workers_answer, "there are not two worker and two files processes")
    assert heard == workers
    server.until(lambda: is_up(server.webs[0], "/health/all/"), "no worker does what beat rings for")


def _trade(server: Server) -> None:
    trader = Trader(SimpleNamespace(url=server.webs[0], webs=server.webs[:1]), "trader", [])
    trader.sign_in()
    second = server.webs[1]
    url = second.replace("http", "ws") + "/ws/desk/"
    with connect(url, origin=second, additional_headers={"Cookie": trader.cookie}, max_size=None) as socket:
        page = Page(socket)
        (account,) = page.wait_for("account", 1)
        symbol = server.simulator.front_month("MES")
        ticket = {"account": account["id"], "symbol": symbol, "action": "Buy", "order_qty": "1"}
        ticket |= {"order_type": "Market", "time_in_force": "Day", "key": secrets.token_hex(16)}
        assert trader.press("/desk/place/", **ticket).status_code < 400
        page.wait_for("fill", 1)
        file = trader.press("/files/", account=_own_id(trader), text=f"{symbol} 2\n").headers["Location"]
        trader.press(f"{file}confirm/", warned=trader.warned(file))
        page.wait_for("fill", 2)
        server.until(lambda: 'data-state="finished"' in trader.read(file), "the file did not come to its end")
        fills = server.simulator.ledger()["entities"]["fill"]
        mine = {key for key in page.rows if key.startswith("fill:")}
        assert mine <= {f"fill:{fill['id']}" for fill in fills}
    styles = httpx.get(f"{second}/static/portal/tradeport.css", headers={"Accept-Encoding": "gzip"}, trust_env=False)
    assert (styles.status_code, styles.headers.get("content-encoding")) == (200, "gzip")


def _own_id(trader: Trader) -> str:
    """The portal's own id of the trader's account, as the page of order files offers it."""
    page = trader.read("/files/")
    return page.partition('<option value="')[2].partition('"')[0]
