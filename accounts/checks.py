"""System checks: what is wrong with the settings is said by `manage.py check`, before a trader finds out."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from accounts import crypto, oauth
from accounts.models import Environment


@register(Tags.security)
def token_keys(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """TOKEN_KEYS parses, and none of its keys is the SECRET_KEY."""
    try:
        keys = crypto.parse_keys(settings.TOKEN_KEYS)
    except crypto.BadKey as problem:
        hint = 'Write "id:base64 of 32 random bytes", newest first; `openssl rand -base64 32` makes the second part.'
        return [Error(str(problem), hint=hint, id="accounts.E001")]
    secret = settings.SECRET_KEY
    return [
        Error(
            f"Key {key.id!r} in TOKEN_KEYS is the SECRET_KEY.",
            hint="Tokens need keys of their own: whoever learns one secret must not have the other.",
            id="accounts.E002",
        )
        for key in keys
        if key.secret == secret.encode() or base64.b64encode(key.secret).decode() == secret
    ]


@register()
def environments(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """TRADOVATE_ENVIRONMENTS names what there is, and each has the credentials that its sign-in needs."""
    problems: list[CheckMessage] = [
        Error(
            f"TRADOVATE_ENVIRONMENTS has {name!r}, which does not exist.",
            hint=f"Use {', '.join(Environment.of_sign_ins())}, comma-separated.",
            id="accounts.E003",
        )
        for name in settings.TRADOVATE_ENVIRONMENTS
        if name not in Environment.of_sign_ins()
    ]
    problems += [
        Error(
            f"API_KEY_ENVIRONMENTS has {name!r}, which TRADOVATE_ENVIRONMENTS does not have.",
            hint="Add it there too, or take it out here.",
            id="accounts.E006",
        )
        for name in settings.API_KEY_ENVIRONMENTS
        if name not in oauth.configured()
    ]
    for environment in oauth.offered():
        prefix = "SIMULATOR" if environment is Environment.SIM else "TRADOVATE"
        own = oauth.credentials(environment)
        problems += [
            Error(
                f"{prefix}_{name} is not set, so nobody can sign in to {environment.label}.",
                hint=f"Set it in .env, or take {environment.value!r} out of TRADOVATE_ENVIRONMENTS.",
                id="accounts.E004",
            )
            for name, value in (("CLIENT_ID", own.client_id), ("CLIENT_SECRET", own.client_secret))
            if not value
        ]
        try:
            oauth.default_hosts(environment)
        except ValueError as problem:
            problems.append(Error(f"SIMULATOR_URL: {problem}", id="accounts.E005"))
    return problems
