"""Charts as a client sees them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trading.simulator import Config, RunningSimulator, serve

from .conftest import Socket

MINUTES = {
    "underlyingType": "MinuteBar",
    "elementSize": 1,
    "elementSizeUnit": "UnderlyingUnits",
    "withHistogram": False,
}


TICKS = {"underlyingType": "Tick", "elementSize": 1, "elementSizeUnit": "UnderlyingUnits"}


BAR_FIELDS = {
    "timestamp",
    "open",
    "high",
    "low",
    "close",
    "upVolume",
    "downVolume",
    "upTicks",
    "downTicks",
    "bidVolume",
    "offerVolume",
}


@dataclass
class Chart:
    """A chart as a client sees it."""

    socket: Socket
    historical_id: int
    realtime_id: int
    packets: list[dict[str, Any]] = field(default_factory=list)

    @property
    def bars(self) -> list[dict[str, Any]]:
        return [bar for packet in self.packets for bar in packet.get("bars", [])]

    @property
    def timestamps(self) -> list[datetime]:
        return [datetime.fromisoformat(bar["timestamp"]) for bar in self.bars]

    @property
    def ticks(self) -> list[dict[str, Any]]:
        """Unpacked by the documented formula, in time's order."""
        return sorted(
            (
                {
                    "id": tick["id"],
                    "time": packet["bt"] + tick["t"],
                    "price": (packet["bp"] + tick["p"]) * packet["ts"],
                    "size": tick["s"],
                }
                for packet in self.packets
                for tick in packet.get("tks", [])
            ),
            key=lambda tick: tick["id"],
        )

    def next_packets(self) -> list[dict[str, Any]]:
        """The packets of this chart in the next frame that has some."""
        while True:
            self.socket.events += self.socket.message()
            events, self.socket.events = self.socket.events, []
            found = [
                packet
                for event in events
                if event.get("e") == "chart"
                for packet in event["d"]["charts"]
                if packet["id"] in (self.historical_id, self.realtime_id)
            ]
            if found:
                return found

    def until_end_of_history(self) -> "Chart":
        while not any(packet.get("eoh") for packet in self.packets):
            self.packets += self.next_packets()
        return self


def get_chart(socket: Socket, description: dict[str, Any], symbol: Any = "ESZ6", **time_range: Any) -> Chart:
    reply = socket.ask(
        "md/getchart",
        {"symbol": symbol, "chartDescription": description, "timeRange": time_range or {"asMuchAsElements": 10}},
    )
    assert reply["s"] == 200, reply
    assert set(reply["d"]) == {"historicalId", "realtimeId"}, reply
    return Chart(socket, reply["d"]["historicalId"], reply["d"]["realtimeId"])


def past(socket: Socket, description: dict[str, Any], **time_range: Any) -> Chart:
    return get_chart(socket, description, **time_range).until_end_of_history()


def ten_minutes_after(start: datetime) -> Iterator[RunningSimulator]:
    """A simulator on which ten minutes were traded since `start`."""
    with serve(Config(seed=7, manual_clock=True, start=start)) as running:
        running.control.price("ESZ6", "6850.00")
        running.control.advance(600)
        yield running
