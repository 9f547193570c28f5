"""An account whose money is in several currencies: everything is told in dollars, or not at all."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal

import msgspec
import pytest

from tests.trading.sync.cast import until
from tests.trading.sync.entities import CASH, ES, NOON, TODAY, book, fee, fill, order, position, quote, told
from trading.sync import enquiries
from trading.sync.enquiries import Enquiries, Helpers
from trading.sync.fact_sheet import facts_of
from trading.sync.recording import cash_entries, records
from trading.sync.records import CashRecord, FeeRecord
from trading.tradovate.entities import (
    CashBalance,
    CashBalanceLog,
    Contract,
    Currency,
    CurrencyRate,
    Entity,
    Fill,
    FillFee,
    TradeDate,
)
from trading.tradovate.errors import NotFound, OutcomeUnknown

EURO = 5
EUROS = CashBalance(
    id=90,
    account_id=7,
    currency_id=EURO,
    amount=Decimal(200),
    realized_pnl=Decimal(10),
    trade_date=TODAY,
    timestamp=NOON,
)
DOLLARS = msgspec.structs.replace(CASH, currency_id=1)
RATE = CurrencyRate(id=EURO, rate=Decimal("1.10"), timestamp=NOON)
TOMORROW = TradeDate(year=2026, month=11, day=23)


def test_cash_in_several_currencies_is_added_up_in_dollars_and_unknown_without_a_rate() -> None:
    made = book(DOLLARS, EUROS)
    row = made.rows["account:7"]
    assert (row["cash"], row["net_liq"], row["day_pnl"]) == ("—",) * 3
    assert made.mirror.missing() == {(CurrencyRate, EURO)}
    changes = made.apply(told(RATE))
    row = changes.rows["account:7"]
    # 100,000.10 + 200 x 1.10, and -12.50 + 10 x 1.10
    assert (row["cash"], row["net_liq"], row["day_pnl"]) == ("100,220.10", "100,220.10", "-1.50")
    kept = records(made.mirror, changes.touched)
    assert set(kept) == {CashRecord(7, date(2026, 11, 20), Decimal("100220.10"), Decimal("-1.50"), NOON)}
    assert made.mirror.missing() == set()


def test_what_was_gained_in_a_currency_on_an_earlier_day_is_none_of_this_days() -> None:
    made = book(DOLLARS, EUROS, RATE)
    made.apply(told(msgspec.structs.replace(EUROS, id=91, amount=Decimal(300), trade_date=TOMORROW)))
    row = made.rows["account:7"]
    assert (row["cash"], row["day_pnl"]) == ("100,330.10", "+11.00")
    before, after = records(made.mirror, [(CashBalance, 90), (CashBalance, 91)])
    assert (before.amount, after.amount) == (Decimal("100220.10"), Decimal("100330.10"))
    assert facts_of(made, NOON).accounts[0].trade_date == date(2026, 11, 23)


def test_a_day_whose_balance_of_a_currency_has_moved_on_stays_as_it_was_kept() -> None:
    """A currency's balance keeps its id: on the next day that of the day before is told no more."""
    made = book(DOLLARS, EUROS, RATE)
    (friday,) = set(records(made.mirror, made.all_to_write() & {(CashBalance, 70), (CashBalance, 90)}))
    assert isinstance(friday, CashRecord)
    assert friday.realized_pnl == Decimal("-1.50")
    later = msgspec.structs.replace(DOLLARS, trade_date=TOMORROW, timestamp=NOON + timedelta(days=3))
    made.apply(told(later))
    (monday,) = (one for one in records(made.mirror, made.all_to_write()) if isinstance(one, CashRecord))
    assert (monday.trade_date, monday.amount) == (date(2026, 11, 23), Decimal("100220.10"))


def test_positions_and_fees_in_another_currency_are_told_in_dollars() -> None:
    made = book(DOLLARS, msgspec.structs.replace(ES, currency_id=EURO), position(2), order("Filled"), fill(90))
    in_euros = msgspec.structs.replace(fee(90), exchange_currency_id=EURO, commission_currency_id=1)
    made.mark([quote("5001.25")])
    made.apply(told(in_euros))
    assert (made.rows["position:71"]["open_pnl"], made.rows["fill:90"]["fee"]) == ("—", "—")
    assert (made.rows["account:7"]["net_liq"], made.rows["account:7"]["fees"]) == ("—", "—")
    assert records(made.mirror, [(FillFee, 90)]) == []
    changes = made.apply(told(RATE))
    # 1 point x 50 x 2 x 1.10; of 1.72 the exchange's 0.70 are euros
    assert (made.rows["position:71"]["open_pnl"], made.rows["fill:90"]["fee"]) == ("+110.00", "1.79")
    assert made.rows["account:7"]["fees"] == "1.79"
    (kept,) = (one for one in records(made.mirror, changes.touched) if isinstance(one, FeeRecord))
    assert kept.parts["exchange_fee"] == Decimal("0.77")


