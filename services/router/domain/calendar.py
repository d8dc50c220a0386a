"""Opening hours: a pure function of the moment, over weekly hours, exceptions and holidays given as data.

Hours are written in the wall time of the calendar's zone. Where the clock is turned back an opening counts from the first of
two equal times and a closing at the second; where it is turned forward a time that does not exist is the moment of the turn.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = 24 * 60
_HORIZON_DAYS = 800
_SECOND = timedelta(seconds=1)
_ONE_DAY = timedelta(days=1)
_MAX_DAYS = 5_000

Span = tuple[int, int]
"""Minutes after the midnight that begins the day; the end is later than the start and may lie on the next day."""
Interval = tuple[datetime, datetime]
"""From, until (not included), in UTC."""


class Standing(NamedTuple):
    """Whether it is open, and the next moment at which that changes."""

    open: bool
    changes_at: datetime | None


@dataclass(frozen=True, slots=True)
class Calendar:
    """`weekly` has seven days, Monday first; `days` are those that go their own way (no span: closed).

    `names` says why, where there is a name (a holiday's). The answers for a moment are always the same.
    """

    name: str
    zone: ZoneInfo
    weekly: tuple[tuple[Span, ...], ...]
    days: Mapping[date, tuple[Span, ...]] = field(default_factory=lambda: MappingProxyType({}))
    names: Mapping[date, str] = field(default_factory=lambda: MappingProxyType({}))
    _known: dict[date, tuple[Interval, ...]] = field(default_factory=dict, repr=False, compare=False)
    _near: list[tuple[datetime, datetime, bool]] = field(default_factory=list, repr=False, compare=False)

    def is_open(self, at: datetime) -> bool:
        """Whether it is open at a moment."""
        for since, until, state in self._near:
            if since <= at < until:
                return state
        found = self._covering(at)
        until = found[1] if found else self._next_start(at) or at + _ONE_DAY
        self._near[:] = [(at, until, found is not None)]
        return found is not None

    def opening(self, at: datetime) -> Standing:
        """How it stands at a moment."""
        return Standing(self.is_open(at), self.next_change(at))

    def next_change(self, at: datetime) -> datetime | None:
        """The first moment after `at` at which it closes (if open) or opens (if closed); None when not within two years."""
        covering = self._covering(at)
        if covering is None:
            return self._next_start(at)
        limit = at + timedelta(days=_HORIZON_DAYS)
        until = covering[1]
        while until < limit:
            following = self._covering(until)
            if following is None:
                return until
            until = following[1]
        return None

    def opens_at(self, at: datetime) -> datetime | None:
        """`at` itself when open, else the next opening; None when there is none within two years."""
        return at if self.is_open(at) else self._next_start(at)

    def after(self, at: datetime, worth: timedelta) -> datetime | None:
        """The moment by which `worth` of open time has passed since `at`; None when that is not within two years."""
        limit = at + timedelta(days=_HORIZON_DAYS)
        moment: datetime | None = at
        while moment is not None and moment < limit:
            covering = self._covering(moment)
            if covering is None:
                moment = self._next_start(moment)
            elif covering[1] - moment >= worth:
                return moment + worth
            else:
                worth -= covering[1] - moment
                moment = covering[1]
        return None

    def why_closed(self, at: datetime) -> str | None:
        """The name of the holiday or exception on the day of a moment, if it has one."""
        return self.names.get(at.astimezone(self.zone).date())

    def ever_open(self) -> bool:
        """Whether any day has hours."""
        return any(self.weekly) or any(self.days.values())

    def _covering(self, at: datetime) -> Interval | None:
        today = at.astimezone(self.zone).date()
        best: Interval | None = None
        for day in (today - 2 * _ONE_DAY, today - _ONE_DAY, today, today + _ONE_DAY):
            for since, until in self._intervals(day):
                if since <= at < until and (best is None or until > best[1]):
                    best = (since, until)
        return best

    def _next_start(self, at: datetime) -> datetime | None:
        day = at.astimezone(self.zone).date() - _ONE_DAY
        for ahead in range(_HORIZON_DAYS):
            later = [since for since, _ in self._intervals(day + timedelta(days=ahead)) if since > at]
            if later:
                return min(later)
        return None

    def _intervals(self, day: date) -> tuple[Interval, ...]:
        found = self._known.get(day)
        if found is None:
            if len(self._known) >= _MAX_DAYS:
                self._known.clear()
            spans = self.days[day] if day in self.days else self.weekly[day.weekday()]
            pairs = ((self._instant(day, start, late=False), self._instant(day, end, late=True)) for start, end in spans)
            found = self._known[day] = tuple(pair for pair in pairs if pair[0] < pair[1])
        return found

    def _instant(self, day: date, minute: int, *, late: bool) -> datetime:
        wall = datetime.combine(day, time(), self.zone) + timedelta(minutes=minute)
        first, second = wall.replace(fold=0).astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
        if first <= second:
            return second if late else first
        return self._turn(second, first)

    def _turn(self, before: datetime, after: datetime) -> datetime:
        """The moment between two at which the zone's offset changes."""
        new = after.astimezone(self.zone).utcoffset()
        while after - before > _SECOND:
            middle = before + (after - before) // 2
            if middle.astimezone(self.zone).utcoffset() == new:
                after = middle
            else:
                before = middle
        return after.replace(microsecond=0)
