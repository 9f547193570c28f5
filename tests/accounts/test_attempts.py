"""What a guesser may cost: failures counted by address and by name, also many at once and over several processes."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts import attempts
from accounts.attempts import TooManyAttempts
from accounts.models import Environment, SignInAttempt
from tests.accounts.conftest import at_once

SIM, LIVE, DEMO = Environment.SIM, Environment.LIVE, Environment.DEMO


@pytest.mark.django_db
def test_three_failures_an_hour_from_one_address_whatever_the_names(time_machine) -> None:
    start = timezone.now()
    for minute in range(3):
        time_machine.move_to(start + timedelta(minutes=minute), tick=False)
        attempts.begin("192.0.2.1", SIM, f"name{minute}")

    with pytest.raises(TooManyAttempts) as refusal:
        attempts.begin("192.0.2.1", SIM, "another")

    assert refusal.value.seconds == 58 * 60
    attempts.begin("192.0.2.2", SIM, "another")
    time_machine.move_to(start + timedelta(hours=1), tick=False)
    attempts.begin("192.0.2.1", SIM, "another")


@pytest.mark.django_db
def test_three_failures_an_hour_of_one_name_whatever_the_addresses() -> None:
    for number, name in enumerate(("ann", "Ann", " ANN ")):
        attempts.begin(f"192.0.2.{number}", LIVE, name)

    with pytest.raises(TooManyAttempts):
        attempts.begin("192.0.2.9", DEMO, "ann")  # Tradovate's names are the same in LIVE and DEMO
    attempts.begin("192.0.2.9", SIM, "ann")
    attempts.begin("192.0.2.9", LIVE, "bob")


@pytest.mark.django_db
def test_codes_and_names_are_counted_apart() -> None:
    for _ in range(10):
        attempts.begin_with_code("192.0.2.1")
    with pytest.raises(TooManyAttempts):
        attempts.begin_with_code("192.0.2.1")

    attempts.begin_with_code("192.0.2.2")
    attempts.begin("192.0.2.1", SIM, "ann")


@pytest.mark.django_db
def test_an_attempt_that_was_no_failure_counts_no_more() -> None:
    for _ in range(5):
        attempts.begin("192.0.2.1", SIM, "ann").delete()

    assert not SignInAttempt.objects.exists()


@pytest.mark.django_db
def test_what_no_longer_counts_is_forgotten_and_nothing_typed_is_kept(time_machine) -> None:
    attempts.begin("192.0.2.1", SIM, "a-password-by-mistake")
    assert "mistake" not in str(SignInAttempt.objects.values())
    time_machine.move_to(timezone.now() + timedelta(hours=1, seconds=1))
    attempts.begin("192.0.2.2", SIM, "ann")

    assert [attempt.network for attempt in SignInAttempt.objects.all()] == ["192.0.2.2"]


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_three() -> None:
    def is_let_through() -> bool:
        try:
            attempts.begin("192.0.2.1", SIM, "ann")
        except TooManyAttempts:
            return False
        return True

    assert sorted(at_once(8, is_let_through)) == [False] * 5 + [True] * 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:ffff"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_addresses_of_one_customer_are_one(one: str, other: str) -> None:
    assert attempts.network_of(one) == attempts.network_of(other)


def test_addresses_of_two_are_two_and_none_is_one_too() -> None:
    found = {attempts.network_of(each) for each in (None, "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1")}
    assert len(found) == 5


@given(st.ip_addresses())
def test_every_address_fits_the_column(address) -> None:
    assert len(attempts.network_of(str(address))) <= 43
