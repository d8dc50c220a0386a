"""`payvand replay`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from hub.commands.policy import read_text
from hub.options import Stretch
from hub.surroundings import settings, with_database
from runtime.errors import Refused
from services.router.adapters.replaying import COMPARISON, ReplayRequest, compare
from services.router.domain.comparison import Comparison, Difference, Figures, Outcome
from services.router.settings import RouterSettings

_ROWS = (
    ("arrived", "arrived"),
    ("answered", "answered"),
    ("abandoned", "abandoned"),
    ("still open at the end", "open"),
    ("wait p50, s", "wait_p50"),
    ("wait p95, s", "wait_p95"),
    ("wait mean, s", "wait_mean"),
    ("longest wait, s", "wait_max"),
)
_NO_LIMIT = 10**9


def moment(text: str | None, name: str) -> datetime | None:
    """A time in ISO 8601; without a zone it is UTC. Raises Refused."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(f"{text!r} is no time", field=name, hint="write 2026-03-21, or 2026-03-21T08:00:00+03:30") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def replay(folder: Path, policy: Path, part: Stretch, within: float, *, as_json: bool) -> None:
    """Fold the recorded log under another policy and print both runs side by side. Applies nothing."""
    try:
        wish = ReplayRequest(
            policy=read_text(policy),
            version=policy.name,
            domain=part.domain,
            since=moment(part.since, "from"),
            until=moment(part.until, "to"),
            within_seconds=within,
            max_entries=_NO_LIMIT,
        )
    except ValidationError as error:
        raise Refused(str(error.errors()[0]["msg"]), field=str(error.errors()[0]["loc"][0])) from error
    where = settings(folder)
    if part.domain not in where.domains.names:
        hint = f"one of {', '.join(where.domains.names)}"
        raise Refused(f"there is no routing domain {part.domain!r}", field="domain", hint=hint)
    terms = RouterSettings().terms()
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        found = with_database(where, lambda database: compare(database, wish, terms, _Telling(bar)))
    if as_json:
        typer.echo(COMPARISON.dump_json(found, indent=1).decode())
        return
    _print(found)


class _Telling:
    """Shows on stderr how far it has come; nothing where nobody looks."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("reading the record")

    def __call__(self, done: int, of: int) -> None:
        self._bar.update(self._task, completed=done, total=of)


def _print(found: Comparison) -> None:
    console = Console()
    typer.echo(_sentence(found))
    table = Table("", "as recorded", found.policy)
    for title, name in _ROWS:
        table.add_row(title, _shown(getattr(found.total.recorded, name)), _shown(getattr(found.total.rehearsed, name)))
    table.add_row(f"answered within {found.within_seconds:g} s", *(_level(side) for side in _sides(found.total)))
    console.print(table)
    queues = Table("queue", "answered", "p50, s", "p95, s", "in time")
    for name, pair in found.queues.items():
        cells = (("answered", _shown), ("wait_p50", _shown), ("wait_p95", _shown))
        row = [" → ".join(show(getattr(side, field)) for side in _sides(pair)) for field, show in cells]
        queues.add_row(name, *row, " → ".join(_level(side) for side in _sides(pair)))
    console.print(queues)
    agents = Table("agent", "as recorded", found.policy)
    for name, (before, after) in found.agents.items():
        agents.add_row(name, str(before), str(after))
    console.print(agents)
    for difference in found.differences[:10]:
        typer.echo(_told(difference))
    typer.echo("\n".join((*(note.sentence for note in found.notes), found.caveat)))


def _sentence(found: Comparison) -> str:
    total = found.total.recorded.arrived
    speed = f", {found.entries / found.seconds:,.0f}/s" if found.seconds > 1 else ""
    return (
        f"{found.different} of {total} pieces of work would have gone otherwise: {found.other_agent} to another agent, "
        f"{found.sooner} sooner, {found.later} later ({found.entries:,} entries in {found.seconds:.1f} s{speed})."
    )


def _sides(pair: Any) -> tuple[Figures, Figures]:
    return pair.recorded, pair.rehearsed


def _shown(value: int | float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def _level(figures: Figures) -> str:
    return "–" if figures.service_level is None else f"{figures.service_level:.1%}"


def _told(difference: Difference) -> str:
    before, after = _outcome(difference.recorded), _outcome(difference.rehearsed)
    return f"  {difference.arrived_at:%Y-%m-%d %H:%M:%S}  {difference.work_item_id}  {before}  →  {after}"


def _outcome(outcome: Outcome) -> str:
    if outcome.wait is not None:
        return f"{outcome.agent} after {outcome.wait.total_seconds():.1f} s ({outcome.rule})"
    if outcome.abandoned is not None:
        return f"nobody, gone after {outcome.abandoned.total_seconds():.1f} s ({outcome.rule})"
    return f"nobody yet ({outcome.rule})"
