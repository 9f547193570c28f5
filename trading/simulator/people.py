"""Who can sign in: the traders of the configuration, as they have changed since, and those who signed up.

Passwords of the configuration are known to everybody. One that was changed or is new is kept as a salted hash only.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from .config import Trader


@dataclass
class Person:
    """Somebody whose credentials differ from the configuration's, as the state file keeps them."""

    user_id: int
    name: str
    full_name: str
    email: str
    salt: str = field(default="", repr=False)
    digest: str = field(default="", repr=False)
    """Hexadecimal; empty while the configuration's password is good."""


class People:
    """All traders by user id, their passwords, and how often a wrong one was tried since the last right one."""

    def __init__(self, traders: Iterable[Trader]) -> None:
        self.traders: dict[int, Trader] = {trader.user_id: trader for trader in traders}
        self.changed: dict[int, Person] = {}
        self.failed_passwords: dict[int, int] = {}

    def named(self, name: str) -> Trader | None:
        """The trader of that name, in any case."""
        wanted = name.strip().lower()
        return next((trader for trader in self.traders.values() if trader.name.lower() == wanted), None)

    def with_email(self, email: str) -> Trader | None:
        """The trader with that e-mail address, in any case."""
        wanted = email.strip().lower()
        return next((trader for trader in self.traders.values() if trader.email.lower() == wanted), None)

    def check_password(self, name: str, password: str) -> Trader | None:
        """The trader with that name and password."""
        trader = self.named(name)
        if trader is None:
            return None
        if not self.has_password(trader.user_id, password):
            self.failed_passwords[trader.user_id] = self.failed_passwords.get(trader.user_id, 0) + 1
            return None
        self.failed_passwords.pop(trader.user_id, None)
        return trader

    def has_password(self, user_id: int, password: str) -> bool:
        """Is that the user's password? Raises KeyError for a stranger."""
        person = self.changed.get(user_id)
        if person is not None and person.digest:
            return hmac.compare_digest(_digest(password, person.salt), person.digest)
        return hmac.compare_digest(self.traders[user_id].password.encode(), password.encode())

    def change(
        self, user_id: int, *, name: str | None = None, email: str | None = None, password: str | None = None
    ) -> Trader:
        """Change what is given and return the trader as it is now. Raises KeyError for a stranger."""
        trader = self.traders[user_id]
        trader = replace(trader, name=name or trader.name, email=email or trader.email)
        person = self.changed.get(user_id) or Person(user_id, trader.name, trader.full_name, trader.email)
        person.name, person.email = trader.name, trader.email
        if password is not None:
            person.salt = secrets.token_hex(16)
            person.digest = _digest(password, person.salt)
        self._keep(person, trader)
        return self.traders[user_id]

    def add(self, *, name: str, full_name: str, email: str, password: str) -> Trader:
        """A new trader without accounts. The name has to be free."""
        user_id = max(self.traders, default=1000) + 1
        salt = secrets.token_hex(16)
        person = Person(user_id, name, full_name, email, salt, _digest(password, salt))
        self._keep(person, _trader(person))
        return self.traders[user_id]

    def restore(self, people: Iterable[Person]) -> None:
        """Take over what an earlier run kept."""
        for person in people:
            trader = self.traders.get(person.user_id) or _trader(person)
            self._keep(person, replace(trader, name=person.name, email=person.email))

    def _keep(self, person: Person, trader: Trader) -> None:
        self.changed[person.user_id] = person
        self.traders[person.user_id] = trader


def _trader(person: Person) -> Trader:
    return Trader(user_id=person.user_id, name=person.name, password="", full_name=person.full_name, email=person.email)


def _digest(password: str, salt: str) -> str:
    return hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=2**12, r=8, p=1).hex()
