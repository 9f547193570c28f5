"""Every reason to refuse an order has a sentence; what Tradovate adds stays beside it, and stands for what is new."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Connection, Way
from tests.trading import documents
from trading.orders import reasons
from trading.tradovate.entities import FailureReason
from trading.tradovate.errors import ApiError, NotAuthorized, NotFound, OrderRejected, RateLimited

REASONS = [reason for reason in FailureReason if reason != FailureReason.SUCCESS]


def test_every_reason_of_the_document_has_a_sentence() -> None:
    schemas = documents.openapi()["components"]["schemas"]
    lists = [
        schemas[schema]["properties"][field]["enum"]
        for schema, field in (
            ("PlaceOrderResult", "failureReason"),
            ("CommandResult", "failureReason"),
            ("OrderStrategyStatusResponse", "failureReason"),
            ("CommandReport", "rejectReason"),
            ("ExecutionReport", "rejectReason"),
            ("DryRunResponse", "rejectReason"),
        )
    ]
    assert set().union(*lists) - {"Success"} == reasons.SENTENCES.keys()


def test_every_reason_that_the_client_knows_has_a_sentence() -> None:
    assert len(REASONS) == 30
    assert set(REASONS) == reasons.SENTENCES.keys()
    assert len(set(reasons.SENTENCES.values())) == 30


@pytest.mark.parametrize("reason", REASONS)
def test_a_sentence_says_what_it_means_and_what_to_do_and_leaves_room_for_tradovates_words(reason: str) -> None:
    sentence = reasons.SENTENCES[reason]
    assert reason not in sentence
    assert sentence.endswith(".")
    assert sentence.count(". ") + sentence.count("; ") >= 1
    assert len(sentence) < 140
    assert reasons.rejection(reason) == f"{sentence} ({reason})"


@pytest.mark.parametrize(
    ("reason", "text", "words"),
    [
        ("SessionClosed", "Session closed", "session is open. (SessionClosed)"),
        (
            "SessionClosed",
            "  ESZ6 opens\nat 17:00 ",
            "session is open. Tradovate says: ESZ6 opens at 17:00 (SessionClosed)",
        ),
        ("MoonInAquarius", "The moon is in Aquarius", "Tradovate rejected it. Tradovate says: The moon is in Aquarius"),
        ("MoonInAquarius", "", "Tradovate rejected it and says no more. (MoonInAquarius)"),
        ("Success", "a remark", "a remark"),
        ("", "", ""),
    ],
)
def test_tradovates_words_stand_beside_it_where_they_add_something(reason: str, text: str, words: str) -> None:
    told = reasons.rejection(reason, text)
    assert told.endswith(words) or words in told


@given(st.sampled_from([*REASONS, "", "Success", "X" * 300]) | st.text(max_size=40), st.text(max_size=600))
def test_a_reason_fits_where_it_is_kept(reason: str, text: str) -> None:
    told = reasons.rejection(reason, text)
    assert len(told) <= reasons.LONGEST
    if reason in REASONS:
        assert told.startswith(reasons.SENTENCES[reason])
        assert told.endswith(f"({reason})")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OrderRejected("TradingLocked"), "Trading is locked on this account"),
        (ApiError("TooLate"), "Look at your position and orders"),
        (ApiError("Invalid params"), "Tradovate refused: Invalid params"),
        (NotFound("Tradovate does not know this."), "earlier trading day"),
        (NotAuthorized("401"), "Sign in again"),
        (RateLimited(12), "answer again in 12 seconds"),
    ],
)
def test_every_way_of_saying_no_is_told(error: Exception, words: str) -> None:
    assert words in reasons.of_error(error, Connection(environment="demo"))


def test_a_live_sign_in_by_api_key_is_told_that_its_device_may_not_be_verified() -> None:
    words = {
        (environment, way): "verified"
        in reasons.of_error(NotAuthorized(""), Connection(environment=environment, signed_in_by=way))
        for environment in ("live", "demo")
        for way in Way.values
    }
    assert words == {
        ("live", "oauth"): False,
        ("live", "api-key"): True,
        ("demo", "oauth"): False,
        ("demo", "api-key"): False,
    }
