"""Order files meet the checks before an order: in the preview, line after line, and again when they are confirmed."""

import datetime as dt
import re
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import User
from tests.trading.files.test_preview import said
from trading.files import execute, preview
from trading.models import Account, OrderFile, OrderIntent, ProductSession, TradingLimit
from trading.orders import facts
from trading.orders.facts import AccountFacts, Facts, PositionFacts
from trading.orders.trading_days import CHICAGO
from trading.tradovate.entities import MarginSnapshot


def tell(account: Account, *, held: dict[int, int] | None = None, seconds_ago: float = 1, **money: Decimal) -> None:
    """What the hub would say of the account; `held` is contracts by Tradovate's contract id."""
    number = account.tradovate_id
    figures = {"cash": Decimal(100_000), "realized_pnl": Decimal(0), "open_pnl": Decimal(0)} | money
    margin = MarginSnapshot(id=number, total_used_margin=Decimal(0))
    positions = [PositionFacts(account_id=number, contract_id=key, net_pos=net) for key, net in (held or {}).items()]
    known = Facts(
        heard_at=timezone.now() - dt.timedelta(seconds=seconds_ago),
        accounts=[AccountFacts(id=number, margin=margin, **figures)],
        positions=positions,
        position_limits=[],
    )
    facts._client().set(facts.key(account.connection_id), facts.encode(known))


def upload(account: Account, *lines: str) -> OrderFile:
    return preview.upload(account, "orders.txt", "\n".join(lines).encode())


def test_with_figures_a_good_file_has_no_remarks(account: Account, symbols: list[str]) -> None:
    upload(account, f"{symbols[0]} 1")
    tell(account)
    assert said(upload(account, f"{symbols[1]} 2", f"{symbols[2]} -1")) == {}


def test_without_figures_the_file_says_so_once(account: Account, symbols: list[str]) -> None:
    file = upload(account, f"{symbols[0]} 1", f"{symbols[1]} 1")
    assert [kept["severity"] for kept in file.findings] == ["warning"]
    assert all(line.findings == [] for line in file.lines.all())


def test_the_lines_of_a_file_add_up_against_margin(account: Account, symbols: list[str]) -> None:
    # 22,400 dollars for an ES, 3,360 for an MNQ, 6,100 for a CL.
    tell(account)
    assert said(upload(account, f"{symbols[0]} 4", f"{symbols[1]} 3")) == {}
    found = said(upload(account, f"{symbols[0]} 4", f"{symbols[1]} 4", f"{symbols[2]} -1"))
    assert set(found) == {2, 3}
    assert "About $13,440.00 of margin is needed and $10,400.00 is available" in found[2]


def test_a_position_limit_warns_in_the_preview_and_refuses_at_confirmation(
    account: Account, user: User, symbols: list[str]
) -> None:
    TradingLimit.objects.create(user=user, max_position=2)
    tell(account, cash=Decimal(1_000_000))
    file = upload(account, f"{symbols[0]} 2", f"{symbols[1]} -3")
    assert file.state == OrderFile.State.READY
    assert set(said(file)) == {2}
    assert "As long as this is so, the file cannot be confirmed." in said(file)[2]
    with pytest.raises(execute.CannotConfirm, match="Line 2: With this order MNQ could become 3 contracts short"):
        execute.confirm(file.pk, user)
    assert not OrderIntent.objects.exists()

    tell(account, cash=Decimal(1_000_000), held={contract_id(file, 2): 3})
    assert execute.confirm(file.pk, user), "now it only closes a position"


def test_a_limit_of_size_refuses_the_file_as_the_portals_own_does(
    account: Account, user: User, symbols: list[str]
) -> None:
    TradingLimit.objects.create(user=user, product="MNQ", max_order_qty=2)
    file = upload(account, f"{symbols[0]} 3", f"{symbols[1]} -3")
    assert file.state == OrderFile.State.REFUSED
    assert said(file) == {2: "3 contracts: your limit is 2 in one order (each account, MNQ)."}


def test_a_closed_market_only_delays_a_file(account: Account, user: User, symbols: list[str]) -> None:
    tell(account)
    file = upload(account, f"{symbols[0]} 1")
    assert said(file) == {}
    now = timezone.now().astimezone(CHICAGO)
    later = [(now + dt.timedelta(hours=hours)).time() for hours in (1, 2)]
    ProductSession.objects.update(all_day=False, open_time=later[0], close_time=later[1], sunday_open_time=None)
    with pytest.raises(execute.CannotConfirm, match=r"Line 1: ES is closed"):
        execute.confirm(file.pk, user)
    again = upload(account, f"{symbols[0]} 2")
    assert again.state == OrderFile.State.READY
    assert "the file cannot be confirmed" in said(again)[1]
    ProductSession.objects.update(all_day=True)
    assert execute.confirm(file.pk, user)


def test_a_days_loss_holds_a_file_back_and_lets_exits_go(account: Account, user: User, symbols: list[str]) -> None:
    TradingLimit.objects.create(user=user, daily_loss=Decimal(500))
    first = upload(account, f"{symbols[0]} 1")
    contract = contract_id(first, 1)
    tell(account, held={contract: -1}, realized_pnl=Decimal(-600))
    entry = upload(account, f"{symbols[1]} 1")
    assert "has lost $600.00 today" in said(entry)[0]
    with pytest.raises(execute.CannotConfirm, match="has lost"):
        execute.confirm(entry.pk, user)
    assert execute.confirm(first.pk, user), "it closes the short position"


def test_old_figures_hold_nothing_back(account: Account, user: User, symbols: list[str]) -> None:
    TradingLimit.objects.create(user=user, daily_loss=Decimal(500))
    tell(account, realized_pnl=Decimal(-600), seconds_ago=60)
    file = upload(account, f"{symbols[0]} 1")
    assert re.search(r"6\d s old", said(file)[0])
    assert execute.confirm(file.pk, user)


def contract_id(file: OrderFile, number: int) -> int:
    contract = file.lines.select_related("contract").get(number=number).contract
    assert contract is not None
    return contract.tradovate_id
