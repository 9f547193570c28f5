import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.crypto import BadKey, CannotDecrypt, open_sealed, parse_keys, seal
from accounts.tokens import Tokens


def key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


@given(st.binary(max_size=4000), st.text(max_size=50))
def test_what_is_sealed_opens_for_its_owner_only(plaintext: bytes, owner: str) -> None:
    sealed = seal(plaintext, owner)

    assert open_sealed(sealed, owner) == plaintext
    with pytest.raises(CannotDecrypt):
        open_sealed(sealed, owner + "x")


def test_sealing_twice_gives_two_texts_and_neither_shows_the_secret() -> None:
    first, second = seal(b"a-token", "me"), seal(b"a-token", "me")

    assert first != second
    raw = base64.urlsafe_b64decode(first.partition(":")[2])
    assert b"a-token" not in raw


@given(st.data())
def test_a_changed_text_never_opens(data: st.DataObject) -> None:
    sealed = seal(b"a-token", "me")
    position = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda character: character != sealed[position]))
    changed = sealed[:position] + other + sealed[position + 1 :]

    # Base64 ignores the last bits of its last character: such a text is another spelling of the same bytes.
    if base64.urlsafe_b64decode(sealed[4:]) == _lenient(changed[4:]) and changed[:4] == sealed[:4]:
        return
    with pytest.raises(CannotDecrypt):
        open_sealed(changed, "me")


def _lenient(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        return None


@pytest.mark.parametrize("sealed", ["", "new", "new:", "new:AAAA", "new:!!!!", ":AAAA", "{}"])
def test_rubbish_is_refused(sealed: str) -> None:
    with pytest.raises(CannotDecrypt):
        open_sealed(sealed, "me")


def test_an_older_key_still_opens_and_the_first_one_seals(settings) -> None:
    settings.TOKEN_KEYS = [f"old:{key('o')}"]
    sealed = seal(b"a-token", "me")

    settings.TOKEN_KEYS = [f"new:{key('n')}", f"old:{key('o')}"]

    assert open_sealed(sealed, "me") == b"a-token"
    assert seal(b"a-token", "me").startswith("new:")


def test_a_key_that_is_gone_fails_hard_and_is_named(settings) -> None:
    settings.TOKEN_KEYS = [f"old:{key('o')}"]
    sealed = seal(b"a-token", "me")
    settings.TOKEN_KEYS = [f"new:{key('n')}"]

    with pytest.raises(CannotDecrypt, match="'old'"):
        open_sealed(sealed, "me")


def test_a_text_renamed_to_another_key_does_not_open(settings) -> None:
    settings.TOKEN_KEYS = [f"one:{key('k')}", f"two:{key('k')}"]
    sealed = seal(b"a-token", "me")

    with pytest.raises(CannotDecrypt):
        open_sealed(sealed.replace("one:", "two:", 1), "me")


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([], "empty"),
        (["nocolon"], "Entry 1"),
        ([":" + key("a")], "Entry 1"),
        (["a b:" + key("a")], "Entry 1"),
        (["k1:" + key("a"), "k1:" + key("b")], "twice"),
        (["k1:not base64!"], "not base64"),
        (["k1:" + base64.b64encode(b"short").decode()], "5 bytes"),
    ],
)
def test_a_bad_key_is_named_without_showing_it(entries: list[str], says: str) -> None:
    with pytest.raises(BadKey, match=says) as refused:
        parse_keys(entries)
    for entry in entries:
        assert entry.partition(":")[2] == "" or entry.partition(":")[2] not in str(refused.value)


def test_no_repr_shows_a_secret() -> None:
    assert "kkkk" not in repr(parse_keys([f"k1:{key('k')}"]))
    tokens = Tokens("an-access-token", "a-refresh-token")
    assert "an-access-token" not in repr(tokens) + str(tokens) + f"{[tokens]}"
    assert "a-refresh-token" not in repr(tokens) + str(tokens) + f"{[tokens]}"
