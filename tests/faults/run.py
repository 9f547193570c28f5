"""One run: traders trade elsewhere while one thing after another breaks; then all who tell of it are asked."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import httpx

from accounts.models import Connection
from tests.chaos.portal import Portal
from tests.faults.browser import Browser
from tests.faults.desks import Desk, Entities
from tests.faults.elsewhere import Elsewhere
from tests.faults.plan import Phase, Plan
from tests.faults.screen import Screen, opened
from tests.faults.truth import EVENTS, Differences
from trading.tradovate.session import SILENCE

ABSENCE = 0.5  # seconds until what was killed is started again
SHARE_BEFORE = 1 / 3  # of a phase's requests, those that are placed before something breaks
# What the simulator does to events all the time: each is met by so many of them.
EVENT_FAULTS: dict[str, dict[str, float]] = {
    "duplicate_events": {"probability": 0.2},
    "reorder_events": {"probability": 0.3},
    "batch_events": {"probability": 0.2, "seconds": 0.1},
    "array_entities": {"probability": 0.1},
    "unknown_entities": {"probability": 0.05},
}
GIVE_UP = 60.0  # seconds
HALF_OPEN = "the broker silent, sockets open"
HANG = "browsers that stop reading"
AWAY = "broker away"
# While pages hang, traders trade in rounds of so many requests, this fast, until other pages have had so many frames:
# more than wait for a page before it is given up and gets a snapshot.
REQUESTS_OF_HANG, PACE_OF_HANG, FRAMES_OF_HANG, MOST_ROUNDS = 100, 120.0, 4000, 36
LOOK = 0.02  # seconds between looks whether everything is back


# Breaks something and mends it; returns the moment from which on everything may be expected to recover.
Strike = Callable[[], Awaitable[float]]


class NotRecovered(Exception):
    """What was broken did not come back."""


class Run:
    """The running portal, its traders and their browsers."""

    def __init__(self, portal: Portal, plan: Plan, traders: list[Elsewhere], cookies: dict[str, str]) -> None:
        self._portal = portal
        self._plan = plan
        self._traders = traders
        self._cookies = cookies
        self._desks: list[Desk] = []
        self._screen: Screen | None = None
        self._events_before = self._fills = self._unheard = 0
        self._snapshots_before = self._hung_caught_up = 0
        self._met: Counter[str] = Counter()
        self._missed: set[str] = set()
        self._taking: asyncio.Task[None] | None = None
        self._taken: dict[str, float] = {}

    async def play(self) -> dict[str, Any]:
        """All phases one after another, up to one after which not everything is right again; returns the figures."""
        # The first trader's, at the web process that is killed first.
        async with opened(self._portal.webs[0], self._cookies[self._traders[0].name]) as self._screen:
            return await self._play()

    async def _play(self) -> dict[str, Any]:
        for trader in self._traders:
            accounts, cookie = await trader.sign_in(), self._cookies[trader.name]
            pages = [Browser(web, cookie) for web in self._portal.webs for _ in range(self._plan.browsers)]
            pages.append(Browser(self._portal.webs[-1], cookie, narrow=True))
            connection = await Connection.objects.aget(name=trader.name)
            screen = None if self._desks else self._screen
            self._desks.append(Desk(trader.name, accounts, connection, pages, screen))
        await self._until_back()
        entities = await self._ledger()
        for desk in self._desks:
            desk.since = max(one["id"] for rows in entities.values() for one in rows)
        self._events_before = self._events(entities)
        self._arm()
        phases: list[Phase] = []
        gave_up = ""
        try:
            for name, strike in self._strikes().items():
                await self._phase(name, strike, phases)
            while self._events(await self._ledger()) < self._plan.events:
                await self._phase("nothing", self._nothing, phases)
        except NotRecovered as error:
            gave_up = str(error)
        figures = {"events": self._events(await self._ledger()), "phases": [asdict(phase) for phase in phases]}
        return figures | await self._reckon() | {"gave up": gave_up}

    def _strikes(self) -> dict[str, Strike]:
        killed = ("web-1", "web-2", "sync-1", "sync-2", "worker-1", "worker-2", "files-1", "beat", "redis")
        strikes: dict[str, Strike] = {}
        for role in killed:
            strikes[f"kill -9 {role}"] = lambda role=role: self._kill(role)
        strikes[f"{AWAY} for {self._plan.drop:g} s"] = self._drop
        strikes[HALF_OPEN] = self._half_open
        if self._plan.hangs:
            strikes[HANG] = self._hang
        return strikes

    async def _phase(self, name: str, strike: Strike, phases: list[Phase]) -> None:
        """Something breaks in the middle of trading."""
        phase = Phase(name, grace=20.0 if name == HALF_OPEN else 5.0 if name.startswith(AWAY) else 0.0)
        phases.append(phase)
        requests, pace = self._trading_of(name)
        before = [trader.placed for trader in self._traders]
        trading = asyncio.gather(*(trader.trade(requests, pace) for trader in self._traders))
        while any(
            trader.placed < placed + requests * SHARE_BEFORE
            for trader, placed in zip(self._traders, before, strict=True)
        ):
            if trading.done():
                break
            await asyncio.sleep(0.01)
        begin = await strike()
        await self._until_back()
        phase.back = round(time.monotonic() - begin, 2)
        await self._until_told(phase)
        await trading
        await self._until_equal(phase, self._reading())
        await self._stop_watching(phase)
        await self._let_go(phase)
        fills = await self._count_fills()
        phase.fills, self._fills = fills - self._fills, fills

    def _trading_of(self, name: str) -> tuple[int, float]:
        """(requests of each trader, how many a second) in a phase."""
        # A request makes nine events on average; what is missing comes afterwards.
        requests = max(6, self._plan.events // (9 * len(self._strikes()) * len(self._traders)))
        if name.startswith(AWAY):
            return requests, requests / (self._plan.drop * 1.2)  # it goes on meanwhile
        if name == HALF_OPEN:
            return requests, requests / (SILENCE * 1.2)
        return requests, self._plan.per_second

    async def _kill(self, role: str) -> float:
        before = await self._epochs() if role.startswith("sync") else {}
        await asyncio.to_thread(self._portal.kill, role)
        killed = time.monotonic()
        if before:
            self._taking = asyncio.create_task(self._watch_taking(before, killed))
        await asyncio.sleep(ABSENCE)
        await asyncio.to_thread(self._portal.start, role)
        return killed

    async def _epochs(self) -> dict[str, str]:
        """The streams' epochs, by trader, of those whose sockets are up."""
        found = {desk.name: await desk.epoch() for desk in self._desks}
        return {name: epoch for name, epoch in found.items() if epoch}

    async def _are_anew(self, before: dict[str, str]) -> bool:
        """Whether every trader's socket is up in another epoch than then."""
        now = await self._epochs()
        return len(now) == len(self._desks) and not now.items() & before.items()

    async def _watch_taking(self, before: dict[str, str], killed: float) -> None:
        """Note when the traders of a process that was killed have their first sync by another one."""
        while True:
            for name, epoch in (await self._epochs()).items():
                if epoch != before.get(name):
                    self._taken.setdefault(name, time.monotonic() - killed)
            await asyncio.sleep(LOOK)

    async def _stop_watching(self, phase: Phase) -> None:
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.gather(self._taking, return_exceptions=True)
            phase.taken = round(max(self._taken.values()), 2) if self._taken else None
        self._taking, self._taken = None, {}

    async def _drop(self) -> float:
        """All sockets to the broker break, and none opens for so long, while it fills orders."""
        before = await self._count_fills()
        self._control("faults", kind="error_503", route="websocket", probability=1.0)
        for trader in self._traders:
            self._control("faults", kind="kick", user=trader.name)
        await asyncio.sleep(self._plan.drop)
        connected, self._unheard = await self._epochs(), await self._count_fills() - before
        self._arm()
        if connected:
            raise NotRecovered(f"The broker was not away for {', '.join(connected)}.")
        return time.monotonic()

    async def _half_open(self) -> float:
        """The sockets to the broker stay open and nothing comes any more, until the portal has noticed."""
        before = await self._epochs()
        for trader in self._traders:
            self._control("faults", kind="half_open", user=trader.name)
        begin = time.monotonic()
        while not await self._are_anew(before):
            if time.monotonic() > begin + GIVE_UP:
                raise NotRecovered("Nobody noticed that the broker is silent.")
            await asyncio.sleep(LOOK)
        return begin

    async def _hang(self) -> float:
        for page in self._narrow:
            page.stop_reading()
        self._snapshots_before = sum(page.snapshots for page in self._narrow)
        enough = {desk.name: desk.pages[0].frames + FRAMES_OF_HANG for desk in self._desks}
        for _ in range(MOST_ROUNDS):
            await asyncio.gather(*(trader.trade(REQUESTS_OF_HANG, PACE_OF_HANG) for trader in self._traders))
            if all(desk.pages[0].frames > enough[desk.name] for desk in self._desks):
                break
        return time.monotonic()

    async def _nothing(self) -> float:
        return time.monotonic()

    async def _let_go(self, phase: Phase) -> None:
        """Pages that hung go on, and are brought up to date."""
        if all(browser.reads for browser in self._narrow):
            return
        for browser in self._narrow:
            browser.read_again()
        await self._until_back()
        woken = Phase("pages that hung")
        await self._until_told(woken)
        await self._until_equal(woken, self._pages)
        phase.told, phase.late = max(phase.told, woken.told), phase.late + woken.late
        self._hung_caught_up = sum(browser.snapshots for browser in self._narrow) - self._snapshots_before

    def _arm(self) -> None:
        """Events are duplicated and so on from now on; what was armed before is over."""
        armed = httpx.get(f"{self._portal.simulator}/control/faults", trust_env=False).raise_for_status().json()
        self._met.update({one["kind"]: one["met"] for one in armed["armed"]})
        self._control("faults", kind="clear")
        for number, (kind, options) in enumerate(EVENT_FAULTS.items()):
            self._control("faults", kind=kind, seed=self._plan.seed + number, **options)

    def _control(self, what: str, **asked: Any) -> Any:
        return self._portal.control(what, **asked)

    async def _until_back(self) -> None:
        """Wait until web answers, the broker has a socket for each trader, and the screen and every page that reads are
        connected."""
        deadline = time.monotonic() + GIVE_UP
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            while not await self._is_back(client):
                if time.monotonic() > deadline:
                    raise NotRecovered("Not everything is connected again.")
                await asyncio.sleep(LOOK)

    async def _is_back(self, client: httpx.AsyncClient) -> bool:
        if not all(browser.is_up for browser in self._reading()):
            return False
        if self._screen and not await self._screen.is_streaming():
            return False
        with suppress(httpx.HTTPError):
            answers = [await client.get(f"{web}/health/") for web in self._portal.webs]
            sockets = (await client.get(f"{self._portal.simulator}/control/sockets")).json()
            synced = {one["userId"] for one in sockets if one["synced"]}
            wanted = {desk.connection.tradovate_user_id for desk in self._desks}
            return wanted <= synced and all(answer.status_code == 200 for answer in answers)
        return False

    async def _until_told(self, phase: Phase) -> None:
        """Wait until journal and pages have all fills of by now; those that they do not have in time were missed."""
        begin = time.monotonic()
        ledger = await self._ledger()
        while absent := await self._absent_fills(ledger):
            if time.monotonic() > begin + self._plan.within:
                self._miss(phase, absent)
                break
            await asyncio.sleep(LOOK)
        phase.told = round(time.monotonic() - begin, 2)

    async def _absent_fills(self, ledger: Entities) -> set[str]:
        return {key for desk in self._desks for key in await desk.absent_fills(ledger)}

    def _miss(self, phase: Phase, keys: set[str]) -> None:
        phase.late = sorted({*phase.late, *keys})
        self._missed |= keys

    async def _until_equal(self, phase: Phase, browsers: list[Browser]) -> None:
        """Wait until everybody tells what is so; the differences are kept when that never comes."""
        begin = time.monotonic()
        while found := await self._differences(browsers):
            phase.last = sorted(found)
            phase.equal = round(time.monotonic() - begin, 2)
            if phase.equal > self._plan.within:
                self._miss(phase, {key for one in found.values() for key in one.missed if key.startswith("fill:")})
            if phase.equal > GIVE_UP:
                phase.left = {who: asdict(what) for who, what in found.items()}
                raise NotRecovered(f"{phase.name}: not everybody tells what is so.")
            await asyncio.sleep(LOOK)
        phase.equal = round(time.monotonic() - begin, 2)

    async def _differences(self, pages: list[Browser]) -> dict[str, Differences]:
        """By who tells it: books, journals, and these pages."""
        ledger = await self._ledger()
        found: dict[str, Differences] = {}
        for desk in self._desks:
            found |= await desk.differences(ledger, pages)
        return found

    async def _cash_lines(self) -> dict[str, Differences]:
        """What journals tell otherwise of the cash books, by trader. A new socket has those read at once, else they are
        read twice a minute."""
        for desk in self._desks:
            self._control("faults", kind="kick", user=desk.name)
        deadline = time.monotonic() + GIVE_UP
        while True:
            ledger = await self._ledger()
            told = {desk.name: await desk.cash_lines(ledger) for desk in self._desks}
            found = {name: what for name, what in told.items() if what}
            if not found or time.monotonic() > deadline:
                return found
            await asyncio.sleep(LOOK)

    def _events(self, entities: Entities) -> int:
        """How many there were since the first phase began."""
        return sum(len(entities[name]) for name in EVENTS) - self._events_before

    @property
    def _pages(self) -> list[Browser]:
        return [page for desk in self._desks for page in desk.pages]

    @property
    def _narrow(self) -> list[Browser]:
        """The pages that hang for a while."""
        return [page for page in self._pages if page.narrow]

    def _reading(self) -> list[Browser]:
        return [page for page in self._pages if page.reads]

    async def _ledger(self) -> Entities:
        return (await asyncio.to_thread(self._portal.truth))["entities"]

    async def _count_fills(self) -> int:
        return sum(fill["id"] > self._desks[0].since for fill in (await self._ledger())["fill"])

    async def _reckon(self) -> dict[str, Any]:
        """What is so at the end, and what everybody tells of it."""
        from trading.models import Comparison

        for what in (await self._differences(self._pages)).values():
            self._missed |= {key for key in what.missed if key.startswith("fill:")}
        cash_lines = await self._cash_lines()
        self._arm()
        compared = [one async for one in Comparison.objects.all()]
        browsers = self._pages
        for browser in browsers:
            await browser.close()
        return {
            "fills": await self._count_fills(),
            "fills missed": len(self._missed),
            "cash lines told otherwise": {who: asdict(what) for who, what in cash_lines.items()},
            "browsers": len(browsers),
            "screens": int(self._screen is not None),
            "errors of screens": self._screen.troubles if self._screen else [],
            "connects": sum(browser.connects for browser in browsers),
            "snapshots": sum(browser.snapshots for browser in browsers),
            "snapshots for pages that hung": self._hung_caught_up,
            "met by events": {kind: self._met[kind] for kind in EVENT_FAULTS},
            "gaps": sum(browser.gaps for browser in browsers),
            "fills while the broker was away": self._unheard,
            "missed by a book while no socket was open": sum(one.missed for one in compared),
            "wrong in a book": sum(one.wrong for one in compared),
            "kills": self._portal.kills,
            "died by themselves": self._portal.died,
        }
