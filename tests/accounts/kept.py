"""What a portal keeps, all of it, and whether any of that would prove a guess of a password."""

import hashlib
import itertools
from base64 import b64encode
from collections.abc import Iterator

import pytest
import redis
from django.apps import apps
from django.contrib.auth.hashers import identify_hasher

from accounts import attempts
from accounts.models import Environment


def in_the_database() -> Iterator[str]:
    """Every value of every row of every model, as text."""
    for model in apps.get_models(include_auto_created=True):
        for row in model._base_manager.values():
            for value in row.values():
                yield bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)


def in_redis(url: str) -> Iterator[str]:
    """Every key and every value in Redis, as text."""
    client = redis.Redis.from_url(url, decode_responses=True, encoding_errors="replace")
    for key in client.scan_iter("*"):
        yield key
        match client.type(key):
            case "string":
                yield client.get(key)
            case "hash":
                yield from itertools.chain.from_iterable(client.hgetall(key).items())
            case "list":
                yield from client.lrange(key, 0, -1)
            case "set":
                yield from client.smembers(key)
            case "zset":
                yield from client.zrange(key, 0, -1)
            case "stream":
                yield from map(str, client.xrange(key))
            case other:
                pytest.fail(f"{key} is a {other}: look into it here")


def is_hash_of(typed: str, kept: str) -> bool:
    """Would `kept` prove a guess of what was typed: as Django's hash, a bare digest, or as the attempts' digest?"""
    raw = typed.encode()
    digests = [hashlib.new(name, raw).digest() for name in ("md5", "sha1", "sha256", "sha512", "blake2b")]
    shown = [text for one in digests for text in (one.hex(), b64encode(one).decode(), one.decode("latin-1"))]
    if any(text in kept for text in (*shown, b64encode(raw).decode(), attempts.digest(Environment.SIM, typed))):
        return True
    try:
        return identify_hasher(kept).verify(typed, kept)
    except ValueError:
        return False
