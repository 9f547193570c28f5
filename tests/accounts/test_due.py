"""The queue of renewals: nobody's token ends while the hour's calls are enough for all."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from accounts.due import AHEAD, SPACING, Waiting, due

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LIFE = timedelta(minutes=80)
# Twelve an hour: as many as may be renewed once in a token's life, less the time that is kept in hand.
CAPACITY = int((LIFE - AHEAD) / SPACING)


def waiting(key: int, minutes: float, *, refresh: bool = False, first: bool = False) -> Waiting:
    return Waiting(key, NOW + timedelta(minutes=minutes), refresh, first)


def ids(*found: Waiting) -> list[int]:
    return [one.connection_id for one in due(found, NOW)]


def test_a_lonely_token_is_renewed_fifteen_minutes_before_its_end() -> None:
    assert ids(waiting(1, 16)) == []
    assert ids(waiting(1, 15)) == [1]
    assert ids(waiting(1, -5)) == [1]


def test_refresh_tokens_go_first_and_do_not_stand_in_line() -> None:
    assert ids(waiting(1, 5), waiting(2, 14, refresh=True), waiting(3, 16, refresh=True), waiting(4, 17)) == [2, 1]


def test_tokens_that_end_together_are_begun_with_one_after_another() -> None:
    together = [waiting(key, 40) for key in range(1, 8)]
    assert ids(*together) == [1, 2]  # 25 minutes are left for the other five


def test_only_when_not_all_can_be_in_time_some_come_first() -> None:
    # Tokens end from 16 minutes on, one a minute: of five the last is begun with after 20, of six after 25.
    assert ids(*(waiting(key, 15 + key, first=key == 3) for key in range(1, 6))) == [1, 2, 3, 4]
    assert ids(*(waiting(key, 15 + key, first=key == 3) for key in range(1, 7))) == [3, 1, 2, 4]


@given(st.lists(st.integers(0, 80), min_size=1, max_size=CAPACITY), st.integers(0, 10**6))
def test_no_token_ends_while_the_calls_are_enough(lefts: list[int], seed: int) -> None:
    """Traders sign in whenever they like; a call is made every five minutes at most, a look every minute."""
    ends = {key: NOW + timedelta(minutes=15 + left * 65 / 80) for key, left in enumerate(lefts)}
    # What is there at the beginning must itself be feasible: at most one end in five minutes, as the queue leaves it.
    ordered = sorted(ends, key=lambda key: ends[key])
    for before, after in itertools.pairwise(ordered):
        ends[after] = max(ends[after], ends[before] + SPACING)
    last_call = NOW - SPACING
    for minute in range(300):
        now = NOW + timedelta(minutes=minute)
        found = due([Waiting(key, at, by_refresh_token=False) for key, at in ends.items()], now)
        if found and now - last_call >= SPACING:
            ends[found[0].connection_id], last_call = now + LIFE, now
        assert all(at > now for at in ends.values())


@given(st.lists(st.tuples(st.integers(-10, 90), st.booleans()), max_size=30))
def test_everybody_is_at_most_once_in_it_and_the_urgent_are_never_left_out(found: list[tuple[int, bool]]) -> None:
    queue = [waiting(key, minutes, refresh=refresh) for key, (minutes, refresh) in enumerate(found)]
    turns = due(queue, NOW)
    assert len({one.connection_id for one in turns}) == len(turns)
    assert {one for one in queue if one.ends_at - AHEAD <= NOW} <= set(turns)
    kinds = [one.by_refresh_token for one in turns]
    assert kinds == sorted(kinds, reverse=True)
