"""The browser's end of what is live: one socket per open page for the desk's stream, and one for its chart."""

from .chart import ChartConsumer
from .desk import DeskConsumer

__all__ = ["ChartConsumer", "DeskConsumer"]
