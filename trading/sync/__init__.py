"""Tradovate's user-sync sockets mirrored to the browser: hub -> book -> journal (database) and stream (Redis -> pages).

`python manage.py sync` runs a hub: one link for each connection that is wanted (presence, wanted) and falls to this
process (crew, sharing, lease). A link keeps the user socket open (access, pace, retry); what it says goes by its
mirroring into the book (mirror, marks, fees, worth), whose changed rows the publisher brings to the stream and whose
entities the journal writes down. Pages read a snapshot for the first paint and then follow the stream through the
consumer and its relay; order execution tells of its progress by `publish_line`.
"""

from trading.sync.stream import Snapshot, aread_snapshot, publish_line

__all__ = ["Snapshot", "aread_snapshot", "publish_line"]
