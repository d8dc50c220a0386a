"""What the commands of `payvand` share: their common options, and how a command's module is found."""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

Data = Annotated[Path, typer.Option("--data", help="The hub's data folder.", envvar="PAYVAND_DATA_DIR")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]
DEFAULT_DATA = Path(".payvand")


class Stretch(NamedTuple):
    """A part of a routing domain's log, as given: times in ISO 8601, None for its beginning or its end."""

    domain: str
    since: str | None
    until: str | None


def command(module: str) -> Any:
    """The module hub.commands.<module>, imported now."""
    return import_module(f"hub.commands.{module}")
