"""Local times of a PBX as moments, safe at the hours that daylight saving skips or repeats."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from channels.calls.call import moment

Reader = Callable[[str], float | None]
"""From a text of the log to unix seconds; None when it is none."""


def reader(pattern: str, zone: ZoneInfo) -> Reader:
    """For `iso`, `epoch`, `epoch_ms` or a pattern of strptime. A time with an offset of its own keeps it."""
    if pattern == "epoch":
        return moment
    if pattern == "epoch_ms":
        return lambda value: moment(value[:-3] + "." + value[-3:]) if value[-3:].isdigit() else None
    if pattern == "iso":
        return lambda value: _unix(datetime.fromisoformat, value, zone)
    return lambda value: _unix(lambda text: datetime.strptime(text, pattern), value, zone)  # noqa: DTZ007 - zoned below


def _unix(read: Callable[[str], datetime], value: str, zone: ZoneInfo) -> float | None:
    try:
        found = read(value)
        stamp = (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return stamp if 631_152_000 <= stamp < 4_102_444_800 else None


def plain_reader(zone: ZoneInfo) -> Reader:
    """Reads `YYYY-MM-DD HH:MM:SS` quickly, in hours that no change of the clocks touches; None for all else."""

    @lru_cache(maxsize=10_000)
    def hour(text: str) -> float | None:
        first = _unix(datetime.fromisoformat, text + ":00:00", zone)
        if first is None:
            return None
        start, end = (datetime.fromisoformat(text + rest).replace(tzinfo=zone) for rest in (":00:00", ":59:59"))
        stamps = {start.timestamp(), start.replace(fold=1).timestamp()}
        stamps |= {end.timestamp() - 3_599, end.replace(fold=1).timestamp() - 3_599}
        return first if stamps == {first} else None

    def read(value: str) -> float | None:
        if len(value) != 19 or not (value.isascii() and value[13] == value[16] == ":"):
            return None
        minute, second = value[14:16], value[17:]
        if not (minute.isdigit() and second.isdigit() and minute < "60" and second < "60"):
            return None
        begun = hour(value[:13])
        return None if begun is None else begun + int(minute) * 60 + int(second)

    return read


def repeated(stamp: float, zone: ZoneInfo) -> float | None:
    """The same wall-clock time in the second pass of a repeated hour; None when it comes but once."""
    wall = datetime.fromtimestamp(stamp, UTC).astimezone(zone)
    if wall.fold:
        return None
    second = wall.replace(fold=1).timestamp()
    return second if second > stamp else None


def began_at(start: float, end: float | None, duration: float | None, zone: ZoneInfo) -> float:
    """`start`, moved into the second pass of a repeated hour when only that agrees with end and duration (to 2 seconds)."""
    if end is None or duration is None or abs(end - start - duration) <= 2:
        return start
    for begun in (start, repeated(start, zone)):
        for ended in (end, repeated(end, zone)):
            if begun is not None and ended is not None and abs(ended - begun - duration) <= 2:
                return begun
    return start
