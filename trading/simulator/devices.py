"""Devices that may trade live (protocol notes, "Password / API-key login"; official texts, "Two-Factor
Authentication")."""

from __future__ import annotations

from .calls import Call
from .hosts import Environment, environment_of
from .sessions import Session

TRADING = frozenset({"order", "orderstrategy"})
READS = frozenset({"list", "find", "item", "items", "deps", "ldeps", "suggest", "dryrun"})


def may_trade_from_device(call: Call, session: Session, route: str) -> bool:
    """May a session ask an operation, for all that is known of the device that it signed in from?

    Only trading on the live host, or where the simulator stands for all hosts, needs one of the configuration's
    `verified_devices`. An OAuth application's session has no device.
    """
    verified = call.simulation.config.verified_devices
    if verified is None or session.client_id is not None or session.origin.device_id in verified:
        return True
    entity, _, operation = route.partition("/")
    is_live = environment_of(call.host) in (Environment.LIVE, None)
    return not is_live or entity not in TRADING or operation in READS
