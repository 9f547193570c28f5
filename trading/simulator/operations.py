"""The table of operations that REST and WebSocket both serve."""

from __future__ import annotations

from typing import Any

from . import (
    api_accounts,
    api_alerts,
    api_auth,
    api_chat,
    api_contracts,
    api_limits,
    api_oauth,
    api_orders,
    api_permissions,
    api_subscriptions,
    api_users,
    market_data,
    replay,
)
from .calls import Call, Handler, Rejected
from .devices import may_trade_from_device
from .reads import handlers
from .sync import snapshot


def _sync(call: Call) -> Any:
    """Asked over REST it is a snapshot without a stream (official texts, "Use user/syncrequest")."""
    return snapshot(call)


PUBLIC = frozenset({"auth/accesstokenrequest", "auth/oauthtoken"})
"""Operations that need no token."""

OPERATIONS: dict[str, Handler] = {
    **handlers(),
    **market_data.OPERATIONS,
    **replay.OPERATIONS,
    **api_auth.OPERATIONS,
    **api_oauth.OPERATIONS,
    **api_contracts.OPERATIONS,
    **api_orders.OPERATIONS,
    **api_accounts.OPERATIONS,
    **api_limits.OPERATIONS,
    **api_users.OPERATIONS,
    **api_permissions.OPERATIONS,
    **api_subscriptions.OPERATIONS,
    **api_alerts.OPERATIONS,
    **api_chat.OPERATIONS,
    "user/syncrequest": _sync,
}
"""Every operation by its route in lower case. The rooms named api_* have those of a family each."""


def perform(call: Call, route: str) -> Any:
    """Carry out an operation and return its reply, ready to be encoded.

    Raises Rejected: 404 when there is no such operation, 401 without a session, 400 for a bad parameter, 429
    with no text when the user's budget is spent. An address over its budget gets a penalty ticket as the reply.
    """
    handler = OPERATIONS.get(route)
    if handler is None:
        raise Rejected(404, f"Not found: {route}")
    budgets = call.simulation.budgets
    if budgets is None:
        return _carry_out(call, route, handler)
    if call.session is not None and not budgets.user_may(call.session.user_id):
        raise Rejected(429, "")
    if penalty := budgets.penalty(route, call.peer, str(call.params.get("p-ticket") or "")):
        return {"p-ticket": penalty.ticket, "p-time": penalty.seconds, "p-captcha": penalty.captcha}
    failed = True
    try:
        value = _carry_out(call, route, handler)
        failed = isinstance(value, dict) and not value.keys().isdisjoint(("errorText", "error"))
    finally:
        budgets.count(route, call.peer, failed=failed)
    return value


def _carry_out(call: Call, route: str, handler: Handler) -> Any:
    if route not in PUBLIC and call.session is None:
        raise Rejected(401, "Access is denied")
    if call.session is not None and not may_trade_from_device(call, call.session, route):
        raise Rejected(401, "Access is denied")
    return handler(call)
