"""`payvand explain`."""

import json
from pathlib import Path
from uuid import UUID

import typer

from hub.client import Api


def explain(folder: Path, work_item: UUID, *, as_json: bool) -> None:
    """Why the work item is where it is, and how it came there."""
    told = Api(folder).call("GET", f"/v1/conversations/{work_item}/explain")
    if as_json:
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False))
        return
    typer.echo(told["sentence"])
    for step in told.get("history", []):
        who = " ".join(str(step[name]) for name in ("agent", "queue") if step.get(name))
        typer.echo(f"  {step['at']}  {step['code']:<12} {who:<20} {step.get('sentence') or ''}")
