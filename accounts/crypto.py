"""Secrets at rest: AES-256-GCM under keys that carry ids, bound to the owner, failing hard.

A sealed text is `KEY-ID:BASE64URL(nonce + ciphertext + tag)`. The owner and the key id are associated data, so a text
that was copied to another owner, or renamed to another key, does not open. `settings.TOKEN_KEYS` lists the keys newest
first: the first one seals, every one opens, which is how keys are rotated.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

KEY_BYTES = 32
NONCE_BYTES = 12
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class BadKey(ValueError):
    """An entry of TOKEN_KEYS cannot be used; the text says which one and why, never its key."""


class CannotDecrypt(Exception):
    """A sealed text does not open: its key is not in TOKEN_KEYS, it belongs to another owner, or it was changed."""


@dataclass(frozen=True)
class Key:
    """One key of TOKEN_KEYS; its bytes stay out of every repr."""

    id: str
    secret: bytes = field(repr=False)


def parse_keys(entries: list[str] | tuple[str, ...]) -> list[Key]:
    """Keys from "id:base64 of 32 bytes" texts, in their order.

    Raises BadKey, also for none at all and for an id that is used twice.
    """
    keys: list[Key] = []
    for position, entry in enumerate(entries, start=1):
        key_id, separator, encoded = entry.partition(":")
        if not separator or not KEY_ID.fullmatch(key_id):
            raise BadKey(f"Entry {position} of TOKEN_KEYS must read id:base64, the id in letters, digits, _ and -.")
        try:
            secret = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raise BadKey(f"Key {key_id!r} in TOKEN_KEYS is not base64.") from None
        if len(secret) != KEY_BYTES:
            raise BadKey(f"Key {key_id!r} in TOKEN_KEYS has {len(secret)} bytes; it must have {KEY_BYTES}.")
        if any(key.id == key_id for key in keys):
            raise BadKey(f"Key id {key_id!r} is in TOKEN_KEYS twice; every key needs an id of its own.")
        keys.append(Key(key_id, secret))
    if not keys:
        raise BadKey("TOKEN_KEYS is empty; it needs one key at least.")
    return keys


@lru_cache(maxsize=4)
def _keyring(entries: tuple[str, ...]) -> dict[str, AESGCM]:
    return {key.id: AESGCM(key.secret) for key in parse_keys(entries)}


def _associated(owner: str, key_id: str) -> bytes:
    return f"{key_id}|{owner}".encode()


def seal(plaintext: bytes, owner: str) -> str:
    """Encrypt `plaintext` for `owner` (any text that names whom it belongs to) under the newest key. Raises BadKey."""
    key_id, cipher = next(iter(_keyring(tuple(settings.TOKEN_KEYS)).items()))
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + cipher.encrypt(nonce, plaintext, _associated(owner, key_id))
    return f"{key_id}:{base64.urlsafe_b64encode(sealed).decode()}"


def open_sealed(sealed: str, owner: str) -> bytes:
    """What `seal` was given, for the same `owner`. Raises CannotDecrypt; BadKey when TOKEN_KEYS itself is unusable."""
    key_id, _, encoded = sealed.partition(":")
    cipher = _keyring(tuple(settings.TOKEN_KEYS)).get(key_id)
    if cipher is None:
        # Only an id of the right form is named: anything else might be the secret itself.
        named = f"key {key_id!r}" if KEY_ID.fullmatch(key_id) else "an unreadable key id"
        raise CannotDecrypt(f"Sealed under {named}, which TOKEN_KEYS does not have.")
    try:
        raw = base64.b64decode(encoded, altchars=b"-_", validate=True)
        return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _associated(owner, key_id))
    except (binascii.Error, InvalidTag, ValueError):
        raise CannotDecrypt("The sealed text was changed, or belongs to somebody else.") from None
