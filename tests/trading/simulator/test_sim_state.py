"""A second start keeps the data, whenever the first one ended."""

import json
import stat
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from trading.simulator import Config, create_app, serve

from .conftest import NO_TLS, START, Api


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(seed=7, manual_clock=True, start=START, state_path=tmp_path / "kept" / "state.json")


def test_everything_is_there_after_a_restart(config: Config) -> None:
    with serve(config) as simulator:
        trader = Api(simulator, "trader")
        trader.place("Buy", 3)
        trader.place("Sell", 1)
        resting = trader.place("Buy", 1, orderType="Limit", price=6800, clOrdId="rest")["orderId"]
        before = {name: rows for name, rows in simulator.control.ledger().items() if name != "received"}
        market = simulator.control.market("ESZ6")
    with serve(config) as simulator:
        after = {name: rows for name, rows in simulator.control.ledger().items() if name != "received"}
        assert after == before
        assert simulator.control.market("ESZ6")["last"] == market["last"]
        bearer = {"Authorization": f"Bearer {trader.token}"}
        accounts = httpx.get(simulator.url + "/v1/account/list", headers=bearer, trust_env=False, verify=NO_TLS)
        assert len(accounts.json()) == 1
        again = Api(simulator, "trader")
        simulator.control.price("ESZ6", "6800.00")
        assert again.order(resting)["ordStatus"] == "Filled"
        assert again.place("Sell", 1)["orderId"] > resting
        assert again.get("position/list")[0]["netPos"] == 2


def test_a_start_on_a_later_day_carries_over(config: Config) -> None:
    with serve(config) as simulator:
        Api(simulator, "trader").place("Buy", 3)
    with serve(replace(config, start=START.replace(day=20))) as simulator:
        simulator.control.advance(0.25)
        trader = Api(simulator, "trader")
        assert trader.get("order/list") == trader.get("fill/list") == []
        position = trader.get("position/list")[0]
        assert (position["netPos"], position["prevPos"]) == (3, 3)
        assert trader.balance()["amount"] == trader.balance()["amountSOD"] < 100_000


def test_a_contract_that_is_listed_no_more_is_still_known(config: Config) -> None:
    with serve(config) as simulator:
        Api(simulator, "trader").place("Buy", 1, "MCLF7")
    with serve(replace(config, start=START.replace(year=2027, month=9))) as simulator:
        trader = Api(simulator, "trader")
        held = trader.get("position/list")[0]["contractId"]
        assert trader.get("contract/item", id=held)["name"] == "MCLF7"


def test_the_file_is_the_owners_alone_and_complete(config: Config) -> None:
    with serve(config) as simulator:
        Api(simulator, "trader").place("Buy", 1)
        assert config.state_path is not None
        httpx.get(simulator.url + "/control/save", trust_env=False, verify=NO_TLS)
        assert json.loads(config.state_path.read_bytes())["version"] == 1
        assert stat.S_IMODE(config.state_path.stat().st_mode) == 0o600
        assert [path.name for path in config.state_path.parent.iterdir()] == ["state.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 1}'])
def test_a_broken_file_says_so_and_stays(config: Config, content: bytes) -> None:
    assert config.state_path is not None
    config.state_path.parent.mkdir()
    config.state_path.write_bytes(content)
    with pytest.raises(ValueError, match=r"state\.json is not a simulator state"):
        create_app(config)
    assert config.state_path.read_bytes() == content