def test_a_fill_is_kept_with_the_rate_of_its_currency_as_soon_as_that_is_known() -> None:
    made = book(msgspec.structs.replace(ES, currency_id=EURO), order("Filled"), fill(90))

    def kept() -> tuple[Decimal | None, str]:
        one, contract = records(made.mirror, [(Fill, 90), (Contract, 3)])
        return one.rate, contract.product.currency

    assert kept() == (None, "")
    assert (Fill, 90) in made.apply(told(RATE)).touched
    for entity in (Currency(id=EURO, name="EUR"), msgspec.structs.replace(ES, currency_id=1)):
        assert {(Fill, 90), (Contract, 3)} <= made.apply(told(entity)).touched
    assert kept() == (1, "USD")
    made.apply(told(msgspec.structs.replace(ES, currency_id=EURO)))
    assert kept() == (Decimal("1.10"), "EUR")


def test_a_later_rate_values_what_is_of_its_day_and_leaves_earlier_days_as_they_were_kept() -> None:
    later = msgspec.structs.replace(RATE, rate=Decimal("1.20"), timestamp=NOON + timedelta(days=3))
    made = book(DOLLARS, EUROS, order("Filled"), fill(90), fee(90))
    assert {(CashBalance, 90), (Fill, 90), (FillFee, 90)} <= made.learn([RATE]).touched
    tomorrow = msgspec.structs.replace(EUROS, id=91, trade_date=TOMORROW, timestamp=NOON + timedelta(days=3))
    made.apply(told(tomorrow, fill(92, trade_date=TOMORROW), fee(92)))
    changes = made.learn([later])
    assert changes.touched == {(CashBalance, 91), (Fill, 92), (FillFee, 92)}
    # 100,000.10 + 200 x 1.20
    assert changes.rows["account:7"]["cash"] == "100,240.10"


async def test_rates_that_are_known_are_asked_for_again_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket may live for a week."""
    monkeypatch.setattr(enquiries, "RATES_EVERY", 0.01)
    made, told_rates = book(RATE), [RATE.rate]
    answers = iter([NotFound("gone"), *(msgspec.structs.replace(RATE, rate=Decimal(rate)) for rate in ("1.2", "1.3"))])

    class Socket:
        async def ask(self, endpoint: str, kind: type[CurrencyRate], *, query: dict[str, int]) -> CurrencyRate:
            assert (endpoint, kind, query) == ("currencyrate/item", CurrencyRate, {"id": EURO})
            if isinstance(answer := next(answers), Exception):
                raise answer
            return answer

    def learn(found: list[Entity]) -> None:
        made.learn(found)
        told_rates.append(made.mirror.dollars(EURO))

    asked = Enquiries(Socket(), Helpers(), missing=set, learn=learn)  # type: ignore[arg-type]  # only asked
    task = asyncio.create_task(asked.keep_rates(made.mirror.rates))
    await until(lambda: told_rates == [Decimal("1.10"), Decimal("1.2"), Decimal("1.3")])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_rate_that_tradovate_does_not_tell_keeps_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enquiries, "RATES_EVERY", 0.01)
    asked = []

    class Socket:
        async def ask(self, endpoint: str, kind: type[CurrencyRate], *, query: dict[str, int]) -> CurrencyRate:
            asked.append(query["id"])
            if query["id"] == EURO:
                raise OutcomeUnknown("503")
            return msgspec.structs.replace(RATE, id=query["id"])

    rates = Enquiries(Socket(), Helpers(), missing=set, learn=lambda _: None)  # type: ignore[arg-type]  # only asked
    task = asyncio.create_task(rates.keep_rates([EURO, EURO + 1]))
    await until(lambda: asked[:4] == [EURO, EURO + 1] * 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_line_of_the_cash_book_is_kept_with_its_currency() -> None:
    (kept,) = cash_entries([CashBalanceLog(id=1, account_id=7, currency_id=EURO, delta=Decimal(-2))])
    assert (kept.currency_id, kept.delta) == (EURO, -2)


def test_a_currency_is_dollars_by_its_name() -> None:
    made = book(Currency(id=1, name="EUR"), Currency(id=EURO, name="USD"), EUROS)
    assert made.rows["account:7"]["cash"] == "200.00"
    made = book(Currency(id=1, name="EUR"), DOLLARS)
    assert made.rows["account:7"]["cash"] == "—"
