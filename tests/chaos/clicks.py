"""Traders at the desk: they place, change, cancel and flatten, press twice, press again when nothing answers, submit a
page once more that they had sent already, and decide about what Tradovate never got."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
from django.db.models import Q

from tests.chaos.traders import GIVE_UP, Stuck, Trader, patiently
from trading.models import Account, Contract, OrderIntent
from trading.orders.states import UNANSWERED, State

WISHES = 2
# Longer than a refusal for too many requests has traders wait, in seconds.
PAUSE = 60.0
# Prices that no market of these products comes near, on everybody's tick.
LOW, HIGH = 10, 90_000
OPEN = {*UNANSWERED, State.CREATED}
AT_WORK = {State.ACCEPTED, State.WORKING}


@dataclass
class Desk:
    """One trader before one account's desk, with dice of their own."""

    trader: Trader
    account: Account
    symbols: list[str]
    dice: random.Random

    def trade(self) -> None:
        """A few wishes one after another, each followed until it is known what became of it. Raises Stuck."""
        for _ in range(WISHES):
            symbol = self.dice.choice(self.symbols)
            [placed, *_] = self.wish("place", **self._ticket(symbol)) or [None]
            if placed is not None and placed.state in AT_WORK and placed.order_type != "Market":
                self._look_after(placed)
            if self.dice.random() < 0.15:
                self._flatten(symbol)

    def _look_after(self, placed: OrderIntent) -> None:
        """Change a resting order now and then, and cancel most of them."""
        order = f"{self.account.tradovate_id}:{placed.order_id_at_broker}"
        if placed.order_id_at_broker is None:
            return
        if self.dice.random() < 0.5 and placed.price is not None:
            terms = self.dice.choice(({"order_qty": "2"}, {"price": str(placed.price + self.dice.randint(1, 5))}))
            self.wish("modify", order=order, **terms)
        if self.dice.random() < 0.8:
            self.wish("cancel", order=order)

    def _flatten(self, symbol: str) -> None:
        contract = patiently(lambda: Contract.objects.filter(name=symbol).values_list("tradovate_id", flat=True).last())
        if contract is not None:
            self.wish("flatten", position=f"{self.account.tradovate_id}:{contract}")

    def _ticket(self, symbol: str) -> dict[str, str]:
        action = self.dice.choice(("Buy", "Sell"))
        fields = self._resting(symbol, action)
        target, stop = (HIGH, LOW // 2) if action == "Buy" else (LOW, HIGH + LOW)
        match self.dice.choice(("market", "limit", "limit", "pair", "prices", "prices", "distance")):
            case "market":
                fields |= {"order_type": "Market", "price": ""}
            case "pair":
                fields |= {
                    "exits": "pair",
                    "other_order_type": "Limit",
                    "other_action": "Sell",
                    "other_price": str(HIGH),
                }
                fields |= {"action": "Buy", "price": str(LOW)}
            case "prices":
                fields |= {"exits": "prices", "target_price": str(target), "exit_stop_price": str(stop)}
            case "distance":
                fields |= {"exits": "distance", "target": "60", "stop_loss": "60", "unit": "ticks"}
                fields |= {"order_type": "Market", "price": ""}
        return fields

    def _resting(self, symbol: str, action: str) -> dict[str, str]:
        return {
            "account": str(self.account.tradovate_id),
            "symbol": symbol,
            "action": action,
            "order_qty": "1",
            "order_type": "Limit",
            "price": str(LOW if action == "Buy" else HIGH),
            "time_in_force": "Day",
        }

    def wish(self, verb: str, **fields: str) -> list[OrderIntent]:
        """One wish from its first press to where it is known what became of it; its intents, the leading one first.
        Raises Stuck, also when a press was taken and there is no intent."""
        fields["key"] = self._new_key()
        answers = self._press(verb, fields)
        made = self._answered(fields["key"])
        if self.dice.random() < 0.2:
            # The browser's "resubmit the form?", long after.
            answers += [self._press_once(verb, fields)]
            self.trader.did["submitted a page once more"] += 1
            made = self._answered(fields["key"])
        if not made and any(map(_is_taken, answers)):
            raise Stuck(f"{verb} of {self.trader.name} was taken, and is lost: {fields}")
        return made

    def press_and_leave(self) -> str:
        """One press for a resting order that nobody follows: its key if it was taken, else nothing."""
        key = self._new_key()
        answer = self._press_once("place", self._resting(self.dice.choice(self.symbols), "Buy") | {"key": key})
        return key if _is_taken(answer) else ""

    def _new_key(self) -> str:
        return f"{self.dice.getrandbits(128):032x}"

    def _press(self, verb: str, fields: dict[str, str]) -> list[httpx.Response]:
        if self.dice.random() < 0.3:
            with ThreadPoolExecutor(2) as fingers:
                return list(fingers.map(lambda _: self._press_once(verb, fields), range(2)))
        return [self._press_once(verb, fields, times=self.dice.choice((1, 2)))]

    def _press_once(self, verb: str, fields: dict[str, str], times: int = 1) -> httpx.Response:
        # The ticket is a form that says by its status whether it was refused; of the others only a script is told so.
        return self.trader.press(f"/desk/{verb}/", times=times, is_script=verb != "place", **fields)

    def _answered(self, key: str) -> list[OrderIntent]:
        """The intents of a key once none is in doubt; what is not at Tradovate is sent again or given up. Raises
        Stuck."""
        deadline = time.monotonic() + GIVE_UP
        while time.monotonic() < deadline:
            made = patiently(lambda: list(_of_key(key)))
            absent = [one for one in made if one.state == State.ABSENT and one.lead_id is None]
            for one in absent:
                decision = "again" if self.dice.random() < 0.7 else "give-up"
                self.trader.press(f"/orders/{one.pk}/{decision}/", times=self.dice.choice((1, 2)))
            if not absent and not any(one.state in OPEN for one in made):
                return made
            time.sleep(self.dice.uniform(0.1, 0.4))
        raise Stuck(f"A click of {self.trader.name}: {[str(one) for one in made]}")


def leave_in_doubt(desks: list[Desk]) -> list[str]:
    """At each of the desks, at the same time, one press for a resting order that nobody follows, until half as many are
    in doubt: those of a trader who has to wait for Tradovate are not. Returns the keys of those that were taken."""
    taken: list[str] = []
    deadline = time.monotonic() + PAUSE
    with ThreadPoolExecutor(len(desks)) as fingers:
        while True:
            taken += filter(None, fingers.map(Desk.press_and_leave, desks))
            if in_doubt() >= len(desks) // 2 or time.monotonic() > deadline:
                return taken
            time.sleep(1)


def in_doubt() -> int:
    """How many orders nobody can say of whether they have arrived."""
    return OrderIntent.objects.filter(state=State.UNKNOWN).count()


def without_intents(keys: list[str]) -> list[str]:
    """The keys of presses of which there is no intent."""
    return [key for key in keys if not _of_key(key).exists()]


def _is_taken(answer: httpx.Response) -> bool:
    """Whether a press was answered as one of which there is an intent."""
    if answer.headers.get("Content-Type") == "application/json":
        return not answer.json()["refused"]
    return answer.status_code == 302


def _of_key(key: str):
    return OrderIntent.objects.filter(
        Q(source_key__startswith=f"click:{key}") | Q(lead__source_key__startswith=f"click:{key}")
    ).order_by("pk")
