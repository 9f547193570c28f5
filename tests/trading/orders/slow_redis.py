"""A Redis that answers late: what happens while an order is being counted."""

import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from django.db import connection as database


class SlowRedis:
    """Passes on to the Redis at `url`, from an `address` of its own; the next question may take its time."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._meanwhile: Callable[[], object] | None = None
        self._seconds = 0.0
        self._socket = socket.create_server(("127.0.0.1", 0))
        port = self._socket.getsockname()[1]
        number = self._url.path.strip("/") if self._url.scheme == "redis" else "0"
        self.address = f"redis://127.0.0.1:{port}/{number}"
        threading.Thread(target=self._accept, daemon=True).start()

    def delay(self, seconds: float, meanwhile: Callable[[], object]) -> None:
        """Have the next question do `meanwhile` and wait for so long before it is passed on."""
        self._meanwhile, self._seconds = meanwhile, seconds

    @property
    def has_delayed(self) -> bool:
        return self._meanwhile is None

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            upstream = self._connect()
            threading.Thread(target=self._pass_on, args=[client, upstream, True], daemon=True).start()
            threading.Thread(target=self._pass_on, args=[upstream, client, False], daemon=True).start()

    def _connect(self) -> socket.socket:
        if self._url.scheme == "unix":
            upstream = socket.socket(socket.AF_UNIX)
            upstream.connect(self._url.path)
            return upstream
        return socket.create_connection((self._url.hostname or "", self._url.port or 6379))

    def _pass_on(self, source: socket.socket, target: socket.socket, is_question: bool) -> None:
        with source, target:
            while got := self._read(source):
                if is_question and (meanwhile := self._meanwhile):
                    try:
                        meanwhile()
                    finally:
                        database.close()
                    self._meanwhile = None
                    threading.Event().wait(self._seconds)
                try:
                    target.sendall(got)
                except OSError:
                    return

    @staticmethod
    def _read(source: socket.socket) -> bytes:
        try:
            return source.recv(65536)
        except OSError:
            return b""
