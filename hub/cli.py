"""The command `payvand`. Commands live in hub.commands and are imported when they run, so that each starts quickly.

Exit codes: 0 done, 1 the answer is no (not ready, not found, refused), 2 wrong usage, 3 something must be configured or mended,
4 passing trouble (try again).
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, NoReturn
from uuid import UUID

import typer

from hub.groups import GROUPS
from hub.options import DEFAULT_DATA, AsJson, Data, Stretch, command
from runtime.errors import Misconfigured, PayvandError, Refused, Transient

app = typer.Typer(
    name="payvand",
    help="Payvand: every channel in one durable log, routing that explains itself.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command(epilog="Example: payvand up --data /srv/payvand --port 8080 --no-demo")
def up(
    data: Data = DEFAULT_DATA,
    port: Annotated[int, typer.Option(help="The public HTTP port.", min=1, max=65535)] = 8080,
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    smtp_port: Annotated[int, typer.Option(help="The port for inbound mail.", min=1, max=65535)] = 2525,
    demo: Annotated[bool, typer.Option(help="Seed a small demo organisation.")] = True,
    simulators: Annotated[bool, typer.Option(help="Run the simulators of the providers.")] = True,
    only: Annotated[list[str] | None, typer.Option("--service", hidden=True, help="Only these services.")] = None,
) -> None:
    """Run the whole hub here, with its own Postgres, Valkey and Kafka-protocol broker."""
    command("up").up(data, host, port, smtp_port, demo=demo, simulators=simulators, only=only)


@app.command(epilog="Example: PAYVAND_KAFKA_BOOTSTRAP_SERVERS=kafka:9092 payvand service router")
def service(name: Annotated[str, typer.Argument(help="ingest, profile, router, notifier or desk.")]) -> None:
    """Run one service against the Kafka, Postgres and Redis named by PAYVAND_… settings."""
    command("service").service(name)


@app.command(epilog="Example: payvand migrate")
def migrate() -> None:
    """Bring the database to the newest revision. Safe while services run, and when run twice at once."""
    command("migrate").migrate()


@app.command(epilog="Example: payvand status --json | jq .state")
def status(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """What runs, where, since when and in how much memory. Exit code 1 when the hub is not ready."""
    command("status").status(data, as_json=as_json)


@app.command(epilog="Example: payvand doctor --data /srv/payvand")
def doctor(
    data: Data = DEFAULT_DATA,
    port: Annotated[int, typer.Option(help="The public HTTP port to check.")] = 8080,
    smtp_port: Annotated[int, typer.Option(help="The mail port to check.")] = 2525,
    as_json: AsJson = False,
) -> None:
    """Check this machine and the hub, and say how to mend what is wrong. Exit code 3 when something is."""
    command("doctor").doctor(data, port, smtp_port, as_json=as_json)


@app.command(epilog="Example: payvand explain 0198c0de-7000-7000-8000-000000000001")
def explain(
    work_item: Annotated[UUID, typer.Argument(help="The id of the work item, which is the conversation's.")],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Say why a work item is where it is."""
    command("explain").explain(data, work_item, as_json=as_json)


@app.command(epilog="Example: payvand replay --policy new.yaml --from 2026-03-21 --to 2026-03-28 --json")
def replay(
    policy: Annotated[Path, typer.Option(help="The policy to try: a YAML file, or - for stdin.")],
    since: Annotated[str | None, typer.Option("--from", help="Since when it decides (ISO 8601). Default: the start.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Where to stop (ISO 8601). Default: the end of the log.")] = None,
    domain: Annotated[str, typer.Option(help="The routing domain whose log is replayed.")] = "main",
    within: Annotated[float, typer.Option(help="Seconds within which work counts as answered in time.", min=0.1)] = 20,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Fold what was recorded under another policy and show both runs side by side. Applies nothing."""
    command("replay").replay(data, policy, Stretch(domain, since, until), within, as_json=as_json)


@app.command(epilog="Example: payvand seed --data /srv/payvand")
def seed(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Create the small demo organisation: agents, queues, a routing policy. Again changes nothing."""
    command("seed").seed(data, as_json=as_json)


@app.command(epilog="Example: payvand loadtest --rate 1000 --seconds 30 --batch 10 --json")
def loadtest(
    rate: Annotated[float, typer.Option(help="Interactions offered per second.", min=1)] = 200,
    seconds: Annotated[float, typer.Option(help="How long.", min=1)] = 20,
    batch: Annotated[int, typer.Option(help="Interactions per request.", min=1, max=1_000)] = 1,
    known: Annotated[bool, typer.Option("--known", help="Customers whom the hub knows already.")] = False,
    freed: Annotated[
        bool, typer.Option("--freed", help="Contacts wait, and agents become free as often as new ones arrive.")
    ] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Measure the hub that runs here, beside a bare pipeline as the limit. Exit code 1 when anything was lost or doubled.

    With --freed also how soon a freed agent is given the contact that waits longest; exit code 1, too, when one was given
    nothing, or another contact.
    """
    from hub.loadtest.running import Load  # noqa: PLC0415 - heavy, and only here

    command("loadtest").loadtest(data, [Load(rate, seconds, batch, known, freed)], as_json=as_json)


@app.command(hidden=True, epilog="Example: payvand simulators")
def simulators() -> None:
    """Run the simulated providers."""
    import_module("hub.simulators.app").main()


for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)


def _exit_code(error: PayvandError) -> int:
    codes: tuple[tuple[type[PayvandError], int], ...] = ((Refused, 1), (Misconfigured, 3), (Transient, 4))
    return next((code for kind, code in codes if isinstance(error, kind)), 1)


def guarded(work: Callable[[], object]) -> NoReturn:
    """Run the work and exit; what went wrong on purpose is one sentence and what to do, not a traceback."""
    try:
        work()
    except (PayvandError, ExceptionGroup) as raised:
        error = _on_purpose(raised)
        if error is None:
            raise
        typer.secho(f"payvand: {error.message}", fg="red", err=True)
        if error.hint:
            typer.echo(f"  {error.hint}", err=True)
        raise SystemExit(_exit_code(error)) from error
    raise SystemExit(0)


def _on_purpose(error: Exception) -> PayvandError | None:
    """What one of several tasks raised on purpose comes in groups of one."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error if isinstance(error, PayvandError) else None


def main() -> NoReturn:
    """The entry point."""
    guarded(lambda: app(prog_name="payvand"))


if __name__ == "__main__":
    main()
