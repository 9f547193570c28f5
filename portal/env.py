"""Typed reads of the process environment that fail loudly, naming the variable."""

import os
import zlib
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured
from redis.connection import parse_url

# A unix socket's path is limited to 108 bytes by the kernel (unix(7)), a clone's own path is not.
LONGEST_SOCKET_PATH = 100


def text(name: str, default: str | None = None) -> str:
    """The variable's value, or `default`; raises ImproperlyConfigured when it is unset or empty and has no default."""
    value = os.environ.get(name, "").strip()
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set. `make run` writes it to .env; see .env.example.")
    return default


def flag(name: str, default: bool) -> bool:
    """A yes/no variable: 1, true, yes, on or 0, false, no, off."""
    value = text(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def integer(name: str, default: int) -> int:
    """A whole number."""
    value = text(name, str(default))
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None


def words(name: str, default: str) -> list[str]:
    """A comma-separated list, blanks dropped."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def embedded_redis_socket(var: Path) -> Path:
    """Where the private Redis listens: inside `var`, or in the temporary directory when that path is too long."""
    inside = var / "redis.sock"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH:
        return inside
    return Path(gettempdir()) / f"tradeport-{os.getuid()}-{zlib.crc32(os.fsencode(var)):08x}" / "redis.sock"


def celery_broker(redis_url: str) -> str:
    """The same Redis as Celery names it: a socket's database and password elsewhere, and its certificate checked only
    where that is said."""
    if not redis_url.startswith("unix://"):
        is_unchecked = redis_url.startswith("rediss://") and "ssl_cert_reqs=" not in redis_url
        return f"{redis_url}{'&' if '?' in redis_url else '?'}ssl_cert_reqs=required" if is_unchecked else redis_url
    found = parse_url(redis_url)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    user, password = (quote(found.get(name, ""), safe="") for name in ("username", "password"))
    return f"redis+socket://{user}:{password}@{quote(found['path'])}?virtual_host={found.get('db', 0)}"
