"""The fills blotter: what was kept, for its owner, with totals that are exact and a CSV that is safe."""

import csv
import datetime as dt
import io
import re
from decimal import Decimal

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading import spreadsheet
from trading.history import fills as kept
from trading.history.fills import Totals, Wanted
from trading.models import Account, Order, OrderIntent, Product

MONDAY, TUESDAY, WEDNESDAY = (dt.date(2026, 11, day) for day in (23, 24, 25))


def shown(browser: Client, query: str = "", status: int = 200) -> str:
    answer = browser.get(f"/fills/{query}")
    assert answer.status_code == status
    return answer.content.decode()


def orders(html: str) -> list[int]:
    """The orders of the rows, in their order."""
    return [int(number) for number in re.findall(r'order=(\d+)">\1<', html)]


def fact(html: str, name: str) -> str:
    found = re.search(rf"<dt>{re.escape(name)}</dt><dd[^>]*>([^<]*)</dd>", html)
    assert found
    return found[1]


def test_a_day_that_ends_flat_has_its_gain_before_and_after_fees(browser, alice, fill) -> None:
    fill(alice, "Buy", 2, "6850.25")
    fill(alice, "Sell", 1, "6851.25")
    fill(alice, "Sell", 1, "6852.25", fee="1.10")
    html = shown(browser)
    assert [fact(html, name) for name in ("Bought", "Sold", "Gross P&amp;L", "Fees", "Net P&amp;L")] == [
        *("2", "2", "+15.00", "2.34", "+12.66")
    ]
    assert "Tuesday, 24 November 2026" in html
    assert "-68,502.50" in html


def test_open_contracts_and_missing_fees_make_no_false_totals(browser, alice, fill) -> None:
    fill(alice, "Buy", 2, "6850.25")
    fill(alice, "Sell", 2, "6850.25", account=12, fee=None)
    html = shown(browser)
    assert [fact(html, name) for name in ("Gross P&amp;L", "Fees", "Net P&amp;L")] == ["—", "—", "—"]
    assert "4 of these contracts are not closed" in html


def test_what_trades_in_another_currency_is_told_in_dollars_and_a_gain_at_the_rate_at_which_it_was_closed(
    browser, alice, fill, mes
) -> None:
    Product.objects.filter(pk=mes.product_id).update(currency="EUR")
    fill(alice, "Buy", 2, "100.25", on=MONDAY, rate="1.10")
    sold = fill(alice, "Sell", 2, "101.25", on=TUESDAY, rate="1.20")
    html = shown(browser)
    # 101.25 x 2 x 5 x 1.20; and a point gained on two, at 1.20, less twice 0.62
    assert [cell for cell in ("-1,102.75", "+1,215.00", "+1,214.38") if f">{cell}<" not in html] == []
    assert [fact(html, name) for name in ("Gross P&amp;L", "Net P&amp;L")] == ["+12.00", "+10.76"]
    rows = {
        row["order id"]: row for row in csv.DictReader(browser.get("/fills/fills.csv").content.decode().splitlines())
    }
    assert rows[str(sold.order_id_at_broker)]["value"] == "1215"
    assert "no value in dollars" not in html


@pytest.mark.parametrize("currency", ["EUR", ""])
def test_without_the_rate_of_a_fill_its_value_is_a_dash_and_no_dollars(
    browser, alice, fill, mes, currency: str
) -> None:
    Product.objects.filter(pk=mes.product_id).update(currency=currency)
    fill(alice, "Buy", 1, "100.25")
    fill(alice, "Sell", 1, "101.25")
    html = shown(browser, "?symbol=MESZ6")
    assert html.count('data-label="value">—<') == html.count('data-label="net">—<') == 2
    assert [fact(html, name) for name in ("Gross P&amp;L", "Fees", "Net P&amp;L")] == ["—", "1.24", "—"]
    assert "2 of these fills have no value in dollars" in html
    for row in csv.DictReader(browser.get("/fills/fills.csv?symbol=MESZ6").content.decode().splitlines()):
        assert (row["value"], row["fees"], row["net"]) == ("", "0.62", "")


def test_a_busted_fill_is_shown_and_counts_nothing(browser, alice, fill) -> None:
    fill(alice, "Buy", 2, "6850.25", active=False)
    html = shown(browser)
    assert "busted" in html
    assert (fact(html, "Bought"), fact(html, "Gross P&amp;L")) == ("0", "0.00")


