"""When products trade, by the broker's session and the exchange's holidays."""

import datetime as dt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trading.orders.exchange_days import special_day
from trading.orders.session_hours import Hours, Standing, session
from trading.orders.trading_days import CHICAGO
from trading.simulator.holidays import SHUT, closing
from trading.simulator.hours import HOURS, is_open

PRODUCT_OF = {
    "Index": "ES",
    "Rates": "ZN",
    "Currencies": "6E",
    "Crypto": "BTC",
    "Energy": "CL",
    "Metals": "GC",
    "Grains": "ZC",
    "Livestock": "LE",
}
GLOBEX = Hours(dt.time(17), dt.time(16), dt.time(17))
PIT = Hours(dt.time(8, 30), dt.time(13, 5))
GRAINS = Hours(dt.time(19), dt.time(13, 20), dt.time(19))


def chicago(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=CHICAGO)


@pytest.mark.parametrize(
    ("moment", "standing", "opens"),
    [
        ("2026-12-02 09:00", Standing.OPEN, None),
        ("2026-12-02 15:59", Standing.OPEN, None),
        ("2026-12-02 16:00", Standing.CLOSED, "2026-12-02 17:00"),
        ("2026-12-02 17:00", Standing.OPEN, None),
        ("2026-12-04 15:59", Standing.OPEN, None),
        ("2026-12-04 17:00", Standing.CLOSED, "2026-12-06 17:00"),
        ("2026-12-06 16:59", Standing.CLOSED, "2026-12-06 17:00"),
        ("2026-12-06 17:00", Standing.OPEN, None),
        # Daylight saving time begins in the night to Sunday, 8 March: the session opens at 17:00 all the same.
        ("2026-03-08 16:59", Standing.CLOSED, "2026-03-08 17:00"),
        ("2026-03-08 17:00", Standing.OPEN, None),
        # Christmas is a Friday: nothing opens on the evening before.
        ("2026-12-24 17:00", Standing.CLOSED, "2026-12-27 17:00"),
        ("2026-12-25 17:00", Standing.CLOSED, "2026-12-27 17:00"),
        ("2026-12-31 17:00", Standing.CLOSED, "2027-01-03 17:00"),
        ("2026-04-03 08:14", Standing.OPEN, None),
        ("2026-04-03 08:15", Standing.HALTED, "2026-04-05 17:00"),
        ("2027-03-26 08:00", Standing.CLOSED, "2027-03-28 17:00"),
        ("2026-11-26 11:59", Standing.OPEN, None),
        ("2026-11-26 12:00", Standing.HALTED, "2026-11-26 17:00"),
        ("2026-11-26 17:00", Standing.OPEN, None),
    ],
)
def test_the_week_of_an_index_future(moment: str, standing: Standing, opens: str | None) -> None:
    found = session(GLOBEX, "ES", "CME", chicago(moment).astimezone(dt.UTC))
    assert found.standing is standing
    assert found.opens_at == (chicago(opens) if opens else None)


@pytest.mark.parametrize(
    ("moment", "standing"),
    [
        ("2026-12-02 08:29", Standing.CLOSED),
        ("2026-12-02 08:30", Standing.OPEN),
        ("2026-12-02 13:05", Standing.CLOSED),
        ("2026-12-06 18:00", Standing.CLOSED),
        ("2026-11-26 09:00", Standing.CLOSED),
        ("2026-11-27 09:00", Standing.OPEN),
        ("2026-11-27 12:05", Standing.HALTED),
    ],
)
def test_the_day_of_live_cattle(moment: str, standing: Standing) -> None:
    assert session(PIT, "LE", "CME", chicago(moment)).standing is standing


@pytest.mark.parametrize(
    ("moment", "standing", "opens"),
    [
        ("2026-11-24 20:00", Standing.OPEN, None),
        ("2026-11-25 14:00", Standing.CLOSED, "2026-11-27 08:30"),
        ("2026-11-26 10:00", Standing.CLOSED, "2026-11-27 08:30"),
        ("2026-11-26 20:00", Standing.CLOSED, "2026-11-27 08:30"),
        ("2026-11-27 08:30", Standing.OPEN, None),
        # Christmas is a Friday; Independence Day is kept on a Monday.
        ("2026-12-25 20:00", Standing.CLOSED, "2026-12-27 19:00"),
        ("2027-07-05 20:00", Standing.CLOSED, "2027-07-06 08:30"),
        # After other holidays there is a night.
        ("2027-01-18 12:00", Standing.CLOSED, "2027-01-18 19:00"),
    ],
)
def test_after_some_holidays_the_grains_have_no_night(moment: str, standing: Standing, opens: str | None) -> None:
    found = session(GRAINS, "ZC", "CBOT", chicago(moment))
    assert (found.standing, found.opens_at) == (standing, chicago(opens) if opens else None)


