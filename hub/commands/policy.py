"""`payvand policy`."""

import hashlib
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from hub.client import Api
from hub.state import running
from runtime.errors import NotFound, Refused

_SECONDS = 20.0


def read_text(file: Path) -> str:
    """A policy's text. Raises Refused."""
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} cannot be read: {error}", field="file", hint="give a UTF-8 file, or - for stdin") from error


def lint(folder: Path, file: Path, *, offline: bool, as_json: bool) -> bool:
    """Print what is doubtful about a policy; False when there is an error."""
    text = read_text(file)
    asked = not offline and running(folder)
    findings = _asked(folder, text) if asked else _alone(text)
    ok = not any(finding["severity"] == "error" for finding in findings)
    if as_json:
        typer.echo(json.dumps({"ok": ok, "agents_checked": asked, "findings": findings}, ensure_ascii=False, indent=1))
        return ok
    for finding in findings:
        _say(file, finding)
    errors = sum(finding["severity"] == "error" for finding in findings)
    typer.echo(f"{file}: errors {errors}, warnings {len(findings) - errors}")
    if not asked:
        typer.echo("Checked without a running hub: not against its agents and queues.", err=True)
    return ok


def _asked(folder: Path, text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _post(Api(folder), "POST", "/v1/policies/lint", {"text": text})["findings"]
    return found


def _alone(text: str) -> list[dict[str, Any]]:
    from services.router.adapters.linting import lint_text  # noqa: PLC0415 - heavy, and only here

    return [asdict(finding) for finding in lint_text(text)]


def _say(file: Path, finding: dict[str, Any]) -> None:
    where = f"{file}:{finding['line']}" if finding["line"] else str(file)
    typer.secho(f"{where}: {finding['severity']}: ", nl=False, fg="red" if finding["severity"] == "error" else "yellow")
    typer.echo(f"{finding['sentence']} [{finding['code']}]")
    if finding["hint"]:
        typer.echo(f"    {finding['hint']}")


def show(folder: Path, version: str | None, *, every: bool, as_json: bool) -> None:
    """Print a version's text (that in force), or the list of versions."""
    api = Api(folder)
    if every:
        listed = api.call("GET", "/v1/policies")["items"]
        if as_json:
            typer.echo(json.dumps(listed, indent=1))
            return
        for line in listed:
            typer.echo(f"{'*' if line['in_force'] else ' '} {line['version']}")
        return
    found = api.call("GET", f"/v1/policies/{version or 'current'}")
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    state = "in force" if found["in_force"] else "not in force"
    typer.echo(f"# version {found['version']}, {state}", err=True)
    typer.echo(found["text"], nl=not found["text"].endswith("\n"))


def diff(folder: Path, old: str, new: str, *, as_json: bool) -> bool:
    """Say what has changed between two policies, each a file or a version; False when something has."""
    from services.router.adapters.policy_yaml import differences_of  # noqa: PLC0415 - heavy, and only here

    found = differences_of(_either(folder, old), _either(folder, new))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        typer.echo("\n".join(found) or "They say the same.")
    return not found


def _either(folder: Path, name: str) -> str:
    if Path(name).is_file() or name == "-":
        return read_text(Path(name))
    try:
        text: str = Api(folder).call("GET", f"/v1/policies/{name}")["text"]
    except NotFound as error:
        hint = "`payvand policy show --all` lists the versions"
        raise NotFound(f"{name!r} is neither a file nor a version", hint=hint) from error
    return text


def apply(folder: Path, file: Path, version: str | None, *, force: bool, as_json: bool) -> None:
    """Put a policy in force and wait until it is. Raises Refused when the lint finds errors and `force` is not given."""
    text = read_text(file)
    name = version or f"{file.stem if str(file) != '-' else 'policy'}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    api = Api(folder)
    taken = _post(api, "PUT", f"/v1/policies/{name}", {"text": text, "force": force})
    in_force = _wait(api, name)
    if as_json:
        typer.echo(json.dumps({"version": name, "in_force": in_force, "findings": taken["findings"]}, ensure_ascii=False))
        return
    for finding in taken["findings"]:
        _say(file, finding)
    typer.echo(
        f"{name} is in force." if in_force else f"{name} is on its way; `payvand policy show` tells when it is in force."
    )


def _wait(api: Api, name: str) -> bool:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if api.call("GET", "/v1/policies/current")["version"] == name:
            return True
        time.sleep(0.1)
    return False


def _post(api: Api, method: str, path: str, body: dict[str, Any]) -> Any:
    return api.call(method, path, content=json.dumps(body).encode(), kind="application/json")
