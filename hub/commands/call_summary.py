"""What an import of calls came to, and how it is told."""

import json
from collections import Counter
from dataclasses import dataclass, field

import typer
from rich.console import Console
from rich.table import Table

_SHOWN = 20
_KEPT_NOTES = 10_000


@dataclass(slots=True)
class Summary:
    """What became of the file."""

    calls: int = 0
    missed: int = 0
    taken: int = 0
    repeated: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    notes: list[dict[str, str]] = field(default_factory=list)

    def note(self, kind: str, place: str, reason: str) -> None:
        """Remember one line that made nothing."""
        if len(self.notes) < _KEPT_NOTES:
            self.notes.append({"kind": kind, "at": place, "reason": reason})


def tell(summary: Summary, *, dry_run: bool, as_json: bool) -> None:
    """Print it, for people or as JSON."""
    if as_json:
        told = {name: getattr(summary, name) for name in ("calls", "missed", "taken", "repeated", "unreadable", "notes")}
        typer.echo(json.dumps(told | {"skipped": dict(summary.skipped), "dry_run": dry_run}, ensure_ascii=False))
        return
    table = Table.grid(padding=(0, 2))
    rows: list[tuple[str, object]] = [("calls", f"{summary.calls:,}, {summary.missed:,} of them missed")]
    if not dry_run:
        rows += [("taken", f"{summary.taken:,}"), ("known already", f"{summary.repeated:,}")]
    rows += [(f"skipped: {reason}", f"{count:,}") for reason, count in summary.skipped.most_common()]
    rows += [("unreadable", f"{summary.unreadable:,}")] if summary.unreadable else []
    for name, value in rows:
        table.add_row(name, str(value))
    Console().print(table)
    errors = Console(stderr=True)
    faults = [note for note in summary.notes if note["kind"] == "unreadable"]
    for note in faults[:_SHOWN]:
        errors.print(f"[red]{note['at']}[/]  {note['reason']}", highlight=False)
    if len(faults) > _SHOWN:
        errors.print(f"… and {len(faults) - _SHOWN:,} more; --json tells them all", highlight=False)
