"""The public routes for policies: read, check, put in force, and try out on what was recorded."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path
from pydantic import BaseModel, Field

from runtime.access import require
from runtime.errors import Conflict, NotFound, Refused
from runtime.lines import MEDIA_TYPE, Lines
from schemas.commands import ApplyPolicy
from schemas.topics import ROUTING_COMMANDS
from services.router.adapters.linting import lint_text
from services.router.adapters.policy_yaml import BUILT_IN_TEXT, read_policy
from services.router.adapters.replay_process import Replays
from services.router.adapters.replaying import ReplayRequest
from services.router.adapters.states import States
from services.router.domain.comparison import Comparison
from services.router.domain.lint import Crowd, Finding, Roster
from services.router.domain.policy import BUILT_IN, PolicyError
from services.router.domain.state import State

Version = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", description="A name of your choice, used once.")]
Text = Annotated[str, Field(min_length=1, max_length=50_000, description="The policy's text (YAML); see docs/routing.md.")]


class PolicyLine(BaseModel):
    """A version of the policy. Versions are immutable; one is in force."""

    version: str
    in_force: bool


class PolicyList(BaseModel):
    """Every version ever applied, by name, and the built-in one."""

    items: list[PolicyLine]


class PolicyView(PolicyLine):
    """A version with its text."""

    text: str


class PolicyText(BaseModel):
    """A text to be checked."""

    text: Text


class PolicyWish(PolicyText):
    """A text to be put in force. `force` applies it in spite of errors of the lint; what cannot be read is never applied."""

    force: bool = False


class LintReport(BaseModel):
    """`ok` when there is no error; warnings do not keep a policy from being applied."""

    ok: bool
    findings: list[Finding]


class PolicyTaken(BaseModel):
    """The command is on its way: the version is in force once `GET /v1/policies/{version}` says so, within moments."""

    version: str
    command_id: UUID
    findings: list[Finding]


def router(states: States, replays: Replays) -> APIRouter:
    """The routes under /v1; any process answers them. A policy is in force once it is so in every routing domain."""
    routes = APIRouter(prefix="/v1", tags=["policies"])
    reading = [Depends(require("routing:read"))]

    @routes.get("/policies", dependencies=reading, summary="List policies")
    async def policies() -> PolicyList:
        """All versions that were applied, and which one is in force."""
        found = (await states.all()).values()
        names = sorted({BUILT_IN.version, *(name for state in found for name in state.policies)})
        return PolicyList(items=[PolicyLine(version=name, in_force=_in_force(found, name)) for name in names])

    @routes.get("/policies/{version}", dependencies=reading, summary="Show a policy")
    async def policy(version: Version) -> PolicyView:
        """The text of a version. `current` names the one in force, `built-in` what holds before the first."""
        found = (await states.all()).values()
        name = (await states.of()).policy.version if version == "current" else version
        text = _text(found, name)
        if text is None:
            raise NotFound(f"there is no policy {name!r}", field="version", hint="`GET /v1/policies` lists them")
        return PolicyView(version=name, in_force=_in_force(found, name), text=text)

    @routes.post("/policies/lint", dependencies=reading, summary="Check a policy")
    async def lint(given: PolicyText) -> LintReport:
        """Everything doubtful about a text, against the agents and queues as they are now. Changes nothing."""
        findings = await asyncio.to_thread(lint_text, given.text, _roster((await states.all()).values()))
        return LintReport(ok=_fault(findings) is None, findings=findings)

    @routes.put(
        "/policies/{version}", status_code=202, dependencies=[Depends(require("routing:write"))], summary="Apply a policy"
    )
    async def apply(version: Version, wish: PolicyWish) -> PolicyTaken:
        """Put a text in force under a new version name; an earlier version with its own text comes back into force.

        Another text under a used name is 409, a text with errors 422 with the first of them.
        """
        found = (await states.all()).values()
        known = _text(found, version)
        if known not in (None, wish.text) or version == "current":
            raise Conflict(
                f"the version {version!r} has another text", field="version", hint="versions are immutable: take a new name"
            )
        findings = await asyncio.to_thread(_check, wish.text, _roster(found), force=wish.force)
        command = ApplyPolicy(version=version, text=wish.text)
        async with states.transaction() as unit:
            command_id, *_ = [unit.emit(ROUTING_COMMANDS, domain, command) for domain in states.names]
        return PolicyTaken(version=version, command_id=command_id, findings=findings)

    @routes.post("/replay", dependencies=reading, summary="Try a policy on the recorded log", response_model=Comparison)
    async def replay(wish: ReplayRequest, accept: Annotated[str, Header()] = "") -> Any:
        """What the recorded work of a routing domain would have come to under another policy, beside what it came to.

        Runs in a process of its own, one at a time, for a minute at most. Informs; it never applies anything.
        With `Accept: application/x-ndjson` the answer comes in lines: `{"progress": {"done": 500, "of": 20000}}` while it runs,
        then `{"comparison": …}` or `{"problem": …}`; who goes away ends it.
        """
        await states.of(wish.domain)
        return await (Lines.begin(replays.steps(wish)) if MEDIA_TYPE in accept else replays.run(wish))

    return routes


def _text(states: Iterable[State], version: str) -> str | None:
    if version == BUILT_IN.version:
        return BUILT_IN_TEXT
    return next((state.policies[version] for state in states if version in state.policies), None)


def _in_force(states: Iterable[State], version: str) -> bool:
    return all(state.policy.version == version for state in states)


def _roster(states: Collection[State]) -> Roster:
    agents = [agent for state in states for agent in state.agents.values() if agent.active]
    crowds = Counter((agent.ability.skills, agent.ability.teams) for agent in agents)
    made = tuple(Crowd(dict(skills), teams, count) for (skills, teams), count in sorted(crowds.items(), key=str))
    return Roster(made, {queue.id: queue.team for state in states for queue in state.queues.values()})


def _fault(findings: list[Finding]) -> Finding | None:
    return next((finding for finding in findings if finding.severity == "error"), None)


def _check(text: str, roster: Roster, *, force: bool) -> list[Finding]:
    """Raises Refused for a text that cannot be read, or that has errors and no `force`."""
    findings = lint_text(text, roster)
    fault = _fault(findings)
    if fault is None or (force and _readable(text)):
        return findings
    where = f"line {fault.line}: " if fault.line else ""
    hint = fault.hint or "`payvand policy lint FILE` tells all that is wrong"
    raise Refused(f"{where}{fault.sentence} [{fault.code}]", field=fault.place, hint=hint)


def _readable(text: str) -> bool:
    try:
        read_policy("lint", text)
    except PolicyError:
        return False
    return True
