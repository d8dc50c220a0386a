"""What a person sees of the hub in the terminal: progress, then where to go, then only trouble."""

import json
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

_SAID = {"failed": "yellow", "ended": "red", "renewed": "yellow"}


class Journal:
    """Tells the terminal in words and `hub.log` in JSON lines. After `welcome` the terminal hears of trouble only."""

    def __init__(self, console: Console, log: Path) -> None:
        self._console = console
        self._file = log.open("a", buffering=1)
        self._begun = monotonic()
        self._welcomed = False
        self._troubled: set[str] = set()

    def tell(self, name: str, kind: str, fields: dict[str, object]) -> None:
        """One change of one part."""
        self.record(f"part {kind}", part=name, **fields)
        if kind in _SAID:
            self._troubled.add(name)
            details = ", ".join(f"{key} {value}" for key, value in fields.items() if value is not None)
            self._console.print(f"[{_SAID[kind]}]{name:>10}  {kind}[/] {details}", highlight=False)
        elif kind == "ready" and (not self._welcomed or name in self._troubled):
            self._troubled.discard(name)
            self._console.print(f"[green]{name:>10}[/]  ready after {monotonic() - self._begun:.1f} s", highlight=False)
        if kind == "ready" and self._welcomed:
            self._begun = monotonic()

    def record(self, event: str, **fields: object) -> None:
        """A line for the log only."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._file.write(json.dumps({"event": event, "timestamp": now, **fields}, default=str, ensure_ascii=False) + "\n")

    def say(self, text: str) -> None:
        """A sentence for the person."""
        self._console.print(text, highlight=False)

    def welcome(self, rows: dict[str, str]) -> None:
        """All is ready: what is where."""
        self._welcomed = True
        table = Table.grid(padding=(0, 2))
        for name, value in rows.items():
            table.add_row(f"[bold]{name}[/]", value)
        title = f"Payvand is ready ({monotonic() - self._begun:.1f} s)"
        self._console.print(Panel(table, title=title, border_style="green", expand=False, padding=(1, 2)))

    def close(self) -> None:
        """Nothing more follows."""
        self._file.close()
