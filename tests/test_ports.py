"""Ports for processes that tests start."""

import socket
from pathlib import Path

import pytest

from tests.ports import FIRST, LAST, SHARE, free_port, free_ports


def test_no_port_is_given_twice_and_nobody_listens_there() -> None:
    given = [free_port() for _ in range(200)]
    assert len(set(given)) == len(given)
    for port in given:
        socket.create_server(("127.0.0.1", port)).close()


def test_ports_in_a_row_are_free_all_of_them() -> None:
    first = free_ports(3)
    for port in range(first, first + 3):
        socket.create_server(("127.0.0.1", port)).close()


def test_each_worker_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = set()
    for number in range(8):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{number}")
        shares.add((free_port() - FIRST) // SHARE)
    assert len(shares) == 8


@pytest.mark.skipif(not Path("/proc/sys/net/ipv4").exists(), reason="the range is read from Linux's /proc")
def test_they_are_below_those_that_the_system_gives_out() -> None:
    assert int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]) >= LAST
