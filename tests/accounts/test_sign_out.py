import pytest
from django.db import transaction

from accounts.models import AuditEvent, Connection
from accounts.sign_in import current_connection
from accounts.sign_out import sign_out
from accounts.signals import connection_closed


@pytest.fixture
def closed():
    """The connections that the rest of the portal was told to close."""
    told: list[Connection] = []

    def receive(sender, connection, **_) -> None:
        told.append(connection)

    connection_closed.connect(receive)
    yield told
    connection_closed.disconnect(receive)


@pytest.mark.django_db(transaction=True)
def test_signing_out_wipes_the_tokens_and_ends_every_session(browser, second_browser, simulator, closed) -> None:
    browser.sign_in()
    second_browser.sign_in()
    connection = Connection.objects.get()

    response = browser.client.post("/accounts/sign-out/")

    assert (response.status_code, response.url) == (302, "/accounts/sign-in/")
    connection.refresh_from_db()
    assert connection.sealed_tokens == ""
    assert connection.tokens is None
    assert connection.access_token_expires_at is None
    assert connection.refresh_token_expires_at is None
    assert not connection.is_authorised
    assert closed == [connection]
    assert list(AuditEvent.objects.order_by("id").values_list("kind", flat=True)) == [
        "signed-in",
        "signed-in",
        "signed-out",
    ]
    for each in (browser, second_browser):
        assert not each.client.get("/accounts/sign-in/").wsgi_request.user.is_authenticated
    assert current_connection(connection.user, second_browser.client.session) is None


@pytest.mark.django_db(transaction=True)
def test_signing_in_again_after_signing_out_works(browser, simulator) -> None:
    browser.sign_in()
    browser.client.post("/accounts/sign-out/")

    assert browser.sign_in().status_code == 302
    assert Connection.objects.get().tokens is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("leave", [True, False])
def test_what_one_person_was_to_be_told_the_next_one_is_not(browser, simulator, leave) -> None:
    browser.sign_in()
    # A page that was asked for by a press and never opened.
    browser.client.post("/desk/cancel/", {"order": "1:1", "key": "k" * 32})
    assert "messages" in browser.client.cookies
    if leave:
        browser.client.post("/accounts/sign-out/")

    browser.sign_in("pro")

    assert "not one of your accounts" not in browser.client.get("/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_nobody_is_told_before_the_tokens_are_really_gone(make_connection, closed) -> None:
    connection = make_connection()
    with transaction.atomic():
        assert sign_out(connection.user) == 1
        assert closed == []
    assert closed == [connection]


@pytest.mark.django_db(transaction=True)
def test_a_listener_that_fails_does_not_keep_anybody_signed_in(make_connection) -> None:
    def broken(sender, **_) -> None:
        raise ConnectionError("the doorbell is broken")

    connection_closed.connect(broken)
    try:
        connection = make_connection()
        sign_out(connection.user)
    finally:
        connection_closed.disconnect(broken)

    connection.refresh_from_db()
    assert connection.sealed_tokens == ""


@pytest.mark.django_db
def test_others_stay_signed_in(make_connection) -> None:
    mine, theirs = make_connection(1001), make_connection(1002)

    sign_out(mine.user)

    theirs.refresh_from_db()
    assert theirs.tokens is not None


@pytest.mark.django_db
def test_a_member_of_staff_keeps_their_password(client, admin_user) -> None:
    client.force_login(admin_user)
    before = admin_user.password

    client.post("/accounts/sign-out/")

    admin_user.refresh_from_db()
    assert admin_user.password == before
    assert "_auth_user_id" not in client.session


@pytest.mark.django_db
def test_signing_out_needs_a_post_and_no_session(client) -> None:
    assert client.get("/accounts/sign-out/").status_code == 405
    assert client.post("/accounts/sign-out/").status_code == 302
