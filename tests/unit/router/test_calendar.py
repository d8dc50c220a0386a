"""Opening hours: Saturday weeks, split shifts, nights, holidays, and the days on which the clock is turned."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.adapters.policy_yaml import read_policy
from services.router.domain.calendar import Calendar
from services.router.domain.policy import PolicyError

WEEKDAYS = tuple(((9 * 60, 17 * 60),) if day < 5 else () for day in range(7))


def calendar(text: str) -> Calendar:
    return read_policy("v1", f"calendars:\n  office: {text}\ndefault: {{queue: general}}").calendars["office"]


def at(zone: str, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone)).astimezone(UTC)


IRAN = "{zone: Asia/Tehran, hours: {sat-wed: [08:00-12:00, 13:00-17:00], thu: 08:00-13:00}, holidays: IR, days: {%s}}"


def test_a_week_that_begins_on_saturday_with_a_pause_at_noon() -> None:
    office = calendar(IRAN % "")
    opened = {
        (day, hour): office.is_open(at("Asia/Tehran", 2026, 7, day, hour, 30)) for day in (4, 9, 10) for hour in (7, 9, 12, 14)
    }  # Saturday, Thursday, Friday
    assert [place for place, state in opened.items() if state] == [(4, 9), (4, 14), (9, 9), (9, 12)]
    assert office.next_change(at("Asia/Tehran", 2026, 7, 9, 14)) == at("Asia/Tehran", 2026, 7, 11, 8)


def test_nowruz_is_closed_and_an_exception_stands_above_it() -> None:
    assert not calendar(IRAN % "").is_open(at("Asia/Tehran", 2026, 3, 22, 9))
    assert calendar(IRAN % "").why_closed(at("Asia/Tehran", 2026, 3, 23, 9)) == "Nowruz Holiday"
    assert calendar(IRAN % "2026-03-22: normal").is_open(at("Asia/Tehran", 2026, 3, 22, 9))
    short = calendar(IRAN % "2026-03-22: 10:00-11:00")
    assert [short.is_open(at("Asia/Tehran", 2026, 3, 22, hour, 30)) for hour in (9, 10, 11)] == [False, True, False]


def test_russian_holidays_are_closed() -> None:
    office = calendar("{zone: Europe/Moscow, hours: {mon-fri: 09:00-18:00}, holidays: [RU]}")
    assert [office.is_open(at("Europe/Moscow", 2026, 6, day, 12)) for day in (11, 12)] == [True, False]


def test_a_night_shift_belongs_to_the_day_it_begins_on() -> None:
    night = calendar("{zone: Europe/Berlin, hours: {fri: 22:00-06:00}}")
    assert [night.is_open(at("Europe/Berlin", 2026, 7, *when)) for when in ((3, 23), (4, 5), (4, 6), (4, 23))] == [
        True, True, False, False,
    ]  # fmt: skip
    assert night.next_change(at("Europe/Berlin", 2026, 7, 3, 23)) == at("Europe/Berlin", 2026, 7, 4, 6)


def test_hours_that_do_not_exist_begin_when_the_clock_is_turned_forward() -> None:
    early = calendar("{zone: Europe/Berlin, hours: {sun: 02:30-04:00}}")
    turn = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert [early.is_open(turn + timedelta(seconds=second)) for second in (-1, 0)] == [False, True]
    assert early.next_change(turn) == datetime(2026, 3, 29, 2, 0, tzinfo=UTC)


def test_an_hour_that_comes_twice_counts_from_its_first_to_its_second_time() -> None:
    late = calendar("{zone: Europe/Berlin, hours: {sun: 02:15-02:45}}")
    first = datetime(2026, 10, 25, 0, 15, tzinfo=UTC)
    assert late.next_change(first - timedelta(hours=1)) == first
    assert late.next_change(first) == datetime(2026, 10, 25, 1, 45, tzinfo=UTC)


def test_an_sla_counts_in_open_hours() -> None:
    office = Calendar("office", ZoneInfo("UTC"), WEEKDAYS)
    friday = datetime(2026, 6, 5, 16, 30, tzinfo=UTC)
    assert office.after(friday, timedelta(hours=1)) == datetime(2026, 6, 8, 9, 30, tzinfo=UTC)
    assert Calendar("never", ZoneInfo("UTC"), ((),) * 7).after(friday, timedelta(hours=1)) is None


def test_always_open_never_changes() -> None:
    always = calendar("{zone: Asia/Tehran, hours: {mon-sun: 00:00-24:00}}")
    assert always.opening(datetime(2026, 3, 21, tzinfo=UTC)) == (True, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{zone: Mars/Base, hours: {mon: 08:00-17:00}}", "no time zone"),
        ("{zone: ../../etc/passwd, hours: {mon: 08:00-17:00}}", "no time zone"),
        ("{zone: UTC, hours: {moon: 08:00-17:00}}", "no day"),
        ("{zone: UTC, hours: {mon: 8-17}}", "write hours as"),
        ("{zone: UTC, hours: {mon: 08:00-25:00}}", "from 00:00 to 24:00"),
        ("{zone: UTC, hours: {mon: 08:00-08:00}}", "same time"),
        ("{zone: UTC, hours: {mon-wed: 08:00-09:00, tue: closed}}", "given twice"),
        ("{zone: UTC, hours: {mon: 08:00-17:00}, holidays: Iran}", "no country"),
        ("{zone: UTC, hours: {mon: 08:00-17:00}, holidays: XX}", "no holidays are known"),
    ],
)
def test_what_is_no_calendar_is_refused_with_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        calendar(text)
    assert said in str(refused.value)
    assert "calendars.office" in str(refused.value)


spans = st.tuples(st.integers(0, 1_439), st.integers(1, 1_440)).map(lambda pair: (pair[0], min(pair[0] + pair[1], 2_880)))


def made(zone: str, weekly: list, days: list) -> Calendar:
    return Calendar("any", ZoneInfo(zone), tuple(map(tuple, weekly)), {day: tuple(own) for day, own in days})


calendars = st.builds(
    made,
    st.sampled_from(("Asia/Tehran", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")),
    st.lists(st.lists(spans, max_size=2), min_size=7, max_size=7),
    st.lists(st.tuples(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.lists(spans, max_size=1)), max_size=5),
)
moments = st.integers(0, 366 * 86_400).map(lambda second: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second))


@given(calendars, moments)
def test_it_changes_exactly_at_the_next_change(office: Calendar, moment: datetime) -> None:
    state, change = office.opening(moment)
    if change is None:
        return
    assert change > moment
    assert office.is_open(change) is not state
    assert office.is_open(change - timedelta(microseconds=1)) is state
    middle = moment + (change - moment) / 2
    assert office.is_open(middle) is state


@given(calendars, moments)
def test_away_from_a_turn_of_the_clock_it_is_open_as_the_wall_clock_says(office: Calendar, moment: datetime) -> None:
    offsets = {(moment + timedelta(hours=hours)).astimezone(office.zone).utcoffset() for hours in range(-72, 25)}
    if len(offsets) > 1:
        return
    wall = moment.astimezone(office.zone).replace(tzinfo=None)
    found = False
    for back in range(3):
        day = wall.date() - timedelta(days=back)
        minutes = (wall - datetime.combine(day, datetime.min.time())) / timedelta(minutes=1)
        own = office.days[day] if day in office.days else office.weekly[day.weekday()]
        found = found or any(start <= minutes < end for start, end in own)
    assert office.is_open(moment) is found
