"""How much of everything happens in a run, and what is noted of each thing that broke."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Phase:
    """One thing that broke. Seconds: `taken`, from a sync process's being killed until another had synced what it held;
    `back`, from a process's being killed, or the broker's being there again, until everything was connected again;
    `told`, from then until journal and pages had all fills of before, though trading went on; `equal`, from the end of
    trading until book, journal and pages were what the broker's ledger is. `last` names those that came last. `grace`
    is what `back` may take longer here: silence has to be noticed, and after an outage attempts are spread. `late` are
    fills that came later than allowed, or not at all, `left` the differences when it gave up."""

    name: str
    grace: float = 0.0
    fills: int = 0
    taken: float | None = None
    back: float = 0.0
    told: float = 0.0
    equal: float = 0.0
    late: list[str] = field(default_factory=list)
    last: list[str] = field(default_factory=list)
    left: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """How much happens: `events` in all at least, `per_second` requests of each trader, `drop` seconds without the
    broker, `browsers` of each trader at each web process. A fill that is told later than `within` seconds after
    everything is connected again counts as missed. `hangs`: pages stop reading, too."""

    events: int
    per_second: float
    drop: float
    browsers: int
    seed: int
    within: float
    hangs: bool = True
