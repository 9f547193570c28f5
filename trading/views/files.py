"""Order files: upload and list, preview and confirm, follow and report. Another's file does not exist here."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Connection, User
from accounts.sign_in import current_connection
from trading import tasks
from trading.files import execute, preview, report
from trading.models import Account, OrderFile
from trading.orders.trading_days import calendar_day
from trading.sync import rows as formatter
from trading.views import refusals
from trading.views.press import elsewhere

if TYPE_CHECKING:
    AccountChoice = forms.ModelChoiceField[Account]
else:
    AccountChoice = forms.ModelChoiceField

FileState = OrderFile.State
LISTED = 50


class UploadForm(forms.Form):
    """An order file as an upload or as text."""

    file = forms.FileField(required=False, allow_empty_file=True)
    text = forms.CharField(required=False, strip=False, widget=forms.Textarea, max_length=settings.ORDER_FILE_MAX_BYTES)

    def __init__(self, accounts: QuerySet[Account], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = {"invalid_choice": "Choose one of your accounts that can trade."}
        self.fields["account"] = AccountChoice(accounts, empty_label=None, error_messages=words)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and cleaned.get("file") is None and not cleaned.get("text", "").strip():
            raise forms.ValidationError("Choose a file, or write the orders into the field.")
        if cleaned.get("file") is not None and cleaned.get("text", "").strip():
            raise forms.ValidationError("Choose a file or write the orders, not both.")
        return cleaned

    def content(self) -> tuple[str, bytes]:
        """Name and bytes of what was uploaded: at most one byte more than is allowed, so that it shows."""
        uploaded = self.cleaned_data["file"]
        if uploaded is None:
            return "written.txt", self.cleaned_data["text"].encode()
        return uploaded.name, uploaded.read(settings.ORDER_FILE_MAX_BYTES + 1)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def files(request: HttpRequest) -> HttpResponse:
    """The trader's order files, newest first, and the form for another one; a POST takes the upload."""
    connection = current_connection(_user(request), request.session)
    if connection is None:
        return render(request, "trading/no_connection.html")
    if request.method == "POST":
        return _upload(request, connection)
    return _list(request, connection, UploadForm(_accounts(connection)))


