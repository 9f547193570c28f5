"""Host names: what a name stands for, what apiHosts says, and what a wrong host answers."""

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.hosts import (
    LABELS,
    TRADOVATE_DOMAIN,
    Environment,
    HostNames,
    environment_of,
    named_hosts,
    tradovate_names,
)

from .conftest import NO_TLS, START, Api


@pytest.mark.parametrize(
    ("host", "environment"),
    [
        ("live.tradovateapi.com", Environment.LIVE),
        ("DEMO.tradovateapi.com:8443", Environment.DEMO),
        ("demo-b.tradovateapi.com", Environment.DEMO),
        ("md.tradovateapi.com", Environment.MD_LIVE),
        ("md-demo.example.test", Environment.MD_DEMO),
        ("replay.tradovateapi.com", Environment.REPLAY),
        ("tv-live.tradovateapi.com", Environment.TV_LIVE),
        ("tv-demo.tradovateapi.com", Environment.TV_DEMO),
        ("127.0.0.1:8180", None),
        ("[::1]:8180", None),
        ("localhost", None),
        ("simulator:8180", None),
        ("demo", None),
        ("trader.tradovate.com", None),
        ("livelier.tradovateapi.com", None),
        ("", None),
    ],
)
def test_a_name_stands_for_a_service(host: str, environment: Environment | None) -> None:
    assert environment_of(host) is environment


def test_the_names_that_are_handed_out_are_known_again() -> None:
    hosts = named_hosts(TRADOVATE_DOMAIN)
    assert hosts["mdDemo"] == "md-demo.tradovateapi.com"
    assert environment_of(hosts["mdLive"]) is Environment.MD_LIVE
    assert named_hosts("example.test", "8443")["demo"] == "demo.example.test:8443"
    assert set(hosts.values()) < set(tradovate_names())


@pytest.mark.parametrize(
    ("names", "reached", "demo"),
    [
        (HostNames(), "127.0.0.1:8180", "127.0.0.1:8180"),
        (HostNames(), "simulator:8180", "simulator:8180"),
        (HostNames(), "md.tradovateapi.com", "demo.tradovateapi.com"),
        (HostNames(), "live.example.test:8443", "demo.example.test:8443"),
        (HostNames("example.test"), "127.0.0.1:8180", "demo.example.test:8180"),
        (HostNames("example.test"), "localhost", "demo.example.test"),
        (HostNames(moved={"demo": "demo-b.example.test"}), "demo.example.test:8443", "demo-b.example.test:8443"),
        (HostNames(moved={"demo": "127.0.0.1:9"}), "127.0.0.1:8180", "127.0.0.1:9"),
    ],
)
def test_api_hosts_fit_the_name_that_a_client_used(names: HostNames, reached: str, demo: str) -> None:
    hosts = names.api_hosts(reached)
    assert set(hosts) == set(LABELS)
    assert hosts["demo"] == demo


def test_by_an_address_every_service_is_that_address(sim: RunningSimulator, trader: Api) -> None:
    assert set(trader.login["apiHosts"].values()) == {sim.host}


@pytest.fixture
def moved() -> Iterator[RunningSimulator]:
    names = HostNames(moved={"demo": "demo-b.example.test", "mdDemo": "md-demo-b.example.test"})
    with serve(Config(manual_clock=True, start=START, hosts=names)) as running:
        yield running


def ask(simulator: RunningSimulator, path: str, host: str, **more: Any) -> httpx.Response:
    with httpx.Client(base_url=simulator.url, trust_env=False, verify=NO_TLS, headers={"Host": host}) as http:
        return http.request("POST", path, **more)


@pytest.mark.parametrize(
    ("path", "host", "to"),
    [
        ("/v1/order/placeorder?a=1", "demo.example.test:81", "http://demo-b.example.test:81/v1/order/placeorder?a=1"),
        ("/v1/auth/renewaccesstoken", "demo.example.test", "http://demo-b.example.test/v1/auth/renewaccesstoken"),
        ("/auth/oauthtoken", "demo.example.test", "http://demo-b.example.test/auth/oauthtoken"),
        ("/v1/account/list", "md-demo-b.example.test", "http://demo-b.example.test/v1/account/list"),
        ("/v1/account/list", "md.example.test", "http://live.example.test/v1/account/list"),
        ("/v1/account/list", "tv-live.example.test", "http://live.example.test/v1/account/list"),
    ],
)
def test_a_wrong_host_sends_rest_on(moved: RunningSimulator, path: str, host: str, to: str) -> None:
    answer = ask(moved, path, host, json={})
    assert (answer.status_code, answer.headers.get("Location"), answer.text) == (307, to, "")
    assert moved.control.ledger()["received"] == []


@pytest.mark.parametrize("host", ["demo-b.example.test", "live.example.test", "replay.example.test", "127.0.0.1:8180"])
def test_a_right_host_does_not(moved: RunningSimulator, host: str) -> None:
    assert ask(moved, "/v1/account/list", host).status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("demo.example.test", 421),
        ("md-demo.example.test", 421),
        ("tv-demo.example.test", 421),
        ("demo-b.example.test", 101),
        ("md-demo-b.example.test", 101),
        ("md.example.test", 101),
        ("live.example.test", 101),
    ],
)
def test_a_wrong_host_opens_no_socket(moved: RunningSimulator, host: str, status: int) -> None:
    try:
        sock = socket.create_connection(("127.0.0.1", int(moved.host.rpartition(":")[2])))
        with connect(f"ws://{host}/v1/websocket", sock=sock, proxy=None):
            found = 101
    except InvalidStatus as refused:
        found = refused.response.status_code
    assert found == status


@pytest.mark.parametrize(
    ("host", "served"),
    [("live.example.test", True), ("127.0.0.1", True), ("demo.example.test", False), ("md.example.test", False)],
)
def test_auth_me_is_for_the_live_host(sim: RunningSimulator, trader: Api, host: str, served: bool) -> None:
    found = trader.http.get("/auth/me", headers={"Host": host}).json()
    assert ("userId" in found) is served
    assert ("errorText" in found) is not served
