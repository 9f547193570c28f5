"""The form of the way in by API key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.core.validators import RegexValidator

from accounts.api_key import ApiKeyLogin
from accounts.models import Environment

PLAIN = {"autocapitalize": "none", "spellcheck": "false"}


class ApiKeyForm(forms.Form):
    """What Tradovate asks for at auth/accesstokenrequest, with its limits (openapi.json, AccessTokenRequest).

    A page never shows a password or secret again: both come back empty.
    """

    environment = forms.TypedChoiceField()
    name = forms.CharField(
        label="Tradovate user name",
        max_length=64,
        widget=forms.TextInput(attrs=PLAIN | {"autocomplete": "username"}),
    )
    password = forms.CharField(
        label="Tradovate password",
        max_length=64,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    app_id = forms.CharField(
        label="App name",
        help_text="As you named the key at Tradovate.",
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs=PLAIN | {"autocomplete": "off"}),
    )
    app_version = forms.CharField(
        label="App version",
        help_text="Free text that Tradovate shows you.",
        max_length=64,
        initial="1.0",
        required=False,
        widget=forms.TextInput(attrs=PLAIN | {"autocomplete": "off"}),
    )
    cid = forms.CharField(
        label="Client id (cid)",
        help_text="The number above the key.",
        max_length=64,
        required=False,
        validators=[RegexValidator(r"\A[0-9]+\Z", "The client id is a number.")],
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    secret = forms.CharField(
        label="Secret (sec)",
        help_text="Tradovate showed it once, when the key was made.",
        max_length=8192,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    key_fields: ClassVar[dict[str, str]] = {
        "app_id": "Type the name of the API key.",
        "app_version": "Type a version, such as 1.0.",
        "cid": "Type the client id of the API key.",
        "secret": "Type the secret of the API key.",
    }

    def __init__(self, environments: Sequence[Environment], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["environment"] = forms.TypedChoiceField(
            choices=[(environment.value, environment.label) for environment in environments],
            coerce=Environment,
            initial=environments[0].value,
            widget=forms.HiddenInput() if len(environments) == 1 else forms.Select(),
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        # The simulator lets everybody in who knows the password.
        if cleaned.get("environment") is not Environment.SIM:
            for name, words in self.key_fields.items():
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, words)
        return cleaned

    def login(self) -> ApiKeyLogin:
        """What was typed; the form must be valid."""
        return ApiKeyLogin(**self.cleaned_data)
