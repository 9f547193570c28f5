import base64
from importlib.util import find_spec

import pytest

from accounts import checks


def ids(problems: list) -> list[str]:
    return [problem.id for problem in problems]


def test_the_settings_of_a_fresh_start_are_fine() -> None:
    assert checks.token_keys(None) == []
    assert checks.environments(None) == []


def test_an_unusable_token_key_is_an_error(settings) -> None:
    settings.TOKEN_KEYS = ["k1:short"]

    assert ids(checks.token_keys(None)) == ["accounts.E001"]


@pytest.mark.parametrize("as_text", [True, False])
def test_the_secret_key_is_no_token_key(settings, as_text: bool) -> None:
    encoded = base64.b64encode(b"s" * 32).decode()
    settings.SECRET_KEY = encoded if as_text else "s" * 32
    settings.TOKEN_KEYS = [f"k1:{encoded}"]

    assert ids(checks.token_keys(None)) == ["accounts.E002"]


def test_an_unknown_environment_is_an_error(settings) -> None:
    settings.TRADOVATE_ENVIRONMENTS = ["sim", "paper"]

    problems = checks.environments(None)

    assert ids(problems) == ["accounts.E003"]
    assert "'paper'" in problems[0].msg


def test_an_environment_without_credentials_is_an_error_that_names_the_variables(settings) -> None:
    settings.TRADOVATE_ENVIRONMENTS = ["live"]
    settings.TRADOVATE_CLIENT_ID = settings.TRADOVATE_CLIENT_SECRET = ""

    problems = checks.environments(None)

    assert ids(problems) == ["accounts.E004", "accounts.E004"]
    assert "TRADOVATE_CLIENT_ID" in problems[0].msg
    assert "TRADOVATE_CLIENT_SECRET" in problems[1].msg


def test_the_simulator_must_be_on_this_machine(settings) -> None:
    settings.SIMULATOR_URL = "https://simulator.example"

    assert ids(checks.environments(None)) == ["accounts.E005"]


def test_httpx2_is_absent() -> None:
    # Authlib prefers it when it is installed and then speaks through a library that nothing here was tried with.
    assert find_spec("httpx2") is None


def test_an_environment_that_api_keys_open_needs_no_oauth_application(settings) -> None:
    settings.TRADOVATE_ENVIRONMENTS, settings.API_KEY_ENVIRONMENTS = ["live"], ["live"]
    settings.TRADOVATE_CLIENT_ID = settings.TRADOVATE_CLIENT_SECRET = ""

    assert checks.environments(None) == []

    settings.TRADOVATE_CLIENT_ID = "half of one"
    assert ids(checks.environments(None)) == ["accounts.E004"]


def test_api_keys_open_only_what_is_configured(settings) -> None:
    settings.API_KEY_ENVIRONMENTS = ["sim", "demo", "paper"]

    assert ids(checks.environments(None)) == ["accounts.E006", "accounts.E006"]
