"""What the floors above may listen to. Signals of a connection are sent once the change is committed, with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.dispatch import Signal

if TYPE_CHECKING:
    from accounts.models import Connection

connection_opened = Signal()
connection_renewed = Signal()
connection_ended = Signal()  # Tradovate takes its access token no longer, and nothing could renew it
connection_closed = Signal()
# The schedule asks whose tokens it has to leave alone: a receiver returns ids of connections.
renewals_due = Signal()
# ... and whose it renews first when it cannot renew all in time: a receiver returns ids likewise.
renewals_first = Signal()


def announce(signal: Signal, connection: Connection) -> None:
    """Send `signal` after commit; a receiver that fails is logged and does not undo a sign-in or a sign-out."""

    def send() -> None:
        signal.send_robust(sender=type(connection), connection=connection)

    transaction.on_commit(send)
