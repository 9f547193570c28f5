"""Charts for pages: one market data socket per connection and process, one subscription per chart, many viewers."""

from .feeds import Charts, charts
from .intervals import Interval
from .viewer import Viewer

__all__ = ["Charts", "Interval", "Viewer", "charts"]
