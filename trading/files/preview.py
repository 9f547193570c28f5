"""An upload becomes an order file that says what each line would do and what is wrong with it. Nothing is sent."""

from __future__ import annotations

import datetime as dt
import re
import uuid
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from accounts.models import User
from trading.files import readers
from trading.files.readers import ParsedLine, Unreadable
from trading.models import Account, Contract, OrderFile, OrderLine
from trading.orders import checks, contracts, pretrade
from trading.orders.checks import Finding, Severity, error, warning
from trading.orders.checks.contract import known, not_expired
from trading.orders.pretrade import Surroundings
from trading.orders.spec import InvalidSpec, OrderSpec

SAME_ORDERS_WITHIN: Final = dt.timedelta(hours=12)
_NEVER_SENT: Final = [OrderFile.State.UNCHECKED, OrderFile.State.REFUSED, OrderFile.State.DISCARDED]
_LONGEST_NAME = 128
# Amounts, times and ages.
_FIGURES: Final = re.compile(r"\d[\d,.:]*(?: s| min)?\b")
# Fields of findings that are the same for every line, and of those that forbid an order only for now.
_OF_THE_ACCOUNT: Final = frozenset({"account", "kill", "daily_loss", "drawdown"})
_PASSING: Final = _OF_THE_ACCOUNT | {"session", "position", "margin"}


@dataclass(frozen=True)
class Checked:
    """A line with all that was found about it, and the contract it names if that is known."""

    line: ParsedLine
    contract: Contract | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Examined:
    """What came of checking a text: the state it gives a file, its lines, and findings about the whole."""

    state: OrderFile.State
    lines: Sequence[Checked]
    about: Sequence[Finding]


@dataclass(frozen=True)
class Remark:
    """Something to say of a file before its orders go out; about all of it where `line` is 0.

    A page names what it shows by its marks: whatever figures it holds, the same thing keeps its mark. From which line
    on margin lacks is a figure, too.
    """

    finding: Finding
    line: int = 0
    mark: str = ""

    @property
    def is_warning(self) -> bool:
        return self.finding.severity is Severity.WARNING

    @classmethod
    def of(cls, line: int, finding: Finding) -> Remark:
        words = f"{finding.field} {_FIGURES.sub('', finding.message)}"
        about = 0 if finding.field == "margin" else line
        return cls(finding, line, f"{about}-{zlib.crc32(words.encode()):08x}")

    def __str__(self) -> str:
        return f"Line {self.line}: {self.finding.message}" if self.line else self.finding.message


def upload(account: Account, name: str, raw: bytes) -> OrderFile:
    """Read and check an uploaded file and keep it with its findings: READY when it may be confirmed, REFUSED when it
    has errors, UNCHECKED when Tradovate had to be asked about a symbol and could not (see check_again)."""
    try:
        text = _text(raw)
    except Unreadable as problem:
        text, found = "", Examined(OrderFile.State.REFUSED, [], [error("file", str(problem))])
    else:
        found = _examine(account, text)
    with transaction.atomic():
        file = OrderFile.objects.create(
            account=account,
            name=_file_name(name),
            content=text,
            state=found.state,
            findings=[finding.as_json() for finding in found.about],
        )
        _keep_lines(file, found)
    return file


def check_again(file_id: uuid.UUID, user: User) -> bool:
    """Check an UNCHECKED file once more; False if it was checked meanwhile. Raises OrderFile.DoesNotExist."""
    file = OrderFile.objects.visible_to(user).select_related("account__connection").get(pk=file_id)
    if file.state != OrderFile.State.UNCHECKED:
        return False
    found = _examine(file.account, file.content)
    with transaction.atomic():
        waiting = OrderFile.objects.filter(pk=file.pk, state=OrderFile.State.UNCHECKED)
        if not waiting.update(state=found.state, findings=[finding.as_json() for finding in found.about]):
            return False
        file.lines.all().delete()
        _keep_lines(file, found)
    return True


def check(lines: Sequence[ParsedLine], surroundings: Surroundings) -> Iterator[Checked]:
    """Add to each line what the checks and the other lines tell; a line meets what the lines before it leave. Pure."""
    first_with: dict[str, int] = {}
    for line in lines:
        findings = list(line.findings)
        earlier = first_with.setdefault(line.symbol, line.number)
        if line.symbol and earlier != line.number:
            findings.append(
                error("symbol", f"{line.symbol} is on line {earlier} already. Put its whole quantity on one line.")
            )
        if line.quantity == 0:
            findings.append(error("quantity", "The quantity is zero. Write 1 or more to buy, -1 or less to sell."))
        spec = _spec(surroundings.account_id, line) if line.symbol else None
        if spec is not None:
            situation = surroundings.situation(line.symbol)
            if line.quantity:
                findings += checks.check(spec, situation)
                surroundings = surroundings.after(spec)
            else:
                findings += (*known(spec, situation), *not_expired(spec, situation))
        yield Checked(line, surroundings.looked.found.get(line.symbol), tuple(findings))


def spec_of(account_id: int, symbol: str, quantity: int) -> OrderSpec:
    """The order of a line for an account (pk): its signed quantity of contracts, at market."""
    return OrderSpec(
        account_id=account_id, symbol=symbol, action="Buy" if quantity > 0 else "Sell", order_qty=abs(quantity)
    )


def does(line: OrderLine) -> str:
    """What a line does, in words: "Buy 2 ESZ6 at market (E-mini S&P 500, $12.50 a tick)"; "" while that is unclear."""
    if line.contract is None or not line.quantity:
        return ""
    product = line.contract.product
    side = "Buy" if line.quantity > 0 else "Sell"
    words = f"{side} {abs(line.quantity):,} {line.symbol} at market"
    terms = contracts.price_terms(product)
    return f"{words} ({product.description}, {terms.money(terms.tick_value)} a tick)"


