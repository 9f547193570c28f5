"""A simulator that is killed comes back with what it saved by itself."""

import signal
from pathlib import Path
from time import monotonic

from trading.simulator import DEFAULT_TRADERS, Config, RunningSimulator
from trading.simulator.control_client import Control

from .conftest import Api
from .processes import run, running, url_of

PATIENCE = 30.0


def wait_for(text: str, path: Path, api: Api) -> None:
    """Until a file has a text; the simulator goes on meanwhile."""
    end = monotonic() + PATIENCE
    while not (path.exists() and text in path.read_text()):
        assert monotonic() < end, f"{path.name} was not saved"
        api.get("account/list")


def test_what_was_saved_in_time_is_there_after_a_kill(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    options = ("--state", str(state), "--save-seconds", "0.05")
    process = run("--port", "0", "--control", *options)
    try:
        url = url_of(process)
        killed = RunningSimulator(url, Control(url), DEFAULT_TRADERS, Config())
        api = Api(killed, "trader")
        order = api.place("Buy", 1, orderType="Limit", price=1000, timeInForce="GTC", clOrdId="kept-over-a-kill")[
            "orderId"
        ]
        wait_for("kept-over-a-kill", state, api)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=10)
    with running(*options) as simulator:
        assert Api(simulator, "trader").order(order)["ordStatus"] == "Working"
