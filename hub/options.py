"""What the commands of `payvand` share: their common options, and how a command's module is found."""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

Data = Annotated[Path, typer.Option("--data", help="The hub's data folder.", envvar="PAYVAND_DATA_DIR")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]
DEFAULT_DATA = Path(".payvand")


def command(module: str) -> Any:
    """The module hub.commands.<module>, imported now."""
    return import_module(f"hub.commands.{module}")
