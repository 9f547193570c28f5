"""What the library does when nobody says otherwise: tests of the rest pass shorter times."""

import inspect

import pytest

from trading.tradovate import Attempts, MarketFeed, MarketSocket, Patience, ReplaySocket, UserSocket
from trading.tradovate.errors import SocketClosed

# Protocol notes, WebSocket frames: what the client owes, when it is cut, and when a socket counts as dead.
OWED, CUT, DEAD = 2.5, 15.0, (10.0, 12.0)
# What a busy process may be late by.
MARGIN = 0.1


@pytest.mark.parametrize("kind", [UserSocket, MarketSocket, MarketFeed, ReplaySocket])
def test_a_socket_is_heard_in_time_and_knows_when_it_is_dead(kind: type[UserSocket]) -> None:
    default = {name: one.default for name, one in inspect.signature(kind.connect).parameters.items()}
    assert 1 <= default["heartbeat"] <= OWED - MARGIN
    assert DEAD[0] <= default["silence"] <= DEAD[1] < CUT
    assert default["open_timeout"] <= CUT


def test_two_that_lost_their_sockets_together_do_not_come_back_together() -> None:
    one, other = (Attempts(Patience()) for _ in range(2))
    end = SocketClosed(1006)
    pauses = [(one.failed(end).seconds, other.failed(end).seconds) for _ in range(6)]
    assert all(mine != theirs for mine, theirs in pauses[1:])
