"""Host names: what a name stands for."""

import pytest

from trading.simulator.hosts import TRADOVATE_DOMAIN, Environment, environment_of, named_hosts


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
    assert named_hosts("example.test", 8443)["demo"] == "demo.example.test:8443"
