"""The checker is checked: each fault, planted, must be found."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from tests.reliability.checker import Record, judge

A, B, C = uuid4(), uuid4(), uuid4()
ONE, TWO = uuid4(), uuid4()
HISTORY = {"x": [A, B], "y": [C]}


def sound() -> Record:
    seen = Counter([A, B, C])
    return Record(
        {A: ONE, B: ONE, C: TWO},
        seen,
        seen,
        [(1, A), (2, C), (3, B)],
        seen,
        Counter([ONE, TWO]),
        Counter([ONE, TWO]),
        0,
        0,
        0,
        0,
    )


def without(counter: Counter[UUID], id: UUID) -> Counter[UUID]:
    return Counter({key: count for key, count in counter.items() if key != id})


def test_a_sound_record_has_no_faults() -> None:
    assert judge(HISTORY, sound()).faults == {}


@pytest.mark.parametrize(
    ("fault", "plant"),
    [
        ("lost_by_ingest", lambda r: replace(r, accepted=without(r.accepted, B))),
        ("lost_by_profile", lambda r: replace(r, identified=without(r.identified, B))),
        ("lost_by_router", lambda r: replace(r, logged=r.logged[:2])),
        ("lost_by_desk", lambda r: replace(r, shown=without(r.shown, A))),
        ("doubled", lambda r: replace(r, logged=[*r.logged, (4, C)])),
        ("out_of_order", lambda r: replace(r, logged=[(1, B), (2, C), (3, A)])),
        ("unassigned", lambda r: replace(r, assigned=Counter([ONE]))),
        ("assigned_twice", lambda r: replace(r, assigned=Counter([ONE, ONE, TWO]))),
        ("owned_twice", lambda r: replace(r, owners=Counter([ONE, TWO, TWO]))),
        ("unplaced", lambda r: replace(r, unplaced=1)),
        ("over_capacity", lambda r: replace(r, over_capacity=1)),
        ("miscounted", lambda r: replace(r, miscounted=1)),
        ("unapplied", lambda r: replace(r, unapplied=1)),
    ],
)
def test_a_planted_fault_is_found(fault: str, plant: Callable[[Record], Record]) -> None:
    assert set(judge(HISTORY, plant(sound())).faults) == {fault}
