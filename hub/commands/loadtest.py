"""`payvand loadtest`."""

import asyncio
import json
import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Column, Table

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
    console.print(f"{processors()} processors, Python {platform.python_version()}, {platform.system()}", highlight=False)
    console.print(_results(found))
    for one in found:
        if one.freed:
            console.print(
                f"{one.freed} agents became free while contacts waited: the next one after "
                f"{_spread(one.freed_ms, 'p50', 'p95', 'p99', 'max')} ms "
                f"(p50/p95/p99/max), {one.unserved} got nothing, {one.out_of_turn} out of turn"
            )
    console.print(_costs(found))


def _results(found: list[Figures]) -> Table:
    """A column for each load, so that two of them fit a terminal of 80 columns."""
    table = Table("contacts", *(Column(one.mode, justify="right", no_wrap=True) for one in found))
    rows: dict[str, Callable[[Figures], str]] = {
        "offered a second": lambda one: f"{one.offered_per_second:.0f}",
        "assigned a second": lambda one: f"{one.assigned_per_second:.0f}",
        "bare, a second": lambda one: f"{one.bare_per_second:.0f}",
        "lost": lambda one: str(one.lost),
        "assigned twice": lambda one: str(one.doubled),
        "accepted ms, p50/p99": lambda one: _spread(one.accept_ms, "p50", "p99"),
        "assigned ms, p50/p95/p99/max": lambda one: _spread(one.assign_ms, "p50", "p95", "p99", "max"),
    }
    for title, told in rows.items():
        table.add_row(title, *(told(one) for one in found))
    for status in sorted({status for one in found for status in one.refused}):
        table.add_row(f"refused: {status}", *(str(one.refused.get(status, 0)) for one in found))
    return table


def _costs(found: list[Figures]) -> Table:
    loads = (Column(f"{one.mode}: CPU ms per 1,000", justify="right") for one in found)
    table = Table("part", *loads, Column("memory (PSS) MB", justify="right"))
    for name, held in found[-1].memory_mb.items():
        table.add_row(name, *(f"{one.cpu_ms_per_1000.get(name, 0):.0f}" for one in found), f"{held:.0f}")
    return table


def _spread(figures: dict[str, float], *names: str) -> str:
    return " / ".join(f"{figures[name]:.0f}" for name in names if name in figures) or "–"
