"""Moves to another host with real names, TLS and servers: the token goes where Tradovate is, and nowhere else.

All names lead to loopback; a throw-away authority vouches for them, so that only the rules of `hosts` protect.
"""

import datetime as dt
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trading.tradovate import Hosts, Tradovate, UserSocket, refresh, request_access_token
from trading.tradovate.entities import AccessTokenRequest, PlaceOrder
from trading.tradovate.errors import HostMoved, NotSent, OutcomeUnknown

from .conftest import LONG, Deaf, HttpScript, in_vain, script

TOKEN = "tok-secret-1"
NAMES = ["*.tradovateapi.com", "evil.com", "*.evil.com", "eviltradovateapi.com", "localhost"]
MARKET = PlaceOrder(account_id=7, action="Buy", symbol="ESZ6", order_qty=2, order_type="Market")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for all names, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in NAMES]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    plain = serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture(autouse=True)
def _all_names_lead_to_loopback(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, *a, **k: resolve("127.0.0.1", port, *a, **k))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
async def tradovate(tls: ssl.SSLContext) -> AsyncIterator[HttpScript]:
    async for made in script(tls):
        yield made


@pytest.fixture
async def elsewhere(tls: ssl.SSLContext) -> AsyncIterator[HttpScript]:
    async for made in script(tls):
        yield made


def at(name: str, server: HttpScript) -> str:
    return f"https://{name}:{server.url.rpartition(':')[2]}"


def live(server: HttpScript) -> Hosts:
    base = at("live.tradovateapi.com", server)
    socket_url = base.replace("https", "wss") + "/v1/websocket"
    return Hosts(f"{base}/v1", socket_url, socket_url, base, "")


async def test_a_307_within_tradovate_is_followed_with_the_token(tradovate: HttpScript, elsewhere: HttpScript) -> None:
    moved = at("live-b.tradovateapi.com", elsewhere)
    tradovate.answer(b"", status=307, headers={"Location": f"{moved}/v1/order/placeorder"})
    elsewhere.answer({"orderId": 9})
    elsewhere.answer([])
    async with Tradovate(live(tradovate), TOKEN) as t:
        assert (await t.order.place(MARKET)).order_id == 9
        assert t.hosts.rest == f"{moved}/v1"
        await t.order.list()
    assert {request.headers["authorization"] for request in elsewhere.requests} == {f"Bearer {TOKEN}"}
    assert {request.headers["host"] for request in elsewhere.requests} == {moved.removeprefix("https://")}
    assert len(tradovate.requests) == 1


@pytest.mark.parametrize("status", [307, 308, 301, 302, 303, 421])
@pytest.mark.parametrize(
    "location",
    [
        "https://evil.com:{port}/v1/order/list",
        "https://tradovateapi.com.evil.com:{port}/v1/order/list",
        "https://eviltradovateapi.com:{port}/v1/order/list",
        "https://live.tradovateapi.com@evil.com:{port}/v1/order/list",
        "https://evil.com:{port}\\.tradovateapi.com/v1/order/list",
        "https://evil.com:{port}#.tradovateapi.com/v1/order/list",
        "https://localhost:{port}/v1/order/list",
        "https://127.0.0.1:{port}/v1/order/list",
        "http://live-b.tradovateapi.com:{port}/v1/order/list",
        "https://demo.tradovateapi.com:{port}/v1/order/list",
        "//evil.com:{port}/v1/order/list",
    ],
)
async def test_no_redirect_leads_the_token_away(
    tradovate: HttpScript, elsewhere: HttpScript, status: int, location: str
) -> None:
    port = elsewhere.url.rpartition(":")[2]
    tradovate.answer(b"", status=status, headers={"Location": location.format(port=port)})
    async with Tradovate(live(tradovate), TOKEN) as t:
        # 301, 302 and 303 are no word of Tradovate's, and a garbled Location none of anybody's.
        is_clear = status in (307, 308, 421) and "\\" not in location
        with pytest.raises(HostMoved if is_clear else (HostMoved, OutcomeUnknown)) as caught:
            await t.order.list()
        assert t.hosts == live(tradovate)
    assert not elsewhere.arrived.is_set()
    assert TOKEN not in repr(caught.value)


async def test_a_server_without_the_right_certificate_gets_no_token(
    tradovate: HttpScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    async with Tradovate(live(tradovate), TOKEN) as t:
        with pytest.raises(NotSent):
            await t.order.list()
    assert tradovate.requests == []


async def test_an_order_over_tls_that_was_given_up_arrives_no_later(tls: ssl.SSLContext) -> None:
    with Deaf(tls) as server:
        url = f"https://live.tradovateapi.com:{server.port}"
        await in_vain(Hosts(f"{url}/v1", "", "", url, ""))
        assert len(server.all_that_came()) < LONG


async def test_secrets_in_a_form_follow_no_redirect(tradovate: HttpScript, elsewhere: HttpScript) -> None:
    tradovate.answer(b"", status=307, headers={"Location": at("live-b.tradovateapi.com", elsewhere)})
    with pytest.raises(HostMoved):
        await refresh(live(tradovate), "refresh-1", "client", "s3cret")
    assert not elsewhere.arrived.is_set()


async def test_a_password_follows_a_307_within_tradovate_and_nowhere_else(
    tradovate: HttpScript, elsewhere: HttpScript
) -> None:
    sign_in = AccessTokenRequest(name="ann", password="pa55")
    tradovate.answer(b"", status=307, headers={"Location": at("evil.com", elsewhere)})
    with pytest.raises(HostMoved):
        await request_access_token(live(tradovate), sign_in)
    assert not elsewhere.arrived.is_set()
    tradovate.answer(b"", status=307, headers={"Location": at("live-b.tradovateapi.com", elsewhere)})
    elsewhere.answer({"accessToken": "a", "expirationTime": "2026-06-15T15:40:30Z"})
    assert (await request_access_token(live(tradovate), sign_in)).access_token == "a"


@pytest.mark.parametrize("status", [307, 421])
async def test_a_socket_follows_nobody(tradovate: HttpScript, elsewhere: HttpScript, status: int) -> None:
    for name in ("live-b.tradovateapi.com", "evil.com"):
        location = at(name, elsewhere).replace("https", "wss") + "/v1/websocket"
        tradovate.answer(b"", status=status, headers={"Location": location})
        with pytest.raises(HostMoved):
            await UserSocket.connect(live(tradovate).user_socket, TOKEN)
    assert not elsewhere.arrived.is_set()
    assert all(TOKEN not in f"{request.headers} {request.target}" for request in tradovate.requests)
