"""Where requests and tokens may go, and where never."""

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading.tradovate.hosts import Environment, Hosts, is_loopback, redirect_target

LIVE = Hosts.default(Environment.LIVE)
DEMO = Hosts.default(Environment.DEMO)
SIM = Hosts.default(Environment.SIM, "http://127.0.0.1:8787")


def test_static_tables() -> None:
    assert LIVE.rest == "https://live.tradovateapi.com/v1"
    assert LIVE.user_socket == "wss://live.tradovateapi.com/v1/websocket"
    assert LIVE.market_socket == "wss://md.tradovateapi.com/v1/websocket"
    assert DEMO.rest == "https://demo.tradovateapi.com/v1"
    assert DEMO.market_socket == "wss://md-demo.tradovateapi.com/v1/websocket"
    assert LIVE.replay_socket == DEMO.replay_socket == "wss://replay.tradovateapi.com/v1/websocket"
    # /auth/me answers on the live host only.
    assert LIVE.auth == DEMO.auth == "https://live.tradovateapi.com"
    assert SIM.rest == "http://127.0.0.1:8787/v1"
    assert SIM.replay_socket == "ws://127.0.0.1:8787/replay/v1/websocket"
    assert SIM.user_socket == SIM.market_socket == "ws://127.0.0.1:8787/v1/websocket"
    assert SIM.authorize == "http://127.0.0.1:8787/oauth"


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "127.0.0.1:8787",
        "https://127.0.0.1",
        "http://10.0.0.5:8787",
        "http://sim.example",
        "http://u:p@127.0.0.1:8787",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:x",
    ],
)
def test_simulator_lives_on_this_machine(url: str | None) -> None:
    with pytest.raises(ValueError, match="this machine"):
        Hosts.default(Environment.SIM, url)


def test_api_hosts_move_rest_sockets_and_auth() -> None:
    moved = DEMO.moved(
        {
            "live": "live-b.tradovateapi.com",
            "demo": "demo-b.tradovateapi.com",
            "mdDemo": "md-demo-b.tradovateapi.com:8443",
            "replay": "replay-b.tradovateapi.com",
            "userContext": "ctx.tradovateapi.com",
        },
        Environment.DEMO,
    )
    assert moved.rest == "https://demo-b.tradovateapi.com/v1"
    assert moved.user_socket == "wss://demo-b.tradovateapi.com/v1/websocket"
    assert moved.market_socket == "wss://md-demo-b.tradovateapi.com:8443/v1/websocket"
    assert moved.replay_socket == "wss://replay-b.tradovateapi.com/v1/websocket"
    assert moved.auth == "https://live-b.tradovateapi.com"
    assert moved.authorize == DEMO.authorize


def test_missing_api_hosts_keep_the_old_ones() -> None:
    assert LIVE.moved(None, Environment.LIVE) == LIVE
    assert LIVE.moved({}, Environment.LIVE) == LIVE
    moved = LIVE.moved({"mdLive": "md2.tradovateapi.com"}, Environment.LIVE)
    assert moved.rest == LIVE.rest
    assert moved.market_socket == "wss://md2.tradovateapi.com/v1/websocket"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.0.0.1:8787", "localhost", "localhost:8787", "evil.localhost", "[::1]", "127.1", "0x7f.1",
        "2130706433", "10.0.0.5", "https://live.tradovateapi.com", "live.tradovateapi.com/v1", "\\evil.com",
        "a@live.tradovateapi.com", "live.tradovateapi.com:99999", "live.tradovateapi.com:0", "live tradovateapi.com",
        "", "x\nlive.tradovateapi.com", "live.tradovateapi.com\n", "live..tradovateapi.com",
        "live.tradovateapi.com?x", "live.tradovateapi.com#x",
    ],
)  # fmt: skip
def test_a_real_environment_refuses_loopback_addresses_and_anything_but_a_host(host: str) -> None:
    assert LIVE.moved({"live": host, "mdLive": host}, Environment.LIVE) == LIVE


@pytest.mark.parametrize("host", ["127.0.0.1:9999", "localhost:9999", "[::1]:9999"])
def test_the_simulator_moves_within_loopback(host: str) -> None:
    moved = SIM.moved({"demo": host, "mdDemo": host, "live": host}, Environment.SIM)
    assert moved.rest == f"http://{host}/v1"
    assert moved.market_socket == f"ws://{host}/v1/websocket"


@pytest.mark.parametrize("host", ["demo.tradovateapi.com", "10.0.0.5:80", "127.0.0.1.evil.com", "localhost.evil.com"])
def test_the_simulator_never_leaves_loopback(host: str) -> None:
    assert SIM.moved({"demo": host, "mdDemo": host, "live": host}, Environment.SIM) == SIM


# The first text of a run builds Hypothesis's Unicode tables, which takes longer than its health check likes.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["live", "demo", "mdLive", "mdDemo", "x"]), st.one_of(st.none(), st.text(), st.integers())
    )
)
def test_whatever_is_named_a_real_environment_keeps_tls(named: dict) -> None:
    for environment, hosts in ((Environment.LIVE, LIVE), (Environment.DEMO, DEMO)):
        moved = hosts.moved(named, environment)
        assert moved.rest.startswith("https://")
        assert moved.auth.startswith("https://")
        assert moved.user_socket.startswith("wss://")
        assert moved.market_socket.startswith("wss://")


