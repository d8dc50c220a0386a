"""Follows a folder into which a PBX puts one document for each leg of a call."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

_OVERLAP = 60_000_000_000
_AT_ONCE = 200


class Mark(BaseModel):
    """Up to when documents were taken: the change time of the newest, in nanoseconds of the machine's clock."""

    model_config = ConfigDict(frozen=True)

    newest: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """One file, whole: it did not change between two looks."""

    path: Path
    changed: int
    size: int


class Folder:
    """Finds documents by their change time, which moving a file into the folder sets too.

    Each is given at least once: those of the last minute before the mark are given again after a restart. Not promised: a
    document that appears while the machine's clock stands more than a minute behind the newest one.
    """

    def __init__(self, folder: Path, pattern: str, mark: Mark) -> None:
        self._folder, self._pattern = folder, pattern
        self._mark = mark
        self._given: dict[str, tuple[int, int]] = {}
        self._growing: dict[str, tuple[int, int]] = {}

    @property
    def mark(self) -> Mark:
        """To be remembered once what was found is committed."""
        return self._mark

    def skip_all(self) -> None:
        """Leave out what is there already."""
        newest = max((found.changed for found in self._scan(0)), default=0)
        self._mark = Mark(newest=newest + _OVERLAP)

    def find(self) -> list[Document]:
        """Documents that are whole and were not given before, oldest first. Raises OSError."""
        since = self._mark.newest - _OVERLAP
        found = sorted(self._scan(since), key=lambda one: (one.changed, one.path.name))
        fresh = [one for one in found if self._given.get(one.path.name) != (one.changed, one.size)]
        whole = [one for one in fresh if self._growing.get(one.path.name) == (one.changed, one.size)]
        self._growing = {one.path.name: (one.changed, one.size) for one in fresh}
        return whole[:_AT_ONCE]

    def given(self, documents: list[Document]) -> None:
        """These were committed."""
        for one in documents:
            self._given[one.path.name] = (one.changed, one.size)
        newest = max((one.changed for one in documents), default=0)
        waiting = [changed for name, (changed, _) in self._growing.items() if name not in self._given]
        self._mark = Mark(newest=max(self._mark.newest, min([newest, *waiting])))
        since = self._mark.newest - _OVERLAP
        self._given = {name: known for name, known in self._given.items() if known[0] >= since}

    def _scan(self, since: int) -> Iterator[Document]:
        for path in self._folder.glob(self._pattern):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            if stat.st_ctime_ns >= since and path.is_file():
                yield Document(path, stat.st_ctime_ns, stat.st_size)
