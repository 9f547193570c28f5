"""Whether the account may trade, and what the day has cost it."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.trading.orders.situations import ACCOUNT, NOW, facts, found, limit, money, only, order, situation, spec
from trading.models import TradingLimit
from trading.orders.checks import AccountState
from trading.orders.checks.account import daily_loss
from trading.tradovate.entities import AccountRiskStatus, UserAccountAutoLiq

STALE = NOW - dt.timedelta(seconds=40)


def with_money(**changes: object):
    return facts(accounts=[money(**changes)], net=2)


def test_an_order_that_meets_nothing_is_not_remarked_on() -> None:
    assert found(spec(), situation()) == []


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (AccountState(ACCOUNT, "DEMO1001", closed=True), "Account DEMO1001 is closed at Tradovate."),
        (AccountState(ACCOUNT, "DEMO1001", readonly=True), "locked at Tradovate"),
        (AccountState(ACCOUNT, "DEMO1001", signed_in=False), "Sign in again"),
        (AccountState(ACCOUNT, "REPLAY1001", is_replay=True, signed_in=False), "Market Replay is for watching"),
    ],
)
def test_an_account_that_cannot_trade_is_an_error(account: AccountState, words: str) -> None:
    finding = only(spec(), situation(account=account))
    assert finding.is_error
    assert words in finding.message


def test_a_kill_switch_holds_back_every_order_but_what_is_known_to_close() -> None:
    stopped = situation(stopped="You have stopped trading.", facts=facts(net=2))
    assert found(spec("Buy"), stopped) == [("error", "kill")]
    assert found(spec("Sell", 2), stopped) == []
    assert found(spec("Sell", 3), stopped) == [("error", "kill")]
    old = situation(stopped="You have stopped trading.", facts=facts(net=2, heard_at=NOW - dt.timedelta(seconds=16)))
    assert ("error", "kill") in found(spec("Sell", 2), old)


@pytest.mark.parametrize(
    "action",
    [
        *("LockTradingImmediately", "LiquidateImmediately"),
        *("AgreedOnLiquidationByAutoLiq", "AgreedOnAutoLiquidationByAutoLiq"),
    ],
)
def test_a_locked_account_takes_no_order_at_all(action: str) -> None:
    locked = situation(facts=with_money(status=AccountRiskStatus(id=ACCOUNT, admin_action=action)))
    assert found(spec("Buy"), locked) == [("error", "account")]
    assert found(spec("Sell"), locked) == [("error", "account")]


@pytest.mark.parametrize(
    "status",
    [
        AccountRiskStatus(id=ACCOUNT, admin_action="LiquidateOnlyModeImmediately"),
        AccountRiskStatus(id=ACCOUNT, admin_action="Normal", user_triggered_liq_only=True),
        AccountRiskStatus(id=ACCOUNT, liquidate_only=NOW - dt.timedelta(hours=1)),
    ],
)
def test_liquidation_only_lets_exits_go(status: AccountRiskStatus) -> None:
    only_exits = situation(facts=with_money(status=status))
    assert found(spec("Buy"), only_exits) == [("error", "account")]
    assert found(spec("Sell", 2), only_exits) == []


@pytest.mark.parametrize(
    "status",
    [
        AccountRiskStatus(id=ACCOUNT, admin_action="Normal"),
        AccountRiskStatus(id=ACCOUNT, liquidate_only=NOW + dt.timedelta(hours=1)),
        AccountRiskStatus(id=ACCOUNT, admin_action="PlaceAutoLiqOnHold"),
    ],
)
def test_a_standing_that_forbids_nothing_is_not_remarked_on(status: AccountRiskStatus) -> None:
    assert found(spec(), situation(facts=with_money(status=status))) == []


def test_old_figures_say_their_age_and_never_forbid() -> None:
    locked = AccountRiskStatus(id=ACCOUNT, admin_action="LockTradingImmediately")
    old = replace(situation(), facts=facts(accounts=[money(status=locked)], heard_at=STALE))
    assert found(spec(), old) == [("warning", "account"), ("warning", "account")]
    assert "40 s old" in str([old.age])


def test_without_figures_what_was_not_checked_is_said() -> None:
    unknown = situation(limit(daily_loss=Decimal(500), max_position=3), facts=None)
    assert found(spec(), unknown) == [("warning", "account"), ("warning", "daily_loss"), ("warning", "position")]


@pytest.mark.parametrize(
    ("realized", "opened", "expected"),
    [
        (-100, -299, []),
        (-100, -300, [("warning", "daily_loss")]),
        (-100, -399, [("warning", "daily_loss")]),
        (-100, -400, [("error", "daily_loss")]),
        (-900, 500, [("warning", "daily_loss")]),
        (-900, 800, []),
        (-500, None, [("warning", "daily_loss"), ("note", "margin")]),
        (-100, None, [("note", "daily_loss"), ("note", "margin")]),
    ],
)
def test_the_daily_loss_counts_what_is_realised_and_open(
    realized: int, opened: int | None, expected: list[tuple[str, str]]
) -> None:
    lost = with_money(realized_pnl=Decimal(realized), open_pnl=None if opened is None else Decimal(opened))
    own = situation(limit(daily_loss=Decimal(500)), facts=lost)
    assert found(spec("Buy"), own) == expected
    assert found(spec("Sell", 2), own) == [], "an exit is never held back"


def test_the_words_say_how_much_whose_limit_and_until_when() -> None:
    lost = with_money(realized_pnl=Decimal("-612.50"))
    finding = only(spec(), situation(limit(daily_loss=Decimal(500), set_by="staff"), facts=lost))
    assert finding.message == (
        "DEMO1001 has lost $612.50 today. Support's limit is a loss of $500.00 a day: until Wednesday 17:00 in "
        "Chicago only orders that reduce a position go out."
    )


@pytest.mark.parametrize(("now", "day"), [("26T10:05", 26), ("26T10:05", 27), ("26T17:01", 27), ("27T10:05", 27)])
def test_a_holiday_s_loss_counts_until_the_day_after_it_has_ended(now: str, day: int) -> None:
    """Thanksgiving's session is of Friday's trade date, by whichever of the two Tradovate calls it while it lasts."""
    moment = dt.datetime.fromisoformat(f"2026-11-{now}-06:00")
    lost = with_money(realized_pnl=Decimal(-600), trade_date=dt.date(2026, 11, day))
    told = replace(situation(limit(daily_loss=Decimal(500)), facts=lost), now=moment)
    [finding] = daily_loss(spec(), told)
    assert "until Sunday 17:00 in Chicago only orders that reduce" in finding.message


def test_an_exit_beside_those_that_close_the_position_already_opens_another_one() -> None:
    lost = facts(accounts=[money(realized_pnl=Decimal(-900))], net=2, working=(order(1, "Sell", 2),))
    finding = only(spec("Sell", 2), situation(limit(daily_loss=Decimal(500)), facts=lost))
    assert finding.severity == "error"
    assert finding.message.endswith(
        "only orders that reduce a position go out. 2 of 2 contracts have an order that closes them already: cancel "
        "that first, or flatten the position."
    )


def test_yesterdays_loss_does_not_count_today() -> None:
    yesterday = with_money(realized_pnl=Decimal(-900), trade_date=dt.date(2026, 12, 1))
    assert found(spec(), situation(limit(daily_loss=Decimal(500)), facts=yesterday)) == []


def test_a_looser_loss_limit_waits_for_its_day() -> None:
    waiting = limit(daily_loss=Decimal(500), next_daily_loss=Decimal(5000), next_from=NOW + dt.timedelta(hours=8))
    lost = with_money(realized_pnl=Decimal(-600))
    assert found(spec(), situation(waiting, facts=lost)) == [("error", "daily_loss")]
    begun = TradingLimit(daily_loss=Decimal(500), next_daily_loss=Decimal(5000), next_from=NOW)
    assert found(spec(), situation(begun, facts=lost)) == []


@pytest.mark.parametrize("limit", [1000, -1000])
@pytest.mark.parametrize(("lost", "remarks"), [(0, 0), (799, 0), (800, 1), (1200, 1)])
def test_where_tradovate_steps_in_is_told_before(limit: int, lost: int, remarks: int) -> None:
    """Some clients write losses as negative amounts."""
    limits = UserAccountAutoLiq(id=ACCOUNT, daily_loss_auto_liq=Decimal(limit))
    near = situation(facts=with_money(realized_pnl=Decimal(-lost), auto_liq=limits))
    assert found(spec(), near) == [("warning", "daily_loss")] * remarks
    assert found(spec("Sell"), near) == []


def test_tradovate_counts_the_days_fees_and_ones_own_limit_does_not() -> None:
    limits = UserAccountAutoLiq(id=ACCOUNT, daily_loss_auto_liq=Decimal(1000))
    lost = {"realized_pnl": Decimal(-760), "fees": Decimal(40), "auto_liq": limits}
    near = situation(limit(daily_loss=Decimal(1000)), facts=with_money(**lost))
    assert only(spec(), near).message == (
        "DEMO1001 has lost $800.00 today, with fees: at $1,000.00 Tradovate closes all positions and locks the account."
    )
    yesterdays = with_money(**lost, trade_date=dt.date(2026, 12, 1), open_pnl=Decimal(-760))
    assert found(spec(), situation(facts=yesterdays)) == []


@pytest.mark.parametrize("mode", ["EOD", "RealTime"])
@pytest.mark.parametrize(
    ("worth", "status", "severity", "words"),
    [
        # Worth 98,400.01 of a level of 98,000: a fifth of the drawdown is left.
        ("98400.01", {"min_net_liq": Decimal(98_000)}, "", ""),
        ("98400", {"min_net_liq": Decimal(98_000)}, "warning", "$98,400.00: $400.00 less, and Tradovate's trailing"),
        (
            "98000",
            {"min_net_liq": Decimal(98_000)},
            "warning",
            "at $98,000.00 Tradovate's trailing drawdown of",
        ),
        ("99300", {"max_net_liq": Decimal(101_000)}, "warning", "$99,300.00: $300.00 less"),
        ("99300", {"max_net_liq": Decimal(101_000), "min_net_liq": Decimal(97_000)}, "", ""),
        ("50000", {}, "note", "At which level Tradovate's trailing drawdown of $2,000.00 closes DEMO1001 is not known"),
    ],
)
def test_a_trailing_drawdown_that_is_near_is_told(
    worth: str, status: dict[str, Decimal], severity: str, words: str, mode: str
) -> None:
    limits = UserAccountAutoLiq(
        id=ACCOUNT, trailing_max_drawdown=Decimal(2000), trailing_max_drawdown_mode=mode, daily_loss_auto_liq=Decimal(0)
    )
    now = AccountRiskStatus(id=ACCOUNT, admin_action="Normal", **status)
    near = situation(facts=with_money(cash=Decimal(worth), auto_liq=limits, status=now))
    assert found(spec(), near) == ([(severity, "drawdown")] if severity else [])
    assert not words or words in only(spec(), near).message
    assert found(spec("Sell", 2), near) == [], "an exit is not told"


def test_a_drawdown_is_not_compared_with_a_worth_that_nobody_knows() -> None:
    limits = UserAccountAutoLiq(id=ACCOUNT, trailing_max_drawdown=Decimal(2000))
    now = AccountRiskStatus(id=ACCOUNT, min_net_liq=Decimal(98_000))
    unknown = situation(facts=with_money(open_pnl=None, auto_liq=limits, status=now))
    assert ("note", "drawdown") in found(spec(), unknown)


def test_no_drawdown_is_nothing_to_tell() -> None:
    limits = UserAccountAutoLiq(id=ACCOUNT, trailing_max_drawdown=Decimal(0))
    now = AccountRiskStatus(id=ACCOUNT, min_net_liq=Decimal(98_000))
    assert found(spec(), situation(facts=with_money(cash=Decimal(90_000), auto_liq=limits, status=now))) == []
