"""The broker's own limits as they are read."""

import asyncio
from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest

from trading.models import Account
from trading.orders import protection
from trading.tradovate.entities import UserAccountAutoLiq


@pytest.mark.parametrize(
    ("told", "mode"), [("Realtime", "RealTime"), ("RealTime", "RealTime"), ("EOD", "EOD"), (None, "RealTime")]
)
def test_how_a_drawdown_is_counted_is_read_in_either_spelling(
    told: str | None, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = UserAccountAutoLiq(id=7, trailing_max_drawdown_mode=told)
    client = SimpleNamespace(user_account_auto_liq=SimpleNamespace(deps=AsyncMock(return_value=[limits])))
    monkeypatch.setattr(protection, "_ask", lambda _, question: asyncio.run(question(client)))
    assert protection.read(Account(tradovate_id=7)).trailing_max_drawdown_mode == mode
