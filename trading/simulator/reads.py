"""The seven shared read operations: list, find, item, items, deps, ldeps, suggest (openapi.json, per entity)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from . import plans, risk_alerts
from .api_permissions import permissions
from .api_users import session_stats, user_sessions
from .calls import Call, Handler, Rejected
from .entities import Entity, Position

Source = Callable[[Call], Iterable[Entity]]

PAST_THE_NAMES = "deps item items ldeps"
EVERYTHING = PAST_THE_NAMES + " list"
NAMED = "find item items list suggest"


@dataclass(frozen=True)
class Readable:
    """An entity type that can be read: where its entities come from, the field that deps and ldeps go by, and the
    operations that the specification lists for it."""

    name: str
    source: Source
    master: str | None
    operations: str


def _own(name: str) -> Source:
    return lambda call: (row.entity for row in call.simulation.store.of_user(name, call.user_id))


def _catalog(attribute: str) -> Source:
    def source(call: Call) -> Iterable[Entity]:
        found = getattr(call.simulation.catalog, attribute)
        return list(found.values()) if isinstance(found, dict) else list(found)

    return source


def _fixed(entities: Iterable[Entity]) -> Source:
    return lambda _: entities


def _none(_: Call) -> Iterable[Entity]:
    return ()


READABLE = [
    Readable("account", _own("account"), "user_id", EVERYTHING + " find suggest"),
    Readable("cashBalance", _own("cashBalance"), "account_id", EVERYTHING),
    Readable("cashBalanceLog", _own("cashBalanceLog"), "account_id", PAST_THE_NAMES),
    Readable("marginSnapshot", _own("marginSnapshot"), "id", EVERYTHING),
    Readable("accountRiskStatus", _own("accountRiskStatus"), "id", EVERYTHING),
    Readable("position", _own("position"), "account_id", EVERYTHING + " find"),
    Readable("fillPair", _own("fillPair"), "position_id", EVERYTHING),
    Readable("order", _own("order"), "account_id", EVERYTHING),
    Readable("orderVersion", _own("orderVersion"), "order_id", EVERYTHING),
    Readable("command", _own("command"), "order_id", EVERYTHING),
    Readable("commandReport", _own("commandReport"), "command_id", EVERYTHING),
    Readable("executionReport", _own("executionReport"), "command_id", EVERYTHING + " find suggest"),
    Readable("fill", _own("fill"), "order_id", EVERYTHING),
    Readable("fillFee", _own("fillFee"), "id", EVERYTHING),
    Readable("contract", _catalog("contracts"), "contract_maturity_id", PAST_THE_NAMES),
    Readable("contractMaturity", _catalog("maturities"), "product_id", PAST_THE_NAMES),
    Readable("product", _catalog("products"), "exchange_id", EVERYTHING + " find suggest"),
    Readable("productMargin", _catalog("product_margins"), "id", EVERYTHING),
    Readable("productSession", _catalog("product_sessions"), "id", PAST_THE_NAMES),
    Readable("exchange", _catalog("exchanges"), None, NAMED),
    Readable("currency", _catalog("currencies"), None, NAMED),
    Readable("currencyRate", _catalog("currency_rates"), "id", EVERYTHING),
    Readable("contractGroup", _catalog("groups"), None, NAMED),
    Readable("orderStrategy", _own("orderStrategy"), "account_id", EVERYTHING),
    Readable("orderStrategyLink", _own("orderStrategyLink"), "order_strategy_id", EVERYTHING),
    Readable("orderStrategyType", _catalog("order_strategy_types"), None, NAMED),
    Readable("userAccountAutoLiq", _own("userAccountAutoLiq"), "id", EVERYTHING),
    Readable("userAccountPositionLimit", _own("userAccountPositionLimit"), "account_id", PAST_THE_NAMES),
    Readable(
        "userAccountRiskParameter",
        _own("userAccountRiskParameter"),
        "user_account_position_limit_id",
        PAST_THE_NAMES,
    ),
    Readable("user", _own("user"), None, NAMED),
    Readable("userSession", user_sessions, None, "item items"),
    Readable("userSessionStats", session_stats, "id", EVERYTHING),
    Readable("tradingPermission", permissions, "user_id", EVERYTHING),
    Readable("alert", _own("alert"), "user_id", EVERYTHING),
    Readable("alertSignal", _own("alertSignal"), "alert_id", EVERYTHING),
    Readable("adminAlert", _fixed(risk_alerts.ALERTS), None, NAMED),
    Readable("adminAlertSignal", _own("adminAlertSignal"), "admin_alert_id", EVERYTHING),
    Readable("chat", _own("chat"), "user_id", EVERYTHING),
    Readable("chatMessage", _own("chatMessage"), "chat_id", PAST_THE_NAMES),
    Readable("userPlugin", _own("userPlugin"), "user_id", EVERYTHING),
    Readable("marketDataSubscription", _own("marketDataSubscription"), "user_id", EVERYTHING),
    Readable("tradovateSubscription", _own("tradovateSubscription"), "user_id", EVERYTHING),
    Readable("secondMarketDataSubscription", _own("secondMarketDataSubscription"), "user_id", EVERYTHING),
    Readable("marketDataSubscriptionExchangeScope", _fixed(plans.SCOPES), None, NAMED),
    Readable("marketDataSubscriptionPlan", _fixed(plans.MARKET_DATA_PLANS), None, NAMED),
    Readable("tradovateSubscriptionPlan", _fixed(plans.TRADOVATE_PLANS), None, NAMED),
    Readable("entitlement", _fixed(plans.ENTITLEMENTS), None, "item items list"),
    Readable("contractMargin", _catalog("contract_margins"), "id", PAST_THE_NAMES),
    Readable("organization", _catalog("organizations"), None, NAMED),
    Readable("clearingHouse", _catalog("clearing_houses"), None, NAMED),
    # types that a portal may ask for and that nobody has here
    Readable("spreadDefinition", _none, None, "item items"),
    Readable("userProperty", _none, "user_id", PAST_THE_NAMES),
    Readable("property", _none, None, NAMED),
    Readable("contactInfo", _none, "user_id", PAST_THE_NAMES),
]


def handlers() -> dict[str, Handler]:
    """Every read operation by its name in lower case, such as `cashbalance/ldeps`."""
    makers = {
        "list": _list,
        "find": _find,
        "item": _item,
        "items": _items,
        "deps": _deps,
        "ldeps": _ldeps,
        "suggest": _suggest,
    }
    table = {
        f"{readable.name}/{operation}".lower(): makers[operation](readable)
        for readable in READABLE
        for operation in readable.operations.split()
    }
    table["contract/find"] = _contract_find
    table["contract/suggest"] = _contract_suggest
    table["position/find"] = _position_find
    return table


def _name_of(entity: Entity) -> str:
    return str(getattr(entity, "name", ""))


def _text_of(entity: Entity) -> str:
    """What `suggest` looks through: it finds a text in any field (openapi.json)."""
    return "\n".join([_name_of(entity), getattr(entity, "description", ""), getattr(entity, "title", "")]).lower()


def _missing(readable: Readable) -> Rejected:
    return Rejected(404, f"Not found: {readable.name}")


def _list(readable: Readable) -> Handler:
    return lambda call: list(readable.source(call))


def _find(readable: Readable) -> Handler:
    def find(call: Call) -> Entity:
        wanted = call.text("name").lower()
        for entity in readable.source(call):
            if _name_of(entity).lower() == wanted:
                return entity
        raise _missing(readable)

    return find


def _item(readable: Readable) -> Handler:
    def item(call: Call) -> Entity:
        wanted = call.number("id")
        for entity in readable.source(call):
            if entity.id == wanted:
                return entity
        raise _missing(readable)

    return item


def _items(readable: Readable) -> Handler:
    def items(call: Call) -> list[Entity]:
        wanted = set(call.numbers("ids"))
        return [entity for entity in readable.source(call) if entity.id in wanted]

    return items


def _of_masters(readable: Readable, call: Call, masters: set[int]) -> list[Entity]:
    field = readable.master or "id"
    return [entity for entity in readable.source(call) if getattr(entity, field) in masters]


def _deps(readable: Readable) -> Handler:
    return lambda call: _of_masters(readable, call, {call.number("masterid")})


def _ldeps(readable: Readable) -> Handler:
    return lambda call: _of_masters(readable, call, set(call.numbers("masterids")))


def _suggest(readable: Readable) -> Handler:
    def suggest(call: Call) -> list[Entity]:
        wanted = str(call.value("t") or "").lower()
        hits = [entity for entity in readable.source(call) if wanted in _text_of(entity)]
        hits.sort(key=lambda entity: not _name_of(entity).lower().startswith(wanted))
        return hits[: _limit(call)]

    return suggest


def _contract_find(call: Call) -> Entity:
    listing = call.simulation.catalog.find(call.text("name"))
    if listing is None:
        raise Rejected(404, "Not found: contract")
    return call.simulation.catalog.contracts[listing.contract_id]


def _position_find(call: Call) -> Entity:
    """A position has no name; it is found by its contract's."""
    contract = _contract_find(call)
    for entity in _own("position")(call):
        if isinstance(entity, Position) and entity.contract_id == contract.id:
            return entity
    raise Rejected(404, "Not found: position")


def _contract_suggest(call: Call) -> Any:
    return call.simulation.catalog.suggest(str(call.value("t") or ""), _limit(call))


def _limit(call: Call) -> int:
    return max(0, min(100, call.number("l"))) if call.value("l") is not None else 10
