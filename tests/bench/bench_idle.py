"""What an idle user socket costs: memory and CPU per connection, of the client's process and of the simulator's.

    python -m tests.bench.bench_idle [--connections 500] [--seconds 20]

Each socket is authorized and has its snapshot; then nothing happens on it but heartbeats, every 2.5 s from Tradovate,
2.3 s from us.
All are of one trader, so the snapshot is that of an account at rest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from tests.bench.processes import ROOT, Simulator, simulator
from tests.bench.usage import Usage

TRADER = "trader"


def measure(running: Simulator, connections: int, seconds: float) -> dict[str, tuple[float, float, int]]:
    """Process -> (bytes per connection, share of a CPU per connection, connections lost)."""
    access = running.sign_in(TRADER)
    command = (sys.executable, "-m", "tests.bench.idle_sockets", running.socket_url, str(access["userId"]))
    before = Usage.of(running.pid)
    with subprocess.Popen(
        (*command, str(connections), str(seconds)),
        cwd=ROOT,
        env={**os.environ, "BENCH_TOKEN": access["accessToken"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        assert client.stdin
        assert client.stdout
        if client.stdout.readline() != "ready\n":
            raise RuntimeError("The sockets did not open.")
        began = Usage.of(running.pid)
        client.stdin.write("go\n")
        client.stdin.flush()
        # They rest for as long before they tell.
        memory, cpu, lost = client.stdout.readline().split()
        after = Usage.of(running.pid)
    per = connections * seconds
    return {
        "client": (float(memory), float(cpu) / per, int(lost)),
        "simulator": ((began.memory - before.memory) / connections, (after.cpu - began.cpu) / per, int(lost)),
    }


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    made.add_argument("--connections", type=int, default=500)
    made.add_argument("--seconds", type=float, default=20)
    return made


def main() -> None:
    options = parser().parse_args()
    with simulator() as running:
        found = measure(running, options.connections, options.seconds)
    print(f"{options.connections} idle user sockets for {options.seconds:g} s; figures are per connection")
    print(f"{'process':<10} {'memory KiB':>11} {'CPU %':>8} {'lost':>5}")
    for process, (memory, cpu, lost) in found.items():
        print(f"{process:<10} {memory / 1024:>11.1f} {cpu * 100:>8.4f} {lost:>5}", flush=True)


if __name__ == "__main__":
    main()
