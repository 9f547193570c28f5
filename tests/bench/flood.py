"""An ASGI application that sends one browser as much as the server takes: for tests.bench.bench_choice.

/flood sends frames until MOST bytes are sent; /flooded is told how many bytes the server has taken of that so far.
"""

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, Scope

FRAME = "x" * 65_536
MOST = 64 * 2**20
_taken = 0


async def application(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    global _taken
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
    if scope["path"] == "/flooded":
        await send({"type": "websocket.send", "text": str(_taken), "bytes": None})
        await receive()
        return
    while _taken < MOST:
        await send({"type": "websocket.send", "text": FRAME, "bytes": None})
        _taken += len(FRAME)
