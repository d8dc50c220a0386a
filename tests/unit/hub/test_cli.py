"""What a person sees when a command fails on purpose: one sentence and what to do, no traceback."""

from collections.abc import Callable

import pytest

from hub.cli import guarded
from runtime.errors import Misconfigured, NotFound, PayvandError, Transient


def failing(error: Exception) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code"),
    [(NotFound("no such thing"), 1), (Misconfigured("it is wrong", hint="mend it"), 3), (Transient("busy"), 4)],
)
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_an_error_on_purpose_is_a_sentence_also_out_of_a_group_of_tasks(
    error: PayvandError, code: int, depth: int, capsys: pytest.CaptureFixture[str]
) -> None:
    raised: Exception = error
    for _ in range(depth):
        raised = ExceptionGroup("unhandled errors in a TaskGroup", [raised])
    with pytest.raises(SystemExit) as ended:
        guarded(failing(raised))
    told = capsys.readouterr().err
    assert ended.value.code == code
    assert told == f"payvand: {error.message}\n" + (f"  {error.hint}\n" if error.hint else "")


@pytest.mark.parametrize("others", [[ValueError("a bug")], [Misconfigured("one"), Misconfigured("two")]])
def test_a_bug_or_more_than_one_trouble_keeps_its_traceback(others: list[Exception]) -> None:
    with pytest.raises(ExceptionGroup):
        guarded(failing(ExceptionGroup("tasks", others)))
