"""`make run`'s launcher, started as a newcomer would in a fresh copy of the project."""

import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from dotenv import dotenv_values

from accounts.crypto import parse_keys
from accounts.models import User
from portal import env, launch, redis_server
from tests.mortal import marked
from tests.ports import free_port

pytestmark = pytest.mark.long


class Launch:
    """One start of the launcher; every process below it carries `mark` in its environment."""

    def __init__(self, project: Path) -> None:
        self.mark = uuid.uuid4().hex
        self.port, self.simulator_port = str(free_port()), str(free_port())
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "portal.launch"],
            cwd=project,
            env=inherited | {"PORT": self.port, "SIMULATOR_PORT": self.simulator_port, "LAUNCH_MARK": self.mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []

    def read_until(self, pattern: str) -> re.Match[str]:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"{pattern!r} never came:\n" + "".join(self.lines))

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit status."""
        self.process.send_signal(signal.SIGINT)
        self.lines += (self.process.communicate(timeout=30)[0] or "").splitlines(keepends=True)
        return self.process.returncode

    def survivors(self) -> list[str]:
        return marked(self.mark)


@pytest.fixture
def start(project: Path) -> Iterator:
    started: list[Launch] = []

    def start() -> Launch:
        started.append(Launch(project))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.interrupt()


def test_from_nothing_to_a_page_and_back_to_nothing(start, project: Path) -> None:
    first = start()
    password = first.read_until(r"admin, password (\S+)").group(1)
    address = first.read_until(r"Tradeport is up: (\S+)").group(1)
    first.read_until(r"Ctrl-C stops everything")
    output = "".join(first.lines)
    assert re.search(r"trader +password \S+", output)
    assert httpx.get(address, follow_redirects=True).status_code == 200
    with httpx.Client(base_url=address, follow_redirects=True) as browser:
        form = browser.get("admin/login/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
        assert token
        page = browser.post(
            "admin/login/?next=/admin/",
            data={"username": "admin", "password": password, "csrfmiddlewaretoken": token.group(1)},
        )
        assert "Site administration" in page.text or "Log out" in page.text
    assert (project / ".env").stat().st_mode & 0o077 == 0
    secrets = (project / ".env").read_text()

    assert first.interrupt() == 0, "".join(first.lines)
    assert first.survivors() == []

    second = start()
    second.read_until(r"Tradeport is up")
    assert "First staff account" not in "".join(second.lines)
    assert (project / ".env").read_text() == secrets
    assert second.interrupt() == 0
    assert second.survivors() == []


@pytest.mark.parametrize(
    ("host", "https", "allowed", "told"),
    [
        ("127.0.0.1", True, ["desk.example.com"], "https://desk.example.com/"),
        ("127.0.0.1", False, [".desk.example.com"], "http://desk.example.com:{port}/"),
        ("0.0.0.0", False, ["desk.example.com", "127.0.0.1"], "http://127.0.0.1:{port}/"),  # noqa: S104
    ],
)
def test_a_portal_with_a_name_of_its_own_is_said_to_be_up(
    health_server, monkeypatch, capsys, settings, host, https, allowed, told
) -> None:
    settings.ALLOWED_HOSTS, settings.HTTPS = allowed, https
    monkeypatch.setattr("portal.health.workers_answer", lambda: True)
    monkeypatch.setattr(launch, "PATIENCE", 0.0)
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("PORT", str(health_server.server_port))
    launch.announce({"web": "uvicorn"})
    assert f"Tradeport is up: {told.format(port=health_server.server_port)}\n" in capsys.readouterr().out


def refused(project: Path, **environment: str) -> str:
    """What the launcher says when it does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "portal.launch"],
        cwd=project,
        env={"PATH": os.environ["PATH"], "PORT": str(free_port()), "SIMULATOR_PORT": str(free_port())} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


