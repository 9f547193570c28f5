"""Broker frame to changed page, in a real Chromium: p50 and p99.

    python -m tests.bench.bench_dom [--events 400] [--per-second 20] [--trader pro]

Each event is a fill that carries the time at which the simulator sent it, as a raw witness of the same trader's socket
tells it; the page notes when the fill's row is in its document (a MutationObserver), by the same machine's clock.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.bench.people import Person, sign_in, wait_until_mirrored
from tests.bench.processes import Needs, Stack, alone, wait_for
from tests.bench.sockets import Heard, Result, relayed
from tests.browser import chromium
from tests.ports import free_port

PATIENCE_MS = 5000
WARM_UP = 20

_WATCH = """
() => {
  window.arrived = new Map();
  const note = (node) => {
    const key = node.dataset?.row;
    if (key?.startsWith("fill:")) arrived.set(Number(key.slice(5)), performance.timeOrigin + performance.now());
  };
  const watch = (changes) => { for (const change of changes) change.addedNodes.forEach(note); };
  new MutationObserver(watch).observe(document.querySelector('[data-rows="fill"]'), { childList: true });
}
"""


def measure(running: Stack, person: Person, events: int, per_second: float) -> Result:
    """Milliseconds from the simulator's frame to the row. Raises playwright's TimeoutError, and RuntimeError."""
    heard: Heard = []
    with connect(_start_witness(running, person), compression=None, max_size=None) as witness:
        reader = threading.Thread(target=_listen, args=[witness, heard], daemon=True)
        reader.start()
        with chromium.launched(whole=True) as browser:
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            name, _, value = person.cookie.partition("=")
            address = f"http://127.0.0.1:{running.web}/"
            context.add_cookies([{"name": name, "value": value, "url": address}])
            page = context.new_page()
            page.goto(address)
            page.locator('[data-rows="account"] [data-row]').first.wait_for()
            fills = page.locator('[data-rows="fill"] [data-row]')
            before = fills.count()
            emit = {"user": person.name, "entity_type": "fill", "per_second": per_second, "wait": True}
            running.simulator.control("emit", count=WARM_UP, **emit)
            fills.nth(before + WARM_UP - 1).wait_for()
            page.evaluate(_WATCH)
            running.simulator.control("emit", count=events, **emit)
            # What did not come is counted as lost.
            page.wait_for_timeout(PATIENCE_MS / 5)
            arrived: dict[str, float] = page.evaluate("Object.fromEntries(arrived)")
    sent = {key: moment / 1e6 for key, (_, moment) in relayed(heard).items()}
    latencies = [at - sent[int(key)] for key, at in arrived.items()]
    return Result(latencies, events - len(latencies))


def _listen(witness: ClientConnection, heard: Heard) -> None:
    try:
        while True:
            frame = witness.recv(decode=False)
            heard.append((0, frame))
    except ConnectionClosed:
        return


def _start_witness(running: Stack, person: Person) -> str:
    port = free_port()
    command = (sys.executable, "-m", "tests.bench.bare_relay", running.simulator.socket_url, str(port))
    running.start(*command, RELAY_USERS=json.dumps({person.user_id: person.token}))
    wait_for(port)
    return f"ws://127.0.0.1:{port}/{person.user_id}"


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    made.add_argument("--events", type=int, default=400)
    made.add_argument("--per-second", type=float, default=20)
    made.add_argument("--trader", default="trader", help="one of the simulator's: pro has positions and a chart")
    return made


def needs(_: argparse.Namespace) -> Needs:
    return Needs()


def run(running: Stack, options: argparse.Namespace) -> None:
    """Measure, and print a row. Nobody has sent the trader events before."""
    person = sign_in(running.simulator, options.trader)
    wait_until_mirrored([person])
    result = measure(running, person, options.events, options.per_second)
    print(f"{options.events} fills, {options.per_second:g} a second, from the simulator's frame to a row in Chromium")
    print(f"{'p50 ms':>8} {'p99 ms':>8} {'events':>8} {'lost':>6}")
    p50, p99 = result.percentile(0.5), result.percentile(0.99)
    print(f"{p50:>8.2f} {p99:>8.2f} {len(result.latencies):>8} {result.lost:>6}", flush=True)


if __name__ == "__main__":
    if chromium.executable():
        sys.exit(alone(parser(), needs, run))
    print(chromium.MISSING)
