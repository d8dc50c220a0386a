"""What agents, queues and work items hold beyond their columns, in JSON: only what is not at its default."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from schemas.decisions import Reason
from schemas.values import AgentPresence
from services.router.domain.model import Agent, Queue, Session, WorkItem
from services.router.domain.plan import PLAIN, Overflow, Plan
from services.router.domain.values import MICROSECOND, micros

_MOMENTS = (
    "preferred_until", "parked_until", "greet_at", "sla_due", "answered_at", "update_at", "overflow_at",
)  # fmt: skip
_FLAGS = ("directed", "sla_breached")


def agent_extra(agent: Agent) -> str | None:
    """Sessions, when the agent left, and the place of the last work given."""
    sessions = {name: [session.epoch, session.state.value, _text(session.until)] for name, session in agent.sessions.items()}
    return _sparse({"sessions": sessions, "left_at": _text(agent.left_at), "given_seq": agent.given_seq})


def give_agent(agent: Agent, form: Mapping[str, Any] | None) -> Agent:
    """Put back what `agent_extra` wrote."""
    form = form or {}
    agent.sessions = {
        name: Session(epoch, AgentPresence(state), _moment(until))
        for name, (epoch, state, until) in form.get("sessions", {}).items()
    }
    agent.left_at = _moment(form.get("left_at"))
    agent.given_seq = form.get("given_seq", 0)
    return agent


def queue_extra(queue: Queue) -> str | None:
    """How the hours stood when last looked at, and the pace."""
    known = {"closed": queue.closed, "turns_at": _text(queue.turns_at), "pace": queue.pace, "pace_from": _text(queue.pace_from)}
    return _sparse(known)


def give_queue(queue: Queue, form: Mapping[str, Any] | None) -> Queue:
    """Put back what `queue_extra` wrote."""
    form = form or {}
    queue.closed, queue.pace = form.get("closed", False), form.get("pace", 0)
    queue.turns_at, queue.pace_from = _moment(form.get("turns_at")), _moment(form.get("pace_from"))
    return queue


def item_extra(item: WorkItem) -> str | None:
    """The plan, the preference, the clocks."""
    known: dict[str, Any] = {name: _text(getattr(item, name)) for name in _MOMENTS}
    known |= {name: getattr(item, name) for name in _FLAGS}
    known |= {
        "contact": None if item.contact is None else str(item.contact),
        "plan": _plan_form(item.plan),
        "aged": item.aged - micros(item.enqueued_at),
        "preferred": item.preferred,
        "teams": item.teams,
        "notes": item.notes,
        "why": None if item.why is None or item.held is None else item.why.model_dump(mode="json", exclude_defaults=True),
        "decided_seq": item.decided_seq,
    }
    return _sparse(known)


def give_item(item: WorkItem, form: Mapping[str, Any] | None) -> WorkItem:
    """Put back what `item_extra` wrote."""
    form = form or {}
    for name in _MOMENTS:
        setattr(item, name, _moment(form.get(name)))
    for name in _FLAGS:
        setattr(item, name, form.get(name, False))
    item.contact = UUID(form["contact"]) if "contact" in form else None
    item.plan = _read_plan(form["plan"]) if "plan" in form else PLAIN
    item.aged = micros(item.enqueued_at) + form.get("aged", 0)
    item.preferred = form.get("preferred")
    item.notes = tuple(form.get("notes", ()))
    item.why = Reason(**form["why"]) if "why" in form else None
    item.decided_seq = form.get("decided_seq", 0)
    item.teams = tuple(form.get("teams", ()))
    return item


@lru_cache(1_000)
def _plan_form(plan: Plan) -> Mapping[str, Any]:
    """Times in microseconds."""
    if plan == PLAIN:
        return {}
    return {
        "sla": _micros(plan.sla),
        "prefer": _micros(plan.prefer),
        "known_for": _micros(plan.known_for),
        "age_adjust": _micros(plan.age_adjust),
        "overflow": [[overflow.team, _micros(overflow.after), overflow.when_nobody] for overflow in plan.overflow],
    }


def _read_plan(form: Mapping[str, Any]) -> Plan:
    return Plan(
        sla=_time(form["sla"]),
        prefer=_time(form["prefer"]),
        known_for=_time(form["known_for"]) or timedelta(),
        age_adjust=_time(form["age_adjust"]) or timedelta(),
        overflow=tuple(Overflow(team, _time(after), when_nobody) for team, after, when_nobody in form["overflow"]),
    )


def _micros(time: timedelta | None) -> int | None:
    return None if time is None else time // MICROSECOND


def _time(known: int | None) -> timedelta | None:
    return None if known is None else timedelta(microseconds=known)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _sparse(known: Mapping[str, Any]) -> str | None:
    told = {name: value for name, value in known.items() if value}
    return to_json(told).decode() if told else None
