"""Whoever guesses passwords of staff is locked out (axes), also with many guesses at once.

A password counts as wrong from the moment in which it comes until it has turned out to be right: of a hundred that come
at a time no more are looked at than of a hundred in turn.
"""

from __future__ import annotations

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt
from django.contrib.auth import authenticate
from django.db.models import F
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts import attempts
from accounts.models import User

NOT_YOURS = "This is not your password, or too many were wrong: wait 15 minutes then."


def name_that_counts(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """By which name a password is counted and kept (settings.AXES_USERNAME_CALLABLE): that of an account, or a digest
    of what was typed where there is none. People type passwords into the wrong field."""
    name = str((credentials or request.POST).get("username") or "")
    if User.objects.filter(username=name).exists():
        return name
    return f"no such name: {salted_hmac('accounts.lockout', name, algorithm='sha256').hexdigest()}"


def is_own_password(request: HttpRequest, password: str) -> bool:
    """Whether this is the password of whoever is signed in, asked for once more. As at a sign-in wrong ones are
    counted, and too many lock out."""
    known = authenticate(request, username=request.user.get_username(), password=password)
    take_back(request)
    return known is not None and known.pk == request.user.pk


class Lockout(AxesDatabaseHandler):  # type: ignore[misc]  # axes ships no types
    """What axes does (settings.AXES_HANDLER), with each password counted before it is looked at."""

    def is_allowed(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        with attempts.one_at_a_time():
            self.clean_expired_user_attempts(request, credentials)
            if not super().is_allowed(request, credentials):
                return False
            attempt, _ = AccessAttempt.objects.get_or_create(
                username=get_client_username(request, credentials),
                ip_address=request.axes_ip_address,
                user_agent=request.axes_user_agent,
                defaults={"failures_since_start": 0},
            )
            AccessAttempt.objects.filter(pk=attempt.pk).update(failures_since_start=F("failures_since_start") + 1)
            request.password_counted = attempt.pk
        return True

    def user_login_failed(self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
        # Counted for good, with what axes keeps of it: in between nobody finds room.
        with attempts.one_at_a_time():
            take_back(request)
            super().user_login_failed(sender, credentials, request, **kwargs)


def take_back(request: Any) -> None:
    """The request's password counts as wrong no more, if it was counted."""
    counted = getattr(request, "password_counted", None)
    if counted is None:
        return
    request.password_counted = None
    with attempts.one_at_a_time():
        mine = AccessAttempt.objects.filter(pk=counted)
        mine.update(failures_since_start=F("failures_since_start") - 1)
        mine.filter(failures_since_start=0).delete()
