"""Processes that tests start: they end with whoever started them, and can be counted."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # prctl(2)
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """From now on the kernel kills this process when its parent ends, however that ends (Linux; else nothing).

    For `subprocess.Popen(preexec_fn=...)` from a main thread: the kernel means the thread that forked, not its process.
    """
    if _libc is None:
        return
    parent = os.getppid()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def marked(mark: str) -> list[str]:
    """The command lines of all processes with `mark` in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def is_there(number: int) -> bool:
    """Whether a process with this id runs."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True
