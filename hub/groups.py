"""The groups of commands: `payvand events publish`, `payvand policy lint` and so on."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from hub.options import DEFAULT_DATA, AsJson, Data, command

events = typer.Typer(help="Publish events and watch the log.", no_args_is_help=True)


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


webhooks = typer.Typer(help="Webhooks: endpoints that get the public events.", no_args_is_help=True)


@webhooks.command("list", epilog="Example: payvand webhooks list --json")
def webhooks_list(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the subscriptions and how their endpoints fare."""
    command("webhooks").show_list(data, as_json=as_json)


@webhooks.command("create", epilog="Example: payvand webhooks create https://crm.example/hook --type 'payvand.routing.*'")
def webhooks_create(
    url: Annotated[str, typer.Argument(help="Where to POST the events: https, a public address.")],
    types: Annotated[list[str] | None, typer.Option("--type", help="Only these; a * may end one; repeat it.")] = None,
    contact_data: Annotated[bool, typer.Option("--contact-data", help="With names, addresses and texts.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Subscribe an endpoint and print its id and its secret, once."""
    command("webhooks").create(data, url, types or [], contact_data=contact_data, as_json=as_json)


@webhooks.command("test", epilog="Example: payvand webhooks test 0198c0de-7000-5000-8000-000000000001")
def webhooks_test(id: UUID, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Send a trial event to an endpoint, now. Exit code 1 when it did not take it."""
    if not command("webhooks").test(data, id, as_json=as_json):
        raise typer.Exit(1)


GROUPS = {
    "events": events,
    "dlq": dlq,
    "policy": policy,
    "inputs": inputs,
    "keys": keys,
    "contact": contact,
    "channels": channels,
    "calls": calls,
    "webhooks": webhooks,
}
"""Each group by its name on the command line."""
