"""A wish as rows that are not saved yet: the intent, and one for each order that travels with it."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from accounts.models import User
from trading.models import Account, OrderIntent
from trading.orders.spec import OrderSpec, OrderTerms
from trading.orders.wishes import Cancellation, Liquidation, Modification, Wish, kind_of

Kind = OrderIntent.Kind

LONGEST_KEY: Final = OrderIntent._meta.get_field("source_key").max_length or 0
# Room for what the desk derives: ":cancel:" and an order id, ":flatten:" and two ids.
LONGEST_OUTSIDE_KEY: Final = LONGEST_KEY - 48
# Between the source key of a lead and the number of its leg; no key from outside has it.
LEG_MARK: Final = "/"
# What an id from outside may be and stay as it is. Small letters only: SQLite's LIKE knows no others.
_PLAIN_ID: Final = re.compile(r"[0-9a-z._-]{1,48}", re.ASCII)
# Every clOrdId of this portal begins so.
OURS: Final = "tp-"
_COLUMNS = (
    "symbol", "action", "order_qty", "order_type", "price", "stop_price", "time_in_force", "is_automated",
)  # fmt: skip


def is_ours(cl_ord_id: str) -> bool:
    """Whether an order of this clOrdId was placed by this portal."""
    return cl_ord_id.startswith(OURS)


def outside_key(origin: Literal["signal", "api"], whose: User | Account, outside_id: str) -> str:
    """The source key of an id that somebody else has given: a signal's, or an Idempotency-Key of the API.

    The same id of the same `whose`, character by character, always makes the same key, and no other id does. Of a
    trader it stands for one wish, whatever account that names; of an account, for one wish in each account that
    follows a signal. It may have any length and characters; one that is long or has others than small letters, digits
    and ".", "_", "-" is told by its SHA-256. Raises ValueError for an empty one.
    """
    if not outside_id:
        raise ValueError("An id has at least one character.")
    if not _PLAIN_ID.fullmatch(outside_id):
        # "#" begins no plain id. Half of a surrogate pair can be written in JSON, and is an id like any other.
        outside_id = f"#{hashlib.sha256(outside_id.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"
    return f"{origin}:{'u' if isinstance(whose, User) else 'a'}{whose.pk}:{outside_id}"


@dataclass(frozen=True)
class Draft:
    """What is about to become an intent with its legs."""

    wish: Wish
    intent: OrderIntent
    legs: list[OrderIntent]


def draft(account: Account, wish: Wish, source_key: str) -> Draft:
    """The rows of a wish. clOrdId is derived from the source key, so that even a database restored from a backup
    recognises its orders at the broker. Raises ValueError for a key that is too long."""
    if len(source_key) > LONGEST_KEY:
        raise ValueError(f"A source key has {LONGEST_KEY} characters at most.")
    cl_ord_id = OURS + hashlib.sha256(source_key.encode()).hexdigest()[:40]
    intent = _row(account, kind_of(wish), wish, source_key, cl_ord_id)
    legs = [
        _row(account, Kind.LEG, leg, f"{source_key}{LEG_MARK}{number}", f"{cl_ord_id}-{number}", intent)
        for number, leg in enumerate(_legs(wish), start=1)
    ]
    return Draft(wish, intent, legs)


def _row(
    account: Account, kind: str, wish: Wish, source_key: str, cl_ord_id: str, lead: OrderIntent | None = None
) -> OrderIntent:
    return OrderIntent(
        connection=account.connection,
        account=account,
        lead=lead,
        kind=kind,
        source_key=source_key,
        cl_ord_id=cl_ord_id,
        # As the database gives it back.
        spec=msgspec.json.decode(msgspec.json.encode(wish)),
        **_columns(wish),
    )


def _columns(wish: Wish) -> dict[str, Any]:
    match wish:
        case OrderSpec():
            return {name: getattr(wish, name) for name in _COLUMNS}
        case Modification():
            return {**_columns(wish.becomes), "target_order_id": wish.order_id}
        case Cancellation():
            target = {"target_order_id": wish.order_id}
        case Liquidation():
            target = {}
    return {
        "symbol": wish.symbol,
        "is_automated": wish.is_automated,
        "order_type": "Market" if isinstance(wish, Liquidation) else "",
        "time_in_force": "",
        **target,
    }


def _legs(wish: Wish) -> Iterator[OrderSpec]:
    """The orders that travel with an order, each as an order by itself."""
    if isinstance(wish, OrderSpec):
        for prefix, part in wish.parts:
            if prefix:
                terms = {field.name: getattr(part, field.name) for field in dataclasses.fields(OrderTerms)}
                yield OrderSpec(
                    account_id=wish.account_id,
                    symbol=wish.symbol,
                    order_qty=wish.order_qty,
                    is_automated=wish.is_automated,
                    **terms,
                )
