"""A session that Tradovate ends while its socket goes on: the page says so at once, and a new sign-in mends it."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from accounts import renewal
from accounts.models import Connection
from tests.trading.cast import sign_in
from tests.trading.sync.cast import running_hub, settled, snapshot, until
from trading.sync import doorbell
from trading.tradovate import retry


async def test_the_page_is_told_at_once_that_the_session_has_ended(simulator, trader) -> None:
    async with running_hub():
        await settled(trader)
        simulator.control.fault("expire_tokens", user="trader")
        token = trader.tokens.access_token
        assert await renewal.arefused(trader.pk, token) is renewal.Outcome.IMPOSSIBLE

        async def told() -> bool:
            upstream = (await snapshot(trader)).rows["upstream"]
            return "Sign in again" in upstream["detail"]

        await until(told)
        await sync_to_async(sign_in)(simulator, "trader")
        await asyncio.to_thread(doorbell.ring_opened, trader.pk)

        async def well() -> bool:
            upstream = (await snapshot(trader)).rows["upstream"]
            return (upstream["state"], upstream["detail"]) == ("up", "")

        await until(well)


async def test_a_socket_that_is_refused_has_the_session_looked_at_at_once(simulator, trader) -> None:
    simulator.control.fault("expire_tokens", user="trader")
    async with running_hub():
        found = await settled(trader, "down")

        async def ended() -> bool:
            connection = await Connection.objects.aget(pk=trader.pk)
            return "another login" in connection.renewal_error

        await until(ended)
        assert "Sign in again" in found.rows["upstream"]["detail"]


async def test_who_signs_in_again_does_not_wait_for_a_look_at_the_token_before(
    simulator, trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tradovate may take a minute to say that it will not renew it."""
    looks, answers = asyncio.Event(), asyncio.Event()

    async def slowly(*_: object) -> renewal.Outcome:
        looks.set()
        await answers.wait()
        return renewal.Outcome.IMPOSSIBLE

    monkeypatch.setattr(renewal, "arefused", slowly)
    simulator.control.fault("expire_tokens", user="trader")
    async with running_hub(rescan=600):
        await looks.wait()
        await sync_to_async(sign_in)(simulator, "trader")
        await asyncio.to_thread(doorbell.ring_opened, trader.pk)
        await settled(trader)
        answers.set()


async def test_who_signs_in_again_gets_the_desk_at_once_though_no_bell_rang(
    simulator, trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "NOT_AUTHORIZED", 600.0)
    simulator.control.fault("expire_tokens", user="trader")
    async with running_hub():

        async def waits() -> bool:
            return (await settled(trader, "down")).rows["upstream"]["detail"] == renewal.ENDED

        await until(waits)
        await sync_to_async(sign_in)(simulator, "trader")
        await settled(trader)
