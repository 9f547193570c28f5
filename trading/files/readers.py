"""Readers of order files: bytes to text, text to lines of symbol and signed quantity. Pure: nothing is looked up.

ESZ6  2     # buys two
MNQZ6 -3    # sells three
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from trading.orders.checks import Finding, error

LONGEST_TEXT: Final = 200
# More digits than any exchange takes, and few enough for every database's integer.
_MOST_DIGITS: Final = 9
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_SYMBOL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:/_-]{0,31}")
_QUANTITY: Final = re.compile(r"[+-]?[0-9]+")
_EXAMPLE: Final = "Write a symbol and a signed quantity, such as ESZ6 2."


class Unreadable(ValueError):
    """The bytes are not a text that can hold orders; the message says why and what to do."""


@dataclass(frozen=True)
class ParsedLine:
    """A line that is neither blank nor a comment. `symbol` is upper case, "" when it is missing or no symbol;
    `quantity` is in contracts, negative to sell, None when it is not a number. `findings` are errors only."""

    number: int
    text: str
    symbol: str
    quantity: int | None
    findings: tuple[Finding, ...] = ()


def decode(raw: bytes) -> str:
    """The text of an uploaded file, a byte order mark removed. Raises Unreadable."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = _line_after(problem.object[: problem.start].decode())
        raise Unreadable(f"Line {line} is not UTF-8 text. Save the file as plain text in UTF-8.") from None
    if "\0" in text:
        line = _line_after(text.partition("\0")[0])
        raise Unreadable(f"Line {line} holds a NUL byte: this is not a text file. Save it as plain text in UTF-8.")
    return text


def read(text: str) -> list[ParsedLine]:
    """The orders of a text, in its order; line numbers start at 1 and count every line. Never raises."""
    lines = enumerate(_LINE_END.split(text.removeprefix("\ufeff")), start=1)
    return [_parse(number, line) for number, line in lines if line.partition("#")[0].strip()]


def _line_after(before: str) -> int:
    """The number of the line that what follows this text is in."""
    return len(_LINE_END.findall(before)) + 1


def _parse(number: int, line: str) -> ParsedLine:
    words = line.partition("#")[0].split()
    problem = _shape(words)
    if problem is not None:
        return ParsedLine(number, shown(line), "", None, (problem,))
    symbol, quantity, findings = words[0], None, []
    if _SYMBOL.fullmatch(symbol) is None:
        findings.append(error("symbol", f"“{shown(symbol, 40)}” is not a contract symbol. {_EXAMPLE}"))
        symbol = ""
    trouble = _number_trouble(words[1])
    if trouble is None:
        quantity = int(words[1])
    else:
        findings.append(error("quantity", trouble))
    return ParsedLine(number, shown(line), symbol.upper(), quantity, tuple(findings))


def _shape(words: list[str]) -> Finding | None:
    """What is wrong with a line that is not two words, or has them the wrong way round."""
    # A separator within the second of two words ("1,000") is for the number's own message.
    separated = "".join(words[:1] if len(words) == 2 else words)
    if "," in separated or ";" in separated:
        parts = [part for part in re.split(r"[\s,;]+", " ".join(words)) if part]
        fix = f" such as {shown(' '.join(parts), 40)}" if len(parts) == 2 else ""
        return error("line", f"Separate symbol and quantity by a space{fix}, not by a comma or semicolon.")
    if len(words) == 1:
        if _QUANTITY.fullmatch(words[0]):
            return error("symbol", f"The symbol is missing. {_EXAMPLE}")
        return error("quantity", f"The quantity is missing. {_EXAMPLE}")
    if len(words) > 2:
        return error("line", f"There are {len(words)} words where two are due. {_EXAMPLE} Notes go behind a #.")
    if _QUANTITY.fullmatch(words[0]) and not _QUANTITY.fullmatch(words[1]) and _SYMBOL.fullmatch(words[1]):
        fix = shown(f"{words[1].upper()} {words[0]}", 50)
        return error("line", f"The symbol comes first: write {fix}.")
    return None


def _number_trouble(word: str) -> str | None:
    """Why a word is not a whole number of contracts, or None when it is one."""
    if _QUANTITY.fullmatch(word) is None:
        hint = "Write 2 to buy two or -2 to sell two."
        return f"“{shown(word, 40)}” is not a whole number of contracts. {hint}"
    if len(word.lstrip("+-0")) > _MOST_DIGITS:
        return f"{shown(word, 20)} contracts is far too large a quantity."
    return None


def shown(text: str, longest: int = LONGEST_TEXT) -> str:
    """`text` fit for a page and a column: trimmed, without control characters, at most `longest` characters."""
    clean = "".join(char if char.isprintable() else " " for char in text).strip()
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"
