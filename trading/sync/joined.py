"""Deltas that wait for a browser which does not keep up, joined: of what conflates it gets the last state. Pure."""

from __future__ import annotations

import msgspec

# Each state of these is told, one after another.
LOSSLESS = ("order:", "done:", "fill:")


class Joined(msgspec.Struct, tag_field="t", tag="delta"):
    """Deltas of one epoch that follow each other: the first comes after number `after`, the last is `seq`."""

    epoch: str
    seq: int
    at: int = 0
    rows: dict[str, msgspec.Raw] = {}
    gone: set[str] = set()
    after: int = -1

    @property
    def frame(self) -> str:
        """The frame as browsers get it."""
        return msgspec.json.encode(self).decode()

    def take(self, later: Joined) -> bool:
        """Take in the delta that follows; False when that would hide a state which has to be told."""
        if any(key in self.rows or key in self.gone for key in (*later.rows, *later.gone) if key.startswith(LOSSLESS)):
            return False
        for key in later.gone:
            self.rows.pop(key, None)
        self.gone = self.gone - later.rows.keys() | later.gone
        self.rows.update(later.rows)
        self.seq, self.at = later.seq, later.at
        return True


_decoder = msgspec.json.Decoder(Joined)


def read(frame: str) -> Joined:
    """The delta of a frame. Raises msgspec.MsgspecError for what is none."""
    one = _decoder.decode(frame)
    one.after = one.seq - 1
    return one