def test_filters_choose_by_trade_date_account_symbol_and_order(browser, alice, fill) -> None:
    # Of before the journal kept trade dates: the evening in Chicago is the next date.
    evening = fill(alice, "Buy", 1, "1", on=None, at=dt.datetime(2026, 11, 23, 23, 30, tzinfo=dt.UTC))
    monday, tuesday = fill(alice, "Buy", 1, "2", on=MONDAY), fill(alice, "Buy", 1, "3", on=TUESDAY, account=12)
    wednesday = fill(alice, "Sell", 1, "4", on=WEDNESDAY, symbol="CLF7")

    def found(query: str) -> set[int]:
        return set(orders(shown(browser, query)))

    every = {one.order_id_at_broker for one in (evening, monday, tuesday, wednesday)}
    assert found("") == every
    assert found("?since=2026-11-24") == every - {monday.order_id_at_broker}
    assert found("?until=2026-11-23") == {monday.order_id_at_broker}
    assert found("?since=2026-11-24&until=2026-11-24") == {evening.order_id_at_broker, tuesday.order_id_at_broker}
    assert found("?account=12") == {tuesday.order_id_at_broker}
    assert found("?symbol=CLF7") == {wednesday.order_id_at_broker}
    assert found(f"?order={monday.order_id_at_broker}") == {monday.order_id_at_broker}
    assert "Nothing was filled that fits" in shown(browser, "?since=2026-12-01")


def test_another_traders_fills_do_not_exist_here(browser, alice, bob, fill) -> None:
    theirs = fill(bob, "Buy", 1, "6850.25", account=21)
    html = shown(browser)
    assert "No fills yet" in html
    assert not orders(shown(browser, f"?order={theirs.order_id_at_broker}"))
    shown(browser, "?account=21", status=400)
    assert len(browser.get("/fills/fills.csv").content.decode().splitlines()) == 1


@pytest.mark.parametrize(
    "query",
    [
        *("?since=yesterday", "?until=0001-01-01", "?since=9999-12-31", "?account=x", "?symbol=NOPE", "?order=-1"),
        *("?order=99999999999999999999", "?since=2026-11-25&until=2026-11-24"),
    ],
)
def test_filters_that_cannot_be_read_are_named_on_the_page(browser, alice, fill, query: str) -> None:
    fill(alice, "Buy", 1, "6850.25")
    assert "errorlist" in shown(browser, query, status=400)
    answer = browser.get(f"/fills/fills.csv{query}")
    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()


def test_many_fills_come_in_pages_and_totals_are_of_all(browser, alice, fill) -> None:
    for number in range(205):
        fill(alice, "Buy" if number % 2 else "Sell", 1, "6850.25")
    seen = [number for page in (1, 2, 3) for number in orders(shown(browser, f"?symbol=MESZ6&page={page}"))]
    assert len(set(seen)) == len(seen) == 205
    assert "205 fills" in shown(browser, "?page=2")
    assert "symbol=MESZ6&amp;page=2" in shown(browser, "?symbol=MESZ6")


def test_a_page_takes_a_constant_number_of_queries(browser, alice, fill, django_assert_max_num_queries) -> None:
    for number in range(60):
        fill(alice, "Buy" if number % 2 else "Sell", 1, "6850.25")
    with django_assert_max_num_queries(20):
        shown(browser)


