"""`manage.py forget_trader`: what is kept of a person goes, what is kept of their trading stays, under numbers only."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.access import forget
from accounts.models import User
from trading.files import execute
from trading.models import Account, KillSwitch, OrderFile, OrderLine, TradingLimit
from trading.sync import wanted


class Command(BaseCommand):
    help = (
        "Forget a trader as a person: sign them out everywhere, switch the login off, and erase names, e-mail, "
        "addresses and their own words. Orders, fills, cash and the kinds of events stay, under Tradovate's numbers. "
        "It cannot be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("trader", help="the portal's user name, such as tradovate:1001 (the admin shows it)")
        parser.add_argument("--yes", action="store_true", help="do it; without this it is only said what would be done")

    def handle(self, *args: Any, trader: str, yes: bool, **options: Any) -> None:
        person = User.objects.filter(username=trader).first()
        if person is None or not person.is_trader:
            raise CommandError(f"There is no trader {trader}.")
        files = OrderFile.objects.visible_to(person)
        at_work = wanted.followed().filter(connection__user=person).count()
        running = files.filter(state__in=["queued", "executing"]).count()
        if at_work or running:
            raise CommandError(
                f"{trader} has {at_work} orders at work and {running} files that run. Stop their trading in the admin, "
                "and wait until that is done, or for a day where nobody is signed in to follow it."
            )
        names = ", ".join(str(connection) for connection in person.connections.all()) or "no connection"
        if not yes:
            self.stdout.write(f"{person.display_name} ({names}) would be forgotten. Repeat it with --yes.")
            return
        with transaction.atomic():
            _forget_in_the_admins_log(person)
            forget(person, f"forgotten by manage.py at {timezone.now():%Y-%m-%d %H:%M} UTC")
            Account.objects.visible_to(person).update(alias="")
            for file in files.filter(state="stopped"):
                execute.discard(file.pk, person, lambda line: None)
            # What was found in a file repeats its words, and names of earlier ones.
            files.update(name="forgotten", content="", findings=[])
            lines = OrderLine.objects.filter(file__account__connection__user=person)
            lines.update(text="", findings=[])
            lines.filter(contract=None, intent=None).update(symbol="")
            _switches_of(person).update(reason="")
        self.stdout.write(f"{trader} is forgotten.")


def _switches_of(person: User) -> QuerySet[KillSwitch]:
    return KillSwitch.objects.filter(Q(thrown_by=person) | Q(user=person) | Q(connection__user=person))


def _forget_in_the_admins_log(person: User) -> None:
    """It names what staff did by the words that the row had then: the trader's name, or that of an account. To be done
    before those are erased: a limit that was removed is known by them alone."""
    limit, switch = map(ContentType.objects.get_for_model, (TradingLimit, KillSwitch))
    about = Q(content_type=switch, object_id__in=_ids(_switches_of(person)))
    about |= Q(content_type=limit, object_id__in=_ids(TradingLimit.objects.visible_to(person)))
    for account in Account.objects.visible_to(person).exclude(alias=""):
        about |= Q(content_type=limit, object_repr__startswith=str(account))
    LogEntry.objects.filter(about).update(object_repr="forgotten")


def _ids(rows: QuerySet[Any]) -> list[str]:
    return [str(pk) for pk in rows.values_list("pk", flat=True)]
