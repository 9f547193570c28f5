"""Tradovate's user-sync sockets mirrored to the browser: hub -> book -> journal (database) and stream (Redis -> pages).

`python manage.py sync` runs a hub: one link per authorised connection that no other process holds (lease). A link reads
the user socket into the book (mirror, rows), whose changes its publisher brings to the stream and the journal writes
down. Pages read a snapshot for the first paint and then follow the stream through the consumer and its relay; order
execution tells of its progress by `publish_line`.
"""

from trading.sync.stream import Snapshot, aread_snapshot, publish_line

__all__ = ["Snapshot", "aread_snapshot", "publish_line"]
