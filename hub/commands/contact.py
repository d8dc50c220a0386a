"""`payvand contact`."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import typer

from hub.client import Api
from runtime.errors import Refused


def show(folder: Path, who: str, *, as_json: bool) -> None:
    """The record of a contact named by id, or by `type:value`."""
    api = Api(folder)
    found = _find(api, who)
    timeline = api.call("GET", f"/v1/contacts/{found['contact_id']}/timeline", query={"limit": "20"})["items"]
    if as_json:
        typer.echo(json.dumps({"contact": found, "timeline": timeline}, indent=1, ensure_ascii=False))
        return
    typer.echo(f"{found.get('display_name') or 'unnamed'}  {found['contact_id']}  tier {found.get('tier', 'lead')}")
    for identifier in found.get("identifiers", []):
        typer.echo(f"  {identifier['type']:<9} {identifier['value']}  ({identifier.get('trust', 'asserted')})")
    for item in timeline:
        typer.echo(f"  {item['at']}  {item['channel']:<8} {item['inbox']}  conversation {item['conversation_id']}")


def _find(api: Api, who: str) -> dict[str, Any]:
    try:
        return _asked(api, f"/v1/contacts/{UUID(who)}", {})
    except ValueError:
        kind, colon, value = who.partition(":")
        if not colon:
            raise Refused(f"{who!r} is neither an id nor type:value", hint="for example email:sara@example.org") from None
        return _asked(api, "/v1/contacts/lookup", {"type": kind, "value": value})


def _asked(api: Api, path: str, query: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = api.call("GET", path, query=query)
    return found
