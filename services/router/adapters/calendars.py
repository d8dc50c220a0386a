"""Opening hours as people write them, and public holidays, made into the machine's calendars.

Holidays come from the `holidays` library of the release that is installed, for the years of HOLIDAY_YEARS; what it does not
know, or knows wrongly, is written under `days`.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from schemas.base import Name
from services.router.domain.calendar import DAY, Calendar, Span

HOLIDAY_YEARS = range(2025, 2041)
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIMES = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_COUNTRY = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_NORMAL = "normal"


def _span(text: Any) -> Span:
    found = _TIMES.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError("write hours as 08:00-17:00, several as [08:00-12:00, 13:00-17:00], none as closed")
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if int(found[2]) > 59 or int(found[4]) > 59 or start >= DAY or end > DAY:
        raise ValueError("a time of the day runs from 00:00 to 24:00")
    if start == end:
        raise ValueError("hours that begin and end at the same time: write 00:00-24:00 for the whole day, or closed")
    return (start, end if end > start else end + DAY)


def _spans(value: Any) -> tuple[Span, ...]:
    if value in ("closed", []):
        return ()
    return tuple(_span(one) for one in (value if isinstance(value, list) else [value]))


def _day(value: Any) -> tuple[Span, ...] | str:
    return _NORMAL if value == _NORMAL else _spans(value)


def _week(value: Any) -> Any:
    """Days by name or range (`sat-wed`) made into seven days, Monday first."""
    if not isinstance(value, dict):
        raise ValueError("write days and their hours, as in {sat-wed: 08:00-17:00, thu: 08:00-13:00}")
    week: dict[int, tuple[Span, ...]] = {}
    for name, hours in value.items():
        for day in _days_of(str(name)):
            if day in week:
                raise ValueError(f"{_WEEK[day]} is given twice")
            week[day] = _spans(hours)
    return tuple(week.get(day, ()) for day in range(7))


def _days_of(name: str) -> list[int]:
    first, _, last = name.strip().lower().partition("-")
    if first not in _WEEK or (last and last not in _WEEK):
        raise ValueError(f"{name!r} is no day: write {', '.join(_WEEK)}, or a range such as sat-wed")
    start, end = _WEEK.index(first), _WEEK.index(last or first)
    return [(start + ahead) % 7 for ahead in range((end - start) % 7 + 1)]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; write one such as Asia/Tehran or Europe/Moscow") from error
    return name


def _place(code: str) -> str:
    if not _COUNTRY.fullmatch(code):
        raise ValueError(f"{code!r} is no country: write an ISO code such as IR or RU, with a region as DE-BY")
    try:
        _holidays(code)
    except NotImplementedError as error:
        raise ValueError(f"no holidays are known for {code!r}; write the days under `days`") from error
    return code


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class CalendarForm(BaseModel):
    """`hours` by day or range of days, in the wall time of `zone`; what is not named is closed. A span may pass midnight.

    `days` stand above holidays, holidays above `hours`; `normal` keeps a holiday's usual hours.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    zone: Annotated[Name, AfterValidator(_zone)]
    hours: Annotated[tuple[tuple[Span, ...], ...], BeforeValidator(_week)]
    holidays: Annotated[list[Annotated[str, AfterValidator(_place)]], BeforeValidator(_listed), Field(max_length=5)] = []
    days: Annotated[dict[date, Annotated[tuple[Span, ...] | str, BeforeValidator(_day)]], Field(max_length=1_000)] = {}

    def calendar(self, name: str) -> Calendar:
        """The machine's calendar."""
        days: dict[date, tuple[Span, ...]] = {}
        names: dict[date, str] = {}
        for place in self.holidays:
            for day, holiday in _holidays(place).items():
                days[day] = ()
                names[day] = holiday
        for day, spans in self.days.items():
            names.pop(day, None)
            if isinstance(spans, str):
                days.pop(day, None)
            else:
                days[day] = spans
        return Calendar(name, ZoneInfo(self.zone), self.hours, MappingProxyType(days), MappingProxyType(names))


@lru_cache(64)
def _holidays(place: str) -> Mapping[date, str]:
    """The public holidays of a country or region. Raises NotImplementedError when the library has none."""
    import holidays  # noqa: PLC0415 - 15 MB that only a calendar with holidays needs

    country, _, region = place.partition("-")
    found = holidays.country_holidays(country, subdiv=region or None, years=HOLIDAY_YEARS, expand=False, language="en_US")
    return MappingProxyType({day: str(name) for day, name in sorted(found.items())})
