"""The order ticket: what a trader filled in, as an OrderSpec, or in words what is wrong, beside its field."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet

from trading.models import Account
from trading.orders.checks import Finding
from trading.orders.prices import HIGHEST_PRICE, PRICE_PLACES, Distance, Unit
from trading.orders.spec import (
    ACTIONS,
    LARGEST_QTY,
    LONGEST_TEXT,
    PRICES_OF_TYPE,
    TIMES_IN_FORCE,
    Bracket,
    InvalidSpec,
    LinkedOrder,
    OrderSpec,
    Problem,
    prices_taken,
)

# What may hang on an order, by the value of the field `exits`.
NO_EXITS, AT_DISTANCE, AT_PRICES, PAIR = "", "distance", "prices", "pair"
EXITS: Final = (
    (NO_EXITS, "None"),
    (AT_DISTANCE, "Bracket: at a distance from the fill"),
    (AT_PRICES, "OSO: at these prices"),
    (PAIR, "OCO: with another order"),
)
TYPES: Final = {
    "Market": "Market",
    "Limit": "Limit",
    "Stop": "Stop",
    "StopLimit": "Stop limit",
    "MIT": "Market if touched",
    "LimitIfTouched": "Limit if touched",
    "TrailingStop": "Trailing stop",
    "TrailingStopLimit": "Trailing stop limit",
}
PRICE_LABELS: Final = {
    "price": "Limit price",
    "stop_price": "Stop price",
    "limit_if_touched_price": "Touch price",
    "peg_difference": "Trail by",
}
QUANTITY_PRESETS: Final = (1, 2, 3, 5, 10)
KEY: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
# A number of so many digits is no id of Tradovate's.
LONGEST_ID: Final = 19
# Between these a time can be told in every zone.
EARLIEST: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
LATEST: Final = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
_NO_TIME: Final = f"Choose a time between {EARLIEST:%Y} and {LATEST:%Y}."
_NUMBER: Final = "Write a number such as 5000.25, with a point and without separators."
_TOO_MUCH: Final = f"Write a number below {HIGHEST_PRICE:,} with {PRICE_PLACES} decimals at most."

# Where the ticket shows what is said about a spec's or a finding's field, if not in a field of the same name.
_FIELD_OF: Final = {
    "quantity": "order_qty",
    "brackets[0].profit_target": "target",
    "brackets[0].stop_loss": "stop_loss",
    "brackets[0].order_qty": "order_qty",
    "brackets": "order_qty",
}


class PriceField(forms.DecimalField):
    """A price or a distance; it may be negative."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, error_messages={"invalid": _NUMBER}, **kwargs)

    def validate(self, value: Any) -> None:
        super().validate(value)
        # What is out of all measure cannot even be counted in ticks.
        if value is not None and (value.copy_abs() >= HIGHEST_PRICE or value != round(value, PRICE_PLACES)):
            raise forms.ValidationError(_TOO_MUCH)


class ContractsField(forms.IntegerField):
    """A number of contracts, in digits only: what one trader writes for a thousand ("1.000") is one for another."""

    # Django's own takes the zeros behind a point away.
    re_decimal = re.compile(r"(?!)")

    def __init__(self, **kwargs: Any) -> None:
        messages = {"required": "Write how many contracts.", "invalid": "Write a whole number of contracts."}
        super().__init__(max_value=LARGEST_QTY, error_messages=messages, **kwargs)


