"""The order ticket is previewed while it is filled in, and sent when its button is pressed."""

from __future__ import annotations

import datetime as dt
import math
import time
from typing import Final, cast

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from accounts.models import Connection, User
from trading.models import Account, Contract
from trading.orders import contracts, desk, pretrade
from trading.orders.checks import Finding
from trading.orders.contracts import Looked
from trading.orders.prices import plain
from trading.orders.spec import OrderSpec, OrderTerms
from trading.orders.stakes import stakes
from trading.sync import watched
from trading.views import answers, refusals
from trading.views.desk import page
from trading.views.press import press, source_key
from trading.views.ticket import PRICE_LABELS, TicketForm, form_problems

# A symbol that Tradovate does not know, or that has expired, is not asked for again for so many seconds while somebody
# types. What is kept is of the symbol alone: other traders type it, too.
KEPT_FOR: Final = 30.0
MOST_KEPT: Final = 1000
_kept: dict[tuple[str, str], tuple[float, Looked]] = {}


@press
def place(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Send the ticket. A script gets JSON; a browser without one the next page, or the desk with what is wrong."""
    received_at = timezone.now()
    key = source_key(request)
    form = TicketForm(Account.objects.tradable().filter(connection=connection), request.POST)
    if form.is_valid():
        came = desk.place(cast(User, request.user), form.spec, key, received_at=received_at)
        if not came.refused:
            return answers.outcome(request, came)
        problems = [form.placed(finding) for finding in came.findings]
        refusals.keep(request, describe(form.spec), problems)
    else:
        problems = form_problems(form)
    if answers.wants_json(request):
        return answers.refused(request, problems)
    for problem in problems:
        if problem["severity"] == "error" and problem["message"] not in form.errors.get(problem["field"], []):
            form.add_error(problem["field"] or None, problem["message"])
    return page(request, connection, form=form, status=422)


@press
def preview(request: HttpRequest, connection: Connection) -> JsonResponse:
    """What the ticket would do and what is to be said about it, while it is filled in, or with `whole` before it goes
    out as it is; nothing is sent. `checked` tells whether the checks have spoken."""
    form = TicketForm(Account.objects.tradable().filter(connection=connection), request.POST)
    is_whole = "whole" in request.POST
    if not form.is_valid():
        problems = form_problems(form)
        if not is_whole:
            # Fields that are still empty are not wrong yet.
            problems = [problem for problem in problems if request.POST.get(problem["field"])]
        return JsonResponse({"findings": problems, "checked": False, "described": "", "stakes": None})
    found = _findings(connection, form.spec, is_whole)
    contract = _contract(connection, form.spec.symbol)
    if contract is not None:
        # By the time that this ticket is sent its prices can be compared with the last one.
        watched.name(connection.pk, contract.tradovate_id)
    where = f", in {form.cleaned_data['account']}" if connection.accounts.count() > 1 else ""
    body = {
        "findings": [form.placed(finding) for finding in found or ()],
        "checked": found is not None,
        "described": describe(form.spec, form.clock) + where,
        "stakes": None if contract is None else _stakes_row(form.spec, contract),
    }
    return JsonResponse(body)


def describe(spec: OrderSpec, clock: dt.tzinfo = dt.UTC) -> str:
    """An order in a line that a trader reads before it goes out; times are by this `clock`."""
    what = f"{spec.order_qty} {spec.symbol}"
    parts = [_terms(part, "" if prefix else what, clock) for prefix, part in spec.parts]
    joint = ", then " if spec.triggers else " or, whichever trades first, "
    words = joint.join([parts[0], *([" or ".join(parts[1:])] if parts[1:] else [])])
    for bracket in spec.brackets:
        exits = {
            "target": bracket.profit_target,
            "trailing stop" if bracket.trailing_stop else "stop": bracket.stop_loss,
        }
        words += ", with " + " and ".join(f"{name} {distance} away" for name, distance in exits.items() if distance)
    return words


def _terms(part: OrderTerms, what: str, clock: dt.tzinfo) -> str:
    prices = {name: plain(price) for name, price in part.prices()}
    one_of_several = ", ".join(f"{PRICE_LABELS[name].lower()} {price}" for name, price in prices.items())
    at = one_of_several if len(prices) > 1 else "".join(f"at {price}" for price in prices.values())
    until = f"until {part.expire_time.astimezone(clock):%Y-%m-%d %H:%M %Z}" if part.expire_time else ""
    shown = f"(showing {part.max_show})" if part.max_show else ""
    return " ".join(filter(None, (part.action, what, shown, part.order_type, at, part.time_in_force, until)))


def _findings(connection: Connection, spec: OrderSpec, is_whole: bool) -> tuple[Finding, ...] | None:
    """What the checks say, without asking Tradovate about every letter that is typed: then None."""
    is_half = not is_whole and not contracts.COMPLETE_SYMBOL.fullmatch(spec.symbol)
    if is_half and _contract(connection, spec.symbol) is None:
        return None
    key = (connection.environment, spec.symbol)
    asked_at, looked = _kept.get(key, (-math.inf, None))
    if time.monotonic() - asked_at > KEPT_FOR:
        looked = None
    vetted = pretrade.vet(spec, looked=looked)
    if looked is None and (vetted.looked.near or vetted.looked.front):
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[key] = (time.monotonic(), vetted.looked)
    return vetted.findings


def _contract(connection: Connection, symbol: str) -> Contract | None:
    named = Contract.objects.named(symbol).filter(environment=connection.environment)
    return named.select_related("product").last()


def _stakes_row(spec: OrderSpec, contract: Contract) -> dict[str, str] | None:
    terms = contracts.price_terms(contract.product)
    found = stakes(spec, terms)
    if found is None:
        return None
    return {
        "risk": "" if found.risk is None else terms.money(found.risk),
        "reward": "" if found.reward is None else terms.money(found.reward),
        "ratio": "" if found.ratio is None else f"{found.ratio:.2f} R",
    }
