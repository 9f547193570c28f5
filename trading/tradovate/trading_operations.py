"""What can be done with order strategies, contracts, demo money, limits and replay, typed in and typed out.

Every call is one request that is never sent a second time; all raise as `errors` says. Sources: openapi.json, the
paths that the docstrings give.
"""

from __future__ import annotations

from .entities import (
    Account,
    AccountRiskStatus,
    AccountRiskStatusResponse,
    ChangeSpeed,
    CheckReplaySession,
    CheckReplaySessionResponse,
    Contract,
    DeleteResultResponse,
    DeleteUserAccountPositionLimit,
    DeleteUserAccountRiskParameter,
    GetProductFeeParams,
    InitializeClock,
    InterruptOrderStrategy,
    ModifyOrderStrategy,
    OrderStrategy,
    OrderStrategyStatusResponse,
    ProductFeeParamsResponse,
    ResetAutoLiqStatus,
    ResetDemoAccountState,
    RollContract,
    RollContractResponse,
    RollContracts,
    RollContractsResponse,
    SetAdminAutoLiqAction,
    SimpleResponse,
    StartOrderStrategy,
    UpdateMaxNetLiq,
    UpdateUserAutoLiq,
    UpdateUserAutoLiqResponse,
    UserAccountAutoLiq,
    UserAccountPositionLimit,
)
from .priorities import Priority
from .reads import Reads, Writable
from .transport import Transport


class Contracts(Reads[Contract]):
    """Contracts, their costs and what comes after them."""

    async def fee_params(self, request: GetProductFeeParams) -> ProductFeeParamsResponse:
        """contract/getproductfeeparams: what one contract of each product costs."""
        return await self._transport.post("contract/getproductfeeparams", ProductFeeParamsResponse, request)

    async def roll(self, request: RollContract) -> RollContractResponse:
        """contract/rollcontract: the contract that comes after (or before) a symbol."""
        return await self._transport.post("contract/rollcontract", RollContractResponse, request)

    async def roll_many(self, request: RollContracts) -> RollContractsResponse:
        """contract/rollcontracts: as `roll`, for several."""
        return await self._transport.post("contract/rollcontracts", RollContractsResponse, request)


class OrderStrategies(Reads[OrderStrategy]):
    """Brackets and other strategies. OrderRejected or ApiError says that nothing was started.

    `priority` as for Orders.
    """

    async def interrupt(self, request: InterruptOrderStrategy) -> OrderStrategyStatusResponse:
        """orderstrategy/interruptorderstrategy: stop a running strategy and cancel its orders."""
        return await self._transport.post("orderstrategy/interruptorderstrategy", OrderStrategyStatusResponse, request)

    async def modify(
        self, request: ModifyOrderStrategy, *, priority: Priority | None = None
    ) -> OrderStrategyStatusResponse:
        """orderstrategy/modifyorderstrategy: change a running strategy."""
        return await self._transport.post(
            "orderstrategy/modifyorderstrategy", OrderStrategyStatusResponse, request, priority=priority
        )

    async def start(
        self, request: StartOrderStrategy, *, priority: Priority | None = None
    ) -> OrderStrategyStatusResponse:
        """orderstrategy/startorderstrategy: start a bracket or other strategy."""
        return await self._transport.post(
            "orderstrategy/startorderstrategy", OrderStrategyStatusResponse, request, priority=priority
        )


class Accounts(Reads[Account]):
    """Accounts, and demo accounts begun anew."""

    async def reset_demo_state(self, request: ResetDemoAccountState) -> SimpleResponse:
        """account/resetdemoaccountstate: begin demo accounts anew."""
        return await self._transport.post("account/resetdemoaccountstate", SimpleResponse, request)


class AccountRiskStatuses(Reads[AccountRiskStatus]):
    """What auto-liquidation and the risk desk did to accounts. The changes are for organisations' staff.

    They are in no path of openapi.json, which has their schemas; paths and replies as Tradovate's partner
    documentation has them (REST API Endpoints, Risks).
    """

    async def update_max_net_liq(self, request: UpdateMaxNetLiq) -> AccountRiskStatusResponse:
        """accountriskstatus/updatemaxnetliq: set where a trailing drawdown counts from."""
        return await self._transport.post("accountriskstatus/updatemaxnetliq", AccountRiskStatusResponse, request)

    async def set_admin_auto_liq_action(self, request: SetAdminAutoLiqAction) -> AccountRiskStatusResponse:
        """accountriskstatus/setadminautoliqaction: lock, liquidate or release an account."""
        return await self._transport.post("accountriskstatus/setadminautoliqaction", AccountRiskStatusResponse, request)

    async def reset_auto_liq_status(self, request: ResetAutoLiqStatus) -> AccountRiskStatusResponse:
        """accountriskstatus/resetautoliqstatus: lift what auto-liquidation did."""
        return await self._transport.post("accountriskstatus/resetautoliqstatus", AccountRiskStatusResponse, request)


class UserAccountAutoLiqs(Writable[UserAccountAutoLiq]):
    """The limits at which accounts are liquidated."""

    async def update_user_auto_liq(self, request: UpdateUserAutoLiq) -> UpdateUserAutoLiqResponse:
        """useraccountautoliq/updateuserautoliq: set the limits that are named (partner documentation, Risks)."""
        return await self._transport.post("useraccountautoliq/updateuserautoliq", UpdateUserAutoLiqResponse, request)


class PositionLimits(Writable[UserAccountPositionLimit]):
    """Position limits, and the removal of risk parameters."""

    async def delete(self, request: DeleteUserAccountPositionLimit) -> DeleteResultResponse:
        """useraccountpositionlimit/deleteuseraccountpositionlimit: remove a position limit."""
        return await self._transport.post(
            "useraccountpositionlimit/deleteuseraccountpositionlimit", DeleteResultResponse, request
        )

    async def delete_risk_parameter(self, request: DeleteUserAccountRiskParameter) -> DeleteResultResponse:
        """useraccountpositionlimit/deleteuseraccountriskparameter: remove a risk parameter."""
        return await self._transport.post(
            "useraccountpositionlimit/deleteuseraccountriskparameter", DeleteResultResponse, request
        )


class Replay:
    """The clock of a replay session; ask the replay host."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def change_speed(self, request: ChangeSpeed) -> SimpleResponse:
        """replay/changespeed: change the speed of the replay."""
        return await self._transport.post("replay/changespeed", SimpleResponse, request)

    async def check_session(self, request: CheckReplaySession) -> CheckReplaySessionResponse:
        """replay/checkreplaysession: whether a replay may begin at a time."""
        return await self._transport.post("replay/checkreplaysession", CheckReplaySessionResponse, request)

    async def initialize_clock(self, request: InitializeClock) -> SimpleResponse:
        """replay/initializeclock: begin a replay at a time and speed."""
        return await self._transport.post("replay/initializeclock", SimpleResponse, request)
