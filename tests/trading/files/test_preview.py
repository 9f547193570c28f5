"""What an upload says before anything is sent, with the contracts that the simulator lists."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Connection, User
from tests.trading.cast import contracts_of, listed, sign_in
from tests.trading.files.conftest import nobody, now
from trading.files import execute, preview, report
from trading.models import Account, Contract, OrderFile, Product
from trading.simulator import RunningSimulator


def said(file: OrderFile) -> dict[int, str]:
    """Line number -> all that was found about it; 0 is the file itself. That no hub runs here is not said again."""
    lines = {line.number: " ".join(kept["message"] for kept in line.findings) for line in file.lines.all()}
    about = " ".join(kept["message"] for kept in file.findings if not kept["message"].startswith("Nothing is known"))
    return {number: words for number, words in {0: about, **lines}.items() if words}


def test_a_good_file_says_what_each_line_would_do(account: Account, ready: OrderFile, symbols: list[str]) -> None:
    rows = report.rows(ready)
    assert [row.line.number for row in rows] == [1, 2, 3]
    assert rows[0].does.startswith(f"Buy 2 {symbols[0]} at market (E-Mini S&P 500")
    assert rows[0].does.endswith("$12.50 a tick)")
    assert rows[1].does.startswith(f"Sell 3 {symbols[1]} at market")
    assert said(ready) == {}


def test_every_mistake_is_found_at_once_with_its_line(connection: Connection, account: Account) -> None:
    listing, cl = contracts_of(connection, "ES"), listed(connection, "CL")
    front = next(name for name, is_expired in listing.items() if not is_expired)
    es = list(listing)
    text = f"{cl} 1\n{es[0]} 2\nESZZ 1\n{cl} 1\n{es[-1]} 0\nGC x\n{listed(connection, 'NQ')} 51\n"
    file = preview.upload(account, "bad.txt", text.encode())

    found = said(file)
    assert file.state == OrderFile.State.REFUSED
    assert set(found) == {2, 3, 4, 5, 6, 7}
    assert f"{es[0]} expired on " in found[2]
    assert f"front month is {front}" in found[2]
    assert "knows no contract ESZZ" in found[3]
    assert "Did you mean ES" in found[3]
    assert "on line 1 already" in found[4]
    assert "is zero" in found[5]
    assert "not a whole number" in found[6]
    assert "limit of 50" in found[7]


def test_one_bad_line_refuses_the_whole_file(account: Account, symbols: list[str]) -> None:
    file = preview.upload(account, "orders.txt", f"{symbols[0]} 2\n{symbols[1]} 0".encode())
    assert file.state == OrderFile.State.REFUSED


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "holds no orders"),
        (b"# only a plan\n\n", "holds no orders"),
        (b"ESZ6 1 # \xff", "Line 1 is not UTF-8"),
        (b"#" * 70_000, "too large: 65,536 bytes"),
        (b"ESZ6 1\n" * 201, "201 orders; 200 are allowed"),
    ],
)
def test_a_file_that_is_no_order_file_says_why(account: Account, raw: bytes, expected: str) -> None:
    file = preview.upload(account, "orders.txt", raw)
    assert file.state == OrderFile.State.REFUSED
    assert expected in said(file)[0]


def _reversed(content: str) -> str:
    return "\r\n".join(["# by Excel", *reversed(content.splitlines())])


def twin_of(file: OrderFile) -> str:
    """What is said now of another file with the same orders."""
    return " ".join(one.finding.message for one in execute.remarks(now(file)) if one.finding.field == "file")


@pytest.mark.parametrize("as_written", [str, _reversed])
def test_of_two_files_with_the_same_orders_each_is_warned_of(
    account: Account, user: User, ready: OrderFile, as_written: Callable[[str], str]
) -> None:
    assert twin_of(ready) == ""
    again = preview.upload(account, "copy.txt", as_written(ready.content).encode())
    assert again.state == OrderFile.State.READY
    for file, words in ((again, "orders.txt (ready to confirm)"), (ready, "copy.txt (ready to confirm)")):
        assert f"as {words}. Confirming both sends them twice." in twin_of(file)
    assert execute.confirm(again.pk, user)
    assert "as copy.txt (queued). Confirming this file too sends them again." in twin_of(ready)
    assert twin_of(again) == "", "it is confirmed"


def test_the_same_orders_are_a_warning_for_twelve_hours(account: Account, user: User, ready: OrderFile) -> None:
    def uploaded(file: OrderFile, hours: int) -> None:
        OrderFile.objects.filter(pk=file.pk).update(uploaded_at=timezone.now() - timedelta(hours=hours))

    later = preview.upload(account, "later.txt", ready.content.encode())
    uploaded(ready, 16)
    assert twin_of(ready) == twin_of(later) == ""
    uploaded(later, 15)
    assert "as later.txt" in twin_of(ready), "however late it is confirmed"
    uploaded(later, 2)
    assert execute.confirm(later.pk, user)
    assert "as later.txt" in twin_of(ready), "sent lately"


def test_of_several_files_with_the_same_orders_the_one_that_was_sent_is_named(
    account: Account, user: User, ready: OrderFile
) -> None:
    sent = preview.upload(account, "sent.txt", ready.content.encode())
    assert execute.confirm(sent.pk, user)
    assert twin_of(preview.upload(account, "newest.txt", ready.content.encode())).count("as sent.txt (queued)") == 1
    assert "as sent.txt (queued)" in twin_of(ready)


def test_other_orders_are_no_twin(account: Account, ready: OrderFile) -> None:
    first, *others = ready.content.splitlines()
    assert twin_of(preview.upload(account, "shorter.txt", "\n".join(others).encode())) == ""
    assert twin_of(preview.upload(account, "more.txt", "\n".join([f"{first}1", *others]).encode())) == ""


def test_a_discarded_twin_is_no_reason_to_warn(account: Account, user: User, ready: OrderFile) -> None:
    copy = preview.upload(account, "copy.txt", ready.content.encode())
    assert "as orders.txt" in twin_of(copy)
    assert execute.discard(ready.pk, user, nobody)
    assert twin_of(copy) == ""


def test_a_file_of_which_nothing_went_out_was_not_sent(account: Account, user: User, ready: OrderFile) -> None:
    sent = preview.upload(account, "sent.txt", ready.content.encode())
    assert execute.confirm(sent.pk, user)
    assert execute.confirm(ready.pk, user)
    assert execute.stop(ready.pk, user, nobody)
    assert execute.discard(ready.pk, user, nobody)
    assert now(ready).state == OrderFile.State.FINISHED
    again = preview.upload(account, "again.txt", ready.content.encode())
    assert "as sent.txt (queued)" in twin_of(again)
    assert execute.stop(sent.pk, user, nobody)
    assert execute.discard(sent.pk, user, nobody)
    assert twin_of(again) == ""


def test_what_was_seen_today_needs_no_broker(account: Account, ready: OrderFile, settings) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    again = preview.upload(account, "again.txt", ready.content.encode())
    assert again.state == OrderFile.State.READY


def test_what_was_seen_yesterday_is_looked_up_again(account: Account, ready: OrderFile) -> None:
    Contract.objects.update(expiration_date=timezone.now(), seen_at=timezone.now() - timedelta(days=1))
    again = preview.upload(account, "again.txt", ready.content.encode())
    assert again.state == OrderFile.State.READY
    assert not any(contract.is_expired for contract in Contract.objects.all())


def test_an_unreachable_broker_is_said_and_the_orders_are_kept(
    connection: Connection, account: Account, simulator: RunningSimulator, symbols: list[str], settings
) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    Connection.objects.update(api_hosts={})
    file = preview.upload(account, "orders.txt", f"{symbols[0]} 1\n{symbols[1]} x".encode())
    assert file.state == OrderFile.State.UNCHECKED
    assert "cannot be reached" in said(file)[0]
    assert "not a whole number" in said(file)[2]
    with pytest.raises(execute.CannotConfirm, match="not been checked"):
        execute.confirm(file.pk, connection.user)
    assert preview.check_again(file.pk, connection.user)
    file.refresh_from_db()
    assert file.state == OrderFile.State.UNCHECKED

    settings.SIMULATOR_URL = simulator.url
    assert preview.check_again(file.pk, connection.user)
    file.refresh_from_db()
    assert file.state == OrderFile.State.REFUSED
    assert set(said(file)) == {2}
    assert not preview.check_again(file.pk, connection.user)


def test_a_lost_sign_in_is_told_apart_and_mended_by_signing_in(
    simulator: RunningSimulator, account: Account, connection: Connection, symbols: list[str]
) -> None:
    simulator.control.fault("expire_tokens", user="trader")
    file = preview.upload(account, "orders.txt", f"{symbols[0]} 1".encode())
    assert file.state == OrderFile.State.UNCHECKED
    assert [kept["field"] for kept in file.findings] == ["sign-in"]

    sign_in(simulator)
    assert preview.check_again(file.pk, connection.user)
    file.refresh_from_db()
    assert (file.state, said(file)) == (OrderFile.State.READY, {})


def test_anothers_file_is_not_checked(simulator: RunningSimulator, account: Account) -> None:
    simulator.control.fault("expire_tokens", user="trader")
    file = preview.upload(account, "orders.txt", b"ESZ6 1")
    with pytest.raises(OrderFile.DoesNotExist):
        preview.check_again(file.pk, sign_in(simulator, "pro").user)


@pytest.mark.parametrize(
    ("tick_size", "value_per_point", "words"),
    [
        ("0.25", "50", "$12.50"),
        ("1", "5", "$5.00"),
        ("0.00390625", "2000", "$7.8125"),
        ("0.0000005", "12500000", "$6.25"),
    ],
)
def test_the_worth_of_a_tick_is_exact(account: Account, tick_size: str, value_per_point: str, words: str) -> None:
    figures = {"tick_size": Decimal(tick_size), "value_per_point": Decimal(value_per_point), "currency": "USD"}
    product = Product(description="A future", **figures)
    line = OrderFile().lines.model(symbol="XX", quantity=-1, contract=Contract(product=product))
    assert preview.does(line) == f"Sell 1 XX at market (A future, {words} a tick)"


def test_a_name_with_a_path_or_without_sense_is_tamed(account: Account) -> None:
    assert preview.upload(account, "C:\\orders\\today\x00.txt", b"").name == "today .txt"
    assert preview.upload(account, "", b"").name == "orders.txt"
    assert len(preview.upload(account, "x" * 500, b"").name) == 128