@pytest.mark.parametrize(
    ("variable", "then"), [("PORT", ""), ("SIMULATOR_PORT", " (and sign out and in again: a sign-in keeps its port)")]
)
def test_a_port_in_use_is_one_clear_line(project: Path, variable: str, then: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert refused(project, **{variable: port}) == (
            f"Tradeport cannot start: port {port} is in use. "
            f"Stop what uses it, or choose another: {variable}={int(port) + 1} make run{then}\n"
        )


def test_a_second_tradeport_in_the_same_folder_is_not_started(project: Path) -> None:
    place = env.embedded_redis_socket(project / "var")
    place.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as first, socket.create_server(("127.0.0.1", 0)) as its_web:
        first.bind(str(place))
        first.listen()
        assert refused(project, PORT=str(its_web.getsockname()[1])) == (
            "Tradeport cannot start: This folder's Redis runs already, and so may all of Tradeport. Stop that first: "
            f"Ctrl-C where it was started or, where that is gone, pkill -f {place}\n"
        )


def test_of_two_starts_in_the_same_moment_one_goes_on(project: Path) -> None:
    (project / "var").mkdir(mode=0o700)
    with (project / "var" / "launch.lock").open("w") as first, socket.create_server(("127.0.0.1", 0)) as its_web:
        fcntl.lockf(first, fcntl.LOCK_EX)
        assert refused(project, PORT=str(its_web.getsockname()[1])) == (
            "Tradeport cannot start: it runs in this folder already. Stop that first: Ctrl-C where it was started.\n"
        )
    assert not (project / ".env").exists(), "keys of its own, under which the first one's tokens do not open"


def test_an_address_that_is_not_this_machines_is_not_told_as_a_port_in_use(monkeypatch) -> None:
    monkeypatch.setenv("HOST", "192.0.2.1")
    monkeypatch.setenv("PORT", str(free_port()))
    with pytest.raises(launch.CannotStart, match=r"cannot listen on 192.0.2.1, port \d+: Cannot assign"):
        launch.check_ports({"web": "uvicorn"})


def test_an_ipv6_address_is_listened_on(monkeypatch) -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
            port = server.getsockname()[1]
    except OSError:
        pytest.skip("this machine has no IPv6")
    monkeypatch.setenv("HOST", "::1")
    monkeypatch.setenv("PORT", str(port))
    launch.check_ports({"web": "uvicorn"})


def test_a_redis_of_ones_own_is_not_started_once_more(settings) -> None:
    commands = {"redis": "python -m portal.redis_server", "web": "uvicorn"}
    settings.REDIS_URL = f"unix://{env.embedded_redis_socket(settings.VAR_DIR)}"
    assert launch.wanted(commands) == commands
    settings.REDIS_URL = "unix:///run/redis/redis.sock"
    assert launch.wanted(commands).keys() == {"web"}


def test_settings_that_nobody_could_sign_in_with_are_named(project: Path) -> None:
    answer = refused(project, TRADOVATE_ENVIRONMENTS="demo", TRADOVATE_CLIENT_ID="ours")
    assert answer.startswith("Tradeport cannot start: TRADOVATE_CLIENT_SECRET is not set")
    assert "Traceback" not in answer


def test_a_setting_that_cannot_be_read_is_named(project: Path) -> None:
    answer = refused(project, ORDER_MAX_QUANTITY="many")
    assert answer == "Tradeport cannot start: ORDER_MAX_QUANTITY must be a whole number, not 'many'.\n"


def test_a_copied_example_gets_the_secrets_that_it_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text((settings.BASE_DIR / ".env.example").read_text() + "SIMULATOR_CLIENT_SECRET=mine")
    monkeypatch.setattr(launch, "ENV_FILE", file)
    for name in ("SECRET_KEY", "TOKEN_KEYS", "SIMULATOR_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    launch.write_secrets()
    once = file.read_text()
    launch.write_secrets()
    assert file.read_text() == once
    written = dotenv_values(file)
    assert written["SIMULATOR_CLIENT_SECRET"] == "mine"
    assert len(written["SECRET_KEY"] or "") >= 50
    assert parse_keys([written["TOKEN_KEYS"] or ""])
    assert file.stat().st_mode & 0o077 == 0


def test_a_full_disk_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 100, 5 * 2**20))
    with pytest.raises(launch.CannotStart, match=r"the disk is full \(5 MB free, 200 MB needed\)"):
        launch.prepare()


def test_without_a_redis_nothing_is_made_that_is_told_once_only(monkeypatch: pytest.MonkeyPatch, settings) -> None:
    def missing() -> str:
        raise redis_server.RedisMissing(redis_server.MISSING)

    made = []
    settings.REDIS_URL = f"unix://{env.embedded_redis_socket(settings.VAR_DIR)}"
    monkeypatch.setattr(redis_server, "binary", missing)
    monkeypatch.setattr(launch, "prepare_database", lambda: made.append("a password"))
    for step in ("check_disk", "write_secrets", "load_environment", "take_folder"):
        monkeypatch.setattr(launch, step, lambda: None)
    monkeypatch.setattr(launch, "check_ports", lambda commands: None)
    with pytest.raises(launch.CannotStart, match="No Redis found: install redis-server"):
        launch.prepare()
    assert made == []


@pytest.mark.django_db
def test_a_staff_account_that_lost_its_status_is_not_made_anew() -> None:
    User.objects.create_user("sim:1001")
    assert launch.make_first_staff_account()
    User.objects.filter(username="admin").update(is_staff=False)
    assert launch.make_first_staff_account() is None


def make_run(project: Path, **tools: str) -> subprocess.CompletedProcess[str]:
    """`make run` on a machine that has only a shell, make and these tools (name -> path)."""
    folder = project / "tools"
    folder.mkdir()
    found = {name: shutil.which(name) for name in ("sh", "make", "echo", "test", "touch", "df", "awk")}
    for name, path in (found | tools).items():
        if path:
            (folder / name).symlink_to(path)
    return subprocess.run(
        [found["make"] or "make", "run"],
        cwd=project,
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_machine_without_python_is_told_so(project: Path) -> None:
    done = make_run(project)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("Tradeport needs Python 3.11 or newer")


def test_a_disk_too_full_to_install_is_told_before_installing(project: Path) -> None:
    nearly_full = project / "df"
    nearly_full.write_text("#!/bin/sh\necho Filesystem 1M-blocks Used Available\necho disk 1000 988 12 99% /\n")
    nearly_full.chmod(0o755)
    done = make_run(project, python3=sys.executable, df=str(nearly_full))
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "The disk is full: 12 MB free, 1000 MB needed to install."
    assert not (project / ".venv").exists()
