"""REST operations as typed calls: those of orders, cash and sign-in.

Source: openapi.json, paths of the names that each docstring gives.
"""

from __future__ import annotations

from .entities import (
    AccessToken,
    CancelOrder,
    CashBalance,
    CashBalanceSnapshot,
    ChangeDemoBalance,
    CommandResult,
    DryRun,
    DryRunResponse,
    LiquidatePosition,
    LiquidatePositions,
    LiquidationResult,
    Me,
    ModifyOrder,
    Order,
    PlaceOCO,
    PlaceOcoResult,
    PlaceOrder,
    PlaceOrderResult,
    PlaceOSO,
    PlaceOsoResult,
    SimpleResponse,
)
from .priorities import Priority
from .reads import Reads
from .transport import Transport


class Orders(Reads[Order]):
    """Orders, and what can be done to them. No method here ever sends its request a second time, but for a 307, which
    says that the first was not taken (see transport).

    All raise OrderRejected for a refusal, NotSent when nothing happened, and OutcomeUnknown when an order may or may
    not have been accepted: then look at the orders and commands first. Acceptance is not execution: that arrives as
    events. A caller that is cancelled while it waits must treat the outcome as unknown, too.

    With `priority` the budgets refuse what has no room (BudgetSpent: nothing was sent); without one it goes, as
    cancels and liquidations always do.
    """

    async def place(self, order: PlaceOrder, *, priority: Priority | None = None) -> PlaceOrderResult:
        """order/placeorder: send one order; return the id that Tradovate gave it."""
        return await self._transport.post("order/placeorder", PlaceOrderResult, order, priority=priority)

    async def modify(self, change: ModifyOrder, *, priority: Priority | None = None) -> CommandResult:
        """order/modifyorder: change a working order; an accepted modify may still change nothing."""
        return await self._transport.post("order/modifyorder", CommandResult, change, priority=priority)

    async def cancel(self, cancel: CancelOrder) -> CommandResult:
        """order/cancelorder: cancel a working order; OrderRejected("TooLate") when it has finished."""
        return await self._transport.post("order/cancelorder", CommandResult, cancel)

    async def liquidate_position(self, position: LiquidatePosition) -> LiquidationResult:
        """order/liquidateposition: cancel the contract's orders and close its position at the market."""
        return await self._transport.post("order/liquidateposition", LiquidationResult, position)

    async def place_oco(self, request: PlaceOCO, *, priority: Priority | None = None) -> PlaceOcoResult:
        """order/placeoco: send two orders, of which one fill cancels the other."""
        return await self._transport.post("order/placeoco", PlaceOcoResult, request, priority=priority)

    async def place_oso(self, request: PlaceOSO, *, priority: Priority | None = None) -> PlaceOsoResult:
        """order/placeoso: send an order and the one or two that wait for its fill."""
        return await self._transport.post("order/placeoso", PlaceOsoResult, request, priority=priority)

    async def liquidate_positions(self, request: LiquidatePositions) -> SimpleResponse:
        """order/liquidatepositions: close several positions at the market."""
        return await self._transport.post("order/liquidatepositions", SimpleResponse, request)

    async def dry_run(self, request: DryRun) -> DryRunResponse:
        """order/dryrun: what at most 4 orders would do to the margin; nothing is traded."""
        return await self._transport.post("order/dryrun", DryRunResponse, request)


class CashBalances(Reads[CashBalance]):
    """Cash, and an account's money at a glance."""

    async def snapshot(self, account_id: int) -> CashBalanceSnapshot:
        """cashBalance/getcashbalancesnapshot: net liquidation, margins and P&L of one account now."""
        return await self._transport.post(
            "cashbalance/getcashbalancesnapshot", CashBalanceSnapshot, {"accountId": account_id}
        )

    async def change_demo_balance(self, request: ChangeDemoBalance) -> CashBalanceSnapshot:
        """cashbalance/changedemobalance: add to or take from the cash of a demo account."""
        return await self._transport.post("cashbalance/changedemobalance", CashBalanceSnapshot, request)


class Auth:
    """Who am I, and a longer session. Both ask the auth host: the demo host does not serve /auth/me."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def me(self) -> Me:
        """auth/me: the person behind the access token."""
        return await self._transport.auth("/v1/auth/me", Me)

    async def renew(self, ticket: str | None = None) -> AccessToken:
        """auth/renewaccesstoken: a new token for the same session, while the present one is still valid.

        Tradovate allows about 15 per hour and network: pace them. `ticket` repeats a renewal that a penalty delayed.
        Raises NotAuthorized once the token has expired, PenaltyImposed, RateLimited. Read `api_hosts` of the reply.
        """
        body = {"p-ticket": ticket} if ticket else None
        return await self._transport.auth("/v1/auth/renewaccesstoken", AccessToken, body=body)
