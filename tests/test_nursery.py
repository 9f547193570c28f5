"""Whoever started processes for a test may be killed from outside: nothing of it is left behind."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import redis
from django.conf import settings

from tests.chaos.portal import environment
from tests.mortal import die_with_parent, marked

PATIENCE = 60.0  # seconds
PARENT = """
import subprocess, sys, time
nursery = subprocess.Popen(
    [sys.executable, "-m", "tests.nursery"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
)
for role in ("redis", "worker-2", "beat"):
    nursery.stdin.write(f"{role} {sys.argv[1]}/{role}.log\\n")
    nursery.stdin.flush()
    nursery.stdout.readline()
time.sleep(600)
"""


def test_processes_die_with_whoever_started_them(tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    variables = os.environ | environment(tmp_path, 1, 2, "") | {"CHAOS_MARK": mark}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        cwd=settings.BASE_DIR,
        env=variables,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent,
    )
    deadline = time.monotonic() + PATIENCE
    try:
        # itself, the nursery, beat, and the worker with its two children; Redis writes over its environment
        while len(marked(mark)) < 6 or not redis_answers(tmp_path):
            assert parent.poll() is None
            assert time.monotonic() < deadline, marked(mark)
            time.sleep(0.05)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    while (left := marked(mark)) or redis_answers(tmp_path):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def redis_answers(directory: Path) -> bool:
    try:
        with redis.Redis(unix_socket_path=str(directory / "redis.sock")) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
