"""`payvand status`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import typer
from rich.console import Console
from rich.table import Table

from hub.state import HubState, running

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """Memory in bytes, shared pages counted once (PSS) where the system tells it; CPU seconds since the start."""

    memory: int
    cpu: float


def usage(pid: int) -> Usage:
    """A process together with its children, such as Postgres's backends. Zero when it is gone."""
    memory, cpu = 0, 0.0
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return Usage(0, 0.0)
    for one in family:
        try:
            full = one.memory_full_info()
            times = one.cpu_times()
        except psutil.Error:
            continue
        memory += int(getattr(full, "pss", full.rss))
        cpu += times.user + times.system
    return Usage(memory, cpu)


def _own(pid: int) -> Usage:
    """One process without its children: the nursery's and the hub's are counted as parts."""
    try:
        full = psutil.Process(pid).memory_full_info()
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return Usage(0, 0.0)
    return Usage(int(getattr(full, "pss", full.rss)), times.user + times.system)


def collect(folder: Path) -> dict[str, object]:
    """The state of the hub on the folder, with what each part uses. Raises NotFound when none ever ran."""
    state = HubState.read(folder)
    if not running(folder):
        state.state = "stopped"
    rows: list[dict[str, object]] = []
    if state.state != "stopped":
        own = [("hub", state.pid), *([("nursery", state.nursery_pid)] if state.nursery_pid else [])]
        rows += [
            {"name": name, "state": "ready", "pid": pid, "port": None, "restarts": 0} | _used(_own(pid)) for name, pid in own
        ]
        rows += [asdict(part) | _used(usage(part.pid) if part.pid else Usage(0, 0.0)) for part in state.parts]
    total = sum(int(str(row["memory"])) for row in rows)
    return asdict(state) | {"parts": rows, "memory": total}


def _used(used: Usage) -> dict[str, object]:
    return {"memory": used.memory, "cpu_seconds": round(used.cpu, 2)}


def status(folder: Path, *, as_json: bool) -> None:
    """Show it; exit code 1 unless ready."""
    found = collect(folder)
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    else:
        _show(found)
    if found["state"] != "ready":
        raise SystemExit(1)


def _show(found: dict[str, object]) -> None:
    table = Table(title=f"Payvand at {found['url']}: {found['state']}", title_justify="left")
    for title in ("part", "state", "pid", "port", "restarts", "memory", "CPU"):
        table.add_column(title, justify="left" if title in {"part", "state"} else "right")
    parts = found["parts"]
    for part in parts if isinstance(parts, list) else ():
        memory, cpu = f"{part['memory'] / MEBIBYTE:.0f} MB", f"{part['cpu_seconds']:.1f} s"
        row = (part["name"], part["state"], part["pid"] or "", part["port"] or "", part["restarts"], memory, cpu)
        table.add_row(*(str(value) for value in row))
    table.add_section()
    table.add_row("total", "", "", "", "", f"{int(str(found['memory'])) / MEBIBYTE:.0f} MB", "")
    Console().print(table)
