"""`make run`: everything on this machine, started from one command and stopped by Ctrl-C.

Writes the secrets that .env lacks, checks what would fail later (disk, ports, Redis), migrates, makes the first staff
account, starts the Procfile under honcho and says when every process answers.
"""

import errno
import fcntl
import os
import secrets
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sized
from pathlib import Path

import httpx
from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values
from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Message, Printer

from portal import env, redis_server
from portal.fresh_secrets import fresh_secrets

BASE_DIR = Path(__file__).resolve().parent.parent
ENV_FILE = BASE_DIR / ".env"
# As the settings have it, which cannot be read before the secrets are written.
VAR_DIR = BASE_DIR / "var"
LEAST_FREE_BYTES = 200 * 1024 * 1024
PATIENCE = 60.0
# honcho's exit statuses after SIGINT (Ctrl-C) and SIGTERM
ASKED_TO_STOP = {130, 143}


class CannotStart(Exception):
    """Something that only the person at the keyboard can mend; the text says what."""


def main() -> int:
    try:
        processes = prepare()
    except CannotStart as reason:
        print(f"Tradeport cannot start: {reason}", file=sys.stderr)  # noqa: T201 - a command line's answer
        return 1
    except ImproperlyConfigured as error:
        print(f"Tradeport cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except OSError as error:
        print(f"Tradeport cannot start: {error.strerror} ({error.filename}).", file=sys.stderr)  # noqa: T201
        return 1
    return run(processes)


def prepare() -> dict[str, str]:
    """Everything before the first process starts; returns the Procfile's commands that this installation needs.

    Raises CannotStart.
    """
    check_disk()
    take_folder()
    write_secrets()
    load_environment()
    commands = wanted(parse_procfile((BASE_DIR / "Procfile").read_text()).processes)
    check_redis(commands)
    check_ports(commands)
    prepare_database()
    return commands


def check_disk() -> None:
    free = shutil.disk_usage(BASE_DIR).free
    if free < LEAST_FREE_BYTES:
        raise CannotStart(f"the disk is full ({free // 2**20} MB free, 200 MB needed). Make room and start again.")


def write_secrets() -> None:
    """Adds the secrets that .env lacks, fresh ones; the file is readable by its owner only."""
    known = dotenv_values(ENV_FILE)
    lines = [
        f"{name}={value}\n" for name, value in fresh_secrets().items() if not (known.get(name) or os.environ.get(name))
    ]
    if not lines:
        return
    written = ENV_FILE.read_text().rstrip("\n") + "\n" if ENV_FILE.exists() else ""
    draft = ENV_FILE.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(written + "".join(lines))
    draft.rename(ENV_FILE)


def load_environment() -> None:
    """Fills the environment from .env and the defaults of the embedded installation; what is set already wins."""
    known = {key: value for key, value in dotenv_values(ENV_FILE).items() if value}
    defaults = {"HOST": "127.0.0.1", "PORT": "8000", "SIMULATOR_PORT": "8180"}
    for name, value in (defaults | known).items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("SIMULATOR_URL", f"http://127.0.0.1:{os.environ['SIMULATOR_PORT']}")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["PYTHONUNBUFFERED"] = "1"


def take_folder() -> None:
    """Keeps this folder for this process as long as it lives. Raises CannotStart when another start has it."""
    VAR_DIR.mkdir(mode=0o700, exist_ok=True)
    # Never closed: the lock ends with this process, and not with those that it starts.
    lock = os.open(VAR_DIR / "launch.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStart("it runs in this folder already. Stop that first: Ctrl-C where it was started.") from None


def wanted(processes: dict[str, str]) -> dict[str, str]:
    """The commands of the Procfile without the stand-ins that this installation has the real thing for."""
    from django.conf import settings

    unneeded = set()
    if f"unix://{env.embedded_redis_socket(settings.VAR_DIR)}" != settings.REDIS_URL:
        unneeded.add("redis")
    if "sim" not in settings.TRADOVATE_ENVIRONMENTS:
        unneeded.add("simulator")
    return {name: command for name, command in processes.items() if name not in unneeded}


def check_redis(commands: dict[str, str]) -> None:
    """Raises CannotStart when there is no Redis to start, before the first staff password is printed, once for all; or
    when this folder's runs already, before another port is proposed to a second Tradeport."""
    from django.conf import settings

    if "redis" in commands:
        try:
            redis_server.binary()
            redis_server.check_place(env.embedded_redis_socket(settings.VAR_DIR))
        except (redis_server.RedisMissing, redis_server.CannotListen) as reason:
            raise CannotStart(str(reason)) from None


def check_ports(commands: dict[str, str]) -> None:
    """Raises CannotStart when a process cannot listen where it is to."""
    wanted_ports = {"web": ("PORT", os.environ["HOST"]), "simulator": ("SIMULATOR_PORT", "127.0.0.1")}
    for process, (variable, host) in wanted_ports.items():
        if process not in commands:
            continue
        port = os.environ[variable]
        if not port.isdigit() or not 0 < int(port) < 65536:
            raise CannotStart(f"{variable} must be a port number, not {port!r}.")
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise CannotStart(f"it cannot listen on {host}, port {port}: {problem.strerror}.") from None
            # Tradovate's answer to a sign-in names the hosts that it is good for.
            then = " (and sign out and in again: a sign-in keeps its port)" if process == "simulator" else ""
            other = f"{variable}={int(port) + 1} make run{then}"
            raise CannotStart(f"port {port} is in use. Stop what uses it, or choose another: {other}") from None


def prepare_database() -> None:
    """Migrates, and makes the first staff account; its password is printed here and nowhere else."""
    import django
    from django.core.checks import run_checks
    from django.core.management import call_command
    from django.db import OperationalError

    django.setup()
    problems = [problem for problem in run_checks() if problem.is_serious()]
    if problems:
        raise CannotStart("\n".join(f"{problem.msg} {problem.hint or ''}".strip() for problem in problems))
    try:
        call_command("migrate", verbosity=0)
        password = make_first_staff_account()
    except OperationalError as error:
        raise CannotStart(f"the database does not answer: {str(error).splitlines()[0]}") from None
    if password:
        say(f"First staff account for /admin/: admin, password {password} (shown once, note it now)")


def make_first_staff_account() -> str | None:
    """The new account's password, or None when there is an account already that is no trader's."""
    from accounts.models import User

    if User.objects.exclude(username__contains=":").exists():
        return None
    password = secrets.token_urlsafe(12)
    User.objects.create_superuser("admin", password=password)
    return password


def run(commands: dict[str, str]) -> int:
    """Runs the processes until Ctrl-C or until one of them ends; returns the exit status."""
    manager = Manager(QuietPrinter(sys.stdout))
    for name, command in commands.items():
        manager.add_process(name, command, cwd=str(BASE_DIR))
    say("Starting " + ", ".join(commands) + " ...")
    threading.Thread(target=announce, args=[commands], daemon=True).start()
    manager.loop()
    if manager.returncode in ASKED_TO_STOP:
        say("Stopped.")
        return 0
    say("Stopped, because one of the processes ended: see its last lines above.")
    return manager.returncode or 1


class QuietPrinter(Printer):
    """honcho's printer without its word about every start."""

    def write(self, message: Message) -> None:
        if not (message.name == "system" and " started (pid=" in message.data):
            super().write(message)


def announce(commands: dict[str, str]) -> None:
    """Waits until every process answers, then prints where to go and whom to sign in as."""
    address, missing = portal_address(), ""
    deadline = time.monotonic() + PATIENCE
    for missing in unanswered(commands):
        if time.monotonic() > deadline:
            say(f"Still waiting for {missing}: see its lines above.")
            return
        time.sleep(0.2)
    say(f"\n  Tradeport is up: {address}\n")
    if "simulator" in commands:
        from trading.simulator import DEFAULT_TRADERS

        say("  Sign in on the simulator's page as one of:")
        for trader in DEFAULT_TRADERS:
            say(f"    {trader.name:<8} password {trader.password:<14} {count_of(trader.accounts)}")
        say("")
    say(f"  Support staff: {address}admin/\n  Ctrl-C stops everything.\n")


def own_host() -> str:
    """The host by which the web process is reached on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(os.environ["HOST"], os.environ["HOST"])  # noqa: S104 - told apart
    return f"[{host}]" if ":" in host else host


def allowed_name() -> str:
    """The first name that the portal answers to."""
    from django.conf import settings

    return settings.ALLOWED_HOSTS[0].lstrip("*").lstrip(".") or own_host()


def portal_address() -> str:
    """Where the portal is for a browser: here if that name is allowed, or behind the proxy that speaks HTTPS."""
    from django.conf import settings
    from django.http.request import validate_host

    if settings.HTTPS:
        return f"https://{allowed_name()}/"
    name = own_host() if validate_host(own_host(), settings.ALLOWED_HOSTS) else allowed_name()
    return f"http://{name}:{os.environ['PORT']}/"


def count_of(accounts: Sized) -> str:
    return "1 account" if len(accounts) == 1 else f"{len(accounts) or 'no'} accounts"


def unanswered(commands: dict[str, str]) -> Iterator[str]:
    """Yields what does not answer yet, asked anew at each step; ends when everything does."""
    from portal.health import workers_answer

    def page_answers(url: str, **headers: str) -> bool:
        try:
            return httpx.get(url, headers=headers, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    while "simulator" in commands and not page_answers(f"{os.environ['SIMULATOR_URL']}/health"):
        yield "the simulator"
    # By a name that the portal goes by: others it does not answer.
    while not page_answers(f"http://{own_host()}:{os.environ['PORT']}/health/", host=allowed_name()):
        yield "web and sync"
    while not workers_answer():
        yield "the workers"


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command line's answer


if __name__ == "__main__":
    sys.exit(main())
