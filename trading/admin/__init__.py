"""What support staff see of trading, and what they do about it: the kill switch, limits, and the end of an access."""

from trading.admin import kept, kill_switch, limits, people, records

__all__ = ["kept", "kill_switch", "limits", "people", "records"]
