"""Connections to Tradovate stay warm, and nothing that went out on one is ever repeated."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone

from accounts.models import Connection, User
from trading.orders import warm
from trading.orders.warm import Permit
from trading.tradovate import Tradovate
from trading.tradovate.entities import CancelOrder
from trading.tradovate.errors import NotSent, OutcomeUnknown

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n" + b'{"commandId": 7}'


class Server:
    """Answers requests on loopback; `mood` says what it does with the next one: answer, answer and close, or close."""

    def __init__(self) -> None:
        self.mood = "answer"
        self.connections = 0
        self.requests = 0
        self.tokens: list[str] = []
        self.closed = threading.Semaphore(0)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while request := self._read(connection):
                self.requests += 1
                lines = request.decode().split("\r\n")
                self.tokens += [line.split()[-1] for line in lines if line.lower().startswith("authorization")]
                if self.mood == "close":
                    return
                connection.sendall(ANSWER)
                if self.mood == "answer and close":
                    break
        self.closed.release()

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        """A request with its body; nothing when the client is gone."""
        got = b""
        while b"\r\n\r\n" not in got or not got.endswith(b"}"):
            try:
                more = connection.recv(65536)
            except ConnectionResetError:
                return b""
            if not more:
                return b""
            got += more
        return got

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server(settings, redis_url: str) -> Iterator[Server]:
    server = Server()
    settings.SIMULATOR_URL = server.url
    yield server
    server.close()


@pytest.fixture
def connection(db: None) -> Connection:
    user = User.objects.create_user("sim:1")
    return Connection.objects.create(user=user, environment="sim", tradovate_user_id=1, name="trader")


async def cancel(client: Tradovate) -> int:
    return (await client.order.cancel(CancelOrder(order_id=1))).command_id


def test_requests_share_a_connection_and_carry_their_own_token(server: Server, connection: Connection) -> None:
    assert [warm.ask(connection, token, cancel) for token in ("one", "two", "three")] == [7] * 3
    assert (server.connections, server.requests) == (1, 3)
    assert server.tokens == ["one", "two", "three"]


def test_traders_of_a_host_share_its_connections_but_no_token(server: Server, connection: Connection) -> None:
    user = User.objects.create_user("sim:2")
    other = Connection.objects.create(user=user, environment="sim", tradovate_user_id=2, name="pro")
    warm.ask(connection, "one", cancel)
    warm.ask(other, "two", cancel)
    assert (server.connections, server.tokens) == (1, ["one", "two"])


def test_a_connection_that_the_server_has_closed_is_not_used(server: Server, connection: Connection) -> None:
    server.mood = "answer and close"
    for _ in range(3):
        assert warm.ask(connection, "token", cancel) == 7
        assert server.closed.acquire(timeout=10), "it takes a moment after its answer"
    assert (server.connections, server.requests) == (3, 3)


def test_a_connection_that_breaks_under_a_request_leaves_its_outcome_unknown(
    server: Server, connection: Connection
) -> None:
    warm.ask(connection, "token", cancel)
    server.mood = "close"
    with pytest.raises(OutcomeUnknown):
        warm.ask(connection, "token", cancel)
    assert (server.connections, server.requests) == (1, 2)
    server.mood = "answer"
    assert warm.ask(connection, "token", cancel) == 7


def test_what_was_to_be_sent_before_now_is_not_sent(server: Server, connection: Connection) -> None:
    permit = Permit("token", send_before=timezone.now() - timedelta(seconds=1))
    with pytest.raises(NotSent, match="held up"):
        warm.start(connection, permit, cancel).result(10)
    assert server.requests == 0


@pytest.mark.parametrize(("age", "looks"), [(0.0, 0), (1.0, 1)])
def test_a_look_that_is_old_when_the_request_could_go_is_repeated(
    server: Server, connection: Connection, monkeypatch: pytest.MonkeyPatch, age: float, looks: int
) -> None:
    # However busy this machine: a new look is young.
    monkeypatch.setattr(warm, "LOOK_HOLDS", 30.0)
    looked: list[str] = []

    def look() -> tuple[float, str]:
        looked.append(threading.current_thread().name)
        return time.monotonic(), ""

    permit = Permit("token", look=look, looked_at=time.monotonic() - (age and 30.0 + age))
    assert warm.start(connection, permit, cancel).result(10) == 7
    assert len(looked) == looks
    assert "tradovate" not in looked, "the loop reads no database"


def test_what_the_last_look_forbids_is_not_sent(server: Server, connection: Connection) -> None:
    permit = Permit("token", look=lambda: (time.monotonic(), "Trading is stopped."))
    with pytest.raises(NotSent, match="Trading is stopped"):
        warm.start(connection, permit, cancel).result(10)
    assert server.requests == 0


def test_when_nobody_can_look_nothing_is_sent(server: Server, connection: Connection) -> None:
    def look() -> tuple[float, str]:
        raise OSError("the database is gone")

    with pytest.raises(NotSent, match="held up"):
        warm.start(connection, Permit("token", look=look), cancel).result(10)
    assert server.requests == 0


def test_an_answer_that_is_old_when_it_comes_is_no_answer(server: Server, connection: Connection) -> None:
    answers = iter([(0.0, ""), (0.0, ""), (time.monotonic() + 60, "")])
    looked: list[float] = []

    def look() -> tuple[float, str]:
        answer = next(answers)
        looked.append(answer[0])
        return answer

    assert warm.start(connection, Permit("token", look=look), cancel).result(10) == 7
    assert len(looked) == 3


def test_a_look_that_takes_for_ever_is_given_up_with_the_request(server: Server, connection: Connection) -> None:
    answered = threading.Event()
    permit = Permit("token", timezone.now() + timedelta(seconds=0.3), look=lambda: (0.0, str(answered.wait(30))))
    with pytest.raises(NotSent, match="held up"):
        warm.start(connection, permit, cancel).result(10)
    answered.set()
    assert server.requests == 0


def test_a_connection_that_tradovate_has_moved_is_asked_at_its_new_host(server: Server, connection: Connection) -> None:
    warm.ask(connection, "token", cancel)
    other = Server()
    connection.api_hosts = {"demo": other.url.removeprefix("http://")}
    warm.ask(connection, "token", cancel)
    assert (server.requests, other.requests) == (1, 1)
    other.close()


def test_a_forked_process_has_a_loop_of_its_own(server: Server, connection: Connection) -> None:
    warm.ask(connection, "token", cancel)
    connection.hosts  # noqa: B018 - read from the settings before the fork
    child = os.fork()
    if not child:
        signal.alarm(20)
        ended = 1
        try:
            ended = 0 if warm.ask(connection, "child", cancel) == 7 else 1
        finally:
            os._exit(ended)
    assert os.waitpid(child, 0)[1] == 0
    assert server.tokens == ["token", "child"]
    assert warm.ask(connection, "token", cancel) == 7


def test_a_loop_that_has_ended_is_replaced(server: Server, connection: Connection) -> None:
    warm.ask(connection, "one", cancel)
    [thread] = [one for one in threading.enumerate() if one.name == "tradovate"]
    assert warm._warm is not None
    warm._warm._loop.call_soon_threadsafe(warm._warm._loop.stop)
    thread.join(10)
    assert warm.start(connection, Permit("two"), cancel).result(10) == 7
    assert server.tokens == ["one", "two"]


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.django_db(transaction=True)
def test_who_waits_long_keeps_no_connection_to_the_database_but_that_of_a_transaction(
    server: Server, connection: Connection, inside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For an answer that comes soon it stays: to connect anew may take longer than to write that down."""
    database = connections["default"]

    async def wait(_: Tradovate) -> list[bool]:
        at_first = database.connection is not None
        await asyncio.sleep(1)
        return [at_first, database.connection is not None]

    monkeypatch.setattr(warm, "HELD", 30)
    with transaction.atomic() if inside else contextlib.nullcontext():
        database.ensure_connection()
        assert warm.ask(connection, "T", wait) == [True, True]
        monkeypatch.setattr(warm, "HELD", 0.3)
        assert warm.ask(connection, "T", wait) == [True, inside]
        assert Connection.objects.count() == 1
