"""Plays every scene and prints its table; ends with 1 when a figure is outside its tolerance.

python -m bench.oracles [--calls N] [--seed S] [--only erlang priority skills instability simple-msk]

Without --calls: 4,000,000 for Erlang C and A, 1,000,000 for every other table; a tolerance is meant for 4,000,000 calls and is
wider for N by the root of 4,000,000 / N.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from bench.oracles import msk, orders, scenes
from bench.oracles.figures import DESIGNED, Table
from bench.oracles.simulation import FIFO

FEWER = 1_000_000
Scene = Callable[[int, int], Iterable[Table]]


def _erlang(calls: int, seed: int) -> Iterator[Table]:
    yield scenes.erlang_c(calls, seed)
    yield scenes.erlang_a(calls, seed)


def _priority(calls: int, seed: int) -> Iterator[Table]:
    yield scenes.priority("first come", FIFO, 1.0, calls, seed)
    yield scenes.priority("strict", orders.STRICT, None, calls, seed)
    yield scenes.priority("strict by head start", scenes.strictly(), None, calls, seed)
    yield scenes.priority("accumulating 2:1", orders.accumulating(2), 2, calls, seed)
    yield scenes.priority("accumulating 4:1", orders.accumulating(4), 4, calls, seed)


def _skills(calls: int, seed: int) -> Iterator[Table]:
    yield scenes.skilled("N-design", *scenes.N_DESIGN, calls, seed)
    yield scenes.skilled("M-design", *scenes.M_DESIGN, calls, seed)
    yield scenes.skilled("chain of four", *scenes.CHAIN, calls, seed)


def _simple_msk(calls: int, seed: int) -> Iterator[Table]:
    yield msk.simple_msk(calls, seed)


SCENES: dict[str, tuple[int, Scene]] = {
    "erlang": (DESIGNED, _erlang),
    "priority": (FEWER, _priority),
    "skills": (FEWER, _skills),
    "instability": (FEWER, scenes.instability),
    "simple-msk": (FEWER, _simple_msk),
}


def main() -> int:
    """Print the tables as they are ready."""
    parser = argparse.ArgumentParser(prog="python -m bench.oracles", description=__doc__)
    parser.add_argument("--calls", type=int, help="calls per table; tolerances widen by the root of the ratio")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=SCENES, default=list(SCENES))
    given = parser.parse_args()
    failed = 0
    for name in given.only:
        usual, scene = SCENES[name]
        began = time.perf_counter()
        for table in scene(given.calls or usual, given.seed):
            seconds = time.perf_counter() - began
            print("\n".join(table.lines()))
            print(f"  {seconds:,.0f} s, {table.calls / seconds:,.0f} calls a second\n", flush=True)
            failed += not table.holds
            began = time.perf_counter()
    print(f"{failed} tables with a figure outside its tolerance" if failed else "every figure is within its tolerance")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
