"""The command `payvand`. Commands live in hub.commands and are imported when they run, so that each starts quickly.

Exit codes: 0 done, 1 the answer is no (not ready, not found, refused), 2 wrong usage, 3 something must be configured or mended,
4 passing trouble (try again).
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NoReturn
from uuid import UUID

import typer

from runtime.errors import Misconfigured, PayvandError, Refused, Transient

app = typer.Typer(
    name="payvand",
    help="Payvand: every channel in one durable log, routing that explains itself.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Data = Annotated[Path, typer.Option("--data", help="The hub's data folder.", envvar="PAYVAND_DATA_DIR")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]
DEFAULT_DATA = Path(".payvand")


def command(module: str) -> Any:
    """The module hub.commands.<module>, imported now."""
    return import_module(f"hub.commands.{module}")


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
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Measure the hub that runs here, beside a bare pipeline as the limit. Exit code 1 when anything was lost or doubled."""
    from hub.loadtest.running import Load  # noqa: PLC0415 - heavy, and only here

    command("loadtest").loadtest(data, [Load(rate, seconds, batch, known)], as_json=as_json)


@app.command(hidden=True, epilog="Example: payvand simulators")
def simulators() -> None:
    """Run the simulated providers."""
    import_module("hub.simulators.app").main()


events = typer.Typer(help="Publish events and watch the log.", no_args_is_help=True)
app.add_typer(events, name="events")


@events.command("publish", epilog="Example: payvand events publish interactions.jsonl")
def events_publish(
    file: Annotated[Path, typer.Argument(help="CloudEvents: one JSON object, an array, or JSON lines; - reads stdin.")],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Publish CloudEvents through /v1/events and print their ids. The same file again changes nothing."""
    command("events").publish(data, file, as_json=as_json)


@events.command("tail", epilog="Example: payvand events tail --topic routing.decisions --json")
def events_tail(
    topic: Annotated[list[str] | None, typer.Option(help="Only these topics; repeat it for several.")] = None,
    beginning: Annotated[bool, typer.Option("--from-beginning", help="Start with the oldest event kept.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Print events as they come, until Ctrl-C. Message texts are shown with --json only."""
    command("events").tail(data, topic or (), beginning=beginning, as_json=as_json)


dlq = typer.Typer(help="Dead letters: events that could not be handled.", no_args_is_help=True)
app.add_typer(dlq, name="dlq")
OneService = Annotated[str | None, typer.Option("--service", help="Only of this service.")]


@dlq.command("list", epilog="Example: payvand dlq list --service router")
def dlq_list(
    service: OneService = None,
    resolved: Annotated[bool, typer.Option(help="Also those that were handled in the end.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first, with their reasons."""
    command("dlq").show_list(data, service, resolved=resolved, as_json=as_json)


@dlq.command("show", epilog="Example: payvand dlq show 0198c0de-7000-5000-8000-000000000001 --content")
def dlq_show(
    id: UUID,
    content: Annotated[
        bool, typer.Option("--content", help="With headers and payload: it may be a customer's message.")
    ] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Show one dead letter as JSON."""
    command("dlq").show(data, id, content=content)


@dlq.command("retry", epilog="Example: payvand dlq retry --all --service router")
def dlq_retry(
    ids: Annotated[list[UUID] | None, typer.Argument(metavar="[ID]...", help="Which ones.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every one that is open.")] = False,
    service: OneService = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Have dead letters tried again, in their old order."""
    command("dlq").retry(data, ids or [], service, all_dead=every)


keys = typer.Typer(help="API keys for /v1.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@keys.command("create", epilog="Example: payvand keys create shop --scope events:write --scope contacts:read")
def keys_create(
    name: Annotated[str, typer.Argument(help="Who holds it.")],
    scope: Annotated[list[str] | None, typer.Option(help="What it may do; repeat it. Default: events:write.")] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make an API key and print it, once."""
    command("keys").create(data, name, scope or [], as_json=as_json)


@keys.command("revoke", epilog="Example: payvand keys revoke shop")
def keys_revoke(name: str, data: Data = DEFAULT_DATA) -> None:
    """Make a key worthless within five seconds."""
    command("keys").revoke(data, name)


@keys.command("list", epilog="Example: payvand keys list --json")
def keys_list(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List keys and their scopes; never the keys themselves."""
    command("keys").show(data, as_json=as_json)


contact = typer.Typer(help="The unified record of a customer.", no_args_is_help=True)
app.add_typer(contact, name="contact")


@contact.command("show", epilog="Example: payvand contact show email:sara@example.org")
def contact_show(
    who: Annotated[str, typer.Argument(help="The contact's id, or type:value of an identifier.")],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show a contact, their identifiers and latest interactions."""
    command("contact").show(data, who, as_json=as_json)


def _exit_code(error: PayvandError) -> int:
    codes: tuple[tuple[type[PayvandError], int], ...] = ((Refused, 1), (Misconfigured, 3), (Transient, 4))
    return next((code for kind, code in codes if isinstance(error, kind)), 1)


def guarded(work: Callable[[], object]) -> NoReturn:
    """Run the work and exit; what went wrong on purpose is one sentence and what to do, not a traceback."""
    try:
        work()
    except PayvandError as error:
        typer.secho(f"payvand: {error.message}", fg="red", err=True)
        if error.hint:
            typer.echo(f"  {error.hint}", err=True)
        raise SystemExit(_exit_code(error)) from error
    raise SystemExit(0)


def main() -> NoReturn:
    """The entry point."""
    guarded(lambda: app(prog_name="payvand"))


if __name__ == "__main__":
    main()
