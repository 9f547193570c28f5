"""Somebody throws the kill switch now and then, and releases it after a fresh sign-in."""

from __future__ import annotations

import random
import threading
import time
from datetime import datetime

import httpx
from django.utils import timezone

from accounts.models import SignInAttempt
from tests.chaos.traders import Trader, patiently
from trading.models import KillSwitch, OrderFile

CALM = (12.0, 25.0)  # seconds between two throws
STOPPED = (0.5, 2.0)  # seconds that trading is stopped
PATIENCE = 5.0  # seconds to wait for a file that is being sent


class Warden:
    """Throws and releases from a thread of its own, in browsers of its own: a sign-in ends the session that a browser
    had. `thrown` has the switches, by id, and from when on each was there for everybody to see."""

    def __init__(self, people: list[Trader], seed: int) -> None:
        self._people = people
        self._random = random.Random(seed)
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, name="warden")
        self.thrown: dict[int, datetime] = {}
        self.failure: Exception | None = None

    def begin(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Everything is released. Raises what stopped the warden."""
        self._enough.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            while not self._enough.wait(self._random.uniform(*CALM)):
                person = self._random.choice(self._people)
                _sign_in(person)
                self._wait_for_a_file(person)
                also = {name: "on" for name in ("cancel", "flatten") if self._random.random() < 0.5}
                person.press("/kill-switch/throw/", reason="chaos", **also)
                self.thrown |= dict.fromkeys(_thrown_by(person), timezone.now())
                self._enough.wait(self._random.uniform(*STOPPED))
                self._release(person)
        except Exception as failure:  # noqa: BLE001 - raised again in the thread that asks
            self.failure = failure

    def _wait_for_a_file(self, person: Trader) -> None:
        """A throw in the middle of an order file is the one that has something to stop."""
        sending = OrderFile.objects.filter(account__connection__name=person.name, state=OrderFile.State.EXECUTING)
        deadline = time.monotonic() + PATIENCE
        while not patiently(sending.exists) and time.monotonic() < deadline and not self._enough.wait(0.02):
            pass

    def _release(self, person: Trader) -> None:
        while thrown := _thrown_by(person):
            _sign_in(person)
            for number in thrown:
                person.press(f"/kill-switch/{number}/release/")


def _thrown_by(person: Trader) -> list[int]:
    own = KillSwitch.objects.filter(released_at=None, user__connections__name=person.name)
    return patiently(lambda: list(own.values_list("pk", flat=True)))


def _sign_in(person: Trader) -> None:
    """Sign in, again and again while the portal is down: what a killed process was at counts as a failed sign-in, of
    which there may be few in an hour."""
    while True:
        try:
            return person.sign_in()
        except (httpx.HTTPError, RuntimeError):
            patiently(SignInAttempt.objects.all().delete)
            time.sleep(0.5)
