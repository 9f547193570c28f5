"""`manage.py forget_trader` leaves books without a person."""

from datetime import timedelta
from io import StringIO

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import attempts
from accounts.models import AuditEvent, Connection, Environment, User
from tests.accounts.kept import in_the_database
from tests.trading.signed_in import browser_of, person
from trading.models import Account, Fill, OrderFile, OrderIntent, OrderLine, TradingLimit
from trading.orders import intents, kill_switch
from trading.orders.spec import OrderSpec

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]

TOLD = ("Zebra", "zebra@example.com", "192.0.2.77")


@pytest.fixture
def zebra() -> Connection:
    """A trader of whom everything is known, and another one."""
    made = []
    for number, (name, email, address) in enumerate((TOLD, ("Yak", "yak@example.com", "192.0.2.78")), start=1):
        connection = person(f"sim:{number}", number)
        connection.name, connection.full_name, connection.email = name, f"{name} Trader", email
        connection.save()
        user = connection.user
        user.first_name, user.email = f"{name} Trader", email
        user.set_unusable_password()
        user.save()
        account = Account.objects.create(connection=connection, tradovate_id=7, name="DEMO7", alias=f"{name}'s own")
        spec = OrderSpec(account_id=account.pk, symbol="ESZ6", action="Buy", order_qty=2)
        intents.create(spec, f"click:{number}")
        twin = [{"severity": "warning", "field": "file", "message": f"The same orders were uploaded as {name}.old"}]
        file = OrderFile.objects.create(
            account=account, name=f"{name}.txt", content=f"ESZ6 2 # {name}", state="finished", findings=twin
        )
        OrderLine.objects.create(file=file, number=1, text=file.content, symbol="ESZ6", quantity=2)
        typed = [{"severity": "error", "field": "quantity", "message": f"“{name}” is not a whole number"}]
        OrderLine.objects.create(file=file, number=2, text=f"{name} {name}", symbol=name.upper(), findings=typed)
        kill_switch.throw(user, user=user, reason=f"{name} is tired", ip_address=address)
        by_support(user, connection, account, name)
        AccessLog.objects.create(username=user.username, ip_address=address, user_agent=f"{name}'s phone")
        AccessAttempt.objects.create(username=user.username, ip_address=address, failures_since_start=1)
        attempts.begin(address, Environment.SIM, name)
        AuditEvent.objects.create(kind="signed-in", user=user, connection=connection, ip_address=address, detail=name)
        trade = {"order_id_at_broker": 5, "qty": 2, "price": 5000, "symbol": "ESZ6", "action": "Buy"}
        Fill.objects.create(connection=connection, tradovate_id=66, at=timezone.now(), **trade)
        made.append(connection)
    return made[0]


def by_support(user: User, connection: Connection, account: Account, name: str) -> None:
    """Support stops the trader, and sets one limit that stays and one that is removed, as the admin's log keeps it."""
    staff, _ = User.objects.get_or_create(username="sam", is_staff=True)
    stopped = [
        kill_switch.throw(staff, by_staff=True, reason=f"{name} rang", user=user),
        kill_switch.throw(staff, by_staff=True, reason=f"{name} rang", connection=connection),
    ]
    limits = [
        TradingLimit.objects.create(user=user, account=account, product=product, set_by="staff", max_order_qty=1)
        for product in ("ES", "NQ")
    ]
    LogEntry.objects.log_actions(staff.pk, stopped, ADDITION)
    LogEntry.objects.log_actions(staff.pk, limits, ADDITION)
    LogEntry.objects.log_actions(staff.pk, limits[:1], DELETION)
    limits[0].delete()


def forget(*arguments: str) -> str:
    out = StringIO()
    call_command("forget_trader", *arguments, stdout=out)
    return out.getvalue()


def kept_of(words: tuple[str, ...]) -> list[str]:
    return [value for value in in_the_database() if any(word.lower() in value.lower() for word in words)]


def test_nothing_tells_who_it_was_and_the_books_stay(zebra: Connection) -> None:
    OrderIntent.objects.update(state="filled")
    theirs = browser_of(zebra)
    assert "--yes" in forget("sim:1")
    assert kept_of(TOLD)

    forget("sim:1", "--yes")

    assert kept_of(TOLD) == []
    assert len(kept_of(("Yak",))) > 5
    zebra.refresh_from_db()
    assert (zebra.tokens, zebra.tradovate_user_id, zebra.user.is_active) == (None, 1, False)
    assert theirs.get("/limits/").status_code == 302
    assert Fill.objects.filter(connection=zebra).count() == 1
    assert OrderIntent.objects.filter(connection=zebra).count() == 1
    events = AuditEvent.objects.filter(user=zebra.user).order_by("pk")
    stopped = ["trading-stopped"] * 3
    assert [event.kind for event in events] == [*stopped, "signed-in", "signed-out", "switched-off"]
    assert events[5].detail.startswith("forgotten by manage.py at 20")


def test_who_has_orders_at_work_is_not_forgotten_yet(zebra: Connection) -> None:
    OrderIntent.objects.update(state="working")
    with pytest.raises(CommandError, match="1 orders at work"):
        forget("sim:1", "--yes")
    assert kept_of(TOLD)
    zebra.refresh_from_db()
    assert zebra.user.is_active


def last_changed(**values: object) -> None:
    """Every intent, as it was two days ago."""
    OrderIntent.objects.update(changed_at=timezone.now() - timedelta(days=2), **values)


@pytest.mark.parametrize("state", ["working", "unknown"])
def test_what_nobody_can_hear_of_any_more_keeps_nobody(zebra: Connection, state: str) -> None:
    """A day order that worked when its trader signed out, and one whose answer was never found."""
    last_changed(state=state)
    forget("sim:1", "--yes")
    assert kept_of(TOLD) == []


def test_an_order_until_cancelled_is_at_work_while_its_trader_is_signed_in(zebra: Connection) -> None:
    last_changed(state="working", time_in_force="GTC")
    with pytest.raises(CommandError, match="1 orders at work"):
        forget("sim:1", "--yes")
    Connection.objects.update(sealed_tokens="")
    forget("sim:1", "--yes")
    assert kept_of(TOLD) == []


def test_what_a_stopped_file_has_not_sent_is_given_up(zebra: Connection) -> None:
    left = OrderIntent.objects.get(connection=zebra)
    OrderFile.objects.filter(account__connection=zebra).update(state="stopped", stop_reason="Stopped by the trader.")
    OrderLine.objects.filter(file__account__connection=zebra, number=1).update(intent=left)

    forget("sim:1", "--yes")

    left.refresh_from_db()
    assert left.state == "cancelled"
    assert OrderFile.objects.get(account__connection=zebra).state == "finished"
    assert OrderIntent.objects.exclude(connection=zebra).get().state == "created"


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
def test_a_trader_with_rights_in_the_admin_is_one(zebra: Connection, right: str) -> None:
    OrderIntent.objects.update(state="filled")
    User.objects.filter(pk=zebra.user_id).update(**{right: True})

    forget("sim:1", "--yes")

    assert kept_of(TOLD) == []


def test_staff_and_strangers_are_no_traders(zebra: Connection) -> None:
    User.objects.create_superuser("boss")
    User.objects.create_user("nora")
    for name in ("boss", "nora", "sim:99"):
        with pytest.raises(CommandError, match=f"There is no trader {name}"):
            forget(name, "--yes")
