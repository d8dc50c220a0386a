"""The load test's own judgement: who was passed over in the line."""

import random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from hub.loadtest.freed import Move, out_of_turn


def came(seq: int, item: int, at: float) -> Move:
    return Move(seq, True, UUID(int=item), at)


def given_out(seq: int, item: int, at: float) -> Move:
    return Move(seq, False, UUID(int=item), at)


def test_first_come_first_served_is_in_turn_however_the_log_is_read() -> None:
    moves = [came(1, 1, 10.0), came(2, 2, 11.0), given_out(3, 1, 10.0), came(4, 3, 12.0), given_out(5, 2, 11.0)]
    random.Random(1).shuffle(moves)
    assert out_of_turn(moves) == 0


def test_who_is_served_before_an_older_one_is_counted_each_time() -> None:
    older = came(1, 1, 10.0)
    assert out_of_turn([older, came(2, 2, 11.0), given_out(3, 2, 11.0)]) == 1
    assert out_of_turn([older, given_out(2, 2, 11.0), given_out(3, 3, 12.0)]) == 2, "new ones that never waited count too"


def test_who_came_at_the_same_moment_has_no_claim() -> None:
    assert out_of_turn([came(1, 1, 10.0), came(2, 2, 10.0), given_out(3, 2, 10.0)]) == 0


def test_one_decision_that_queues_and_assigns_is_in_turn() -> None:
    assert out_of_turn([given_out(1, 1, 10.0), came(1, 1, 10.0)]) == 0


@given(st.lists(st.floats(0, 1_000), min_size=2, max_size=30, unique=True))
def test_a_line_served_backwards_is_out_of_turn_but_for_its_last(times: list[float]) -> None:
    times.sort()
    line = [came(place, place, at) for place, at in enumerate(times)]
    served = [given_out(len(times) + place, len(times) - 1 - place, at) for place, at in enumerate(reversed(times))]
    assert out_of_turn(line + served) == len(times) - 1
