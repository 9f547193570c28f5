"""The one order path: a spec becomes an intent that is committed before the wire, and is sent once or not at all.

`OrderSpec` says what is wanted: `builder` and `templates` make one, `codegen` turns it back into text, `messages` into
Tradovate's words. `checks` is what is to be said about it, `intents` keeps it and moves it along the table in `states`,
`gateway` sends it.
"""

from trading.orders.checks import Finding, Severity
from trading.orders.spec import InvalidSpec, OrderSpec

__all__ = ["Finding", "InvalidSpec", "OrderSpec", "Severity"]
