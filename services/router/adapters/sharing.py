"""What of the router's topics is which domain's."""

from functools import partial
from typing import Any

from runtime.database import Database
from runtime.errors import Misconfigured, Unhandled
from runtime.stage import Share
from schemas.commands import ConfigureAgent, ConfigureQueue
from schemas.domains import MAIN, Domains
from schemas.envelope import Event
from schemas.interactions import InteractionIdentified
from schemas.topics import router_reader


def share_of(domain: str, domains: Domains) -> Share:
    """The share of a domain's stage: commands by their key, work by the domain that profile found for its conversation.

    A command under a key that no domain has goes to the dead letters of `main`, never to its agents.
    """
    return Share(router_reader(domain), partial(_mine, domain, domains), buries=domain == MAIN)


def _mine(domain: str, domains: Domains, event: Event[Any]) -> bool:
    if isinstance(event.data, InteractionIdentified):
        return domains.standing(event.data.domain) == domain
    if event.key != domain:
        if domain == MAIN and event.key not in domains.names:
            raise Unhandled(f"the command's key is {event.key[:63]!r}; routing domains are {', '.join(domains.names)}")
        return False
    if domains.several:
        _check_teams(domain, domains, event.data)
    return True


def _check_teams(domain: str, domains: Domains, command: Any) -> None:
    """Raises Unhandled for an agent or a queue of another domain. Who is retired may be retired anywhere."""
    match command:
        case ConfigureAgent(active=True, teams=teams):
            subject = f"the agent {command.agent_id!r}"
        case ConfigureQueue(team=str(team)):
            subject, teams = f"the queue {command.queue_id!r}", (team,)
        case _:
            return
    try:
        found = domains.of_teams(teams)
    except ValueError as error:
        raise Unhandled(f"{subject} cannot be in two routing domains: {error}") from error
    if found != domain:
        raise Unhandled(f"{subject} is of the domain {found!r} by its teams; the command was for {domain!r}")


async def leave_nothing_behind(database: Database, domains: Domains) -> None:
    """Raises Misconfigured while a domain that has no name any more still has open work: nobody would ever get it."""
    async with database.reading() as connection:
        rows = await connection.rows(
            """
            SELECT domain, count(*) AS standing FROM router.work_items
            WHERE NOT domain = ANY(CAST(:names AS text[])) GROUP BY domain ORDER BY domain""",
            names=list(domains.names),
        )
    if rows:
        left = ", ".join(f"{row.domain!r} ({row.standing} open)" for row in rows)
        raise Misconfigured(
            f"routing domains were taken out of the settings that still have work: {left}",
            hint="name them again in routing_domains, and take them out when their work has ended",
        )
