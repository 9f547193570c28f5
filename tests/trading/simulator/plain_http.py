"""HTTP/1.1 that does nothing but ask: for tests that ask thousands of times."""

import json
import socket
from collections.abc import Iterable
from io import BufferedReader
from typing import Any


class PlainHttp:
    """Asks one host, such as `127.0.0.1:8180`."""

    def __init__(self, host: str) -> None:
        self._host = host

    def ask(self, method: str, path: str, token: str, body: Any = None) -> tuple[int, bytes]:
        """The status and the body of the answer; what is sent is JSON."""
        [answer] = self.ask_all(method, path, token, [body])
        return answer

    def ask_all(self, method: str, path: str, token: str, bodies: Iterable[Any]) -> list[tuple[int, bytes]]:
        """As `ask`, with one body after the other: all are sent before the first answer is read (RFC 9112, 9.3.2)."""
        sent = [self._request(method, path, token, body) for body in bodies]
        address, _, port = self._host.rpartition(":")
        with (
            socket.create_connection((address, int(port)), timeout=30) as connection,
            connection.makefile("rb") as answers,
        ):
            connection.sendall(b"".join(sent))
            return [_answer(answers) for _ in sent]

    def _request(self, method: str, path: str, token: str, body: Any) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {token}\r\n"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


def _answer(answers: BufferedReader) -> tuple[int, bytes]:
    status = int(answers.readline().split()[1])
    length = 0
    while (line := answers.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return status, answers.read(length)
