"""`payvand loadtest`."""

import asyncio
import json
import platform
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from hub.loadtest.report import Figures
from hub.loadtest.running import Load, bench, measure, processors
from hub.state import HubState, running
from runtime.errors import NotFound


def loadtest(folder: Path, loads: list[Load], *, as_json: bool) -> None:
    """Run the loads one after the other against the running hub; exit code 1 when anything went wrong (see hub/cli.py)."""
    state = HubState.read(folder)
    if not running(folder):
        raise NotFound(f"no hub runs on {folder}", hint="start one with `payvand up`")
    found = asyncio.run(_measure(state, loads))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=1))
    else:
        _show(found)
    if any(one.lost or one.doubled or one.unserved or one.out_of_turn for one in found):
        raise SystemExit(1)


async def _measure(state: HubState, loads: list[Load]) -> list[Figures]:
    async with bench(state) as connected:
        return [await measure(connected, load) for load in loads]


def _show(found: list[Figures]) -> None:
    console = Console()
    table = Table(
        title=f"{processors()} processors, Python {platform.python_version()}, {platform.system()}", title_justify="left"
    )
    for title in (
        "load",
        "offered/s",
        "assigned/s",
        "bare/s",
        "lost",
        "doubled",
        "accept p50/p99 ms",
        "assign p50/p95/p99/max ms",
    ):
        table.add_column(title, justify="left" if title == "load" else "right")
    for one in found:
        table.add_row(
            one.mode,
            f"{one.offered_per_second:.0f}",
            f"{one.assigned_per_second:.0f}",
            f"{one.bare_per_second:.0f}",
            str(one.lost),
            str(one.doubled),
            _spread(one.accept_ms, "p50", "p99"),
            _spread(one.assign_ms, "p50", "p95", "p99", "max"),
        )
    console.print(table)
    for one in found:
        if one.freed:
            console.print(
                f"{one.freed} agents became free while contacts waited: the next one after "
                f"{_spread(one.freed_ms, 'p50', 'p95', 'p99', 'max')} ms "
                f"(p50/p95/p99/max), {one.unserved} got nothing, {one.out_of_turn} out of turn"
            )
    parts = Table(title="Each part", title_justify="left")
    parts.add_column("part")
    for one in found:
        parts.add_column(f"{one.mode}: CPU ms per 1,000", justify="right")
    parts.add_column("memory (PSS) MB", justify="right")
    for name, held in found[-1].memory_mb.items():
        parts.add_row(name, *(f"{one.cpu_ms_per_1000.get(name, 0):.0f}" for one in found), f"{held:.0f}")
    console.print(parts)


def _spread(figures: dict[str, float], *names: str) -> str:
    return " / ".join(f"{figures[name]:.0f}" for name in names if name in figures) or "–"
