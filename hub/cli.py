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


@app.command(epilog="Example: payvand replay --policy new.yaml --from 2026-03-21 --to 2026-03-28 --json")
def replay(
    policy: Annotated[Path, typer.Option(help="The policy to try: a YAML file, or - for stdin.")],
    since: Annotated[str | None, typer.Option("--from", help="Since when it decides (ISO 8601). Default: the start.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Where to stop (ISO 8601). Default: the end of the log.")] = None,
    within: Annotated[float, typer.Option(help="Seconds within which work counts as answered in time.", min=0.1)] = 20,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Fold what was recorded under another policy and show both runs side by side. Applies nothing."""
    command("replay").replay(data, policy, (since, until), within, as_json=as_json)


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


policy = typer.Typer(help="The routing policy: check, show, compare, apply.", no_args_is_help=True)
app.add_typer(policy, name="policy")
PolicyFile = Annotated[Path, typer.Argument(help="The policy: a YAML file, or - for stdin.")]


@policy.command("lint", epilog="Example: payvand policy lint support.yaml")
def policy_lint(
    file: PolicyFile,
    offline: Annotated[bool, typer.Option("--offline", help="Not against the agents and queues of the hub.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong or doubtful about a policy. Exit code 1 when there is an error."""
    if not command("policy").lint(data, file, offline=offline, as_json=as_json):
        raise typer.Exit(1)


@policy.command("show", epilog="Example: payvand policy show --version demo-1 > support.yaml")
def policy_show(
    version: Annotated[str | None, typer.Option(help="Which one. Default: the one in force.")] = None,
    every: Annotated[bool, typer.Option("--all", help="List the versions instead.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Print the text of a policy."""
    command("policy").show(data, version, every=every, as_json=as_json)


@policy.command("diff", epilog="Example: payvand policy diff current support.yaml")
def policy_diff(
    old: Annotated[str, typer.Argument(help="A file or a version; `current` is the one in force.")],
    new: Annotated[str, typer.Argument(help="A file or a version.")],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Say what has changed between two policies. Exit code 1 when something has."""
    if not command("policy").diff(data, old, new, as_json=as_json):
        raise typer.Exit(1)


@policy.command("apply", epilog="Example: payvand policy apply support.yaml --version support-7")
def policy_apply(
    file: PolicyFile,
    version: Annotated[str | None, typer.Option(help="Its name, used once. Default: file name and checksum.")] = None,
    force: Annotated[bool, typer.Option("--force", help="In spite of errors of the lint.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Put a policy in force. Refused when the lint finds errors."""
    command("policy").apply(data, file, version, force=force, as_json=as_json)


inputs = typer.Typer(help="Refused inputs: what providers sent that made no event.", no_args_is_help=True)
app.add_typer(inputs, name="inputs")
OneInbox = Annotated[str | None, typer.Option("--inbox", help="Only of this inbox.")]


@inputs.command("list", epilog="Example: payvand inputs list --inbox support")
def inputs_list(
    inbox: OneInbox = None,
    resolved: Annotated[bool, typer.Option(help="Also those that were accepted in the end.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """List refused inputs, oldest first, with their reasons."""
    command("inputs").show_list(data, inbox, resolved=resolved, as_json=as_json)


@inputs.command("show", epilog="Example: payvand inputs show 0198c0de-7000-5000-8000-000000000001 --content")
def inputs_show(
    id: UUID,
    content: Annotated[bool, typer.Option("--content", help="With what came in: it may be a customer's message.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Show one refused input as JSON."""
    command("inputs").show(data, id, content=content)


@inputs.command("retry", epilog="Example: payvand inputs retry --all --inbox support")
def inputs_retry(
    ids: Annotated[list[UUID] | None, typer.Argument(metavar="[ID]...", help="Which ones.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every one that is refused.")] = False,
    inbox: OneInbox = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Have refused inputs read again, after a fix."""
    command("inputs").retry(data, ids or [], inbox, every=every)


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


channels = typer.Typer(
    help="Channels: which there are, their forms and secrets, and whether the inboxes work.", no_args_is_help=True
)
app.add_typer(channels, name="channels")


@channels.command("list", epilog="Example: payvand channels list")
def channels_list(as_json: AsJson = False) -> None:
    """List the channels, ours and those of other packages, with what is wrong with them."""
    command("channels").show_list(as_json=as_json)


@channels.command("form", epilog="Example: payvand channels form telegram")
def channels_form(
    name: Annotated[str, typer.Argument(help="The channel, such as email.")],
    as_json: AsJson = False,
) -> None:
    """Show what an inbox of a channel can be told in payvand.toml."""
    command("channels").show_form(name, as_json=as_json)


@channels.command("encrypt", epilog="Example: payvand channels encrypt < token.txt")
def channels_encrypt(data: Data = DEFAULT_DATA) -> None:
    """Read a secret from stdin, or ask for it, and print what may stand for it in payvand.toml."""
    command("channels").encrypt(data)


@channels.command("test", epilog="Example: payvand channels test support")
def channels_test(
    name: Annotated[str | None, typer.Argument(metavar="INBOX", help="Which inbox.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every inbox.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Ask the providers whether inboxes work, without a message to anybody. Exit code 1 when something is wrong."""
    if not command("channels").show_examination(data, name, every=every, as_json=as_json):
        raise typer.Exit(1)


calls = typer.Typer(help="Calls of a PBX.", no_args_is_help=True)
app.add_typer(calls, name="calls")


@calls.command(
    "import", epilog="Example: payvand calls import Master.csv --format asterisk-cdr --zone Asia/Tehran --inbox hotline"
)
def calls_import(  # noqa: PLR0913, PLR0917 - options of a command line
    file: Annotated[Path, typer.Argument(help="A log (.gz too), or a folder of documents.")],
    format: Annotated[
        str,
        typer.Option(help="queue_log, asterisk-cdr, asterisk-cdr-json, freeswitch-json, freeswitch-xml or csv."),
    ],
    mapping: Annotated[Path | None, typer.Option(help="YAML: which column means what, for csv.")] = None,
    inbox: Annotated[str | None, typer.Option(help="The call inbox; needed when there are several.")] = None,
    zone: Annotated[str | None, typer.Option(help="The clock of the PBX, such as Asia/Tehran; default: the inbox's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only read, and say what would be taken.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Bring in a log of calls. Again, or while the log is followed, changes nothing. Exit code 1: lines that cannot be read."""
    module = command("calls")
    module.import_calls(data, module.Wanted(file, format, mapping, inbox, zone, dry_run), as_json=as_json)


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
