"""One request of the TradingView-style dialect, and the envelope of its answers (document "Tradovate APIs Reference",
"Error Handling")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from . import entities as e
from .papers import Sender
from .sessions import Session

if TYPE_CHECKING:
    from .simulation import Simulation

S = TypeVar("S")


class ErrorCode(IntEnum):
    """Why a request failed ("Common Error Codes")."""

    INVALID_TOKEN = 1001
    ACCOUNT_NOT_FOUND = 1002
    INSUFFICIENT_MARGIN = 1003
    INVALID_ORDER = 1004
    MARKET_CLOSED = 1005


class Refused(Exception):
    """The answer is an error. `status` is the HTTP status."""

    def __init__(self, text: str, code: ErrorCode | None = None, *, status: int = 200) -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.status = status


class Done:
    """An answer without data."""


DONE = Done()


def succeeded(data: Any) -> dict[str, Any]:
    """The envelope of a good answer."""
    return {"s": "ok"} if data is DONE else {"s": "ok", "d": data}


def failed(refused: Refused) -> dict[str, Any]:
    """The envelope of an error."""
    envelope: dict[str, Any] = {"s": "error", "errmsg": refused.text}
    return envelope if refused.code is None else envelope | {"errorCode": int(refused.code)}


@dataclass
class TvCall:
    """A request of a signed-in user. `path` has the ids of the path, `query` the query's fields, `form` the body's;
    `live` is true on the live host."""

    simulation: Simulation
    session: Session
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    live: bool = False

    @property
    def user_id(self) -> int:
        """Who asks."""
        return self.session.user_id

    @property
    def sender(self) -> Sender:
        """Who asks, as commands record it."""
        return Sender(self.session.user_id, self.session.id)

    @property
    def account(self) -> e.Account:
        """The account of the path. Raises Refused (1002) for another one than the user's own."""
        account = self.account_of(self.simulation, self.path["account"], self.user_id)
        if account is None:
            raise Refused("Account not found", ErrorCode.ACCOUNT_NOT_FOUND)
        return account

    @staticmethod
    def account_of(simulation: Simulation, name: str, user_id: int) -> e.Account | None:
        """A user's account by its id in the dialect, such as D17158695; None for another one."""
        digits = name[1:]
        number = int(digits) if digits.isdecimal() and len(digits) < 16 else 0
        return simulation.store.own(e.Account, number, user_id) if name[:1].upper() in ("D", "L") else None

    def account_name(self, account_id: int) -> str:
        """An account's id as the dialect writes it: D17158695, with L on the live host."""
        return f"{'L' if self.live else 'D'}{account_id}"

    @property
    def order(self) -> e.Order:
        """The order of the path. Raises Refused (1004) for another one than the account's."""
        account = self.account
        number = int(self.path["order"]) if self.path["order"].isdecimal() and len(self.path["order"]) < 16 else 0
        order = self.simulation.store.own(e.Order, number, self.user_id)
        if order is None or order.account_id != account.id:
            raise Refused("Order not found", ErrorCode.INVALID_ORDER)
        return order

    def read(self, shape: type[S]) -> S:
        """The form as a struct; an empty field counts as none. Raises Refused (1004) that names what does not fit."""
        try:
            return msgspec.convert({key: value for key, value in self.form.items() if value}, shape, strict=False)
        except msgspec.ValidationError as error:
            raise Refused(f"Invalid order: {error}", ErrorCode.INVALID_ORDER) from None


Handler = Callable[[TvCall], Any]
"""Answers one request: the data of the envelope, or DONE. Raises Refused."""
