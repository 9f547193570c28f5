"""A browser that walks the sign-in pages, a Tradovate that answers what a test scripts, and connections ready-made."""

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.db import connections
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Connection, User
from accounts.tokens import Tokens

T = TypeVar("T")

PASSWORDS = {"trader": "trader-pass", "pro": "pro-pass", "empty": "empty-pass"}

# Signing in with an API key: what is typed, and what Tradovate answers to it.
API_KEY_URL = "/accounts/sign-in/api-key/"
PASSWORD = "never-to-be-seen-again"
SECRET = "the-secret-of-the-key"
TYPED = {
    "environment": "sim",
    "name": "Seven",
    "password": PASSWORD,
    "app_id": "My desk",
    "app_version": "1.0",
    "cid": "8",
    "secret": SECRET,
}
LET_IN = {
    "accessToken": "the-access-token",
    "mdAccessToken": "the-md-token",
    "expirationTime": "2099-01-01T00:00:00.000Z",
    "userId": 7,
    "name": "seven",
}
WRONG = {"errorText": "Incorrect username or password. Please try again, noting that passwords are case-sensitive."}

# Renewing tokens: where, and what Tradovate answers.
REFRESH, RENEW = "/auth/oauthtoken", "/auth/renewaccesstoken"
GRANTED = {
    "access_token": "access-1",
    "refresh_token": "refresh-1",
    "token_type": "bearer",
    "expires_in": 4800,
    "refresh_token_expires_in": 86400,
    "error": None,
    "apiHosts": {"live": "127.0.0.1:9", "demo": "127.0.0.1:9", "somethingNew": "x.example"},
}
DENIED = {"error": "invalid_grant", "error_description": "refresh-0 is not known"}
# Signing in: what Tradovate answers.
TOKEN = {"access_token": "the-access-token", "token_type": "bearer", "expires_in": 4800}
ME = {"userId": 7, "name": "seven"}


class Browser:
    """Django's test client on the portal's side, httpx on Tradovate's, as one person uses them."""

    def __init__(self) -> None:
        self.client = Client(SERVER_NAME="127.0.0.1")

    def press_sign_in(self, next_url: str = "", environment: str = "sim") -> str:
        """Press the button; returns where the portal sends the browser."""
        response = self.client.post("/accounts/sign-in/", {"environment": environment, "next": next_url})
        assert response.status_code == 302, response.content
        return response.url

    def walk(self, authorize_url: str, name: str = "trader", decision: str = "allow") -> str:
        """Sign in (or cancel) on the simulator's page; returns the callback with its query."""
        page = httpx.get(authorize_url)
        assert page.status_code == 200, page.text
        hidden = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text))
        form = {key: unescape(value) for key, value in hidden.items()}
        form |= {"name": name, "password": PASSWORDS[name], "decision": decision}
        answer = httpx.post(authorize_url.partition("?")[0], data=form)
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["location"])
        return f"{back.path}?{back.query}"

    def return_to(self, callback: str) -> HttpResponse:
        return self.client.get(callback)

    def sign_in(self, name: str = "trader", next_url: str = "") -> HttpResponse:
        return self.return_to(self.walk(self.press_sign_in(next_url), name))

    @property
    def user_id(self) -> int | None:
        """Who the portal takes this browser for."""
        value = self.client.session.get("_auth_user_id")
        return int(value) if value else None


@pytest.fixture
def api_keys_on(settings) -> None:
    settings.API_KEY_ENVIRONMENTS = ["sim"]


def query(url: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}


def nobody_is_in(browser: Browser) -> None:
    assert browser.user_id is None
    assert not Connection.objects.authorised().exists()


def press(client: Client, **typed: str) -> HttpResponse:
    """Sign in with an API key: TYPED, but for what is `typed` otherwise."""
    return client.post(API_KEY_URL, TYPED | typed)


def words(page: HttpResponse) -> str:
    return unescape(re.sub(r"\s+", " ", page.content.decode()))


def renewed_reply(minutes: float = 80, **more: object) -> dict[str, object]:
    """What Tradovate answers to RENEW: an access token that ends in so many minutes."""
    expires = timezone.now() + timedelta(minutes=minutes)
    return {"accessToken": "access-1", "expirationTime": f"{expires:%Y-%m-%dT%H:%M:%S}.123Z", "userId": 1001, **more}


def kinds() -> list[str]:
    """Of every event that was audited, the oldest first."""
    return list(AuditEvent.objects.order_by("id").values_list("kind", flat=True))


def wait_for(condition: Callable[[], object]) -> None:
    tick = threading.Event()
    for _ in range(1000):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("it did not happen within ten seconds")


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def second_browser() -> Browser:
    return Browser()


def at_once(times: int, call: Callable[[], T]) -> list[T]:
    """What `times` threads got that called at the same moment, each with a database connection of its own."""
    together = threading.Barrier(times)
    found: list[T] = []

    def run() -> None:
        together.wait(10)
        try:
            found.append(call())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == times
    return found


class ScriptedTradovate:
    """An HTTP server on loopback that answers each path with what was scripted for it and remembers what came."""

    def __init__(self) -> None:
        self.replies: dict[str, deque[tuple[int, bytes]]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.hold = threading.Event()
        self.hold.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                path = urlsplit(self.path).path.removeprefix("/v1")
                is_json = body.startswith("{")
                form = json.loads(body) if is_json else {key: values[0] for key, values in parse_qs(body).items()}
                outer.requests.append((path, {**form, "authorization": self.headers.get("Authorization")}))
                outer.hold.wait(20)
                replies = outer.replies.get(path) or deque([(404, b"{}")])
                status, content = replies[0] if len(replies) == 1 else replies.popleft()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = answer  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def script(self, path: str, reply: object, status: int = 200) -> None:
        """The next answer of `path`; the last one scripted repeats."""
        content = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.replies.setdefault(path, deque()).append((status, content))

    def asked(self, path: str) -> list[dict[str, Any]]:
        return [fields for each, fields in self.requests if each == path]


@pytest.fixture
def scripted(settings, redis_url) -> Iterator[ScriptedTradovate]:
    """SIMULATOR_URL points at it."""
    fake = ScriptedTradovate()
    thread = threading.Thread(target=fake.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    settings.SIMULATOR_URL = fake.url
    yield fake
    fake.hold.set()
    fake.server.shutdown()
    fake.server.server_close()
    thread.join(5)


@pytest.fixture
def make_connection():
    """Make a trader with a signed-in connection: make_connection(1001, left=MINUTES, refreshable=False)."""

    def make(
        user_id: int = 1001, *, left: float = 80, refreshable: bool = True, environment: str = "sim"
    ) -> Connection:
        user = User.objects.create_user(f"{environment}:{user_id}", first_name=f"Trader {user_id}")
        connection = Connection(user=user, environment=environment, tradovate_user_id=user_id, name=f"name{user_id}")
        now = timezone.now()
        connection.signed_in_at = now
        refresh_ends = now + timedelta(days=1) if refreshable else None
        connection.store_tokens(
            Tokens("access-0", "refresh-0" if refreshable else None), now + timedelta(minutes=left), refresh_ends
        )
        return connection

    return make
