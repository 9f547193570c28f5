"""What a process does once that is to answer quickly for weeks."""

from __future__ import annotations

import gc

# Collections of the middle generation after which the collector of cycles looks through everything: ten times as many
# as by default, since that holds up every event that is on its way.
RARELY = 100


def keep_what_is_loaded() -> None:
    """Take what is loaded by now, which lives as long as the process, out of the collector's sight: to look through all
    of it takes a tenth of a second each time. Through the rest it looks rarely."""
    gc.collect()
    gc.freeze()
    first, middle, _ = gc.get_threshold()
    gc.set_threshold(first, middle, RARELY)
