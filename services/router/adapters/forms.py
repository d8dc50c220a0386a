"""How log entries and parts of the state stand in JSON."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from schemas.base import EventData
from schemas.commands import ApplyPolicy
from schemas.topics import ROUTING_COMMANDS
from services.router.domain.model import Ability, Agent
from services.router.domain.policy import Demand, Facts
from services.router.domain.values import MICROSECOND, Arrival, Body, Entry, Terms, UsePolicy, UseTerms
from services.router.handlers import policy_of
from services.router.ports import PolicyReader

ARRIVAL = "payvand.routing.work-arrived.v1"
TERMS = "payvand.routing.terms-used.v1"
_TERMS: TypeAdapter[Terms] = TypeAdapter(Terms)
_COMMANDS: dict[str, type[EventData]] = {command.type: command for command in ROUTING_COMMANDS.payloads}
_CACHE = 10_000


def entry_form(entry: Entry) -> tuple[str, str]:
    """An entry's type and data."""
    body = entry.body
    if isinstance(body, Arrival):
        return ARRIVAL, arrival_form(body)
    if isinstance(body, UseTerms):
        return TERMS, terms_form(body.terms)
    if isinstance(body, UsePolicy):
        return ApplyPolicy.type, ApplyPolicy(version=body.version, text=body.text).write().decode()
    return body.type, body.write().decode()


def arrival_form(arrival: Arrival) -> str:
    """The facts, with the item and the time at which the interaction was accepted."""
    accepted = arrival.accepted_at.isoformat()
    contact = f'"contact":"{arrival.contact}",' if arrival.contact is not None else ""
    return (
        f'{{"work_item_id":"{arrival.work_item_id}","accepted_at":"{accepted}",{contact}"facts":{facts_form(arrival.facts)}}}'
    )


def terms_form(terms: Terms) -> str:
    """The terms; times as ISO 8601 durations."""
    return _TERMS.dump_json(terms, fallback=dict, warnings=False).decode()


def read_terms(form: Mapping[str, Any] | str) -> Terms:
    """The terms that `terms_form` wrote, as text or read from a column; what was not known then is at its default."""
    return _TERMS.validate_json(form) if isinstance(form, str) else _TERMS.validate_python(form)


def read_entry(seq: int, at: datetime, id: UUID, form: tuple[str, str], read_policy: PolicyReader) -> Entry:
    """The entry that `entry_form` wrote. Raises pydantic.ValidationError or KeyError when the log was tampered with."""
    type_, data = form
    return Entry(seq, at, id, _read_body(type_, data, read_policy))


def _read_body(type_: str, data: str, read_policy: PolicyReader) -> Body:
    if type_ == ARRIVAL:
        known = from_json(data)
        accepted = datetime.fromisoformat(known["accepted_at"])
        contact = UUID(known["contact"]) if "contact" in known else None
        return Arrival(UUID(known["work_item_id"]), read_facts(known["facts"]), accepted, contact)
    if type_ == TERMS:
        return UseTerms(read_terms(data))
    command = _COMMANDS[type_].read(data)
    if isinstance(command, ApplyPolicy):
        return policy_of(command, read_policy)
    return command  # type: ignore[return-value]


@lru_cache(_CACHE)
def facts_form(facts: Facts) -> str:
    """Facts, without what is unknown."""
    known = {
        "channel": facts.channel,
        "tier": facts.tier,
        "kind": facts.kind,
        "language": facts.language,
        "queue": facts.queue,
        "requirements": dict(facts.requirements) or None,
        "inbox": facts.inbox,
        "length": facts.length or None,
        "has_link": facts.has_link or None,
        "keywords": facts.keywords or None,
        "attachments": facts.attachments or None,
    }
    return _json({name: value for name, value in known.items() if value is not None})


def read_facts(form: Mapping[str, Any]) -> Facts:
    """The facts that `facts_form` wrote."""
    listed = {"requirements": tuple(sorted(form.get("requirements", {}).items())), "keywords": tuple(form.get("keywords", ()))}
    return Facts(**{**form, **listed})


@lru_cache(_CACHE)
def demands_form(demands: tuple[Demand, ...]) -> str:
    """Requirement steps; times in microseconds."""
    return _json([[dict(demand.needs), None if demand.until is None else demand.until // MICROSECOND] for demand in demands])


def read_demands(form: list[list[Any]]) -> tuple[Demand, ...]:
    """The steps that `demands_form` wrote."""
    return tuple(
        Demand(tuple(sorted(needs.items())), None if until is None else timedelta(microseconds=until)) for needs, until in form
    )


def ability_form(agent: Agent) -> str:
    """What an agent can do."""
    ability = agent.ability
    return _ability(ability, agent.auto_accept)


@lru_cache(_CACHE)
def _ability(ability: Ability, auto_accept: frozenset[str]) -> str:
    return _json(
        {
            "skills": dict(ability.skills),
            "teams": sorted(ability.teams),
            "capacity": ability.capacity,
            "channel_caps": dict(ability.channel_caps),
            "auto_accept": sorted(auto_accept),
        }
    )


def read_ability(form: Mapping[str, Any]) -> tuple[Ability, frozenset[str]]:
    """The ability, and the channels whose offers need no answer, that `ability_form` wrote."""
    ability = Ability(
        tuple(sorted(form["skills"].items())),
        frozenset(form["teams"]),
        form["capacity"],
        tuple(sorted(form["channel_caps"].items())),
    )
    return ability, frozenset(form["auto_accept"])


def excluded_form(excluded: Mapping[str, datetime]) -> str | None:
    """Until when which agents are passed over."""
    return _json({agent_id: until.isoformat() for agent_id, until in excluded.items()}) if excluded else None


def read_excluded(form: Mapping[str, str] | None) -> dict[str, datetime]:
    """The exclusions that `excluded_form` wrote."""
    return {agent_id: datetime.fromisoformat(until) for agent_id, until in (form or {}).items()}


def _json(value: Any) -> str:
    return to_json(value).decode()
