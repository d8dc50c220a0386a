"""The face for providers that fetch a file of an answer: one file per signed link, nothing else."""

from dataclasses import dataclass

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response

from runtime.clock import Clock
from runtime.errors import NotFound
from runtime.file_links import PATH, FileLinks
from runtime.limits import Rate
from runtime.objects import Objects
from runtime.serving import Wish, serve


@dataclass(frozen=True)
class LinkedFiles:
    """Where links lead to."""

    links: FileLinks
    objects: Objects
    rate: Rate
    clock: Clock

    async def give(self, request: Request, ticket: str, name: str, range: str | None) -> Response:
        """The file, or its headers alone. Raises NotFound for every link that does not hold, TooMany."""
        await self.rate.spend(request.client.host if request.client else "")
        file = self.links.opened(ticket, name, self.clock.now())
        answer = await serve(self.objects, file.ref, Wish(file.name, range, declared=file.media_type))
        how = answer.headers["content-disposition"].partition(";")[0]
        # Carriers read the plain form only; the name in a link needs no other.
        answer.headers["content-disposition"] = f'{how}; filename="{file.name}"'
        answer.headers["cache-control"] = "private, no-store"
        return Response(None, answer.status_code, dict(answer.headers)) if request.method == "HEAD" else answer


def router(files: LinkedFiles) -> APIRouter:
    """`/files/…`: GET and HEAD."""
    routes = APIRouter(include_in_schema=False)

    @routes.api_route(f"{PATH}/{{ticket}}/{{name}}", methods=["GET", "HEAD"])
    async def give(request: Request, ticket: str, name: str, range: str | None = Header(None, max_length=100)) -> Response:
        """One file of an answer, for who has its link."""
        return await files.give(request, ticket, name, range)

    @routes.api_route(f"{PATH}{{rest:path}}", methods=["GET", "HEAD"])
    async def nothing(rest: str) -> Response:
        """Nothing is listed."""
        raise NotFound("there is no such file")

    return routes