def remarks(file: OrderFile, found: Iterable[tuple[int, Finding]]) -> list[Remark]:
    """What there is to say of a file that may be sent, with what its lines (by number) are found to meet."""
    is_ready = file.state == OrderFile.State.READY
    twin = _twin(file)
    now = ((number, _for_now(one) if is_ready else one) for number, one in found)
    of_lines = (Remark.of(0 if one.field in _OF_THE_ACCOUNT else number, one) for number, one in now)
    return [*([twin] if twin else []), *dict.fromkeys(of_lines)]


def by_line(said: Iterable[Remark]) -> defaultdict[int, tuple[Finding, ...]]:
    """What of it is about each line, and about all of the file (0)."""
    found: defaultdict[int, tuple[Finding, ...]] = defaultdict(tuple)
    for one in said:
        found[one.line] += (one.finding,)
    return found


def _text(raw: bytes) -> str:
    most = settings.ORDER_FILE_MAX_BYTES
    if len(raw) > most:
        raise Unreadable(f"The file is too large: {most:,} bytes are allowed. Split it.")
    return readers.decode(raw)


def _examine(account: Account, text: str) -> Examined:
    parsed = readers.read(text)
    most = settings.ORDER_FILE_MAX_LINES
    if not parsed:
        none = error("file", "The file holds no orders. Write one per line, such as ESZ6 2.")
        return Examined(OrderFile.State.REFUSED, [], [none])
    if len(parsed) > most:
        many = error("file", f"The file holds {len(parsed):,} orders; {most:,} are allowed. Split it.")
        return Examined(OrderFile.State.REFUSED, [], [many])
    try:
        looked = contracts.look_up(account.connection, [line.symbol for line in parsed if line.symbol])
    except contracts.ContractsUnavailable as problem:
        sign_in = isinstance(problem, contracts.SignInNeeded)
        about = error("sign-in" if sign_in else "broker", f"The symbols could not be checked. {problem}")
        return Examined(OrderFile.State.UNCHECKED, [Checked(line, None, line.findings) for line in parsed], [about])
    surroundings = pretrade.look_around(account.pk, [line.symbol for line in parsed], looked)
    lines = [replace(one, findings=tuple(map(_for_now, one.findings))) for one in check(parsed, surroundings)]
    of_all = dict.fromkeys(finding for one in lines for finding in one.findings if finding.field in _OF_THE_ACCOUNT)
    lines = [replace(one, findings=tuple(found for found in one.findings if found not in of_all)) for one in lines]
    wrong = any(finding.is_error for one in lines for finding in one.findings)
    state = OrderFile.State.REFUSED if wrong else OrderFile.State.READY
    return Examined(state, lines, list(of_all))


def _for_now(finding: Finding) -> Finding:
    """What forbids an order only now does not refuse a file that may be confirmed later."""
    if finding.is_error and finding.field in _PASSING:
        return warning(finding.field, f"{finding.message} As long as this is so, the file cannot be confirmed.")
    return finding


def _spec(account_id: int, line: ParsedLine) -> OrderSpec | None:
    """The order of a line, or of one contract where the quantity is none; None for a symbol that cannot be one."""
    try:
        return spec_of(account_id, line.symbol, line.quantity or 1)
    except InvalidSpec:
        return None


def _twin(file: OrderFile) -> Remark | None:
    """That another file, earlier or later, has the same orders, whatever else is written in it, in whatever order: one
    of the two is sent by mistake. Of a confirmed file those tell that were confirmed after it."""
    orders = Counter(file.lines.values_list("symbol", "quantity"))
    around = (file.uploaded_at - SAME_ORDERS_WITHIN, file.uploaded_at + SAME_ORDERS_WITHIN)
    near = Q(uploaded_at__range=around) | Q(confirmed_at__gte=timezone.now() - SAME_ORDERS_WITHIN)
    others = OrderFile.objects.filter(near, account=file.account_id).exclude(pk=file.pk).exclude(state__in=_NEVER_SENT)
    others = others.alias(orders=Count("lines")).filter(orders=orders.total()).prefetch_related("lines")
    if file.confirmed_at is not None:
        others = others.filter(confirmed_at__gt=file.confirmed_at)
    # One that was sent tells more than one that was not.
    for other in others.order_by(F("confirmed_at").desc(nulls_last=True), "-uploaded_at"):
        if Counter((line.symbol, line.quantity) for line in other.lines.all()) != orders:
            continue
        if other.state == OrderFile.State.FINISHED and not other.lines.sent().exists():
            continue
        words = (
            f"The same orders were uploaded for this account at {other.uploaded_at:%Y-%m-%d %H:%M:%S} UTC as "
            f"{other.name} ({other.get_state_display()})."
        )
        was_confirmed = other.confirmed_at is not None
        again = "Confirming this file too sends them again." if was_confirmed else "Confirming both sends them twice."
        if file.confirmed_at is not None:
            again = "Resuming this file sends what is left of it again."
        return Remark(warning("file", f"{words} {again}"), mark=f"{other.pk}{'-confirmed' if was_confirmed else ''}")
    return None


def _keep_lines(file: OrderFile, found: Examined) -> None:
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
        for one in found.lines
    )


def _file_name(name: str) -> str:
    last = name.replace("\\", "/").rpartition("/")[2]
    return readers.shown(last, _LONGEST_NAME) or "orders.txt"
