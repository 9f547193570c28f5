"""Order files as people really write them, and everything else that a file can hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.files.readers import LONGEST_TEXT, Unreadable, decode, read


def orders(text: str) -> list[tuple[int, str, int | None]]:
    return [(line.number, line.symbol, line.quantity) for line in read(text)]


def message(text: str) -> str:
    [line] = read(text)
    [finding] = line.findings
    assert finding.is_error
    return finding.message


def test_the_file_of_the_manual() -> None:
    assert orders("ESZ6 2\nMNQZ6 -3\nCLF7 1\n") == [(1, "ESZ6", 2), (2, "MNQZ6", -3), (3, "CLF7", 1)]


def test_blank_lines_and_comments_keep_the_numbers_right() -> None:
    text = "# the plan\r\n\r\nESZ6\t2   # hedge\r\n   \r\n\t mnqz6   -3#short\r\n"
    assert orders(text) == [(3, "ESZ6", 2), (5, "MNQZ6", -3)]
    assert all(not line.findings for line in read(text))


@pytest.mark.parametrize(("word", "quantity"), [("+2", 2), ("-0", 0), ("007", 7), ("0", 0)])
def test_whole_numbers(word: str, quantity: int) -> None:
    assert orders(f"ESZ6 {word}") == [(1, "ESZ6", quantity)]


@pytest.mark.parametrize("word", ["2.0", "1e3", "٣", "two", "−2", "--2", "1,000", "0x10", "½", "2-", "+", "1_000"])
def test_what_is_not_a_whole_number_is_named_with_the_fix(word: str) -> None:
    assert f"“{word}”" in message(f"ESZ6 {word}")
    assert "Write 2 to buy" in message(f"ESZ6 {word}")
    assert orders(f"ESZ6 {word}") == [(1, "ESZ6", None)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ESZ6", "quantity is missing"),
        ("-3", "symbol is missing"),
        ("ESZ6 2 MARKET", "3 words"),
        ("ESZ6,2", "by a space such as ESZ6 2"),
        ("ESZ6;2", "by a space such as ESZ6 2"),
        ("ESZ6, 2", "by a space such as ESZ6 2"),
        ("2 ESZ6", "write ESZ6 2"),
        ("ESZ6 12345678901", "far too large"),
        ("E$Z6 2", "“E$Z6” is not a contract symbol"),
        ("=ESZ6 2", "is not a contract symbol"),
        ("ÉSZ6 2", "is not a contract symbol"),
        ("X" * 33 + " 2", "is not a contract symbol"),
    ],
)
def test_each_mistake_has_its_own_words(line: str, expected: str) -> None:
    assert expected in message(line)


def test_the_text_that_is_shown_is_short_and_clean() -> None:
    [line] = read("ESZ6 2 \x1b[31m" + "x" * 1000)
    assert len(line.text) == LONGEST_TEXT
    assert line.text.isprintable()


def test_a_byte_order_mark_is_not_part_of_the_symbol() -> None:
    assert orders(decode(b"\xef\xbb\xbfESZ6 2")) == [(1, "ESZ6", 2)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("ESZ6 2\n# für\n".encode("latin-1"), "Line 2 is not UTF-8"),
        ("ESZ6 2".encode("utf-16"), "Line 1 is not UTF-8"),
        (b"ESZ6 2\n\nCLF7\x00 1", "Line 3 holds a NUL byte"),
        (b"ESZ6 1\rMNQZ6 2\rCLF7 1 # \xe9", "Line 3 is not UTF-8"),
        (b"\xef\xbb\xbf# f\xc3\xbcr\n\xe9", "Line 2 is not UTF-8"),
        (b"ESZ6 1\r\nMNQZ6 2\r\nCLF7\x00 1", "Line 3 holds a NUL byte"),
        (b"ESZ6 1\rMNQZ6 2\rCLF7\x00 1", "Line 3 holds a NUL byte"),
    ],
)
def test_bytes_that_are_no_text_are_refused_with_the_line(raw: bytes, expected: str) -> None:
    with pytest.raises(Unreadable, match=expected):
        decode(raw)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        text = decode(raw)
    except Unreadable as refusal:
        assert str(refusal).startswith("Line ")  # noqa: PT017 - both outcomes are right
        return
    read(text)


@given(st.text(max_size=400))
def test_any_text_gives_lines_in_order_each_an_order_or_an_error(text: str) -> None:
    lines = read(text)
    numbers = [line.number for line in lines]
    assert numbers == sorted(set(numbers))
    assert all(1 <= number <= text.count("\n") + text.count("\r") + 1 for number in numbers)
    for line in lines:
        assert bool(line.findings) != bool(line.symbol and line.quantity is not None)
        assert len(line.text) <= LONGEST_TEXT


SYMBOLS = st.from_regex(r"[A-Z0-9]{1,4}[FGHJKMNQUVXZ][0-9]", fullmatch=True).filter(lambda s: not s.isdigit())
NOISE = st.sampled_from(["", "   ", "\t", "# a note", "  # ESZ6 99"])


@given(
    st.lists(st.tuples(SYMBOLS, st.integers(-(10**9) + 1, 10**9 - 1), st.lists(NOISE, max_size=3)), max_size=20),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([" ", "\t", "   ", "\t\t "]),
    st.sampled_from(["", " # trailing", "   "]),
)
def test_what_is_written_is_what_is_read(
    wanted: list[tuple[str, int, list[str]]], line_end: str, space: str, tail: str
) -> None:
    text_lines: list[str] = []
    expected: list[tuple[int, str, int]] = []
    for symbol, quantity, noise in wanted:
        text_lines += noise
        text_lines.append(f"{symbol.lower()}{space}{quantity:+d}{tail}")
        expected.append((len(text_lines), symbol, quantity))
    assert orders(line_end.join(text_lines)) == expected