class TicketForm(forms.Form):
    """One ticket. When it is valid, `spec` is the order."""

    account = forms.CharField(error_messages={"required": "Choose an account."})
    symbol = forms.CharField(max_length=32, error_messages={"required": "Write a symbol such as ESZ6."})
    action = forms.ChoiceField(
        choices=[(action, action) for action in ACTIONS], error_messages={"required": "Choose Buy or Sell."}
    )
    order_qty = ContractsField()
    order_type = forms.ChoiceField(choices=list(TYPES.items()))
    price = PriceField()
    stop_price = PriceField()
    limit_if_touched_price = PriceField()
    peg_difference = PriceField()
    time_in_force = forms.ChoiceField(choices=[(name, name) for name in TIMES_IN_FORCE])
    expire_time = forms.DateTimeField(
        required=False,
        validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)],
        error_messages={"invalid": "Choose a date and a time.", "min_value": _NO_TIME, "max_value": _NO_TIME},
    )
    # What a browser's own clock shows at that time, in minutes behind UTC; without JavaScript the time is UTC.
    utc_offset = forms.IntegerField(required=False, min_value=-14 * 60, max_value=14 * 60)
    text = forms.CharField(required=False, max_length=LONGEST_TEXT)
    max_show = ContractsField(required=False)
    exits = forms.ChoiceField(choices=EXITS, required=False)
    target = PriceField()
    stop_loss = PriceField()
    unit = forms.ChoiceField(choices=[(unit.value, unit.value) for unit in Unit], required=False)
    trailing_stop = forms.BooleanField(required=False)
    target_price = PriceField()
    exit_stop_price = PriceField()
    other_action = forms.ChoiceField(choices=[(action, action) for action in ACTIONS], required=False)
    other_order_type = forms.ChoiceField(choices=list(TYPES.items()), required=False)
    other_price = PriceField()
    other_stop_price = PriceField()
    other_limit_if_touched_price = PriceField()
    other_peg_difference = PriceField()

    spec: OrderSpec

    def __init__(self, accounts: QuerySet[Account], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._accounts = accounts

    def clean_account(self) -> Account:
        """The account that Tradovate has under this id, of those that the trader may trade in."""
        said = self.cleaned_data["account"]
        is_id = said.isdecimal() and len(said) < LONGEST_ID
        account = self._accounts.filter(tradovate_id=int(said)).first() if is_id else None
        if account is None:
            raise forms.ValidationError("Choose one of your accounts that can trade.")
        return account

    def clean_symbol(self) -> str:
        return str(self.cleaned_data["symbol"]).strip().upper()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.spec = self._spec(cleaned)
            except InvalidSpec as invalid:
                for problem in invalid.problems:
                    self.add_error(self.field_of(problem.field), problem.message)
        return cleaned

    @property
    def clock(self) -> dt.tzinfo:
        """The clock by which its trader reads times."""
        return _clock(self.cleaned_data)

    def field_of(self, field: str) -> str | None:
        """The ticket's field for one of a spec or of a finding; None when there is no such field."""
        if field.startswith("triggers["):
            field = "exit_stop_price" if field.endswith("stop_price") else "target_price"
        field = _FIELD_OF.get(field, field).replace("other.", "other_")
        return field if field in self.fields else None

    def placed(self, finding: Finding) -> dict[str, str]:
        """A finding of the checks with the name of the ticket's field."""
        return {**finding.as_json(), "field": self.field_of(finding.field) or ""}

    def _spec(self, cleaned: dict[str, Any]) -> OrderSpec:
        exits = cleaned["exits"]
        terms = {name: cleaned[name] for name in ("price", "stop_price", "limit_if_touched_price", "peg_difference")}
        return OrderSpec(
            account_id=cleaned["account"].pk,
            symbol=cleaned["symbol"],
            action=cleaned["action"],
            order_qty=cleaned["order_qty"],
            order_type=cleaned["order_type"],
            max_show=cleaned["max_show"],
            time_in_force=cleaned["time_in_force"],
            expire_time=_expiry(cleaned),
            text=cleaned["text"],
            is_automated=False,
            other=_other(cleaned) if exits == PAIR else None,
            triggers=_exits_at_prices(cleaned) if exits == AT_PRICES else (),
            brackets=_bracket(cleaned) if exits == AT_DISTANCE else (),
            **terms,
        )


def form_problems(form: forms.Form) -> list[dict[str, str]]:
    """What is wrong with a form, as findings that name its fields; the field is empty for what is about all of it."""
    return [
        {"field": "" if field == NON_FIELD_ERRORS else field, "severity": "error", "message": str(message)}
        for field, messages in form.errors.items()
        for message in messages
    ]


def _expiry(cleaned: dict[str, Any]) -> dt.datetime | None:
    naive_utc = cleaned["expire_time"]
    if naive_utc is None:
        return None
    on_its_clock: dt.datetime = naive_utc.replace(tzinfo=_clock(cleaned))
    return on_its_clock.astimezone(dt.UTC)


def _clock(cleaned: dict[str, Any]) -> dt.timezone:
    return dt.timezone(-dt.timedelta(minutes=cleaned["utc_offset"] or 0))


def _other(cleaned: dict[str, Any]) -> LinkedOrder:
    """The second order of an OCO: it is good as long as the first one."""
    return LinkedOrder(
        action=cleaned["other_action"] or cleaned["action"],
        order_type=cleaned["other_order_type"] or "Limit",
        price=cleaned["other_price"],
        stop_price=cleaned["other_stop_price"],
        limit_if_touched_price=cleaned["other_limit_if_touched_price"],
        peg_difference=cleaned["other_peg_difference"],
        time_in_force=cleaned["time_in_force"],
        expire_time=_expiry(cleaned),
    )


def _exits_at_prices(cleaned: dict[str, Any]) -> tuple[LinkedOrder, ...]:
    action = opposite(cleaned["action"])
    # An exit must outlive an entry that fills at once or not at all.
    time_in_force = "Day" if cleaned["time_in_force"] == "Day" else "GTC"
    target: Decimal | None = cleaned["target_price"]
    stop: Decimal | None = cleaned["exit_stop_price"]
    if target is None and stop is None:
        raise InvalidSpec(*_missing("target_price"))
    legs = []
    if target is not None:
        legs.append(LinkedOrder(action=action, order_type="Limit", price=target, time_in_force=time_in_force))
    if stop is not None:
        legs.append(LinkedOrder(action=action, order_type="Stop", stop_price=stop, time_in_force=time_in_force))
    return tuple(legs)


def _bracket(cleaned: dict[str, Any]) -> tuple[Bracket, ...]:
    unit = Unit(cleaned["unit"] or Unit.TICKS)
    target, stop = cleaned["target"], cleaned["stop_loss"]
    if target is None and stop is None:
        raise InvalidSpec(*_missing("target"))
    return (
        Bracket(
            order_qty=cleaned["order_qty"],
            profit_target=None if target is None else Distance(target, unit),
            stop_loss=None if stop is None else Distance(stop, unit),
            trailing_stop=cleaned["trailing_stop"],
        ),
    )


def _missing(field: str) -> tuple[Problem, ...]:
    return (Problem(field, "Write a target, a stop or both; or choose no exits."),)


def opposite(action: str) -> str:
    """The side that closes what `action` opens."""
    return "Sell" if action == "Buy" else "Buy"


def price_types() -> dict[str, str]:
    """Order type -> the prices that its ticket shows, separated by spaces."""
    return {name: " ".join(price for price in PRICE_LABELS if price in prices_taken(name)) for name in PRICES_OF_TYPE}
