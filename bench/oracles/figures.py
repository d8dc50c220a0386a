"""What a run measured, beside what it should be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import stdev
from typing import NamedTuple

from bench.oracles.simulation import SECOND, Call

BATCHES = 30
STUDENT = 2.045
DESIGNED = 4_000_000
WARM = 50


class Estimate(NamedTuple):
    """A mean and half of its 95 % interval, from the means of batches."""

    value: float
    error: float


class Row(NamedTuple):
    """One figure of a table; `tolerance` is absolute."""

    what: str
    expected: float
    measured: Estimate
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the measured value is within the tolerance."""
        return abs(self.measured.value - self.expected) <= self.tolerance


@dataclass(frozen=True)
class Table:
    """The figures of one scene."""

    title: str
    calls: int
    rows: Sequence[Row]

    @property
    def holds(self) -> bool:
        """Whether every figure does."""
        return all(row.holds for row in self.rows)

    def lines(self) -> Iterator[str]:
        """The table as text."""
        yield f"{self.title} ({self.calls:,} calls)"
        yield f"  {'figure':<34}{'expected':>12}{'measured':>12}{'tolerance':>12}{'95 % error':>12}"
        for what, expected, measured, tolerance in self.rows:
            verdict = "" if abs(measured.value - expected) <= tolerance else "  FAILS"
            yield f"  {what:<34}{expected:>12.5g}{measured.value:>12.5g}{tolerance:>12.3g}{measured.error:>12.2g}{verdict}"


def scaled(tolerance: float, calls: int, designed: int = DESIGNED) -> float:
    """A tolerance meant for `designed` calls, wider by the root of the ratio for fewer: as the error of a mean shrinks."""
    return tolerance * max(1.0, sqrt(designed / calls))


class Tally:
    """Adds up calls by kind, in batches by the order of arrival. The first fiftieth warms up and is left out."""

    def __init__(self, calls: int, kinds: int = 1, target: float = 20) -> None:
        self.first = calls // WARM
        self.each = max(1, (calls - self.first) // BATCHES)
        self.target = round(target * SECOND)
        self.cells = [[[0.0] * 5 for _ in range(BATCHES)] for _ in range(kinds)]

    def add(self, call: Call) -> None:
        """One call is over."""
        place = (call.number - self.first) // self.each
        if 0 <= place < BATCHES:
            cell, wait, served = self.cells[call.kind][place], call.wait, call.begun is not None
            cell[0] += 1
            cell[1] += wait
            cell[2] += wait > 0
            cell[3] += served and wait <= self.target
            cell[4] += not served

    def mean(self, kind: int | None = None) -> Estimate:
        """Seconds of waiting, of those who gave up too."""
        found = self._share(1, kind)
        return Estimate(found.value / SECOND, found.error / SECOND)

    def waits(self, kind: int | None = None) -> Estimate:
        """The share that waited."""
        return self._share(2, kind)

    def soon(self, kind: int | None = None) -> Estimate:
        """The share served within the target, of all who came."""
        return self._share(3, kind)

    def abandons(self, kind: int | None = None) -> Estimate:
        """The share that gave up."""
        return self._share(4, kind)

    def _share(self, column: int, kind: int | None) -> Estimate:
        chosen = self.cells if kind is None else [self.cells[kind]]
        parts = [(sum(cells[n][column] for cells in chosen), sum(cells[n][0] for cells in chosen)) for n in range(BATCHES)]
        whole = sum(part for part, _ in parts) / sum(of for _, of in parts)
        return Estimate(whole, STUDENT * stdev(part / of if of else 0 for part, of in parts) / sqrt(BATCHES))
