"""`payvand doctor`: what is misconfigured, and how to mend it."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import typer
from rich.console import Console

from hub.parts import broker, gateway, postgres, valkey
from hub.parts.services import SERVICES
from hub.ports import require_free
from hub.state import running
from hub.surroundings import settings, with_database
from runtime import log, migrations
from runtime.database import Database
from runtime.errors import Misconfigured, PayvandError
from runtime.settings import Settings

_ENOUGH_DISK = 1024**3
_CLOCK_SECONDS = 2.0
_BEFORE_US = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: whether it is well, what was found, and what to do if not."""

    check: str
    ok: bool
    found: str
    hint: str = ""


def _tried(check: str, work: Callable[[], str]) -> Finding:
    """The finding of a check that raises when something is wrong."""
    try:
        return Finding(check, True, work())
    except PayvandError as error:
        return Finding(check, False, error.message, error.hint or "")
    except Exception as error:
        return Finding(check, False, f"{type(error).__name__}: {error}", "see the parts' logs in the data folder")


def _python() -> str:
    if sys.version_info < (3, 11):  # noqa: UP036 - the doctor is asked just when the wrong one runs
        raise Misconfigured(f"Python {sys.version.split()[0]}", hint="use Python 3.11 or newer: make PYTHON=/path/to/python3")
    return sys.version.split()[0]


def _folder(folder: Path) -> str:
    probe = folder if folder.exists() else folder.parent
    if not os.access(probe, os.W_OK | os.X_OK):
        raise Misconfigured(f"{probe} is not writable", hint="give --data a folder of your own")
    return f"{folder} is writable"


def _disk(folder: Path) -> str:
    free = shutil.disk_usage(folder if folder.exists() else folder.parent).free
    if free < _ENOUGH_DISK:
        raise Misconfigured(
            f"{free / 1024**2:.0f} MB free", hint="free at least 1 GB: the database stops when the disk is full"
        )
    return f"{free / 1024**3:.0f} GB free"


def _clock() -> str:
    now, started = datetime.now(UTC), time.monotonic()
    if now < _BEFORE_US:
        raise Misconfigured(f"the clock says {now:%Y-%m-%d}", hint="set the clock; sessions, SLAs and signatures depend on it")
    return f"{now:%Y-%m-%d %H:%M:%S} UTC, monotonic {started:.0f} s"


def _runs(name: str, find: Callable[[], str], *arguments: str) -> Finding:
    def work() -> str:
        program = find()
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=20, check=False)
        if done.returncode != 0:
            hint = "it may be built for another kind of machine; set the PAYVAND_… URL of an external one"
            raise Misconfigured(f"{program} ended with {done.returncode}", hint=hint)
        return (done.stdout or done.stderr).strip().splitlines()[0][:80]

    return _tried(name, work)


def _ports(folder: Path, ports: dict[str, int]) -> list[Finding]:
    if running(folder):
        return [Finding("ports", True, "a hub is running here")]

    def free(option: str, port: int) -> str:
        require_free("127.0.0.1", port, option)
        return f"{port} is free"

    return [_tried(f"port of {option}", partial(free, option, port)) for option, port in ports.items()]


def _database(where: Settings) -> list[Finding]:
    async def ask(database: Database) -> tuple[str, float, list[str]]:
        async with database.reading() as connection:
            sql = "SELECT current_setting('server_version') AS version, extract(epoch FROM clock_timestamp()) AS now"
            [row] = await connection.rows(sql)
        return row.version, float(row.now), await migrations.pending(database, SERVICES)

    try:
        version, now, behind = with_database(where, ask)
    except PayvandError as error:
        return [Finding("database", False, error.message, "start it, or correct PAYVAND_DATABASE_URL")]
    skew = abs(time.time() - now)
    return [
        Finding("database", True, f"PostgreSQL {version}"),
        Finding("clock of the database", skew < _CLOCK_SECONDS, f"{skew:.1f} s apart", "let both machines follow NTP"),
        Finding("migrations", not behind, "current" if not behind else f"behind: {', '.join(behind)}", "run `payvand migrate`"),
    ]


def _log(where: Settings) -> str:
    try:
        epoch = asyncio.run(log.epoch(where))
    except Exception as error:
        hint = "start it, or correct PAYVAND_KAFKA_BOOTSTRAP_SERVERS"
        raise Misconfigured(f"no broker at {where.kafka_bootstrap_servers} ({type(error).__name__})", hint=hint) from error
    return f"answers, cluster {epoch}"


def _cache(where: Settings) -> str:
    import redis  # noqa: PLC0415 - heavy, and only here

    try:
        redis.Redis.from_url(where.redis_url.get_secret_value(), socket_timeout=3).ping()
    except redis.RedisError as error:
        raise Misconfigured(f"no answer ({type(error).__name__})", hint="start it, or correct PAYVAND_REDIS_URL") from error
    return "answers"


def _secret(where: Settings) -> str:
    if len(where.secret_key.get_secret_value()) < 32:
        raise Misconfigured(
            "PAYVAND_SECRET_KEY is too short", hint="set 32 random characters or more, the same for all services"
        )
    return "is long enough"


def examine(folder: Path, ports: dict[str, int]) -> list[Finding]:
    """All checks; those of the running parts only where a hub is named or runs."""
    findings = [
        _tried("python", _python),
        _tried("data folder", lambda: _folder(folder)),
        _tried("disk", lambda: _disk(folder)),
        _tried("clock", _clock),
        _tried("name of this machine", lambda: socket.gethostbyname("localhost")),
        _runs("postgres program", lambda: postgres.binary("postgres"), "--version"),
        _runs("valkey program", valkey.binary, "--version"),
        _runs("broker program", broker.binary, "--version"),
        _runs("gateway program", gateway.binary, "-v"),
        *_ports(folder, ports),
    ]
    if not running(folder) and "PAYVAND_DATABASE_URL" not in os.environ:
        return findings
    where = settings(folder)
    findings += _database(where)
    findings += [_tried("log", lambda: _log(where)), _tried("cache", lambda: _cache(where))]
    return [*findings, _tried("secret key", lambda: _secret(where))]


def doctor(folder: Path, port: int, smtp_port: int, *, as_json: bool) -> None:
    """Show all findings; exit code 3 when something must be mended."""
    findings = examine(folder, {"--port": port, "--smtp-port": smtp_port})
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        console = Console()
        for finding in findings:
            mark = "[green]✓[/]" if finding.ok else "[red]✗[/]"
            console.print(f"{mark} {finding.check:<22} {finding.found}", highlight=False, soft_wrap=True)
            if not finding.ok and finding.hint:
                console.print(f"    → {finding.hint}", highlight=False, soft_wrap=True)
    if not all(finding.ok for finding in findings):
        raise SystemExit(3)
