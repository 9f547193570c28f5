"""The TradingView-style dialect's account of the trader, and an order for it."""

ACCOUNT = "D1001001"


LIMIT = {
    "instrument": "ESZ6",
    "qty": "1",
    "side": "Buy",
    "type": "Limit",
    "limitPrice": "6800",
    "durationType": "Day",
}
