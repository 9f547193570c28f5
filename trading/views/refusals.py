"""What the portal itself has refused, kept in the audit trail: of what was not sent support finds nothing else."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import cast

from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent, User
from accounts.sign_in import current_connection

# Of one connection and hour: whoever presses without end must not fill the disk.
MOST = 60
_HOUR = dt.timedelta(hours=1)
_IDS = re.compile(r"[0-9]{1,19}:[0-9]{1,19}")


def keep(request: HttpRequest, what: str, findings: Iterable[Mapping[str, str]]) -> None:
    """Keep that `what` was refused, and by which errors."""
    connection = current_connection(cast(User, request.user), request.session)
    refused = AuditEvent.objects.filter(kind=AuditEvent.Kind.ORDER_REFUSED, connection=connection)
    left = MOST - refused.filter(at__gt=timezone.now() - _HOUR).count()
    if connection is None or left <= 0:
        return
    why = " ".join(finding["message"] for finding in findings if finding["severity"] == "error")
    audit.record(
        AuditEvent.Kind.ORDER_REFUSED,
        connection=connection,
        ip_address=audit.address_of(request),
        detail=f"{what}: {why}" if left > 1 else f"{what}: refused, as were others; more of this hour are not kept",
    )


def pressed(request: HttpRequest) -> str:
    """Which button was pressed, and on what: "flatten 1001:55", Tradovate's ids of the account and of the order or
    contract."""
    named = request.POST.get("order") or request.POST.get("position") or ""
    match = request.resolver_match
    button = (match.url_name or "" if match else "").replace("-", " ")
    return f"{button} {named}" if _IDS.fullmatch(named) else button
