"""Reading client frames: what real clients send is understood, garbage is garbage, nothing crashes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.simulator.calls import Rejected
from trading.simulator.frames import ClientRequest, GarbageError, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("executionReport/list\n4\n", ClientRequest("executionReport/list", 4, "", "")),
        ("account/list\n0", ClientRequest("account/list", 0, "", "")),
        ("fill/ldeps\n8\nmasterids=1", ClientRequest("fill/ldeps", 8, "masterids=1", "")),
        ("order/x\n8\nundefined\nundefined", ClientRequest("order/x", 8, "", "")),
        ('order/x\n8\n\n{\n  "a": 1\n}\n', ClientRequest("order/x", 8, "", '{\n  "a": 1\n}')),
        ("authorize\n2\n\ntoken", ClientRequest("authorize", 2, "", "token")),
    ],
)
def test_requests(text: str, expected: ClientRequest) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["", "junk", "a\nb", "\n1", "a b\n1", '{"a":1}', "[1]", "a\n-1", "a\n1.5", "a\n²"])
def test_garbage(text: str) -> None:
    with pytest.raises(GarbageError):
        parse(text)


@pytest.mark.parametrize("body", ["token", '"token"'])
def test_a_token_may_be_quoted(body: str) -> None:
    assert parse(f"authorize\n1\n\n{body}").token() == "token"


def test_query_and_body_come_together_and_the_body_wins() -> None:
    assert parse('x/y\n1\nid=3&name=a%20b\n{"id": 4}').params() == {"id": 4, "name": "a b"}


@pytest.mark.parametrize("body", ["[1]", "{", "3", "true"])
def test_a_body_that_is_no_object_is_refused(body: str) -> None:
    with pytest.raises(Rejected, match="JSON"):
        parse(f"x/y\n1\n\n{body}").params()


@given(st.text(max_size=200))
def test_any_text_is_a_request_or_garbage(text: str) -> None:
    try:
        request = parse(text)
    except GarbageError:
        return
    assert request.endpoint
    assert request.id >= 0
    request.token()
    with suppress(Rejected):
        assert isinstance(request.params(), dict)
