"""What a check says, for a trader to read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error forbids the order, a warning asks for a second look, a note only tells."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """What a check says about one field of an order; kept as JSON beside what it is about."""

    severity: Severity
    field: str
    message: str

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def as_json(self) -> dict[str, str]:
        return {key: str(value) for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, kept: dict[str, str]) -> Finding:
        return cls(Severity(kept["severity"]), kept["field"], kept["message"])


def error(field: str, message: str) -> Finding:
    return Finding(Severity.ERROR, field, message)


def warning(field: str, message: str) -> Finding:
    return Finding(Severity.WARNING, field, message)


def note(field: str, message: str) -> Finding:
    return Finding(Severity.NOTE, field, message)


def dollars(amount: object) -> str:
    """A Decimal as money: $1,234.50."""
    return f"${amount:,.2f}"
