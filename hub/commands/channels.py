"""`payvand channels`: what channels there are, their forms, their secrets, and whether the inboxes work."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from channels.base import Channel
from channels.forms import FormField, form_of, plain
from channels.probing import examine
from channels.registry import CHANNELS, plugged, plugins
from hub.state import running
from hub.surroundings import settings, with_demo_inboxes
from runtime.errors import NotFound, Refused
from runtime.secrets import SecretBox
from runtime.settings import Settings

MAX_SECRET = 16 * 1024


def show_list(*, as_json: bool) -> None:
    """Every channel that an inbox may be of, ours and those of other packages."""
    rows = [*(_row(channel, "payvand") for channel in CHANNELS.values())]
    for found in plugins():
        known = found.channel
        rows.append(_row(known, found.package) if known else _broken(found.name, found.package, found.trouble))
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    table = Table("channel", "of the package", "receives", "sends to", "can be tested", "trouble")
    for row in rows:
        marks = ("yes" if row["receives"] else "no", row["sends_to"] or "nobody", "yes" if row["probe"] else "no")
        table.add_row(row["channel"], row["package"], *(("", "", "") if row["trouble"] else marks), row["trouble"])
    Console().print(table)


def show_form(name: str, *, as_json: bool) -> None:
    """What an inbox of this channel can be told. Raises Misconfigured when there is no such channel."""
    form = form_of(CHANNELS.get(name) or plugged(name))
    if as_json:
        typer.echo(json.dumps(plain(form), indent=1, ensure_ascii=False))
        return
    console = Console()
    console.print(f"[bold]{form.channel}[/]  {escape(form.help.partition(chr(10))[0])}\n", highlight=False)
    for field in form.fields:
        _print_field(console, field, 0)


def encrypt(folder: Path) -> None:
    """Read a secret, from stdin or with a hidden prompt, and print the token that stands for it in payvand.toml."""
    box = SecretBox((_settings(folder).secret_key,))
    box.seal("")  # a missing key is told before anybody types
    if sys.stdin.isatty():
        secret = typer.prompt("The secret", hide_input=True, err=True)
    else:
        secret = sys.stdin.read(MAX_SECRET + 1).removesuffix("\n").removesuffix("\r")
    if not 0 < len(secret) <= MAX_SECRET:
        raise Refused(f"the secret has {len(secret)} characters", hint=f"give between 1 and {MAX_SECRET}")
    typer.echo(box.seal(secret))


def show_examination(folder: Path, name: str | None, *, every: bool, as_json: bool) -> bool:
    """Look whether the inboxes work against their real providers, without a message to anybody; whether all is well."""
    if (name is None) != every:
        raise Refused("name one inbox, or give --all", hint="payvand channels test support")
    where = _settings(folder)
    asked = [inbox for inbox in where.inboxes if every or inbox.name == name]
    if not asked:
        known = ", ".join(inbox.name for inbox in where.inboxes) or "none"
        raise NotFound("no such inbox" if name else "there is no inbox", hint=f"the inboxes of payvand.toml: {known}")
    findings = asyncio.run(examine(asked, where))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in findings], indent=1, ensure_ascii=False))
    else:
        table = Table("inbox", "check", "", "detail", "what to do")
        for one in findings:
            mark = "[green]ok[/]" if one.ok else "[red]wrong[/]"
            table.add_row(one.inbox, one.check, mark, escape(one.detail), escape(one.hint))
        Console().print(table)
    return all(one.ok for one in findings)


def _settings(folder: Path) -> Settings:
    """The operator's settings; no hub needs to run. The key of a hub's data folder counts where none is given."""
    if running(folder):
        return with_demo_inboxes(folder, settings(folder))
    found, key = Settings(), folder / "secret.key"
    if not found.secret_key.get_secret_value() and key.exists():
        return found.model_copy(update={"secret_key": SecretStr(key.read_text().strip())})
    return found


def _row(channel: Channel, package: str) -> dict[str, Any]:
    sends_to = channel.address.value if channel.outbound else ""
    receives = channel.inbound is not None
    return {"channel": channel.name, "package": package, "receives": receives, "sends_to": sends_to} | {
        "probe": channel.probe is not None,
        "trouble": "",
    }


def _broken(name: str, package: str, trouble: str) -> dict[str, Any]:
    return {"channel": name, "package": package, "receives": False, "sends_to": "", "probe": False, "trouble": trouble}


def _print_field(console: Console, field: FormField, depth: int) -> None:
    space = "    " * depth
    told = ", ".join(filter(None, (field.kind, "needed" if field.required else "", _default(field), _choices(field))))
    console.print(f"{space}[bold]{field.name}[/] ({escape(told)})", highlight=False, soft_wrap=True)
    if field.help:
        console.print(f"{space}    {escape(field.help.partition(chr(10))[0])}", highlight=False, soft_wrap=True)
    for inner in (*field.fields, *(field.item.fields if field.item else ())):
        _print_field(console, inner, depth + 1)
    for chosen, fields in field.variants.items():
        console.print(f'{space}    with {field.chosen_by} = "{chosen}":', highlight=False, soft_wrap=True)
        for inner in fields:
            _print_field(console, inner, depth + 1)


def _default(field: FormField) -> str:
    shown = not field.required and field.default not in (None, "", [], {}) and not field.fields
    return f"default {json.dumps(field.default, ensure_ascii=False)}" if shown else ""


def _choices(field: FormField) -> str:
    return f"one of {' '.join(field.choices)}" if len(field.choices) > 1 else ""
