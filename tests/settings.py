"""The portal's own settings with secrets, a database and a Redis of the test run's own."""

import base64
import os
import tempfile
from pathlib import Path

_run = tempfile.TemporaryDirectory(prefix="tradeport-tests-")
RUN_DIR = Path(_run.name)
os.environ.update(
    SECRET_KEY="only-for-tests-" + "x" * 40,
    TOKEN_KEYS="new:" + base64.b64encode(b"n" * 32).decode() + ",old:" + base64.b64encode(b"o" * 32).decode(),
    SIMULATOR_CLIENT_SECRET="only-for-tests",
    TRADOVATE_ENVIRONMENTS="sim",
    REDIS_URL=os.environ.get("TEST_REDIS_URL", f"unix://{RUN_DIR / 'redis.sock'}"),
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL", f"sqlite:///{RUN_DIR / 'tradeport.sqlite3'}"),
)

from portal.settings import *  # noqa: E402, F403 - the environment must be set first
from portal.settings import DATABASES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, not memory: threads and processes of one test must see the same rows through their own connections.
    DATABASES["default"]["TEST"] = {"NAME": str(RUN_DIR / "test.sqlite3")}
