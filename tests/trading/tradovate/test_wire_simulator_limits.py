"""Limits from both sides: the simulator enforces them, the client counts, waits and holds back."""

import asyncio
import contextlib
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pytest

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.limits import Limits
from trading.tradovate import Budgets, Environment, Hosts, MemoryStore, Tradovate, UserSocket, request_access_token
from trading.tradovate.entities import AccessToken, AccessTokenRequest, CancelOrder, SyncRequest
from trading.tradovate.errors import ApiError, BudgetSpent, CaptchaRequired, PenaltyImposed, RateLimited
from trading.tradovate.limits import PROBE_FIRST, PROBE_MOST
from trading.tradovate.penalties import sit_out


class Time:
    """The time of simulator and client alike, which only sleeping moves."""

    def __init__(self, sim: RunningSimulator) -> None:
        self.sim = sim
        self.now = 1_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.to_thread(self.sim.control.advance, seconds)


@contextlib.contextmanager
def simulator(**limits: Any) -> Iterator[RunningSimulator]:
    if "per_address" in limits:
        limits["per_address"] = MappingProxyType(limits["per_address"])
    with serve(Config(seed=7, manual_clock=True, control=True, limits=Limits(**limits))) as running:
        yield running


def hosts(sim: RunningSimulator) -> Hosts:
    return Hosts.default(Environment.SIM, sim.url)


async def sign_in(sim: RunningSimulator) -> AccessToken:
    trader = sim.trader("pro")
    return await request_access_token(hosts(sim), AccessTokenRequest(name=trader.name, password=trader.password))


async def test_a_penalty_is_sat_out_over_rest_and_sockets() -> None:
    with simulator(per_address={"user/syncrequest": 1}) as sim:
        time, access = Time(sim), await sign_in(sim)
        assert access.user_id is not None
        async with Tradovate(hosts(sim), access.access_token, patience=60, sleep=time.sleep) as t:
            for _ in range(2):
                assert (await t.user.sync_request(SyncRequest(users=[access.user_id]))).users
        assert time.slept == [3]
        async with await UserSocket.connect(hosts(sim).user_socket, access.access_token) as socket:
            user_id = access.user_id
            snapshot = await sit_out(lambda ticket: socket.sync(user_id, ticket=ticket), patience=60, sleep=time.sleep)
        assert snapshot.users
        assert time.slept == [3, 3]


async def test_a_renewal_sits_its_penalty_out_and_the_new_token_works() -> None:
    with simulator(per_address={"auth/renewaccesstoken": 0}) as sim:
        time, access = Time(sim), await sign_in(sim)
        async with Tradovate(hosts(sim), access.access_token, patience=60, sleep=time.sleep) as t:
            renewed = await t.auth.renew()
        assert time.slept == [15]
        async with Tradovate(hosts(sim), renewed.access_token) as t:
            assert await t.account.list()


async def test_a_captcha_ends_it_at_once() -> None:
    with simulator(per_address={"auth/accesstokenrequest": 1}, captcha_after=1) as sim:
        wrong = AccessTokenRequest(name="pro", password="wrong")
        with pytest.raises(ApiError):
            await request_access_token(hosts(sim), wrong)
        with pytest.raises(PenaltyImposed):
            await request_access_token(hosts(sim), wrong)
        with pytest.raises(CaptchaRequired, match="in about an hour"):
            await request_access_token(hosts(sim), wrong)


async def test_a_429_holds_reads_back_until_the_hour_is_over() -> None:
    with simulator(per_user=3) as sim:
        time, access = Time(sim), await sign_in(sim)
        budgets = Budgets(MemoryStore(time), network="n", user=access.user_id)
        async with Tradovate(hosts(sim), access.access_token, budgets=budgets) as t:
            for _ in range(3):
                await t.account.list()
            with pytest.raises(RateLimited):
                await t.account.list()
            await budgets.counted()
            for _ in range(5):
                with pytest.raises(BudgetSpent):
                    await t.account.list()
            # An order is sent, whatever became of the reads; it is Tradovate that refuses it.
            with pytest.raises(RateLimited) as refused:
                await t.order.cancel(CancelOrder(order_id=1))
            assert not isinstance(refused.value, BudgetSpent)
            # A read now and then finds out, and the first that is taken ends it.
            while True:
                await budgets.counted()
                await time.sleep(PROBE_FIRST)
                with contextlib.suppress(RateLimited):
                    await t.account.list()
                    break
            await budgets.counted()
            await t.account.list()
        assert time.now - 1_000_000 <= 3600 + PROBE_MOST