@pytest.mark.parametrize(
    ("hours", "exchange"),
    [(None, "CME"), (GLOBEX, "EUREX"), (Hours(dt.time(17)), "CME"), (Hours(), "CBOT")],
)
def test_what_is_not_known_is_neither_open_nor_closed(hours: Hours | None, exchange: str) -> None:
    assert session(hours, "ES", exchange, chicago("2026-12-05 12:00")).standing is Standing.UNKNOWN


# cmegroup.com, "CME Group Holiday Calendar" of each year: (day, product, the halt in Chicago; None: no session).
@pytest.mark.parametrize(
    ("day", "product", "halts"),
    [
        ("2024-01-15", "ES", dt.time(12)),
        ("2024-03-29", "CL", None),
        ("2024-05-27", "GC", dt.time(13, 30)),
        ("2024-07-03", "ES", dt.time(12, 15)),
        ("2024-11-29", "ZC", dt.time(12, 5)),
        ("2024-12-24", "CL", dt.time(12, 45)),
        ("2024-12-25", "6E", None),
        ("2025-01-01", "BTC", None),
        ("2026-04-03", "ZN", dt.time(10, 15)),
        ("2026-04-03", "GC", None),
        ("2026-07-03", "ES", dt.time(12)),
        ("2027-07-05", "ES", dt.time(12)),
        ("2027-06-18", "ES", dt.time(12)),
        ("2022-12-26", "ES", None),
        ("2023-01-02", "ES", None),
    ],
)
def test_holidays_that_were_and_will_be(day: str, product: str, halts: dt.time | None) -> None:
    special = special_day(product, dt.date.fromisoformat(day))
    assert special is not None
    assert special.halts == halts


@pytest.mark.parametrize(
    ("day", "product"),
    [("2024-01-15", "6E"), ("2021-12-31", "ES"), ("2026-11-25", "ES"), ("2024-01-15", "UNHEARD"), ("2026-10-12", "ZN")],
)
def test_days_that_are_like_any_other(day: str, product: str) -> None:
    assert special_day(product, dt.date.fromisoformat(day)) is None


@given(st.dates(dt.date(2000, 1, 1), dt.date(2099, 12, 31)))
def test_a_year_has_three_days_without_anything_at_most(day: dt.date) -> None:
    days = (dt.date(day.year, 1, 1) + dt.timedelta(n) for n in range(365))
    shut = [one for one in days if (special := special_day("", one)) and special.halts is None]
    assert len(shut) <= 3
    assert all(one.weekday() < 5 for one in shut)


moments = st.integers(0, 15 * 365 * 86400).map(lambda s: dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(0, s))


@given(moments)
def test_a_closed_market_opens_when_it_says(now: dt.datetime) -> None:
    found = session(GLOBEX, "ES", "CME", now)
    if found.standing is not Standing.OPEN:
        assert found.opens_at is not None
        assert now < found.opens_at < now + dt.timedelta(days=5)
        assert session(GLOBEX, "ES", "CME", found.opens_at).standing is Standing.OPEN


@pytest.mark.parametrize("group", sorted(HOURS))
@given(day=st.dates(dt.date(2020, 1, 1), dt.date(2035, 1, 1)))
@example(day=dt.date(2026, 12, 24))
def test_the_simulator_s_holidays_are_the_same(day: dt.date, group: str) -> None:
    special, ends = special_day(PRODUCT_OF[group], day), closing(group, day)
    assert (special is None, special and special.halts) == (ends is None, None if ends == SHUT else ends)


@given(moments, st.sampled_from(sorted(HOURS)))
def test_a_product_is_closed_and_open_when_the_simulator_s_is(now: dt.datetime, group: str) -> None:
    # As the simulator's productSession tells them.
    first, last = HOURS[group][0], HOURS[group][-1]
    hours = Hours(first.opens, last.closes, first.opens if first.overnight else None)
    found = session(hours, PRODUCT_OF[group], "CME", now)
    if found.standing in (Standing.CLOSED, Standing.HALTED):
        assert not is_open(group, now)
    elif not first.closes <= now.astimezone(CHICAGO).time() < last.opens:
        # But for the pause between the parts of a day, of which productSession tells nothing.
        assert is_open(group, now)
