"""How a press of a button is answered: in words, as JSON to a script that asks for it, else on the next page."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

from trading.models import OrderIntent
from trading.orders.checks import Severity
from trading.orders.desk import Outcome
from trading.sync import intent_rows
from trading.views import refusals

_LEVELS = {"success": messages.SUCCESS, "info": messages.INFO, "warning": messages.WARNING, "error": messages.ERROR}
MANY = 3
_WORST_FIRST = ("error", "warning", "info", "success")


def new_key() -> str:
    """A key that makes one press of a button one wish, however often it arrives."""
    return secrets.token_hex(16)


def wants_json(request: HttpRequest) -> bool:
    """Whether a script asks, which writes the answer into the page itself."""
    return "application/json" in request.headers.get("Accept", "")


def answer(
    request: HttpRequest,
    level: str,
    words: str,
    *,
    told: Sequence[OrderIntent] = (),
    findings: Iterable[Mapping[str, str]] = (),
    refused: bool = False,
    status: int = 200,
) -> HttpResponse:
    """Say `words`; `told` are the intents that it is about, the leading one first, for the page to follow. `refused`
    says that nothing was sent."""
    if wants_json(request):
        body: dict[str, Any] = {
            "level": level,
            "words": words,
            "refused": refused,
            "findings": list(findings),
            "rows": intent_rows.rows_of(told),
            "intent": f"intent:{told[0].pk}" if told else "",
            "key": new_key(),
        }
        return JsonResponse(body, status=status)
    messages.add_message(request, _LEVELS[level], words)
    return redirect("trading:desk")


def outcome(request: HttpRequest, came: Outcome) -> HttpResponse:
    """Say what came of a wish, and tell the trader's other pages."""
    intent_rows.tell(intent.pk for intent in came.intents)
    if came.refused:
        problems = [finding.as_json() for finding in came.findings]
        refusals.keep(request, refusals.pressed(request), problems)
        return refused(request, problems)
    if not came.intents:
        return answer(request, "info", came.words or "There was nothing to do.")
    leads = [intent for intent in came.intents if intent.lead_id is None]
    # A script shows what the checks warn of beforehand, and follows what becomes of exits.
    warnings = [] if wants_json(request) else [one for one in came.findings if one.severity is Severity.WARNING]
    is_fine = came.complete and not warnings
    levels = {intent_rows.level(intent) for intent in leads} | ({"success"} if is_fine else {"warning"})
    worst = next(level for level in _WORST_FIRST if level in levels)
    words = " ".join([_words(came, leads), *(one.message for one in warnings if came.complete)])
    findings = [finding.as_json() for finding in came.findings]
    return answer(request, worst, words, told=came.intents, findings=findings)


def _words(came: Outcome, leads: Sequence[OrderIntent]) -> str:
    """What came of each; many that went well are told together."""
    if not came.complete:
        return came.words
    fine = [intent for intent in leads if intent_rows.level(intent) == "success"]
    if len(fine) < MANY:
        return " ".join(intent_rows.words(intent) for intent in leads)
    others = [intent_rows.words(intent) for intent in leads if intent not in fine]
    return " ".join([f"{', '.join(intent.described for intent in fine)}: accepted by Tradovate.", *others])


def refused(request: HttpRequest, problems: Sequence[Mapping[str, str]]) -> HttpResponse:
    """Say what is wrong: nothing was sent."""
    words = " ".join(problem["message"] for problem in problems if problem["severity"] == "error")
    return answer(request, "error", words, findings=problems, refused=True)