def test_the_csv_holds_exact_figures_and_no_formulas(browser, alice, fill) -> None:
    Account.objects.filter(tradovate_id=11).update(name="=HYPERLINK(1)")
    bought = fill(alice, "Buy", 2, "6850.25")
    fill(alice, "Sell", 1, "6851.5", fee=None, symbol="NOPE9")
    answer = browser.get("/fills/fills.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="fills.csv"'
    rows = {row["order id"]: row for row in csv.DictReader(answer.content.decode().splitlines())}
    row = rows[str(bought.order_id_at_broker)]
    assert row == {
        "time (UTC)": "2026-11-24T15:30:00.000Z",
        "trade date": "2026-11-24",
        "account": "'=HYPERLINK(1)",
        "symbol": "MESZ6",
        "action": "Buy",
        "quantity": "2",
        "price": "6850.25",
        "value": "-68502.5",
        "fees": "0.62",
        "net": "-68503.12",
        "source": "elsewhere",
        "order id": row["order id"],
        "fill id": row["fill id"],
        "remark": "",
    }
    unknown = next(row for row in rows.values() if row["symbol"] == "NOPE9")
    assert (unknown["value"], unknown["fees"], unknown["net"]) == ("", "", "")


def test_what_was_bought_for_nothing_has_no_value_in_the_csv_either(browser, alice, fill) -> None:
    fill(alice, "Buy", 2, "0")
    (row,) = csv.DictReader(browser.get("/fills/fills.csv").content.decode().splitlines())
    assert (row["value"], row["net"]) == ("0", "-0.62")


def test_the_fill_of_an_order_that_was_placed_here_leads_to_its_page(browser, alice, fill) -> None:
    made = fill(alice, "Buy", 1, "6850.25")
    account = Account.objects.get(tradovate_id=11)
    intent = OrderIntent.objects.create(
        account=account,
        connection=alice,
        order_id_at_broker=made.order_id_at_broker,
        source_key="click:1",
        cl_ord_id="tp-1",
        spec={},
    )
    assert f'href="/orders/{intent.pk}/"' in shown(browser)


def sources(html: str) -> list[str]:
    return re.findall(r'<td class="soft source">(\w*)<', html)


def test_each_fill_says_who_asked_for_its_order(browser, alice, bob, fill) -> None:
    by_click, by_file, strategy_exit, elsewhere = (fill(alice, "Buy", 1, str(6850 + n)) for n in range(4))
    account = Account.objects.get(tradovate_id=11)
    of = {"account": account, "connection": alice, "spec": {}}
    for key, made in (("click:1", by_click), ("file:7:1", by_file)):
        OrderIntent.objects.create(**of, order_id_at_broker=made.order_id_at_broker, source_key=key, cl_ord_id=key)
    hangs_on = {"parent_id_at_broker": by_click.order_id_at_broker}
    Order.objects.filter(tradovate_id=strategy_exit.order_id_at_broker).update(**hangs_on)
    # An order of another connection may have the same id.
    other = {"account": Account.objects.get(tradovate_id=21), "connection": bob, "spec": {}}
    same_id = {"order_id_at_broker": elsewhere.order_id_at_broker}
    OrderIntent.objects.create(**other, **same_id, source_key="click:2", cl_ord_id="click:2")
    expected = {by_click: "click", by_file: "file", strategy_exit: "click", elsewhere: "elsewhere"}
    html = shown(browser)
    assert sources(html) == list(expected.values())[::-1]
    rows = csv.DictReader(browser.get("/fills/fills.csv").content.decode().splitlines())
    assert {row["fill id"]: row["source"] for row in rows} == {
        str(made.tradovate_id): source for made, source in expected.items()
    }


def test_a_stranger_is_sent_to_the_sign_in(db) -> None:
    for path in ("/fills/", "/fills/fills.csv", "/performance/", "/chart/"):
        assert Client().get(path).status_code == 302


prices = st.integers(-4000, 40_000).map(lambda ticks: Decimal(ticks) / 4)
trades = st.lists(st.tuples(st.sampled_from(["Buy", "Sell"]), st.integers(1, 9), prices, st.sampled_from([11, 12])))


@given(st.lists(st.text() | st.text(alphabet='=+-@;,"\t\n 1')))
def test_no_cell_begins_a_formula(cells: list[str]) -> None:
    row = next(csv.reader(spreadsheet.text(["head"], [cells]).split("\r\n", 1)[1].splitlines(keepends=True)), [])
    for cell in row:
        assert not cell.startswith(("=", "@", "\t", "|", "%"))
        if cell.startswith(("+", "-")):
            float(cell)


@given(st.lists(st.text(alphabet='=+-@|%;,"\t\r\n 1')))
def test_nor_does_one_where_something_else_separates_cells(cells: list[str]) -> None:
    text = spreadsheet.text(["head"], [["1", *cells]])
    for separator in ";\t":
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            assert not [cell for cell in row if cell.lstrip('" \r\n').startswith(("=", "+", "-", "@", "|", "%"))]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trades=trades)
def test_totals_are_exact_whatever_was_traded(alice, fill, trades: list) -> None:
    alice.fills.all().delete()
    for action, qty, price, account in trades:
        fill(alice, action, qty, str(price), account=account, fee="0.6175")
    told = kept.totals(kept.select(alice, Wanted()))
    open_by = {one: sum(q if a == "Buy" else -q for a, q, _, x in trades if x == one) for one in (11, 12)}
    gross = sum((p * q * 5 * (1 if a == "Sell" else -1) for a, q, p, _ in trades), Decimal(0))
    open_qty = sum(map(abs, open_by.values()))
    assert told == Totals(
        len(trades),
        sum(q for a, q, *_ in trades if a == "Buy"),
        sum(q for a, q, *_ in trades if a == "Sell"),
        open_qty,
        None if open_qty else gross,
        Decimal("0.6175") * len(trades),
    )
