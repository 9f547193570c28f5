"""What a server of the TradingView-style dialect answers."""

TOKEN = "tok-secret-1"


ACCOUNT = "D17158695"


def ok(data: object) -> dict[str, object]:
    return {"s": "ok", "d": data}


def no(text: str, code: int | None = None) -> dict[str, object]:
    return {"s": "error", "errmsg": text} | ({} if code is None else {"errorCode": code})
