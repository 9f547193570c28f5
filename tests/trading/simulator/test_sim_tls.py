"""TLS with a throw-away authority: clients with built-in host names work over it, and only those that trust it."""

import logging
import socket as sockets
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
from cryptography import x509
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.hosts import HostNames
from trading.simulator.tls import certificates

from .conftest import START, Socket

DEMO = "https://demo.tradovateapi.com"
ORDER = {"accountId": 1001001, "action": "Buy", "symbol": "ESZ6", "orderQty": 1, "orderType": "Market"}


class HostsFile(httpcore.SyncBackend):
    """Every name is the simulator's address, as a hosts file would have it."""

    def __init__(self, simulator: RunningSimulator) -> None:
        self._port = int(simulator.host.rpartition(":")[2])

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return super().connect_tcp("127.0.0.1", self._port, *args, **kwargs)


def trusting(ca: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is not None:
        context.load_verify_locations(ca)
    return context


def client(simulator: RunningSimulator, ca: Path | None, url: str = DEMO) -> httpx.Client:
    transport = httpx.HTTPTransport(verify=trusting(ca), trust_env=False)
    transport._pool = httpcore.ConnectionPool(trusting(ca), network_backend=HostsFile(simulator))
    return httpx.Client(base_url=url, transport=transport, trust_env=False)


def sign_in(http: httpx.Client) -> dict[str, Any]:
    reply = http.post("/v1/auth/accesstokenrequest", json={"name": "trader", "password": "trader-pass"}).json()
    http.headers["Authorization"] = f"Bearer {reply['accessToken']}"
    return dict(reply)


@contextmanager
def wss(simulator: RunningSimulator, name: str, ca: Path | None) -> Iterator[Socket]:
    sock = sockets.create_connection(("127.0.0.1", int(simulator.host.rpartition(":")[2])))
    url = f"wss://{name}/v1/websocket"
    with connect(url, sock=sock, ssl=trusting(ca), compression=None, proxy=None) as connection:
        socket = Socket(connection)
        assert socket.receive() == "o"
        yield socket


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[RunningSimulator]:
    config = Config(manual_clock=True, start=START, tls=tmp_path / "tls", state_path=tmp_path / "state.json")
    with serve(config) as running:
        running.control.price("ESZ6", "6850")
        yield running


def test_built_in_names_over_rest_and_socket(secure: RunningSimulator) -> None:
    with client(secure, secure.ca) as http:
        reply = sign_in(http)
        assert reply["apiHosts"]["mdDemo"] == "md-demo.tradovateapi.com"
        assert reply["apiHosts"]["live"] == "live.tradovateapi.com"
        with wss(secure, "demo.tradovateapi.com", secure.ca) as user:
            assert user.ask("authorize", reply["accessToken"])["s"] == 200
            assert user.ask("md/subscribequote", {"symbol": "ESZ6"})["s"] == 404
            user.ask("user/syncrequest", {"users": [1001]})
            assert "orderId" in http.post("/v1/order/placeorder", json=ORDER).json()
            assert user.props("order", ordStatus="Filled")
        with wss(secure, reply["apiHosts"]["mdDemo"], secure.ca) as market:
            assert market.ask("authorize", reply["mdAccessToken"])["s"] == 200
            assert market.ask("md/subscribequote", {"symbol": "ESZ6"})["d"] == {"mode": "RealTime"}
        assert "served by the live host" in http.get("/v1/auth/me").json()["errorText"]
        assert http.get("https://live.tradovateapi.com/auth/me").json()["name"] == "trader"
        assert http.get("https://tv-demo.tradovateapi.com/accounts").json()["d"][0]["id"] == "D1001001"


def test_the_sign_in_page_has_its_name_too(secure: RunningSimulator) -> None:
    query = "response_type=code&client_id=tradeport&redirect_uri=http://127.0.0.1/back"
    with client(secure, secure.ca, "https://trader.tradovate.com") as http:
        assert "Sign in" in http.get(f"/oauth?{query}").text


def test_who_does_not_trust_it_is_not_connected(secure: RunningSimulator) -> None:
    with client(secure, None) as http, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        http.get("/health")
    with pytest.raises(ssl.SSLCertVerificationError), wss(secure, "demo.tradovateapi.com", None):
        pass


def test_a_name_that_was_not_asked_for_does_not_verify(secure: RunningSimulator) -> None:
    with (
        client(secure, secure.ca, "https://bank.example") as http,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        http.get("/health")


def test_plain_http_gets_nothing(secure: RunningSimulator) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://{secure.host}/health", trust_env=False)


def test_control_is_for_loopback_names_behind_tls_too(secure: RunningSimulator) -> None:
    assert secure.url.startswith("https://127.0.0.1:")
    assert secure.control.ledger()["received"] == []
    with client(secure, secure.ca) as http:
        assert http.get("/control/ledger").status_code == 403
        assert http.get("/control/ledger", headers={"Host": "127.0.0.1"}).status_code == 200


def test_faults_cut_encrypted_connections_too(secure: RunningSimulator) -> None:
    with client(secure, secure.ca) as http:
        reply = sign_in(http)
        secure.control.fault("lose_reply", "order/placeorder")
        with pytest.raises(httpx.TransportError):
            http.post("/v1/order/placeorder", json=ORDER)
        secure.control.fault("partial_body", "order/list")
        with pytest.raises(httpx.TransportError):
            http.get("/v1/order/list")
        assert len(http.get("/v1/order/list").json()) == 1
        with wss(secure, "demo.tradovateapi.com", secure.ca) as user:
            assert user.ask("authorize", reply["accessToken"])["s"] == 200
            secure.control.fault("half_open", user="trader")
            with pytest.raises(TimeoutError):
                user.receive(0.3)
            secure.control.fault("kick", user="trader")
            with pytest.raises((ConnectionClosed, ssl.SSLError)):
                user.receive()


def test_keys_are_the_owners_and_nowhere_else(
    tmp_path: Path, secure: RunningSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with client(secure, secure.ca) as http:
        sign_in(http)
    assert secure.control._http.get("/save").json()["ok"]
    directory = tmp_path / "tls"
    assert sorted(file.name for file in directory.iterdir()) == ["ca.pem", "server.key", "server.pem"]
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "server.key").stat().st_mode) == 0o600
    private = [file.name for file in tmp_path.rglob("*") if file.is_file() and b"PRIVATE" in file.read_bytes()]
    assert private == ["server.key"]
    assert "PRIVATE" not in caplog.text


def test_a_second_start_is_trusted_by_those_who_trusted_the_first(tmp_path: Path) -> None:
    config = Config(manual_clock=True, tls=tmp_path)
    with serve(config) as first:
        assert first.ca is not None
        before = first.ca.read_bytes()
    with serve(config) as second, client(second, second.ca) as http:
        assert second.ca is not None
        assert second.ca.read_bytes() == before
        assert http.get("/health").json() == {"ok": True}


NOW = datetime(2026, 11, 18, tzinfo=UTC)


def test_new_names_and_old_age_bring_a_new_certificate(tmp_path: Path) -> None:
    first = certificates(tmp_path, ["demo.example.test"], NOW).ca.read_bytes()
    assert certificates(tmp_path, ["demo.example.test"], NOW + timedelta(days=60)).ca.read_bytes() == first
    later = certificates(tmp_path, ["demo.example.test"], NOW + timedelta(days=85)).ca.read_bytes()
    assert later != first
    more = certificates(tmp_path, ["demo.example.test", "10.0.0.5"], NOW + timedelta(days=85))
    assert more.ca.read_bytes() != later
    more.key.unlink()
    assert certificates(tmp_path, ["10.0.0.5"], NOW + timedelta(days=85)).key.exists()


def test_the_authority_is_good_for_these_names_alone(tmp_path: Path) -> None:
    files = certificates(tmp_path, ["demo.example.test"], NOW)
    ca = x509.load_pem_x509_certificate(files.ca.read_bytes())
    constraints = ca.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    names = [name.value for name in constraints.value.permitted_subtrees or []]
    assert [str(name) for name in names] == ["demo.example.test", "localhost", "127.0.0.1/32", "::1/128"]
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


@pytest.mark.parametrize("name", ["", "bad name", "-x.test", "münchen.test", "a" * 64 + ".test", "*"])
def test_what_is_no_host_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no host name"):
        certificates(tmp_path, [name], NOW)


def test_files_of_somebody_else_are_left_alone(tmp_path: Path) -> None:
    for name in ("ca.pem", "server.pem", "server.key"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(ValueError, match="no certificates of ours"):
        certificates(tmp_path, ["demo.example.test"], NOW)
    assert (tmp_path / "ca.pem").read_text() == "mine"


def test_a_moved_host_over_tls(tmp_path: Path) -> None:
    moved = HostNames(moved={"demo": "demo-b.tradovateapi.com"})
    config = Config(manual_clock=True, start=START, tls=tmp_path, hosts=moved)
    with serve(config) as simulator, client(simulator, simulator.ca) as http:
        answer = http.get("/v1/account/list?x=1")
        assert answer.status_code == 307
        assert answer.headers["Location"] == "https://demo-b.tradovateapi.com/v1/account/list?x=1"
        with pytest.raises(InvalidStatus) as refused, wss(simulator, "demo.tradovateapi.com", simulator.ca):
            pass
        assert refused.value.response.status_code == 421
        http.base_url = httpx.URL("https://demo-b.tradovateapi.com")
        reply = sign_in(http)
        assert reply["apiHosts"]["demo"] == "demo-b.tradovateapi.com"
        with wss(simulator, "demo-b.tradovateapi.com", simulator.ca) as user:
            assert user.ask("authorize", reply["accessToken"])["s"] == 200
