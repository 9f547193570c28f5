"""The ASGI application: pages, browser sockets and the server's start and stop."""

import os
from typing import cast

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
pages = get_asgi_application()

from django.urls import get_resolver  # noqa: E402 - settings and models load only after Django is set up

from portal.body_limit import BodyLimit  # noqa: E402 - as above
from trading.long_lived import keep_what_is_loaded  # noqa: E402 - as above
from trading.routing import websocket_urlpatterns  # noqa: E402 - as above


async def lifespan(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Answers the server's start and stop events, which neither Django nor Channels does."""
    while True:
        event = await receive()
        if event["type"] == "lifespan.startup":
            # Django loads the views with the first request otherwise.
            get_resolver().url_patterns  # noqa: B018
            keep_what_is_loaded()
            await send({"type": "lifespan.startup.complete"})
        elif event["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return


class DirectSend:
    """Leaves the server's own `send` in the scope as "direct_send", for frames: on the way through the middleware the
    session is looked at before each of them, which only the answers of pages need."""

    def __init__(self, app: ASGI3Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await self._app(cast("Scope", {**scope, "direct_send": send}), receive, send)


application = ProtocolTypeRouter(
    {
        "http": BodyLimit(pages, settings.REQUEST_MAX_BYTES),
        "websocket": DirectSend(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
        "lifespan": lifespan,
    }
)
