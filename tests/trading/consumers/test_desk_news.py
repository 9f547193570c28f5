"""What a page asks for besides: an order file's lines, intents, what was seen, the gauge; and kill switches."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import redis
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.utils import timezone

from accounts.budgets import budgets
from accounts.models import Connection
from tests.trading.consumers.pages import Page, a_file, an_intent, page, row
from tests.trading.sync.cast import until
from trading import tasks
from trading.consumers import DeskConsumer, page_socket
from trading.consumers import desk as desk_socket
from trading.models import (
    IntentTransition,
    KillSwitch,
    OrderIntent,
    OrderLine,
)
from trading.orders import intents, kill_switch
from trading.sync import crew, intent_rows, kill_banner, stage, stream
from trading.sync.relay import Relay, relay
from trading.sync.stage import Stage
from trading.sync.stream import Stream


async def test_a_files_page_gets_its_lines_and_only_its_own_lines_news(alice, writer) -> None:
    mine, other = await sync_to_async(a_file)(alice), await sync_to_async(a_file)(alice)
    async with page(alice, f"file={mine.pk}") as desk, page(alice) as plain:
        assert (await desk.frame())["t"] == "snapshot"
        assert (await plain.frame())["t"] == "snapshot"
        lines = await desk.frame()
        assert (lines["t"], lines["file"], lines["state"]) == ("lines", str(mine.pk), "ready")
        assert [line["number"] for line in lines["lines"]] == [1]
        assert lines["totals"] == {"bought": "0 of 0", "sold": "0 of 0", "states": "1", "version": 0}
        for file in (other, mine):
            line = await OrderLine.objects.aget(file=file)
            await asyncio.to_thread(stream.publish_line, line.pk)
        told = await desk.frame()
        assert (told["t"], told["file"], told["line"]["number"]) == ("line", str(mine.pk), 1)
        assert told["totals"] == lines["totals"]
        assert await plain.hears_nothing(0.2)


async def test_a_page_that_asks_gets_todays_intents_and_then_news_of_its_own(alice, bob, writer) -> None:
    mine = await sync_to_async(an_intent)(alice, state="unknown", version=2)
    old = await sync_to_async(an_intent)(alice, created_at=timezone.now() - timedelta(days=5))
    others = await sync_to_async(an_intent)(bob)
    async with page(alice, "intents=1") as desk, page(alice) as plain:
        assert (await desk.frame())["t"] == (await plain.frame())["t"] == "snapshot"
        all_of_today = await desk.frame()
        assert (all_of_today["t"], list(all_of_today["rows"])) == ("intents", [f"intent:{mine.pk}"])
        assert "will not be sent again" in all_of_today["rows"][f"intent:{mine.pk}"]["words"]
        await OrderIntent.objects.filter(pk=mine.pk).aupdate(state="accepted", version=3)
        await asyncio.to_thread(intent_rows.tell, [mine.pk, others.pk])
        told = await desk.frame()
        assert (told["t"], told["key"]) == ("intent", f"intent:{mine.pk}")
        assert (told["row"]["state"], told["row"]["version"], told["row"]["account_id"]) == ("accepted", "3", "7")
        assert await desk.hears_nothing(0.2)
        assert await plain.hears_nothing(0.0)
    assert old.pk


async def test_with_an_order_what_hangs_on_it_is_told_whose_trader_may_decide_something_else_by_now(
    alice, writer
) -> None:
    lead = await sync_to_async(an_intent)(alice, state="absent")
    leg = await sync_to_async(an_intent)(alice, state="absent", kind="leg", lead=lead)
    async with page(alice, "intents=1") as desk:
        assert (await desk.frame())["t"] == "snapshot"
        assert (await desk.frame())["rows"][f"intent:{leg.pk}"]["decisions"] == ""
        await OrderIntent.objects.filter(pk=lead.pk).aupdate(state="accepted", version=3)
        await asyncio.to_thread(intent_rows.tell, [lead.pk])
        told = {frame["key"]: frame["row"] for frame in [await desk.frame(), await desk.frame()]}
        assert (told[f"intent:{lead.pk}"]["state"], told[f"intent:{leg.pk}"]["decisions"]) == ("accepted", "give-up")


async def test_orders_of_an_earlier_day_have_their_intents_with_every_snapshot(alice, bob, writer) -> None:
    before = timezone.now() - timedelta(days=5)
    mine = await sync_to_async(an_intent)(alice, order_id_at_broker=50, created_at=before, state="working")
    bracket = await sync_to_async(an_intent)(alice, strategy_id_at_broker=9, created_at=before, state="filled")
    change = await sync_to_async(an_intent)(
        alice, kind="modify", target_order_id=50, created_at=before, state="ineffective"
    )
    await sync_to_async(an_intent)(alice, order_id_at_broker=52, created_at=before, state="filled")
    await sync_to_async(an_intent)(bob, order_id_at_broker=50, created_at=before)
    at = before.isoformat().replace("+00:00", "Z")
    rows = {
        "order:50": {"id": "50", "at": at, "strategy_id": ""},
        "order:51": {"id": "51", "at": at, "strategy_id": "9"},
    }
    async with page(alice, "intents=1") as desk:
        assert (await desk.frame())["t"] == "snapshot"
        assert (await desk.frame())["rows"] == {}
        await writer.replace(rows)
        assert (await desk.frame())["t"] == "snapshot"
        told = await desk.frame()
        assert (told["t"], set(told["rows"])) == ("intents", {f"intent:{one.pk}" for one in (mine, bracket, change)})


async def test_what_a_page_says_was_seen_is_noted_once_of_its_own_orders(alice, bob, writer, monkeypatch) -> None:
    monkeypatch.setattr(desk_socket, "SEEN_EVERY", 0.01)
    mine = await sync_to_async(an_intent)(alice, order_id_at_broker=55)
    others = await sync_to_async(an_intent)(bob, order_id_at_broker=56)
    seen = IntentTransition.objects.filter(step="seen")
    async with page(alice, "intents=1") as desk:
        await desk.frame()
        for nonsense in ('{"t":"seen",', '{"t":"seen","orders":5}', '{"t":"seen","orders":["x"]}', "{}"):
            await desk.say(nonsense)
        for odd in ("-1", "9e99", "1e999", "null"):
            await desk.say(f'{{"t":"seen","orders":[{odd}]}}')
        await desk.say('{"t":"seen","orders":' + "[" * 30_000)
        for _ in range(2):
            await desk.say('{"t":"seen","orders":[55,56,57]}')
            await until(lambda: seen.filter(intent=mine).aexists())
    async with page(alice, "intents=1") as desk:
        await desk.frame()
        await desk.say('{"t":"seen","orders":[55]}')  # and leaves at once
    assert await seen.acount() == 1
    assert not await seen.filter(intent=others).aexists()
    # Whatever a page has said, its place is free again.
    assert not page_socket.sockets_of_user


async def test_what_was_being_written_when_the_page_left_is_not_lost(alice, writer, monkeypatch) -> None:
    monkeypatch.setattr(desk_socket, "SEEN_EVERY", 0.01)
    mine = await sync_to_async(an_intent)(alice, order_id_at_broker=55)
    in_thread, waiting = desk_socket.in_thread, asyncio.Event()

    async def busy_at_first(work: Any, *arguments: Any) -> Any:
        if work is intents.seen and not waiting.is_set():
            waiting.set()
            await asyncio.Event().wait()  # no thread is free
        return await in_thread(work, *arguments)

    monkeypatch.setattr(desk_socket, "in_thread", busy_at_first)
    async with page(alice, "intents=1") as desk:
        await desk.frame()
        await desk.say('{"t":"seen","orders":[55]}')
        await asyncio.wait_for(waiting.wait(), 10)
    await until(lambda: IntentTransition.objects.filter(step="seen", intent=mine).aexists())


async def test_a_desk_is_told_how_many_requests_are_used_when_that_changes(alice, bob, writer, monkeypatch) -> None:
    monkeypatch.setattr(DeskConsumer, "gauge_every", 0.02)

    async def spend(connection: Connection) -> None:
        async with budgets(connection.environment, connection.tradovate_user_id) as own:
            await own.before("GET", "order/list")

    async def gauge() -> dict[str, str]:
        while (frame := await desk.frame())["t"] != "gauge":
            pass
        return frame["gauge"]

    async with page(alice, "gauge=1") as desk, page(alice) as other:
        assert (await gauge())["text"] == "0 of 5,000"
        await spend(bob)
        await spend(alice)
        assert await gauge() == {"used": "1", "most": "5000", "text": "1 of 5,000", "state": "ok", "words": ""}
        assert (await other.frame())["t"] == "snapshot"
        assert await other.hears_nothing(0.1)
        assert await desk.hears_nothing(0.1)


async def test_a_gauge_that_redis_or_the_database_kept_from_being_read_comes_later(alice, writer, monkeypatch) -> None:
    monkeypatch.setattr(DeskConsumer, "gauge_every", 0.02)
    read, failures = Relay.gauge, iter([redis.RedisError, ConnectionError])
    whose, locks = desk_socket.tradovate_user, iter([OperationalError("database is locked")])

    def locked(connection_id: int) -> tuple[str, int]:
        if failure := next(locks, None):
            raise failure
        return whose(connection_id)

    async def failing(relay: Relay, environment: str, user_id: int) -> dict[str, str]:
        if failure := next(failures, None):
            raise failure
        return await read(relay, environment, user_id)

    monkeypatch.setattr(Relay, "gauge", failing)
    monkeypatch.setattr(desk_socket, "tradovate_user", locked)
    async with page(alice, "gauge=1") as desk:
        frames = [await desk.frame(), await desk.frame()]
    assert {frame["t"] for frame in frames} == {"snapshot", "gauge"}


async def test_open_pages_are_told_what_a_kill_switch_stops(alice, bob, writer) -> None:
    def throw(**asked: Any) -> KillSwitch:
        switch = kill_switch.throw(alice.user, user=alice.user, **asked)
        tasks.kill_switch_changed(switch)
        return switch

    async with page(alice) as desk, page(bob) as stranger:
        assert await desk.switches() == []
        assert await stranger.switches() == []
        switch = await sync_to_async(throw)(reason="lunch")
        [told] = await desk.thrown()
        assert told["words"] == "Trading is stopped by you: only exits and cancels go through."
        assert told["reason"] == "lunch"
        released = await sync_to_async(kill_switch.release)(switch.pk, alice.user, timezone.now())
        await sync_to_async(tasks.kill_switch_changed)(released)
        while await desk.switches():
            pass
        # Nothing of that was the stranger's business: this is the next that both hear.
        everybody = await sync_to_async(kill_switch.throw)(alice.user, by_staff=True)
        await sync_to_async(tasks.kill_switch_changed)(everybody)
        for hears in (desk, stranger):
            assert [one["words"][:11] for one in await hears.thrown()] == ["All trading"]


async def test_a_kill_switch_that_is_thrown_while_a_snapshot_is_due_is_told_after_it(
    alice, writer, monkeypatch
) -> None:
    taking, go_on = threading.Event(), threading.Event()
    taken = desk_socket._intents_frame

    def slowly(*asked: Any) -> str:
        taking.set()
        go_on.wait(20)
        return taken(*asked)

    async with page(alice, "intents=1") as desk:
        assert await desk.switches() == []
        monkeypatch.setattr(desk_socket, "_intents_frame", slowly)
        await desk.say('{"t":"resync"}')
        await until(taking.is_set)
        # Asked for once more while one is on its way.
        await desk.say('{"t":"resync"}')
        [outbox] = relay()._outboxes[stream.channel(alice.pk)]
        await until(lambda: outbox._stale)
        switch = await sync_to_async(kill_switch.throw)(alice.user, user=alice.user)
        await sync_to_async(tasks.kill_switch_changed)(switch)
        await asyncio.sleep(0.2)
        go_on.set()
        assert await desk.thrown()


async def test_news_of_a_kill_switch_are_not_followed_by_what_was_read_before_them(alice, writer, monkeypatch) -> None:
    reading, go_on = threading.Event(), threading.Event()
    read = kill_banner.frame

    def slowly(connection_id: int) -> str:
        found = read(connection_id)
        reading.set()
        go_on.wait(20)
        return found

    async with page(alice) as desk:
        assert await desk.switches() == []
        monkeypatch.setattr(kill_banner, "frame", slowly)
        await desk.say('{"t":"resync"}')
        await until(reading.is_set)
        monkeypatch.setattr(kill_banner, "frame", read)
        switch = await sync_to_async(kill_switch.throw)(alice.user, user=alice.user)
        await sync_to_async(tasks.kill_switch_changed)(switch)
        assert await desk.thrown()
        go_on.set()
        assert await desk.switches(), "what is read anew, or more news"


async def test_a_page_that_missed_the_news_hears_it_at_the_next_look(alice, writer, monkeypatch) -> None:
    monkeypatch.setattr(DeskConsumer, "switches_every", 0.05)
    async with page(alice) as desk:
        assert await desk.switches() == []
        # Thrown, and nobody is told: Redis was away.
        await sync_to_async(kill_switch.throw)(alice.user, user=alice.user)
        assert await desk.thrown()


async def test_a_page_without_figures_is_told_what_they_wait_for_and_so_is_the_log(alice, monkeypatch, caplog) -> None:
    monkeypatch.setattr(DeskConsumer, "stage_every", 0.05)
    monkeypatch.setattr(desk_socket, "LONG", 0.05)
    client = stream.async_client()
    await client.delete(crew.KEY)

    async def told(desk: Page, wanted: Stage) -> None:
        async with asyncio.timeout(10):
            while (await desk.frame()).get("words") != wanted.words:
                pass

    async with page(alice) as desk:
        await told(desk, Stage.SYNC)
        await crew.Crew(client, 60.0).look()
        await told(desk, Stage.TAKER)
        await client.set(stream.lease_key(alice.pk), "somebody")
        await told(desk, Stage.TOKEN)
        stage.Steps(client, alice.pk).note(Stage.SNAPSHOT)
        await told(desk, Stage.SNAPSHOT)
        await client.delete(stream.lease_key(alice.pk))
        await Stream(client, alice.pk).replace(row(1))
        async with asyncio.timeout(10):
            while (frame := await desk.frame())["t"] == "stage" or not frame["rows"]:
                pass
        assert await desk.hears_nothing(0.3)
    await client.aclose()
    logged = [record.getMessage() for record in caplog.records if record.name == "trading.consumers.desk"]
    assert any(Stage.SYNC.words in message for message in logged)
    assert "has its figures" in logged[-1]
