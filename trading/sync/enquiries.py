"""What a link asks Tradovate beside the events, on the same socket: entities that are named and not known yet, the
accounts' limits, which no snapshot holds, and terms of orders that it left out."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable
from functools import partial
from typing import TypeVar

from trading.sync.mirror import Ref
from trading.tradovate import Attempts, MirroringSocket, Patience
from trading.tradovate.entities import (
    CommandReport,
    Contract,
    ContractMaturity,
    CurrencyRate,
    Entity,
    OrderVersion,
    Product,
    UserAccountPositionLimit,
    UserAccountRiskParameter,
)
from trading.tradovate.errors import BadReply, OutcomeUnknown, RateLimited, TradovateError

log = logging.getLogger(__name__)

E = TypeVar("E", bound=Entity)
T = TypeVar("T")

REST = 10.0  # seconds after an error of ours
# Seconds between looks for orders without terms, and how often each is asked for.
TERMS_EVERY, TERMS_TRIES = 5.0, 3
RATES_EVERY = 3600.0  # seconds: nobody tells that a currency's rate is another one, and a socket may live for a week

_ITEM: dict[type[Entity], str] = {
    Contract: "contract/item",
    ContractMaturity: "contractmaturity/item",
    Product: "product/item",
    # A rate's id is its currency's.
    CurrencyRate: "currencyrate/item",
}


class Helpers:
    """Tasks that run beside the mirroring for as long as one socket lives.

    An error of ours in one of them ends it no more than the mirroring itself: it begins again after a rest.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run `work` to its end."""
        task = asyncio.create_task(_to_its_end(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """End them all."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _to_its_end(work: Callable[[], Coroutine[None, None, None]]) -> None:
    while True:
        try:
            return await work()
        except Exception:
            log.exception("What goes on beside a trader's news was stopped by an error of ours; it begins again soon.")
            await asyncio.sleep(REST)


class Enquiries:
    """The questions of one socket's life. `learn` gets what each answer tells.

    What asking again may mend is asked again, ever more seldom: it counts among the trader's requests.
    """

    def __init__(
        self,
        socket: MirroringSocket,
        helpers: Helpers,
        *,
        missing: Callable[[], set[Ref]],
        learn: Callable[[list[Entity]], None],
    ) -> None:
        self._socket = socket
        self._helpers = helpers
        self._missing = missing
        self._learn = learn
        self._asked: set[Ref] = set()
        self._unanswered = 0
        self._answered = asyncio.Event()
        self._answered.set()

    def look(self) -> None:
        """Ask for what is missing and has not been asked for."""
        for ref in self._missing() - self._asked:
            self._asked.add(ref)
            self._unanswered += 1
            self._answered.clear()
            self._helpers.start(partial(self._ask_and_count, ref))

    async def answered(self) -> None:
        """Wait until nothing that was asked for is left without an answer."""
        await self._answered.wait()

    async def _ask_and_count(self, ref: Ref) -> None:
        await self._ask(ref)
        self._unanswered -= 1
        if not self._unanswered:
            self._answered.set()

    async def _ask(self, ref: Ref) -> None:
        kind, key = ref
        try:
            self._learn([await self._answer(_ITEM[kind], kind, id=key)])
        except TradovateError as error:
            log.warning("Tradovate did not describe %s %d: %s", kind.__name__, key, type(error).__name__)
        else:
            self.look()

    async def keep_rates(self, currency_ids: Collection[int]) -> None:
        """Ask for the rates of these currencies again now and then, until cancelled."""
        while True:
            await asyncio.sleep(RATES_EVERY)
            for key in list(currency_ids):
                try:
                    # Once: there is a next time for each of them.
                    self._learn([await self._socket.ask(_ITEM[CurrencyRate], CurrencyRate, query={"id": key})])
                except TradovateError as error:
                    log.warning("Tradovate did not tell currency %d's rate anew: %s", key, type(error).__name__)

    async def limits(self, account_ids: Iterable[int]) -> list[Entity] | None:
        """The position limits of these accounts with their risk parameters; None when Tradovate refuses to tell.

        They are in no snapshot (openapi.json, SyncMessage); what changes about them comes as events.
        """
        try:
            found = await self._dependents("useraccountpositionlimit/ldeps", UserAccountPositionLimit, account_ids)
            ids = [limit.id for limit in found]
            return [*found, *await self._dependents("useraccountriskparameter/ldeps", UserAccountRiskParameter, ids)]
        except TradovateError as error:
            log.warning("Tradovate did not tell the position limits: %s", type(error).__name__)
            return None

    async def keep_terms(self, untold: Callable[[], set[int]]) -> None:
        """Ask, until cancelled, for the versions of orders whose terms are not told, and learn them.

        A snapshot may have an order of an earlier day without the terms that it stands on, and nobody knows then how
        much may still trade. What an event has just brought is told with the next ones: it is not asked for.
        """
        tries: Counter[int] = Counter()
        before = untold()
        while True:
            wanted = {key for key in untold() & before if tries[key] < TERMS_TRIES}
            await self._learn_terms(wanted)
            tries.update(wanted)
            before = untold()
            await asyncio.sleep(TERMS_EVERY)

    async def _learn_terms(self, order_ids: set[int]) -> None:
        try:
            if found := await self._terms(order_ids):
                self._learn(found)
        except TradovateError as error:
            log.warning("Tradovate did not tell the terms of orders: %s", type(error).__name__)
            if isinstance(error, BadReply) and len(order_ids) > 1:
                # What cannot be read of one must not hide the others'.
                for one in order_ids:
                    await self._learn_terms({one})

    async def _terms(self, order_ids: set[int]) -> list[Entity]:
        """Versions of orders, and what is reported of the changes that brought them (a version has its command's id):
        terms that were refused are not in force."""
        versions = await self._dependents("orderversion/ldeps", OrderVersion, order_ids)
        changes = [version.id for version in versions if version.id != version.order_id]
        return [*await self._dependents("commandreport/ldeps", CommandReport, changes), *versions]

    async def _dependents(self, endpoint: str, kind: type[E], masters: Iterable[int]) -> list[E]:
        ids = ",".join(map(str, sorted(masters)))
        return await self._answer(endpoint, list[kind], masterids=ids) if ids else []  # type: ignore[valid-type]

    async def _answer(self, endpoint: str, kind: type[T], **query: object) -> T:
        """What Tradovate answers, however often it has to be asked. Raises what asking again soon would not mend."""
        attempts = Attempts(Patience())
        while True:
            try:
                return await self._socket.ask(endpoint, kind, query=query)
            except BadReply:
                raise
            except (RateLimited, OutcomeUnknown) as error:
                log.warning("Tradovate did not answer %s: %s", endpoint, type(error).__name__)
                await attempts.pause(attempts.failed(error).seconds)
