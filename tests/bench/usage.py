"""What a process uses, from Linux's /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """Resident memory in bytes, and CPU time so far in seconds."""

    memory: int
    cpu: float

    @classmethod
    def of(cls, pid: int) -> Usage:
        """Raises OSError where there is no /proc, or no such process."""
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        user, system, pages = int(fields[11]), int(fields[12]), int(fields[21])
        return cls(pages * os.sysconf("SC_PAGE_SIZE"), (user + system) / os.sysconf("SC_CLK_TCK"))
