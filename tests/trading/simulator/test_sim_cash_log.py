"""The cash book over the wire: a line for each fee, pair and deposit, which adds up to the balance."""

from decimal import Decimal
from typing import Any

from trading.simulator import RunningSimulator

from .conftest import Api
from .shapes import problems


def lines(trader: Api) -> list[Any]:
    found = trader.get("cashbalancelog/deps", masterid=1001001)
    assert [problem for line in found for problem in problems("cashBalanceLog", line)] == []
    return found


def test_a_round_trip_and_a_deposit_line_by_line(sim: RunningSimulator, trader: Api) -> None:
    sim.control.liquidity("ESZ6", 10)
    trader.place("Buy", 2)
    sim.control.price("ESZ6", "6855.00")
    trader.place("Sell", 2)
    sim.control.account(1001001, deposit=500)
    found = lines(trader)
    fees = [("ClearingFee", -0.2), ("ExchangeFee", -2.76), ("NfaFee", -0.04), ("Commission", -0.78)]
    expected = [*fees, *fees, ("TradePaired", 475), ("FundTransaction", 500)]
    assert [(line["cashChangeType"], line["delta"]) for line in found] == expected
    balance, before = trader.balance(), Decimal(100_000)
    for line in found:
        before += Decimal(str(line["delta"]))
        assert Decimal(str(line["amount"])) == before
    assert (found[-1]["amount"], found[-1]["realizedPnL"]) == (balance["amount"], balance["realizedPnL"])
    fills = trader.get("fill/list")
    assert [line["fillId"] for line in found[:9]] == [fills[0]["id"]] * 4 + [fills[1]["id"]] * 5
    assert found[8]["fillPairId"] == trader.get("fillPair/list")[0]["id"]


def test_a_new_day_begins_a_new_page(sim: RunningSimulator, trader: Api) -> None:
    trader.place("Buy", 1)
    sim.control.advance(9 * 3600)
    found = lines(Api(sim, "trader"))
    assert [(line["cashChangeType"], line["delta"]) for line in found] == [("NewSession", 0)]


def test_nobody_reads_anothers_book(trader: Api, pro: Api) -> None:
    assert lines(trader) == []
    assert pro.get("cashbalancelog/deps", masterid=1002001)
    assert trader.get("cashbalancelog/deps", masterid=1002001) == []
