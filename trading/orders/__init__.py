"""The one order path: a spec becomes an intent that is committed before the wire, and is sent once or not at all.

`desk` is what every front calls. `OrderSpec` says what is wanted: `builder` and `templates` make one, `codegen` turns
it back into text; `wishes` are changes, cancellations and closings. `checks` are what is to be said about an order, put
to it by `pretrade`. `intents` keeps a wish and moves it along the tables in `states`; `gateway` sends it in Tradovate's
words (`messages`) over `warm` connections; `reports` is what the broker says of it afterwards.
"""

from trading.orders.checks import Finding, Severity
from trading.orders.spec import InvalidSpec, OrderSpec

__all__ = ["Finding", "InvalidSpec", "OrderSpec", "Severity"]
