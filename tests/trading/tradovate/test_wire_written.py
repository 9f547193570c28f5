"""Entities that are sent whole: what they must say, and what Tradovate said of them that this library does not know."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from trading.tradovate import Tradovate
from trading.tradovate.entities import (
    MarketDataSubscription,
    TradeDate,
    TradovateSubscription,
    UserAccountAutoLiq,
    UserAccountPositionLimit,
    UserAccountRiskParameter,
    UserPlugin,
)
from trading.tradovate.errors import BadReply

from .conftest import HttpScript

NOW = dt.datetime(2026, 11, 20, 14, 30, tzinfo=dt.UTC)
TODAY = TradeDate(year=2026, month=11, day=20)
BOUGHT = {"id": 3, "user_id": 7, "timestamp": NOW, "plan_price": Decimal("9.50")}
LIMIT = UserAccountPositionLimit(id=3, account_id=7, active=True, total_by="Overall", long_limit=3)
PARAMETER = UserAccountRiskParameter(id=3, user_account_position_limit_id=5)
DATA = MarketDataSubscription(**BOUGHT, market_data_subscription_plan_id=2, year=2026, month=11)
PLAN = TradovateSubscription(
    **BOUGHT, tradovate_subscription_plan_id=2, start_date=TODAY, expiration_date=TODAY, paid_amount=Decimal(9)
)
PLUGIN = UserPlugin(**BOUGHT, plugin_name="depth", approval=True, start_date=TODAY, paid_amount=Decimal(9))
GROUPS = {
    UserAccountAutoLiq: "user_account_auto_liq",
    UserAccountPositionLimit: "user_account_position_limit",
    UserAccountRiskParameter: "user_account_risk_parameter",
    MarketDataSubscription: "market_data_subscription",
    TradovateSubscription: "tradovate_subscription",
    UserPlugin: "user_plugin",
}


@pytest.mark.parametrize(
    ("good", "wrong", "says"),
    [
        (LIMIT, {"short_limit": -1}, "shortLimit must be at least 0, not -1"),
        (LIMIT, {"description": "x" * 65}, "description may have 64 characters, this one has 65"),
        (LIMIT, {"contract_id": 0}, "contractId must be more than 0, not 0"),
        (LIMIT, {"active": None}, "active is missing"),
        (LIMIT, {"total_by": None}, "totalBy is missing"),
        (LIMIT, {"account_id": None}, "accountId is missing"),
        (PARAMETER, {"max_back_month": 0}, "maxBackMonth must be more than 0"),
        (PARAMETER, {"user_account_position_limit_id": None}, "userAccountPositionLimitId is missing"),
        (DATA, {"year": 1999}, "year must be at least 2015, not 1999"),
        (DATA, {"month": 13}, "month may be at most 12, not 13"),
        (DATA, {"timestamp": None}, "timestamp is missing"),
        (PLAN, {"expiration_date": None}, "expirationDate is missing"),
        (PLAN, {"credit_card_id": -4}, "creditCardId must be more than 0"),
        (PLUGIN, {"plugin_name": ""}, "pluginName is missing"),
        (PLUGIN, {"plugin_name": "x" * 65}, "pluginName may have 64"),
    ],
)
async def test_what_the_document_does_not_allow_is_not_sent(
    good: msgspec.Struct, wrong: dict[str, Any], says: str, http: HttpScript
) -> None:
    spoilt = msgspec.structs.replace(good, **wrong)
    async with Tradovate(http.hosts, "tok") as t:
        group = getattr(t, GROUPS[type(good)])
        for call in (group.create, group.update):
            with pytest.raises(ValueError, match=says):
                await call(spoilt)
    assert http.requests == []


@pytest.mark.parametrize("good", [LIMIT, PARAMETER, DATA, PLAN, PLUGIN, UserAccountAutoLiq(id=7)])
async def test_what_it_allows_is_sent(good: msgspec.Struct, http: HttpScript) -> None:
    async with Tradovate(http.hosts, "tok") as t:
        group = getattr(t, GROUPS[type(good)])
        for call in (group.create, group.update):
            http.answer(msgspec.json.encode(good))
            assert await call(good) == good


async def test_a_change_without_an_id_is_not_sent(http: HttpScript) -> None:
    async with Tradovate(http.hosts, "tok") as t:
        with pytest.raises(ValueError, match="id is missing"):
            await t.user_account_position_limit.update(msgspec.structs.replace(LIMIT, id=0))
    assert http.requests == []


async def test_what_is_read_keeping_goes_back_with_the_fields_that_are_new(http: HttpScript) -> None:
    came = {
        "id": 12, "accountId": 7, "active": True, "totalBy": "Overall", "longLimit": 3, "description": "own",
        "escalation": {"after": 0.10, "to": ["desk"]}, "reviewedBy": None,
    }  # fmt: skip
    http.answer([came])
    http.answer({**came, "longLimit": 4, "revision": 2})
    async with Tradovate(http.hosts, "tok") as t:
        (limit,) = await t.user_account_position_limit.keeping.deps(7)
        assert limit.value.long_limit == 3
        changed = await t.user_account_position_limit.update(limit.replace(long_limit=4, description=None))
    read, written = http.requests
    assert (read.path, read.query) == ("/v1/useraccountpositionlimit/deps", "masterid=7")
    assert (written.method, written.path) == ("POST", "/v1/useraccountpositionlimit/update")
    assert written.json() == {**{k: v for k, v in came.items() if k != "description"}, "longLimit": 4}
    assert changed.value.long_limit == 4
    assert json.loads(changed.encode())["revision"] == 2


async def test_keeping_does_not_let_a_spoilt_change_through(http: HttpScript) -> None:
    http.answer({"id": 12, "accountId": 7, "active": True, "totalBy": "Overall", "new": 1})
    async with Tradovate(http.hosts, "tok") as t:
        limit = await t.user_account_position_limit.keeping.item(12)
        with pytest.raises(ValueError, match="exposedLimit"):
            await t.user_account_position_limit.update(limit.replace(exposed_limit=-1))
    assert len(http.requests) == 1


async def test_what_is_kept_is_read_as_strictly_as_any_entity(http: HttpScript) -> None:
    http.answer({"name": "without an id"})
    http.answer([{"id": "many"}])
    async with Tradovate(http.hosts, "tok") as t:
        with pytest.raises(BadReply, match="id"):
            await t.account.keeping.find("X")
        with pytest.raises(BadReply, match="id"):
            await t.account.keeping.list()
