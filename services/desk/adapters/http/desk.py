"""What the routes of the desk share: the parts they work with, and who may use them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response

from runtime.errors import NotAllowed, NotVerified
from runtime.objects import Objects
from runtime.service import Kit
from services.desk.adapters.http.models import Problem
from services.desk.adapters.postgres.commanding import PostgresCommands
from services.desk.adapters.postgres.conversations import PostgresConversations
from services.desk.adapters.postgres.feed import PostgresFeed
from services.desk.adapters.postgres.people import PostgresPeople, PostgresSessions
from services.desk.adapters.postgres.reading import PostgresReading
from services.desk.domain.people import Role, Viewer
from services.desk.settings import DeskSettings

COOKIE = "payvand_session"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "content": {"application/problem+json": {}}} for status in (401, 403, 404, 409, 422, 429)
}


@dataclass(frozen=True)
class Desk:
    """The parts of the desk."""

    kit: Kit
    feed: PostgresFeed
    settings: DeskSettings = field(default_factory=DeskSettings)
    people: PostgresPeople = field(default_factory=PostgresPeople)
    sessions: PostgresSessions = field(default_factory=PostgresSessions)
    conversations: PostgresConversations = field(default_factory=PostgresConversations)
    reading: PostgresReading = field(default_factory=PostgresReading)

    @cached_property
    def commands(self) -> PostgresCommands:
        """The way to the router."""
        return PostgresCommands(self.kit.settings.domains)

    @cached_property
    def objects(self) -> Objects:
        """Where attachments stand."""
        return Objects(self.kit.settings)


async def viewer(request: Request) -> Viewer:
    """Whose session the cookie opens. Raises NotVerified."""
    token = request.cookies.get(COOKIE)
    found = None
    if token and len(token) <= 200:
        async with request.app.state.kit.reading() as unit:
            found = await PostgresSessions().viewer(unit, token)
    if found is None:
        raise NotVerified("nobody is logged in", hint="log in with POST /api/session")
    return found


async def guard(
    request: Request,
    response: Response,
    payvand: Annotated[str | None, Header(alias="X-Payvand", description="`1`; needed on all that changes something")] = None,
) -> None:
    """Refuse what another site may have sent: a form cannot set this header. Answers are never cached."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if request.method not in ("GET", "HEAD") and payvand != "1":
        raise NotAllowed("the header X-Payvand is missing", field="X-Payvand", hint="send X-Payvand: 1")


CurrentViewer = Annotated[Viewer, Depends(viewer)]


def needs(role: Role) -> Callable[[Viewer], Awaitable[Viewer]]:
    """A dependency: the viewer, if they have at least this role."""

    async def check(current: CurrentViewer) -> Viewer:
        if not current.may(role):
            raise NotAllowed(f"this needs the role {role}")
        return current

    return check


AnAgent = Annotated[Viewer, Depends(needs("agent"))]
