"""The form for a Tradovate password and an API key: where there is one, what it asks for and what it does not send."""

import re

import pytest
from django.test import Client

from accounts.models import SignInAttempt
from tests.accounts.conftest import API_KEY_URL, TYPED, press, words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_keys_on")]


def test_before_live_the_page_speaks_of_devices(client, settings) -> None:
    settings.TRADOVATE_ENVIRONMENTS = settings.API_KEY_ENVIRONMENTS = ["demo"]
    assert "new device" not in words(client.get(API_KEY_URL, SERVER_NAME="127.0.0.1"))
    settings.TRADOVATE_ENVIRONMENTS = settings.API_KEY_ENVIRONMENTS = ["demo", "live"]
    page = client.get(API_KEY_URL, SERVER_NAME="127.0.0.1")
    assert "new device" in words(page)
    assert '<option value="live">LIVE</option>' in words(page)


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"name": ""}, "This field is required"),
        ({"password": ""}, "This field is required"),
        ({"name": "n" * 65}, "at most 64 characters"),
        ({"password": "p" * 65}, "at most 64 characters"),
        ({"secret": "s" * 8193}, "at most 8192 characters"),
        ({"cid": "eight"}, "The client id is a number"),
        ({"name": "a\0b"}, "Null characters are not allowed"),
        ({"environment": "live"}, "not one of the available choices"),
    ],
)
def test_what_tradovate_could_not_take_is_not_sent(browser, scripted, typed, complaint) -> None:
    page = press(browser.client, **typed)

    assert page.status_code == 400
    assert complaint in words(page)
    assert scripted.requests == []
    assert not SignInAttempt.objects.exists()


def test_a_real_environment_needs_the_whole_key(browser, settings) -> None:
    settings.TRADOVATE_ENVIRONMENTS = settings.API_KEY_ENVIRONMENTS = ["demo"]

    page = press(browser.client, environment="demo", app_id="", app_version="", cid="", secret="")

    assert page.status_code == 400
    for missing in ("name of the API key", "a version", "client id of the API key", "secret of the API key"):
        assert f"Type the {missing}".replace("the a ", "a ") in words(page)


def test_the_form_needs_its_csrf_token() -> None:
    assert Client(enforce_csrf_checks=True, SERVER_NAME="127.0.0.1").post(API_KEY_URL, TYPED).status_code == 403


def test_passwords_are_marked_for_password_managers_and_nothing_else(client) -> None:
    page = client.get(API_KEY_URL, SERVER_NAME="127.0.0.1").content.decode()
    inputs = {re.search(r'name="([^"]*)"', tag)[1]: tag for tag in re.findall(r"<input[^>]*>", page)}

    assert 'autocomplete="username"' in inputs["name"]
    assert 'autocomplete="current-password"' in inputs["password"]
    assert 'type="password"' in inputs["secret"]
    assert 'autocomplete="off"' in inputs["secret"]


def test_it_is_off_unless_it_was_switched_on(client, settings) -> None:
    settings.API_KEY_ENVIRONMENTS = []

    assert client.get(API_KEY_URL).status_code == 404
    assert press(client).status_code == 404
    assert "API key" not in words(client.get("/accounts/sign-in/"))


def test_the_sign_in_page_has_it_second_and_keeps_where_to_go(client) -> None:
    page = client.get("/accounts/sign-in/?next=/files/", SERVER_NAME="127.0.0.1").content.decode()

    assert page.index("Sign in with Tradovate") < page.index("Sign in with an API key")
    assert f'href="{API_KEY_URL}?next=%2Ffiles%2F"' in page
    assert (
        'name="next" value="/files/"'
        in client.get(f"{API_KEY_URL}?next=/files/", SERVER_NAME="127.0.0.1").content.decode()
    )


@pytest.mark.parametrize(
    ("host", "secure", "status"),
    [
        ("desk.example", True, 200),
        ("desk.example", False, 404),
        ("127.0.0.1", False, 200),
        ("localhost:8000", False, 200),
        ("[::1]:8000", False, 200),
        ("127.0.0.1.desk.example", False, 404),
    ],
)
def test_no_password_is_asked_for_over_an_open_network(client, settings, host, secure, status) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    headers = {"HTTP_HOST": host}

    assert client.get(API_KEY_URL, secure=secure, **headers).status_code == status
    assert client.post(API_KEY_URL, TYPED | {"name": ""}, secure=secure, **headers).status_code == (
        status if status == 404 else 400
    )


def test_with_api_keys_alone_there_is_no_dead_button(client, settings) -> None:
    settings.TRADOVATE_ENVIRONMENTS = settings.API_KEY_ENVIRONMENTS = ["demo"]
    settings.TRADOVATE_CLIENT_ID = settings.TRADOVATE_CLIENT_SECRET = ""

    page = words(client.get("/accounts/sign-in/", SERVER_NAME="127.0.0.1"))

    assert "Sign in with Tradovate" not in page
    assert "Sign in with an API key" in page
    assert "No Tradovate environment" not in page
    assert "Tradovate's own page" not in words(client.get(API_KEY_URL, SERVER_NAME="127.0.0.1"))
    assert client.post("/accounts/sign-in/", {"environment": "demo"}).status_code == 400
