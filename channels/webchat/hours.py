"""When somebody is there, as the settings say it."""

import re
from datetime import date, datetime, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


class OpeningHours(BaseModel):
    """A week in a time zone, and the days on which it does not hold.

    `week` gives each day its spans as `09:00-17:30`, within the day (`24:00` is its end); a day that is not named is closed.
    `closed` are dates of that time zone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    timezone: str
    """The time zone of the hours, such as Asia/Tehran."""
    week: dict[Day, tuple[str, ...]]
    """The spans of each day, such as 09:00-17:30; a day that is not named is closed."""
    closed: Annotated[frozenset[date], Field(max_length=400)] = frozenset()
    """Dates on which nobody is there."""

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("must be a time zone such as Asia/Tehran") from error
        return value

    @field_validator("week")
    @classmethod
    def _spans(cls, value: dict[Day, tuple[str, ...]]) -> dict[Day, tuple[str, ...]]:
        for span in (span for spans in value.values() for span in spans):
            found = _SPAN.fullmatch(span)
            if found is None or span[6:] > "24:00" or span[:5] >= span[6:]:
                raise ValueError("must be spans within a day such as 09:00-17:30")
        return value

    def is_open(self, at: datetime) -> bool:
        """Whether this moment is within the hours."""
        local = at.astimezone(ZoneInfo(self.timezone))
        now = time(local.hour, local.minute).strftime("%H:%M")
        spans = self.week.get(_DAYS[local.weekday()], ())
        return local.date() not in self.closed and any(span[:5] <= now < span[6:] for span in spans)
