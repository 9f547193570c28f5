"""The report adds up, and its CSV does nothing but be read."""

import csv
import io
from decimal import Decimal

import pytest

from accounts.models import Connection, User
from trading.files import report
from trading.models import Account, Contract, OrderFile, OrderIntent, OrderLine, Product
from trading.orders import intents, reports
from trading.orders.spec import OrderSpec
from trading.sync import intent_rows
from trading.sync import rows as formatter

pytestmark = pytest.mark.django_db


@pytest.fixture
def file() -> OrderFile:
    user = User.objects.create_user("sim:1")
    connection = Connection.objects.create(user=user, environment="sim", tradovate_user_id=1, name="trader")
    account = Account.objects.create(connection=connection, tradovate_id=7, name="DEMO7")
    product = Product.objects.create(
        environment="sim", tradovate_id=1, name="ES", description="E-mini", tick_size="0.25", value_per_point=50
    )
    file = OrderFile.objects.create(account=account, name="orders.txt", content="", state=OrderFile.State.FINISHED)
    for number, (symbol, quantity) in enumerate([("ESZ6", 3), ("ESH7", -2), ("ESM7", 1)], start=1):
        contract = Contract.objects.create(
            environment="sim", tradovate_id=number, product=product, name=symbol, expiration_date="2030-01-01T00:00Z"
        )
        spec = OrderSpec(
            account_id=account.pk, symbol=symbol, action="Buy" if quantity > 0 else "Sell", order_qty=abs(quantity)
        )
        intent = intents.create(spec, f"file:{file.pk}:{number}")
        OrderLine.objects.create(
            file=file, number=number, text=f"{symbol} {quantity}", symbol=symbol, quantity=quantity,
            contract=contract, intent=intent,
        )  # fmt: skip
        intents.claim(intent.pk)
        reports.accept(intent.pk, 100 + number)
    reports.observe_order(connection.pk, 101, "Filled", 3, Decimal("5000.0833333333"))
    reports.observe_order(connection.pk, 102, "Working", 1, Decimal("4999.75"))
    reports.observe_order(connection.pk, 103, "Rejected", 0, None, "=cmd|' /C calc'!A0")
    return file


def cells(file: OrderFile) -> list[list[str]]:
    return list(csv.reader(io.StringIO(report.csv(file))))


def test_totals_tell_what_was_ordered_and_what_filled(file: OrderFile) -> None:
    totals = file.totals()
    assert (totals.lines, totals.buy, totals.sell, totals.bought, totals.sold) == (3, 4, 2, 3, 1)
    assert list(totals.states.items()) == [("working", 1), ("filled", 1), ("rejected", 1)]


def test_newer_totals_have_a_greater_version(file: OrderFile) -> None:
    before = file.totals()
    reports.observe_order(file.account.connection_id, 102, "Working", 2, Decimal("4999.75"))
    after = file.totals()
    assert after.sold == before.sold + 1
    assert after.version > before.version


def test_totals_of_a_file_that_was_not_sent(file: OrderFile) -> None:
    OrderLine.objects.update(intent=None)
    OrderLine.objects.filter(number=3).update(quantity=None)
    totals = file.totals()
    assert (totals.lines, totals.buy, totals.sell, totals.bought, totals.states) == (3, 3, 2, 0, {})


def test_the_csv_has_a_line_for_each_line(file: OrderFile) -> None:
    header, *lines = cells(file)
    assert header == [
        *("line", "written", "symbol", "action", "quantity", "state", "filled", "average price", "order id"),
        *("cl ord id", "reason"),
    ]
    assert lines[0][:9] == ["1", "ESZ6 3", "ESZ6", "Buy", "3", "filled", "3", "5000.08333333", "101"]
    assert lines[1][3:8] == ["Sell", "2", "working", "1", "4999.75"]


@pytest.mark.parametrize(("told", "bought"), [(0, "— of 4"), (1, "at least 1 of 4"), (3, "3 of 4")])
@pytest.mark.parametrize(
    ("state", "reason"), [("filled", OrderIntent.FILLED_UNSEEN), ("expired", OrderIntent.ENDED_UNSEEN)]
)
def test_what_filled_on_a_day_that_tradovate_does_not_show_is_not_known(
    file: OrderFile, state: str, reason: str, told: int, bought: str
) -> None:
    line = file.lines.get(number=1)
    seen = {"filled_qty": told, "average_price": Decimal(5000) if told else None}
    OrderIntent.objects.filter(line=line).update(state=state, reason=reason, **seen)
    line.intent.refresh_from_db()
    known = told == 3
    assert cells(file)[1][6:8] == (["3", "5000"] if known else ["", ""])
    for row in (formatter.line_row(line), intent_rows.intent_row(line.intent, Decimal("0.25"))):
        assert (row["filled"], row["average"]) == (("3", "5000.00") if known else ("—", "—"))
    totals = formatter.totals_row(file.totals())
    assert (totals["bought"], totals["sold"]) == (bought, "1 of 2")


def test_no_cell_is_a_formula(file: OrderFile) -> None:
    OrderLine.objects.filter(number=1).update(text="@SUM(A1)")
    OrderLine.objects.filter(number=2).update(text="+1+1")
    for line in cells(file):
        assert not any(cell.startswith(("=", "@", "+", "-", "\t", "\r")) for cell in line)
    assert cells(file)[3][-1].startswith("'=cmd")


def test_a_comment_begins_no_cell_where_semicolons_separate(file: OrderFile) -> None:
    for text in ("ESZ6 2 # x;=1+1;y", 'ESZ6 2 # x; "=1+1;y'):
        OrderLine.objects.filter(number=1).update(text=text)
        for line in csv.reader(report.csv(file).splitlines(), delimiter=";"):
            assert not any(cell.strip(' "').startswith("=") for cell in line)


def test_a_file_that_was_not_sent_reports_its_errors(file: OrderFile) -> None:
    finding = {"severity": "error", "field": "quantity", "message": "The quantity is zero."}
    OrderLine.objects.filter(number=1).update(intent=None, findings=[finding])
    assert cells(file)[1][-1] == "The quantity is zero."
