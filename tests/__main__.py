"""`python -m tests`: every test on the embedded default, then those that meet a database on PostgreSQL and Redis.

Installs Chromium when it may (Debian, root) and says plainly what it could not run: where CI is set, that is a failure.
Arguments go to pytest. TEST_POSTGRES_URL and TEST_REDIS_URL name the servers; the Redis database is emptied, and so are
the three below it, which the other test processes use: one that holds what is not the tests' own is left alone.
"""

import os
import subprocess
import sys

import psycopg
import redis

from tests import own_redis
from tests.ready import install_chromium, say

POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
SERVERS = ["tests/portal/test_launch_server.py"]
PORTALS = ["tests/browser", "tests/portal/test_launch.py", *SERVERS]
ALONE = ["tests/chaos", "tests/faults", "tests/trading/orders/test_last_look.py"]
WITHOUT_DATABASE = ["tests/browser", "tests/trading/tradovate", "tests/trading/simulator"]


def what_hinders() -> str:
    """Why the second run cannot be; "" when its PostgreSQL and Redis are there, and all in there is the tests' own."""
    try:
        urls = own_redis.databases(REDIS_URL)
        psycopg.connect(POSTGRES_URL, connect_timeout=3).close()
        foreign = [url for url in urls if not own_redis.is_ours(url)]
    except own_redis.NoRoom as problem:
        return str(problem)
    except (psycopg.Error, redis.RedisError) as error:
        return f"nothing of use answers at TEST_POSTGRES_URL and TEST_REDIS_URL: {error}"
    return own_redis.refusal(foreign) if foreign else ""


def pytest(*arguments: str, **environment: str) -> int:
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments], env=os.environ | environment, check=False
    ).returncode


def everything(portals: list[str], *arguments: str, **environment: str) -> int:
    """What starts whole portals, and the rest: both wait much, so that three and four at a time fill two cores; then
    one after another what wants the machine for itself."""
    files = ["--dist", "loadfile", "--no-loadscope-reorder"]
    apart = [f"--ignore={path}" for path in PORTALS]
    return (
        pytest("-n", "3", *files, "-m", "not alone", *portals, **environment)
        | pytest("-n", "4", *files, "-m", "not alone", *apart, *arguments, **environment)
        | pytest("-m", "alone", *ALONE, **environment)
    )


def main(arguments: list[str]) -> int:
    # Where that is set, each of the many processes compiles all of the project anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    install_chromium()
    say("On SQLite and the private Redis:")
    if arguments:
        return pytest(*arguments)
    embedded = everything(PORTALS)
    if reason := what_hinders():
        say(f"NOT RUN: the tests on PostgreSQL and Redis; {reason}")
        return embedded or int(own_redis.in_ci())
    say("On PostgreSQL and Redis:")
    ignored = [f"--ignore={path}" for path in WITHOUT_DATABASE]
    server = everything(SERVERS, *ignored, TEST_DATABASE_URL=POSTGRES_URL, TEST_REDIS_URL=REDIS_URL)
    return embedded or server


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
