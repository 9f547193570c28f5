"""`python -m trading.simulator`: how it starts, refuses and ends."""

import argparse
import ipaddress
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from trading.simulator import Config
from trading.simulator.market_options import add_market_options, market_settings

from .conftest import NO_TLS
from .processes import SECRET, run, running, url_of

ROOT = Path(__file__).parents[3]


def test_the_traders_are_listed_and_in_the_help() -> None:
    command = [sys.executable, "-m", "trading.simulator", "--list-traders"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True).stdout
    shown, _ = run("--help").communicate(timeout=30)
    for out in (listed, shown):
        for line in ("trader-pass", "pro-pass", "empty-pass", "DEMO1002005"):
            assert line in out


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = run("--port", str(port))
        out, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert out == ""
    assert err.splitlines() == [
        f"Port {port} on 127.0.0.1 is in use. Stop what listens there or choose another --port."
    ]


@pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"])
def test_it_listens_on_loopback_only() -> None:
    with running() as simulator:
        port = int(simulator.url.rpartition(":")[2])
        assert listening(port) == {"127.0.0.1"}
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=5)


def listening(port: int) -> set[str]:
    """The IPv4 addresses of this machine on which somebody listens at a port, as the kernel has them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    local = [row[1].split(":") for row in rows if row[3] == "0A"]
    return {
        str(ipaddress.IPv4Address(int(host, 16).to_bytes(4, sys.byteorder)))
        for host, at in local
        if int(at, 16) == port
    }


def test_oauth_errors_have_status_400_when_asked_for() -> None:
    form = {"grant_type": "refresh_token", "client_id": "tradeport", "client_secret": SECRET}
    with running("--oauth-error-status", "400") as simulator:
        answer = httpx.post(simulator.url + "/auth/oauthtoken", data=form, trust_env=False, verify=NO_TLS)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_other_machines_only_when_it_is_meant() -> None:
    process = run("--host", "0.0.0.0")  # noqa: S104 - it is refused
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "--allow-remote" in err


@pytest.mark.parametrize(
    ("option", "complaint"),
    [("nobody=None", "there is no trader 'nobody'"), ("trader=Sometimes", "'Sometimes' is none of RealTime, Delayed")],
)
def test_an_entitlement_that_makes_no_sense_is_refused(option: str, complaint: str) -> None:
    _, err = run("--market-data", option).communicate(timeout=30)
    assert complaint in err


def test_market_data_options_are_the_configurations() -> None:
    parser = argparse.ArgumentParser()
    add_market_options(parser)
    options = [
        "--market-data",
        "trader=Delayed",
        "--delay-seconds",
        "5",
        "--lowercase-market-data",
        "--tick-seconds",
        "2",
    ]
    config = Config(**market_settings(parser.parse_args(options)))
    assert {trader.name: trader.market_data for trader in config.traders}["trader"] == "Delayed"
    assert [trader.market_data for trader in config.traders].count("RealTime") == len(config.traders) - 1
    assert (config.delay_seconds, config.chart_elements, config.lowercase_market_data) == (5, 4096, True)
    assert config.tick_seconds == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_ends_quickly_and_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    state = tmp_path / "state.json"
    process = run("--port", "0", "--state", str(state))
    url = url_of(process)
    with httpx.Client(base_url=url, trust_env=False, verify=NO_TLS) as http:
        assert http.get("/health").json() == {"ok": True}
        assert http.get("/control/ledger").status_code == 404
        form = {"grant_type": "refresh_token", "client_id": "tradeport", "client_secret": SECRET}
        assert http.post("/auth/oauthtoken", data=form).json()["error"] == "invalid_grant"
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert state.exists()


def test_a_broken_state_is_one_clear_line(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("not json")
    process = run("--port", "0", "--state", str(state))
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert len(err.splitlines()) == 1
    assert "start afresh" in err


def test_faults_are_listed_armed_and_refused() -> None:
    out, _ = run("--list-faults").communicate(timeout=30)
    assert "lose_reply" in out
    assert "expire_tokens" in out
    process = run("--fault", "lose_reply:route=order/placeorder,captcha=true")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "no option captcha" in err


def test_a_fault_of_the_command_line_strikes() -> None:
    process = run("--port", "0", "--fault", "error_503:route=account/list,times=2", "--control")
    url = url_of(process)
    with httpx.Client(base_url=url, trust_env=False, verify=NO_TLS) as http:
        assert [http.get("/v1/account/list").status_code for _ in range(3)] == [503, 503, 401]
        assert http.get("/control/faults").json()["armed"] == []
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_tls_is_spoken_and_told_how_to_trust(tmp_path: Path) -> None:
    directory = tmp_path / "tls"
    process = run("--port", "0", "--tls", str(directory), "--named-hosts", "--api-host", "demo=demo-b.tradovateapi.com")
    url = url_of(process)
    told = [process.stdout.readline().strip() for _ in range(4)]
    assert url.startswith("https://127.0.0.1:")
    assert told[1].startswith("127.0.0.1 live.tradovateapi.com demo.tradovateapi.com")
    assert told[1].endswith(" trader.tradovate.com demo-b.tradovateapi.com")
    assert f"SSL_CERT_FILE={directory / 'ca.pem'}" in told[2]
    context = ssl.create_default_context(cafile=directory / "ca.pem")
    with httpx.Client(base_url=url, trust_env=False, verify=context) as http:
        login = {"name": "trader", "password": "trader-pass"}
        hosts = http.post("/v1/auth/accesstokenrequest", json=login).json()["apiHosts"]
        port = url.rpartition(":")[2]
        assert (hosts["live"], hosts["demo"]) == (f"live.tradovateapi.com:{port}", f"demo-b.tradovateapi.com:{port}")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--tls", "DIRECTORY", "--tls-name", "bad name"), "no host name"),
        (("--tls", "FILE"), "Cannot use the certificates"),
        (("--api-host", "moon=x"), "KEY=HOST"),
    ],
)
def test_certificates_and_hosts_that_cannot_be_are_one_clear_line(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    (tmp_path / "file").write_text("")
    places = {"DIRECTORY": str(tmp_path / "tls"), "FILE": str(tmp_path / "file")}
    process = run("--port", "0", *(places.get(one, one) for one in arguments))
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert told in err.splitlines()[-1]


def test_who_lets_others_in_is_told_so() -> None:
    process = run("--port", "0", "--host", "0.0.0.0", "--allow-remote")  # noqa: S104 - for the moment of a test
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=10)
    assert "Others can reach this simulator" in err
    assert process.returncode == 0
