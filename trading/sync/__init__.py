"""Tradovate's user-sync sockets mirrored to the browser: hub -> book -> journal (database) and stream (Redis -> pages).

`python manage.py sync` runs the hub. Pages read `stream.read_snapshot` for the first paint and then follow the stream
through the consumer; order execution tells of its progress by `stream.publish_line`.
"""
