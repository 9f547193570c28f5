"""What a trader calls accounts and how much may be lost in each a day, laid over the stream's rows at the first paint.

portal/static/portal/personal.js does the same with what the stream tells later. The stream itself knows only what
Tradovate calls them, so that a change needs no other process. Pure, but for `of_connection`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from django.utils import timezone

from accounts.models import Connection
from trading.models import Account, TradingLimit
from trading.orders.limits import strictest
from trading.sync import rows as formatter
from trading.sync.rows import UNKNOWN, Row

# By Tradovate's id of an account: its `alias`, and its `daily_loss` in dollars, both empty for none.
Own = dict[str, Row]


def of_connection(connection: Connection) -> Own:
    """The trader's own names and limits of all accounts of a connection; two queries."""
    limits = list(TradingLimit.objects.filter(user=connection.user_id).select_related("account"))
    now = timezone.now()

    def daily_loss(account: Account) -> str:
        rule = strictest(limits, account.pk, "", now).daily_loss
        return "" if rule is None else formatter.money(rule.value)

    accounts = Account.objects.filter(connection=connection)
    return {str(one.tradovate_id): {"alias": one.alias, "daily_loss": daily_loss(one)} for one in accounts}


def personal(rows: Mapping[str, Row], own: Own) -> dict[str, Row]:
    """The stream's rows by key with the trader's own names and limits."""
    return {key: _personal(key, row, own) for key, row in rows.items()}


def _personal(key: str, row: Row, own: Own) -> Row:
    if key.startswith("account:"):
        mine = own.get(row["id"], {})
        limit = mine.get("daily_loss", "")
        left = formatter.money(_sum(limit, row["day_pnl"])) if limit else UNKNOWN
        return {
            **row,
            "name": mine.get("alias") or row["name"],
            "own_loss_limit": limit or UNKNOWN,
            "own_loss_left": left,
        }
    alias = own.get(row.get("account_id", ""), {}).get("alias")
    return {**row, "account": alias} if alias else row


def nearest(accounts: Iterable[Row], what: str) -> Row | None:
    """Of accounts that have a limit of `what` (loss, own_loss, drawdown) the one that is nearest to it: `left`,
    `words` and `nearness` ("", near, reached); None when none has. Unknown for one is unknown for all."""
    accounts = list(accounts)
    limited = [row for row in accounts if row.get(f"{what}_limit", UNKNOWN) != UNKNOWN]
    if not limited:
        return None

    def nearness(row: Row) -> tuple[bool, Decimal]:
        amount = _amount(row[f"{what}_left"])
        return amount is not None, amount or Decimal()

    row = min(limited, key=nearness)
    left, limit = row[f"{what}_left"], row[f"{what}_limit"]
    near = _nearness(_amount(left), _amount(limit))
    words = [near, f"of {limit}", f"in {row['name']}" if len(accounts) > 1 else ""]
    return {"left": left, "words": " ".join(filter(None, words)), "nearness": near}


def _nearness(left: Decimal | None, limit: Decimal | None) -> str:
    if left is None or limit is None:
        return ""
    return "reached" if left <= 0 else "near" if left <= limit / 5 else ""


def _sum(*amounts: str) -> Decimal | None:
    found = [_amount(one) for one in amounts]
    known = [one for one in found if one is not None]
    return sum(known, Decimal()) if len(known) == len(found) else None


def _amount(text: str) -> Decimal | None:
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
