"""Traders at work: they upload files, some twice, press twice, press again when nothing answers, stop files, resume
what was stopped, now and then before it is clear, and give up the rest."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
from django.db import Error as DatabaseTrouble
from django.db import connection as database

from tests.chaos.portal import Portal
from trading.models import Account, OrderFile, OrderIntent
from trading.orders.states import UNANSWERED, State

LINES = 3
GIVE_UP = 300.0  # seconds
# How often a file is uploaded once more as another one.
TWICE = 0.2
# How often, at each look at a file, it is stopped, resumed with a line of which nobody knows, or given up.
STOPS, IMPATIENT, GIVES_UP = 0.02, 0.02, 0.01

STOPPED = "Stopped by the trader."


class Stuck(Exception):
    """A file that did not come to its end."""


@dataclass
class Trader:
    """Somebody signed in, with a browser. `answers` counts the portal's status codes, 0 for none at all, and `did` what
    nothing but a trader knows of."""

    portal: Portal
    name: str
    products: list[str]
    answers: Counter[int] = field(default_factory=Counter)
    did: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=0)
        self._browser = httpx.Client(base_url=self.portal.url, timeout=20, trust_env=False, limits=limits)
        self._webs = itertools.cycle(self.portal.webs)

    def sign_in(self) -> None:
        page = "/accounts/sign-in/api-key/"
        self._browser.get(page).raise_for_status()
        typed = {"environment": "sim", "name": self.name, "password": f"{self.name}-pass"}
        answer = self.press(page, **typed)
        if answer.status_code != 302:
            raise RuntimeError(f"{self.name} cannot sign in: {answer.status_code}")
        self._browser.get("/").raise_for_status()

    @property
    def cookie(self) -> str:
        """The Cookie header of this browser."""
        return "; ".join(f"{name}={value}" for name, value in self._browser.cookies.items())

    def read(self, path: str) -> str:
        """A page's text."""
        return self._browser.get(path).raise_for_status().text

    def warned(self, file: str) -> str:
        """What a file's page has to say, as its buttons send it; nothing where it does not come."""
        try:
            shown = re.search(r'name="warned" value="([^"]*)"', self.read(file))
        except httpx.HTTPError:
            return ""
        return shown[1] if shown else ""

    def wait_for_accounts(self) -> list[Account]:
        """The trader's accounts, once the hub has brought them."""
        deadline = time.monotonic() + GIVE_UP
        while time.monotonic() < deadline:
            accounts = list(Account.objects.filter(connection__name=self.name))
            if accounts:
                return accounts
            time.sleep(0.2)
        raise Stuck(f"{self.name} has no accounts.")

    def trade(self, account: int, dice: random.Random) -> None:
        """One order file from upload to its end, or two of the same contents. Raises Stuck."""
        text = "".join(f"{symbol} {dice.choice((-2, -1, 1, 2))}\n" for symbol in dice.sample(self.products, LINES))
        files = [self._upload(account, text) for _ in range(2 if dice.random() < TWICE else 1)]
        self.did["uploaded a file twice"] += len(files) == 2
        for file in files:
            self._see_through(file, dice)

    def _see_through(self, file: str, dice: random.Random) -> None:
        deadline = time.monotonic() + GIVE_UP
        gives_up = False
        while time.monotonic() < deadline:
            match _state(file):
                case OrderFile.State.FINISHED:
                    return
                case OrderFile.State.UNCHECKED:
                    self.press(f"{file}check/")
                case OrderFile.State.READY:
                    self.press(f"{file}confirm/", times=dice.choice((1, 2)), warned=self.warned(file))
                case OrderFile.State.STOPPED:
                    reason = _stop_reason(file)
                    gives_up = gives_up or dice.random() < GIVES_UP
                    if gives_up:
                        self.press(f"{file}discard/", times=dice.choice((1, 2)))
                    elif _is_clear(file) or dice.random() < IMPATIENT:
                        read = {"stop_reason": reason, "warned": self.warned(file)}
                        self.press(f"{file}resume/", times=dice.choice((1, 2)), **read)
                case _ if dice.random() < STOPS:
                    self.press(f"{file}stop/", times=dice.choice((1, 2)))
                    self.did["stopped a file"] += _stop_reason(file) == STOPPED
            time.sleep(dice.uniform(0.1, 0.4))
        raise Stuck(f"{file} of {self.name} is {_state(file)}: {_states(file)}")

    def _upload(self, account: int, text: str) -> str:
        while True:
            answer = self.press("/files/", account=str(account), text=text)
            if answer.status_code == 302:
                return str(answer.headers["Location"])
            time.sleep(0.2)

    def press(self, path: str, *, times: int = 1, is_script: bool = False, **data: str) -> httpx.Response:
        """Press a button until something answers, as people do; with `times` once more after that, which the next web
        process gets. A script is answered in JSON."""
        accepts = {"Accept": "application/json"} if is_script else {}
        while True:
            try:
                headers = {"X-CSRFToken": self._browser.cookies.get("csrftoken", "")} | accepts
                answer = self._browser.post(next(self._webs) + path, data=data, headers=headers)
            except httpx.HTTPError:
                self.answers[0] += 1
                time.sleep(0.2)
                continue
            self.answers[answer.status_code] += 1
            if answer.status_code < 500:
                times -= 1
            if times <= 0:
                return answer
            time.sleep(0.05)


def _state(file: str) -> str:
    return patiently(lambda: OrderFile.objects.values_list("state", flat=True).get(pk=_id(file)))


def _stop_reason(file: str) -> str:
    return patiently(lambda: OrderFile.objects.values_list("stop_reason", flat=True).get(pk=_id(file)))


def _is_clear(file: str) -> bool:
    """A trader goes on when it is known what became of every line that was sent."""
    doubtful = OrderIntent.objects.filter(line__file=_id(file), state__in=UNANSWERED)
    return not patiently(doubtful.exists)


def _states(file: str) -> list[State]:
    return patiently(lambda: list(OrderIntent.objects.filter(line__file=_id(file)).values_list("state", flat=True)))


def _id(file: str) -> str:
    return file.strip("/").split("/")[1]


def patiently(query):
    """What a query says, asked again while the database is away. Between questions no thread keeps a connection of
    PostgreSQL: there are as many traders as a server by default has connections to give, and the portal needs some. One
    of SQLite takes longer to open than to ask."""
    while True:
        try:
            return query()
        except DatabaseTrouble:
            database.close()
            time.sleep(0.1)
        finally:
            if database.vendor == "postgresql":
                database.close()