@login_required
@require_safe
def file(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    """One order file: its preview, then its life, then its report. htmx gets the summary alone."""
    found = _find(request, file_id)
    remarks = execute.remarks(found)
    rows = report.rows(found)
    if found.state == FileState.READY:
        said = preview.by_line(remarks)
        rows = [replace(row, findings=said[row.line.number]) for row in rows]
    totals = found.totals()
    was_confirmed = found.confirmed_at is not None
    context = {
        "file": found,
        "rows": [(row, formatter.line_row(row.line)) for row in rows],
        "totals": totals,
        "shown_totals": formatter.totals_row(totals),
        "remarks": [one for one in remarks if not one.line],
        "of_lines": [one for one in remarks if one.line and found.state == FileState.STOPPED],
        "warned": " ".join(dict.fromkeys(one.mark for one in remarks)),
        "errors": [(row.line.number, finding) for row in rows for finding in row.findings if finding.is_error],
        "was_confirmed": was_confirmed,
        "waiting": found.lines.sendable().count(),
        "sign_in_needed": any(kept["field"] == "sign-in" for kept in found.findings),
        "elsewhere": elsewhere(request, found.account.connection),
        "now_open": _is_open(found),
        # A look at Tradovate's records, which show the current day only, does not tell what was sent of it since.
        "of_earlier_day": calendar_day(found.progressed_at or found.uploaded_at) < calendar_day(timezone.now()),
    }
    part = "HX-Request" in request.headers
    answer = render(request, "trading/file_summary.html" if part else "trading/file.html", context)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


@login_required
@require_safe
def csv(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    """The results as a CSV file."""
    found = _find(request, file_id)
    stem = found.name.rpartition(".")[0] or found.name
    disposition = content_disposition_header(as_attachment=True, filename=f"{stem}-results.csv")
    headers = {"Content-Disposition": disposition or "attachment"}
    return HttpResponse(report.csv(found), content_type="text/csv; charset=utf-8", headers=headers)


def _decision(decide: Callable[[HttpRequest, OrderFile], None]) -> Callable[[HttpRequest, uuid.UUID], HttpResponse]:
    """A view for a button of a file, for who is signed in to the connection that the file is for."""

    @login_required
    @require_POST
    @wraps(decide)
    def view(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
        found = _find(request, file_id)
        if words := elsewhere(request, found.account.connection):
            messages.error(request, words)
        else:
            decide(request, found)
        return redirect("trading:file", found.pk)

    return view


@_decision
def check(request: HttpRequest, file: OrderFile) -> None:
    """Check a file again that could not be checked when it was uploaded."""
    preview.check_again(file.pk, _user(request))


@_decision
def confirm(request: HttpRequest, file: OrderFile) -> None:
    """Send the file's orders."""
    try:
        if execute.confirm(file.pk, _user(request), _warned(request)):
            tasks.ring(file.pk)
    except execute.CannotConfirm as problem:
        _not_sent(request, file, problem)


@_decision
def resume(request: HttpRequest, file: OrderFile) -> None:
    """Go on with a stopped file."""
    try:
        goes_on = execute.resume(file.pk, _user(request), request.POST.get("stop_reason"), _warned(request))
    except execute.CannotConfirm as problem:
        _not_sent(request, file, problem)
        return
    if goes_on:
        tasks.ring(file.pk)
    elif OrderFile.objects.filter(pk=file.pk, state=FileState.STOPPED).exists():
        messages.info(request, "Something about the file has changed since you read it. Look at it before you resume.")


@_decision
def discard(request: HttpRequest, file: OrderFile) -> None:
    """Put the file aside, or give up what a stopped one has not sent."""
    if execute.discard(file.pk, _user(request), tasks.tell_pages):
        return
    file.refresh_from_db(fields=["state"])
    if _is_open(file):
        messages.info(request, "The file was confirmed or resumed meanwhile. Stop it, then give up what was not sent.")


@login_required
@require_POST
def stop(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    """Send nothing more of the file, whichever connection it is for."""
    found = _find(request, file_id)
    execute.stop(found.pk, _user(request), tasks.tell_pages)
    return redirect("trading:file", found.pk)


def stale(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    """For a Stop in a tab from before a sign-in, whose form is not valid any more: nothing is stopped, and the page
    asks for the same with a form that is."""
    context: dict[str, Any] = {"page": reverse("trading:file", args=[file_id])}
    if request.user.is_authenticated:
        context["file"] = found = _find(request, file_id)
        if not _is_open(found):
            return redirect("trading:file", found.pk)
    return render(request, "trading/file_stale.html", context, status=403)


def _warned(request: HttpRequest) -> list[str]:
    """What the page showed whose button was pressed."""
    return request.POST.get("warned", "").split()


def _is_open(file: OrderFile) -> bool:
    """Whether orders of it may still go out by themselves."""
    return file.state in {FileState.QUEUED, FileState.EXECUTING}


def _not_sent(request: HttpRequest, file: OrderFile, problem: execute.CannotConfirm) -> None:
    """Say why, to the trader now and to support later."""
    messages.error(request, str(problem))
    refusals.keep(request, f"order file {file.name}", [{"severity": "error", "message": str(problem)}])


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)


def _upload(request: HttpRequest, connection: Connection) -> HttpResponse:
    form = UploadForm(_accounts(connection), request.POST, request.FILES)
    if not form.is_valid():
        return _list(request, connection, form, status=400)
    name, raw = form.content()
    file = preview.upload(form.cleaned_data["account"], name, raw)
    return redirect("trading:file", file.pk)


def _find(request: HttpRequest, file_id: uuid.UUID) -> OrderFile:
    visible = OrderFile.objects.visible_to(_user(request)).select_related("account__connection")
    return get_object_or_404(visible, pk=file_id)


def _accounts(connection: Connection) -> QuerySet[Account]:
    return Account.objects.tradable().filter(connection=connection)


def _list(request: HttpRequest, connection: Connection, form: UploadForm, *, status: int = 200) -> HttpResponse:
    own = OrderFile.objects.visible_to(_user(request)).select_related("account__connection")
    context = {
        "files": own.annotate(line_count=Count("lines")).order_by("-uploaded_at")[:LISTED],
        "form": form,
        "can_trade": _accounts(connection).exists(),
        "has_accounts": connection.accounts.exists(),
        "most_lines": settings.ORDER_FILE_MAX_LINES,
        "most_contracts": settings.ORDER_MAX_QUANTITY,
    }
    return render(request, "trading/files.html", context, status=status)
