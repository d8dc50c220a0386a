"""`payvand explain`."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import typer

from hub.client import Api


def explain(folder: Path, work_item: UUID, *, as_json: bool) -> None:
    """Why the work item is where it is: a sentence first, then what it rests on and what would change it."""
    told = Api(folder).call("GET", f"/v1/conversations/{work_item}/explain")
    if as_json:
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False))
        return
    typer.echo(told["sentence"])
    for statement in told["statements"][1:]:
        typer.echo(f"  {statement['sentence']}")
    _reason(told)
    if told["agent_id"] is None:
        _waiting(told)


def _reason(told: dict[str, Any]) -> None:
    decision = told["decision"]
    if decision is None:
        return
    for group in decision.get("excluded", ()):
        typer.echo(f"    not asked: {group['agents']} agents ({group['predicate']})")
    if told["log_offset"] is not None:
        typer.echo(f"    place {told['log_offset']} in the log")


def _waiting(told: dict[str, Any]) -> None:
    for number, step in enumerate(told["steps"]):
        mark = ">" if number == told["step"] else " "
        until = f", until {step['until']}" if step["until"] else ""
        typer.echo(f"  {mark} step {number + 1}: {step['requirement']}: {step['able']} agents, {step['free']} free{until}")
    if told["changes"]:
        typer.echo("  It goes on when")
        for change in told["changes"]:
            typer.echo(f"    - {change['sentence']}")
