"""A user's entities from JSON: as the client's structs, and as dicts by orjson, in turn in the same run.

    python -m tests.bench.bench_decode [--count 2000] [--rounds 7]

The JSON is a snapshot of the simulator's busiest trader. Structs are typed, with prices as Decimal and times as aware
datetimes; dicts have floats and text. Each figure is the best of the rounds, which take turns.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from itertools import cycle, islice

import httpx
import msgspec
import orjson

from tests.bench.processes import simulator
from trading.tradovate import frames
from trading.tradovate.entities import SyncSnapshot
from trading.tradovate.entities.codec import decode, decode_entity

TRADER = "pro"
# Which list of a snapshot holds which entity type.
LISTS = {
    "order": "orders",
    "orderVersion": "orderVersions",
    "fill": "fills",
    "executionReport": "executionReports",
    "position": "positions",
    "cashBalance": "cashBalances",
    "contract": "contracts",
}


def snapshot() -> bytes:
    """The reply of user/syncrequest for the trader, as it comes."""
    with simulator() as running:
        access = running.sign_in(TRADER)
        headers = {"Authorization": f"Bearer {access['accessToken']}"}
        body = {"users": [access["userId"]]}
        reply = httpx.post(f"{running.url}/v1/user/syncrequest", json=body, headers=headers, trust_env=False)
        return reply.raise_for_status().content


def seconds(work: Callable[[], object]) -> float:
    """How long it takes once."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> tuple[float, float]:
    """(our best seconds, their best seconds); the rounds take turns, so that a busy machine hurts both."""
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    return min(our for our, _ in pairs), min(their for _, their in pairs)


def entities(lists: Mapping[str, list[msgspec.Raw]], count: int) -> dict[str, list[bytes]]:
    """Entity type -> `count` entities as JSON, of those types that the snapshot has."""
    return {
        kind: [bytes(raw) for raw in islice(cycle(lists[name]), count)]
        for kind, name in LISTS.items()
        if lists.get(name)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    whole = snapshot()
    lists = msgspec.json.decode(whole, type=dict[str, list[msgspec.Raw]])
    print(f"{options.count} of each, best of {options.rounds} rounds in turn")
    print(f"{'what':<18} {'bytes':>8} {'structs us':>11} {'dicts us':>9} {'ratio':>6}")

    def show(what: str, size: float, count: int, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
        our, their = (best / count * 1e6 for best in compare(ours, theirs, options.rounds))
        print(f"{what:<18} {size:>8.0f} {our:>11.2f} {their:>9.2f} {our / their:>6.2f}", flush=True)

    for kind, raws in entities(lists, options.count).items():

        def as_structs(kind: str = kind, raws: list[bytes] = raws) -> None:
            for raw in raws:
                decode_entity(kind, raw)

        def as_dicts(raws: list[bytes] = raws) -> None:
            for raw in raws:
                orjson.loads(raw)

        show(kind, sum(map(len, raws)) / len(raws), len(raws), as_structs, as_dicts)

    event = (
        b'{"e":"props","d":{"entityType":"order","eventType":"Updated","entity":' + bytes(lists["orders"][0]) + b"}}"
    )
    frame = b"a[" + event + b"]"
    times = range(options.count)
    show(
        "frame of an order",
        len(frame),
        options.count,
        lambda: [frames.decode(frame) for _ in times],
        lambda: [orjson.loads(frame[1:]) for _ in times],
    )
    show("whole snapshot", len(whole), 1, lambda: decode(whole, SyncSnapshot), lambda: orjson.loads(whole))


if __name__ == "__main__":
    main()
