"""Routing policies and replays for supervisors: the router's routes, behind the desk's roles, and who applied what."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field
from pydantic_core import from_json

from runtime.errors import Transient
from runtime.lines import MEDIA_TYPE, Lines
from schemas.domains import MAIN
from schemas.values import DomainName
from services.desk.adapters.http.desk import PROBLEMS, Desk, guard, needs
from services.desk.adapters.postgres.policies import Applied, applied, note_applied
from services.desk.adapters.router_face import Answer, Otherwise, RouterFace
from services.desk.domain.people import Viewer

ASupervisor = Annotated[Viewer, Depends(needs("supervisor"))]
Version = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$", description="The name of a version")]
PolicyText = Annotated[str, Field(min_length=1, max_length=50_000, description="The policy's text (YAML)")]
_ENTRIES = 1_000_000


class PolicyVersion(BaseModel):
    """A version of the policy. `applied_at` and `applied_by` tell of the last time at the desk (null: done elsewhere)."""

    version: str
    in_force: bool
    applied_at: datetime | None = None
    applied_by: str | None = None


class Policy(PolicyVersion):
    """A version with its text."""

    text: str


class Checked(BaseModel):
    """A text to be checked."""

    text: PolicyText


class Applying(Checked):
    """A text to be put in force; `force` in spite of errors that do not keep it from being read."""

    force: bool = False


class Finding(BaseModel):
    """Something doubtful about a text; an `error` keeps it from being applied. `code` is stable, `sentence` is English.

    For other languages `wording` names the sentence and `about` what stands in it; without a wording it is taken as it is.
    """

    code: str
    severity: Literal["error", "warning"]
    place: str
    sentence: str
    hint: str = ""
    line: int | None = None
    wording: str = ""
    about: dict[str, str] = {}


class Lint(BaseModel):
    """All that is doubtful; `ok` when there is no error."""

    ok: bool
    findings: list[Finding]


class Replaying(BaseModel):
    """Which part of the record to try a text on: `since` is where it takes over."""

    policy: PolicyText
    version: Annotated[str, Field(max_length=200)] = "replayed"
    domain: DomainName = MAIN
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    within_seconds: Annotated[float, Field(gt=0, le=604_800)] = 20.0


class RoutingRoutes:
    """`/api/routing`: supervisors only. Refusals of the router are passed on as they came."""

    def __init__(self, desk: Desk, router: RouterFace) -> None:
        self._desk = desk
        self._router = router
        self.router = APIRouter(prefix="/api/routing", tags=["routing"], dependencies=[Depends(guard)], responses=PROBLEMS)
        add = self.router.add_api_route
        add("/policies", self.policies, methods=["GET"], response_model=list[PolicyVersion])
        add("/policies/{version}", self.policy, methods=["GET"], response_model=Policy)
        add("/policies/{version}", self.apply, methods=["PUT"], status_code=202, response_model=None)
        add("/lint", self.lint, methods=["POST"], response_model=Lint)
        add("/replay", self.replay, methods=["POST"], response_model=dict[str, Any])

    async def policies(self, viewer: ASupervisor) -> Any:
        """All versions, and which one is in force."""
        answer = await self._router.ask("GET", "/v1/policies")
        if answer.status != 200:
            return _passed_on(answer)
        known = await self._applied()
        return [_marked(line, known) for line in from_json(answer.body)["items"]]

    async def policy(self, viewer: ASupervisor, version: Version) -> Any:
        """The text of a version; `current` is the one in force."""
        answer = await self._router.ask("GET", f"/v1/policies/{version}")
        return _passed_on(answer) if answer.status != 200 else _marked(from_json(answer.body), await self._applied())

    async def lint(self, viewer: ASupervisor, given: Checked) -> Response:
        """Everything doubtful about a text, against the agents and queues as they are. Changes nothing."""
        return _passed_on(await self._router.ask("POST", "/v1/policies/lint", given.model_dump()))

    async def apply(self, viewer: ASupervisor, version: Version, wish: Applying) -> Response:
        """Put a text in force. It is, once `GET …/{version}` says so, within moments."""
        answer = await self._router.ask("PUT", f"/v1/policies/{version}", wish.model_dump())
        if answer.status == 202:
            async with self._desk.kit.transaction() as unit:
                await note_applied(unit, version, viewer.agent_id)
        return _passed_on(answer)

    async def replay(self, viewer: ASupervisor, wish: Replaying, accept: Annotated[str, Header()] = "") -> Response:
        """What the recorded work would have come to under a text, beside what it came to. Takes a minute at most.

        With `Accept: application/x-ndjson` it comes in lines: `{"progress": {"done": 500, "of": 20000}}` while it runs, then
        `{"comparison": …}` or `{"problem": …}`; who goes away ends it.
        """
        told = wish.model_dump(mode="json") | {"max_entries": _ENTRIES}
        if MEDIA_TYPE not in accept:
            return _passed_on(await self._router.ask("POST", "/v1/replay", told))
        try:
            return await Lines.begin(self._router.lines("/v1/replay", told))
        except Otherwise as other:
            return _passed_on(other.answer)

    async def _applied(self) -> dict[str, Applied]:
        async with self._desk.kit.reading() as unit:
            return dict(await applied(unit))


def _marked(line: dict[str, Any], known: dict[str, Applied]) -> dict[str, Any]:
    found = known.get(line["version"])
    return line | ({"applied_at": found.at, "applied_by": found.by} if found else {})


def _passed_on(answer: Answer) -> Response:
    """Raises Transient for what is the router's own trouble."""
    if answer.status >= 500:
        raise Transient("the router has trouble just now")
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": answer.retry_after} if answer.retry_after else {})
    return Response(answer.body, answer.status, headers, answer.media_type)
