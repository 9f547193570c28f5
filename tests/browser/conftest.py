"""A browser, the whole portal beside it, and pages that tell what went wrong on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, WebSocketRoute, expect

from tests.browser import chromium, stack

PHONE = {"width": 390, "height": 844}
SCREEN = {"width": 1440, "height": 900}
# What is expected comes when the machine gets to it, and three portals share it: Playwright's own five seconds can be
# over before that.
expect.set_options(timeout=20_000)

# A hand clicks no sooner than a second after it could see what it clicks on; at the stroke of `window.clicksAt` (as of
# performance.now()) where a test says so.
HAND = """addEventListener("click", (event) => {
  const value = window.clicksAt ?? event.timeStamp + 1000;
  Object.defineProperty(event, "timeStamp", { value, configurable: true });
}, { capture: true });"""


class Line:
    """A page's line to the stream of its desk, which a test cuts; make it before the page is opened. A frame of which
    `loses` says so never arrives."""

    def __init__(self, page: Page, loses: Callable[[str], bool] | None = None) -> None:
        self.page = page
        self._loses = loses
        self._is_cut = False
        self._sockets: list[WebSocketRoute] = []
        page.route_web_socket("**/ws/desk/**", self._pass_on)

    def _pass_on(self, socket: WebSocketRoute) -> None:
        if self._is_cut:
            socket.close(code=1011)
            return
        server = socket.connect_to_server()
        if loses := self._loses:
            server.on_message(lambda frame: None if loses(str(frame)) else socket.send(frame))
        self._sockets.append(socket)

    def drop(self, code: int = 1011) -> None:
        """End the socket; the next one lives."""
        self._sockets[-1].close(code=code)

    def cut(self) -> None:
        """End the socket, where there is one by now, and each that takes its place."""
        self._is_cut = True
        if self._sockets:
            self.drop()

    def mend(self) -> None:
        """Let the page connect, and have it try at once."""
        self._is_cut = False
        self.page.evaluate("window.dispatchEvent(new Event('online'))")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # A module's own: Playwright keeps an event loop in this thread, in which asyncio's tests could not run.
    chromium.asked_for()
    with chromium.launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def portal() -> Iterator[stack.Stack]:
    with stack.running() as portal:
        yield portal


@pytest.fixture
def open_page(browser: Browser, portal: stack.Stack) -> Iterator[Callable[..., Page]]:
    """Opens a page of a new browser; afterwards no page may have logged an error or broken the security policy."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def open_page(viewport: dict[str, int] = SCREEN, **options: object) -> Page:
        # What moves for nobody's eyes takes its share of the machine all the time.
        moving = {"reduced_motion": "reduce", **options}
        context = browser.new_context(viewport=viewport, accept_downloads=True, **moving)
        contexts.append(context)
        context.add_init_script(HAND)
        context.on("weberror", lambda error: troubles.append(str(error.error)))
        context.on("console", lambda message: troubles.append(message.text) if is_trouble(message) else None)
        return context.new_page()

    def is_trouble(message: ConsoleMessage) -> bool:
        address = message.location["url"]
        # A page that answers with an error status is logged too: whether that is right is for the test to say.
        is_the_page = message.page is not None and address == message.page.url
        return message.type == "error" and address.startswith(portal.url) and not is_the_page

    yield open_page
    for context in contexts:
        context.close()
    assert not troubles


def sign_in(page: Page, portal: stack.Stack, name: str) -> None:
    """Walk the OAuth pages from Tradeport's first page to the desk."""
    page.goto(portal.url)
    authorize(page, portal, name)


def open_desk(page: Page, portal: stack.Stack, name: str) -> None:
    """Open the desk of a trader in the session of an earlier test's browser, or sign in when there is none."""
    if cookies := portal.cookies.get(name):
        page.context.add_cookies(cookies)
    page.goto(portal.url)
    if page.url != f"{portal.url}/":
        authorize(page, portal, name)
        portal.cookies[name] = [cookie for cookie in page.context.cookies() if cookie["name"] == "sessionid"]


def reload_until(page: Page, wanted: Locator) -> None:
    """Reload a page that does not tell news of itself until `wanted` is on it, for twenty seconds at least."""
    for _ in range(80):
        if wanted.count():
            return
        page.wait_for_timeout(250)
        page.reload()


def fill_in_api_key(page: Page, name: str) -> None:
    """Go from the sign-in page to the form for an API key and fill it in; the button is the caller's."""
    page.get_by_role("link", name="Sign in with an API key").click()
    page.get_by_label("Tradovate user name").fill(name)
    page.get_by_label("Tradovate password").fill(f"{name}-pass")
    page.get_by_label("App name").fill("My desk")
    page.get_by_label("Client id (cid)").fill("8")
    page.get_by_label("Secret (sec)").fill(stack.CLIENT_SECRET)


def authorize(page: Page, portal: stack.Stack, name: str, *, lands_on: str = "/") -> None:
    """Walk the OAuth pages from the sign-in page to the desk, or to where the trader came from."""
    page.get_by_role("button", name="Sign in with Tradovate").click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(f"{name}-pass")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{portal.url}{lands_on}")


def sign_in_as_staff(page: Page, portal: stack.Stack) -> None:
    """Sign in to the admin, to its first page."""
    page.goto(f"{portal.url}/admin/")
    page.get_by_label("Username").fill("staff")
    page.get_by_label("Password").fill(stack.STAFF_PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{portal.url}/admin/")
