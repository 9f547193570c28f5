"""What an order file's page warns of, to who may confirm or resume it, and what its buttons do with that."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Connection
from tests.trading.cast import listed
from tests.trading.files.test_checked_files import tell
from tests.trading.test_views_files import fields, page, press, upload
from trading.models import OrderFile, OrderIntent, ProductSession, TradingLimit
from trading.orders import pretrade
from trading.orders.trading_days import CHICAGO

pytestmark = pytest.mark.usefixtures("redis_url")


def test_a_warning_about_the_whole_file_is_for_who_has_to_confirm(browser: Client, connection: Connection) -> None:
    content = f"{listed(connection, 'ES')} 2"
    upload(browser, connection, content)
    file = upload(browser, connection, content)
    assert "The same orders were uploaded" in page(browser, file)
    press(browser, file, "confirm")
    assert "The same orders were uploaded" not in page(browser, file)


def test_what_has_come_up_since_the_page_was_read_is_read_before_anything_goes_out(
    browser: Client, connection: Connection
) -> None:
    account = connection.accounts.get()
    tell(account)
    file = upload(browser, connection, f"{listed(connection, 'ES')} 2")
    double_click = fields(page(browser, file), "confirm")
    TradingLimit.objects.create(user=connection.user, daily_loss=500)
    tell(account, realized_pnl=Decimal(-600), seconds_ago=60)
    for _ in range(2):
        text = browser.post(f"/files/{file.pk}/confirm/", double_click, follow=True).content.decode()
        assert "Nothing was sent: you have not read this yet." in text
        assert re.search(r'<p class="notice" data-level="warning">\S+ has lost \$600.00 today.* 6\d s old.\)', text)
    assert not OrderIntent.objects.exists()
    tell(account, realized_pnl=Decimal(-610), seconds_ago=130)
    text = browser.post(f"/files/{file.pk}/confirm/", fields(text, "confirm"), follow=True).content.decode()
    assert 'data-state="queued"' in text, "the same, only older"
    assert "has lost" in OrderFile.objects.get().findings[-1]["message"], "what was known is kept for support"

    press(browser, file, "stop")
    tell(account)
    double_click = fields(page(browser, file), "resume")
    tell(account, realized_pnl=Decimal(-600), seconds_ago=60)
    for _ in range(2):
        text = browser.post(f"/files/{file.pk}/resume/", double_click, follow=True).content.decode()
        assert "Nothing was sent: you have not read this yet." in text
    assert 'data-state="queued"' in press(browser, file, "resume").content.decode()


def test_of_two_uploads_of_the_same_the_first_is_not_sent_on_top_of_the_second_without_a_word(
    browser: Client, connection: Connection
) -> None:
    content = f"{listed(connection, 'ES')} 2"
    first, second = upload(browser, connection, content), upload(browser, connection, content)
    left_open = fields(page(browser, first), "confirm")
    press(browser, second, "confirm")
    text = browser.post(f"/files/{first.pk}/confirm/", left_open, follow=True).content.decode()
    assert "Nothing was sent: you have not read this yet. The same orders were uploaded" in text
    assert 'data-state="ready"' in text
    assert 'data-state="queued"' in press(browser, first, "confirm").content.decode()


def test_what_is_left_of_a_file_is_not_sent_on_top_of_the_same_orders_without_a_word(
    browser: Client, connection: Connection
) -> None:
    content = f"{listed(connection, 'ES')} 2"
    taken_for_lost = upload(browser, connection, content)
    press(browser, taken_for_lost, "confirm")
    press(browser, taken_for_lost, "stop")
    left_open = fields(page(browser, taken_for_lost), "resume")
    press(browser, upload(browser, connection, content), "confirm")
    text = browser.post(f"/files/{taken_for_lost.pk}/resume/", left_open, follow=True).content.decode()
    assert "Nothing was sent: you have not read this yet. The same orders were uploaded" in text
    assert "orders.txt (queued). Resuming this file sends what is left of it again." in text
    assert 'data-state="queued"' in press(browser, taken_for_lost, "resume").content.decode()


def test_a_line_more_for_which_margin_lacks_is_no_news(browser: Client, connection: Connection) -> None:
    # 22,400 dollars for an ES, 3,360 for an MNQ, 6,100 for a CL.
    lines = [f"{listed(connection, name)} 1" for name in ("MNQ", "ES", "CL")]
    tell(connection.accounts.get(), cash=Decimal(27_000))
    file = upload(browser, connection, "\n".join(lines))
    text = page(browser, file)
    assert text.count("of margin is needed") == 1
    tell(connection.accounts.get(), cash=Decimal(27_000), open_pnl=Decimal(-5000))
    assert page(browser, file).count("of margin is needed") == 2
    answer = browser.post(f"/files/{file.pk}/confirm/", fields(text, "confirm"), follow=True)
    assert 'data-state="queued"' in answer.content.decode()


def test_what_a_stopped_file_s_lines_meet_is_told_in_one_notice(browser: Client, connection: Connection) -> None:
    TradingLimit.objects.create(user=connection.user, max_position=9)
    file = upload(browser, connection, "\n".join(f"{listed(connection, name)} 1" for name in ("ES", "MNQ", "CL")))
    press(browser, file, "confirm")
    press(browser, file, "stop")
    _, _, text = page(browser, file).partition('id="file-summary"')
    assert text.count("of 9 contracts (each account, each product) was not checked.") == 3
    assert text.count('data-level="warning"') == 2, "why it stopped, and what its lines meet"


def test_a_summary_that_is_drawn_again_checks_only_what_may_still_be_sent(
    browser: Client, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[object] = []
    look_around = pretrade.look_around
    monkeypatch.setattr(pretrade, "look_around", lambda *args: (checked.append(args), look_around(*args))[1])
    file = upload(browser, connection, f"{listed(connection, 'ES')} 2")
    press(browser, file, "confirm")
    for act, times in (("", 0), ("stop", 1), ("discard", 0)):
        if act:
            press(browser, file, act)
        checked.clear()
        browser.get(f"/files/{file.pk}/", headers={"HX-Request": "true"})
        assert len(checked) == times, act


def test_what_a_line_met_before_it_was_confirmed_is_no_part_of_the_report(
    browser: Client, connection: Connection
) -> None:
    contract = listed(connection, "ES")
    now = timezone.now().astimezone(CHICAGO)
    later = [(now + timedelta(hours=hours)).time() for hours in (1, 2)]
    upload(browser, connection, f"{contract} 1")
    ProductSession.objects.update(all_day=False, open_time=later[0], close_time=later[1], sunday_open_time=None)
    file = upload(browser, connection, f"{contract} 2")
    assert "the file cannot be confirmed" in page(browser, file)
    ProductSession.objects.update(all_day=True)
    press(browser, file, "confirm")
    report = page(browser, file)
    assert 'data-state="queued"' in report
    assert "cannot be confirmed" not in report
