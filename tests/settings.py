"""The portal's own settings with secrets, a database and a Redis of the test run's own."""

import base64
import os
import tempfile
from pathlib import Path


def _redis_url(run_dir: Path) -> str:
    """A private Redis, or the server that TEST_REDIS_URL names: the database is its number less that of this worker."""
    server = os.environ.get("TEST_REDIS_URL")
    if server is None:
        return f"unix://{run_dir / 'redis.sock'}"
    address, _, database = server.rpartition("/")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return f"{address}/{int(database) - int(worker)}"


_run = tempfile.TemporaryDirectory(prefix="tradeport-tests-")
RUN_DIR = Path(_run.name)
os.environ.update(
    SECRET_KEY="only-for-tests-" + "x" * 40,
    TOKEN_KEYS="new:" + base64.b64encode(b"n" * 32).decode() + ",old:" + base64.b64encode(b"o" * 32).decode(),
    SIMULATOR_CLIENT_SECRET="only-for-tests",
    TRADOVATE_ENVIRONMENTS="sim",
    REDIS_URL=_redis_url(RUN_DIR),
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL", f"sqlite:///{RUN_DIR / 'tradeport.sqlite3'}"),
)

from portal.settings import *  # noqa: E402, F403 - the environment must be set first
from portal.settings import DATABASES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, not memory: threads and processes of one test must see the same rows through their own connections.
    DATABASES["default"]["TEST"] = {"NAME": str(RUN_DIR / "test.sqlite3")}
    # No test cuts the power.
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
else:
    DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c synchronous_commit=off"
