"""An upload becomes an order file that says what each line would do and what is wrong with it. Nothing is sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from trading.files import readers
from trading.files.readers import ParsedLine, Unreadable
from trading.models import Account, Contract, OrderFile, OrderLine
from trading.orders import checks, contracts
from trading.orders.checks import Finding, error, warning
from trading.orders.contracts import Looked

SAME_CONTENT_WITHIN: Final = dt.timedelta(minutes=10)
_LONGEST_NAME = 128


@dataclass(frozen=True)
class Checked:
    """A line with all that was found about it, and the contract it names if that is known."""

    line: ParsedLine
    contract: Contract | None
    findings: tuple[Finding, ...]


def upload(account: Account, name: str, raw: bytes) -> OrderFile:
    """Read and check an uploaded file and keep it: READY when it may be confirmed, else REFUSED, with findings.

    Raises contracts.ContractsUnavailable (nothing is kept) when Tradovate had to be asked about a symbol and could
    not, contracts.SignInNeeded when that is because the trader must sign in again.
    """
    try:
        text = _text(raw)
    except Unreadable as problem:
        return _keep(account, name, "", [], [error("file", str(problem))])
    parsed = readers.read(text)
    most = settings.ORDER_FILE_MAX_LINES
    if not parsed:
        about = [error("file", "The file holds no orders. Write one per line, such as ESZ6 2.")]
        return _keep(account, name, text, [], about)
    if len(parsed) > most:
        about = [error("file", f"The file holds {len(parsed):,} orders; {most:,} are allowed. Split it.")]
        return _keep(account, name, text, [], about)
    looked = contracts.look_up(account.connection, [line.symbol for line in parsed if line.symbol])
    checked = list(check(parsed, looked, settings.ORDER_MAX_QUANTITY, timezone.now()))
    return _keep(account, name, text, checked, list(_seen_before(account, text)))


def check(lines: Sequence[ParsedLine], looked: Looked, largest: int, now: dt.datetime) -> Iterator[Checked]:
    """Add to each line what the contracts and the other lines tell; `largest` is in contracts per order. Pure."""
    first_with: dict[str, int] = {}
    for line in lines:
        findings = list(line.findings)
        contract = looked.found.get(line.symbol)
        if line.symbol:
            findings += _symbol(line, contract, looked, now)
            earlier = first_with.setdefault(line.symbol, line.number)
            if earlier != line.number:
                findings.append(
                    error("symbol", f"{line.symbol} is on line {earlier} already. Put its whole quantity on one line.")
                )
        if line.quantity is not None:
            findings += checks.quantity(line.quantity, largest)
        yield Checked(line, contract, tuple(findings))


def does(line: OrderLine) -> str:
    """What a line does, in words: "Buy 2 ESZ6 at market (E-mini S&P 500, $12.50 a tick)"; "" while that is unclear."""
    if line.contract is None or not line.quantity:
        return ""
    product = line.contract.product
    side = "Buy" if line.quantity > 0 else "Sell"
    words = f"{side} {abs(line.quantity)} {line.symbol} at market"
    return f"{words} ({product.description}, ${_dollars(product.tick_value)} a tick)"


def _dollars(amount: Decimal) -> str:
    """Two decimals, more where cents do not tell it (half a 32nd of a note): 12.50, 7.8125."""
    exact = amount.normalize()
    return f"{exact:,f}" if exact != round(exact, 2) else f"{exact:,.2f}"


def _text(raw: bytes) -> str:
    most = settings.ORDER_FILE_MAX_BYTES
    if len(raw) > most:
        raise Unreadable(f"The file is too large: {most:,} bytes are allowed. Split it.")
    return readers.decode(raw)


def _symbol(line: ParsedLine, contract: Contract | None, looked: Looked, now: dt.datetime) -> Iterator[Finding]:
    if contract is not None:
        yield from checks.expiry(contract, looked.front.get(line.symbol), now)
        return
    near = looked.near.get(line.symbol, ())
    instead = f" Did you mean {_either(near)}?" if near else " Check it in Tradovate's symbol search."
    yield error("symbol", f"Tradovate knows no contract {line.symbol}.{instead}")


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _seen_before(account: Account, text: str) -> Iterator[Finding]:
    recent = account.order_files.filter(content=text, uploaded_at__gte=timezone.now() - SAME_CONTENT_WITHIN)
    twin = recent.exclude(state__in=[OrderFile.State.REFUSED, OrderFile.State.DISCARDED]).first()
    if twin is not None:
        yield warning(
            "file",
            f"The same orders were uploaded for this account at {twin.uploaded_at:%H:%M:%S} UTC as {twin.name} "
            f"({twin.get_state_display()}). Confirming this file too sends them again.",
        )


def _keep(account: Account, name: str, text: str, lines: Sequence[Checked], about: Sequence[Finding]) -> OrderFile:
    every = [*about, *(finding for one in lines for finding in one.findings)]
    refused = not lines or any(finding.is_error for finding in every)
    with transaction.atomic():
        file = OrderFile.objects.create(
            account=account,
            name=_file_name(name),
            content=text,
            state=OrderFile.State.REFUSED if refused else OrderFile.State.READY,
            findings=[finding.as_json() for finding in about],
        )
        OrderLine.objects.bulk_create(
            OrderLine(
                file=file,
                number=one.line.number,
                text=one.line.text,
                symbol=one.line.symbol,
                quantity=one.line.quantity,
                contract=one.contract,
                findings=[finding.as_json() for finding in one.findings],
            )
            for one in lines
        )
    return file


def _file_name(name: str) -> str:
    last = name.replace("\\", "/").rpartition("/")[2]
    return readers.shown(last, _LONGEST_NAME) or "orders.txt"