def test_redirects_stay_in_the_domain_and_on_tls() -> None:
    old = "https://demo.tradovateapi.com/v1/order/list"
    assert redirect_target(old, "https://demo-b.tradovateapi.com/v1/order/list") == "https://demo-b.tradovateapi.com"
    assert redirect_target(old, "HTTPS://Demo-B.TradovateApi.com:8443?x") == "https://demo-b.tradovateapi.com:8443"
    for refused in (
        "http://demo-b.tradovateapi.com/v1",
        "https://evil.com/v1",
        "https://tradovateapi.com.evil.com/v1",
        "https://eviltradovateapi.com/v1",
        "https://u:p@demo-b.tradovateapi.com/v1",
        "https://127.0.0.1/v1",
        "https://demo-b.tradovateapi.com:99999/v1",
        "https://demo-b.tradovateapi.com:0/v1",
        "https://evil.com\\.tradovateapi.com/v1",
        "https://evil.com\\@demo-b.tradovateapi.com/v1",
        "https://evil.com%2f.tradovateapi.com/v1",
        "https://evil.com\t.tradovateapi.com/v1",
        "https://evil.com#.tradovateapi.com/v1",
        "https://evil.com?.tradovateapi.com/v1",
        "https://evil\u3002com/v1",
        "https://\u0435vil.tradovateapi.com/v1",
        "https://@demo-b.tradovateapi.com/v1",
        "https://[::1]/v1",
        "https://demo-b.tradovateapi.com./v1",
        "https://10.tradovateapi.1/v1",
        "https:demo-b.tradovateapi.com/v1",
        "//demo-b.tradovateapi.com/v1",
        " https://demo-b.tradovateapi.com/v1",
        "https://demo-b.tradovateapi.com/v1\r\nX: y",
        "wss://demo-b.tradovateapi.com/v1",
        "/v1/elsewhere",
        "",
    ):
        assert redirect_target(old, refused) is None, refused


@settings(deadline=None)
@given(st.text(), st.sampled_from(["https://", "http://", "//", ""]))
def test_whatever_a_redirect_says_the_token_stays_in_the_domain_or_on_loopback(text: str, scheme: str) -> None:
    for tail in (text, f"{text}.tradovateapi.com/v1", f"demo.tradovateapi.com{text}", f"{text}@demo.tradovateapi.com"):
        target = redirect_target("https://live.tradovateapi.com/v1", scheme + tail)
        if target is not None:
            # As httpx reads it, which is who connects.
            url = httpx.URL(target)
            assert url.scheme == "https"
            assert url.host.endswith(".tradovateapi.com")
        local = redirect_target("http://127.0.0.1:8787/v1", scheme + tail)
        assert local is None or is_loopback(httpx.URL(local).host)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("https://demo.tradovateapi.com/v1", "https://live.tradovateapi.com/v1"),
        ("https://live.tradovateapi.com/v1", "https://demo-b.tradovateapi.com/v1"),
        ("https://Live-2.tradovateapi.com/v1", "https://DEMO.tradovateapi.com/v1"),
    ],
)
def test_an_order_for_one_environment_never_lands_in_the_other(old: str, new: str) -> None:
    assert redirect_target(old, new) is None


def test_api_hosts_never_exchange_live_and_demo() -> None:
    exchanged = {"live": "demo.tradovateapi.com", "demo": "live.tradovateapi.com", "mdDemo": "md-live.tradovateapi.com"}
    assert DEMO.moved(exchanged, Environment.DEMO) == DEMO
    assert LIVE.moved(exchanged, Environment.LIVE) == LIVE
    named = {"live": "l1.tradovateapi.com", "demo": "d1.tradovateapi.com"}
    assert DEMO.moved(named, Environment.DEMO).rest == "https://d1.tradovateapi.com/v1"


def test_redirects_of_the_simulator_stay_on_loopback() -> None:
    old = "http://127.0.0.1:8787/v1/order/list"
    assert redirect_target(old, "http://localhost:9999/v1") == "http://localhost:9999"
    assert redirect_target(old, "http://[::1]:9999/v1") == "http://[::1]:9999"
    assert redirect_target("http://[::1]:8787/v1", "http://127.0.0.1/v1") == "http://127.0.0.1"
    assert redirect_target(old, "https://localhost:9999/v1") is None
    assert redirect_target(old, "http://localhost@evil.com/v1") is None
    assert redirect_target(old, "https://demo.tradovateapi.com/v1") is None
    assert redirect_target(old, "http://10.0.0.5/v1") is None


def test_loopback() -> None:
    assert all(map(is_loopback, ["localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "::1", "[::1]"]))
    assert not any(map(is_loopback, ["10.0.0.1", "live.tradovateapi.com", "", "127.0.0.1.evil.com"]))
