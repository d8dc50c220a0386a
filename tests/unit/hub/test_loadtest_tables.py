"""What a load test prints can be read in a terminal of 80 columns."""

import io

from rich.console import Console

from hub.commands.loadtest import _results
from hub.loadtest.report import Figures

SPREAD = {"p50": 1012.0, "p95": 1234.0, "p99": 1345.0, "max": 1574.0}


def figures(mode: str, **more: dict[str, int]) -> Figures:
    return Figures(mode, 2000, 10, 20_000, 20_000, 20_000, 0, 1, 1607, 9_876, SPREAD, SPREAD, **more)  # type: ignore[arg-type]


def printed(*found: Figures) -> list[str]:
    told = io.StringIO()
    Console(file=told, width=80).print(_results(list(found)))
    return told.getvalue().splitlines()


def test_two_loads_stand_side_by_side_in_80_columns_with_every_figure_whole() -> None:
    lines = printed(figures("single"), figures("batches of 100"))
    assert max(map(len, lines)) <= 80
    assert [line.count("1012 / 1234 / 1345 / 1574") for line in lines if "1574" in line] == [2]
    assert any("lost" in line and line.count("0") == 2 for line in lines)


def test_refusals_are_counted_by_their_reason() -> None:
    lines = printed(figures("single", refused={"429": 7}), figures("batches"))
    [refused] = [line for line in lines if "429" in line]
    assert [word for word in refused.split() if word.isdigit()] == ["429", "7", "0"]
