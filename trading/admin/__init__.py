"""What support staff see of trading, and the two things that they do about it: the kill switch and limits."""

from trading.admin import kept, kill_switch, limits, records

__all__ = ["kept", "kill_switch", "limits", "records"]
