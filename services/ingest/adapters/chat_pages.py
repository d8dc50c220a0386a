"""What every HTTP request of a chat page needs: the site's right to be here, its token, and an answer that it may read."""

from collections.abc import Awaitable

from fastapi import Request
from fastapi.responses import Response

from runtime import http
from runtime.errors import Refused, TooMany

_BEARER = "bearer "


def peer(client: object) -> str:
    """The address of the other end, as the gateway tells it."""
    return str(getattr(client, "host", ""))


def bearer(query: str | None, authorization: str | None) -> str:
    """The visitor token of a request; empty without one."""
    if authorization and authorization.lower().startswith(_BEARER):
        return authorization[len(_BEARER) :].strip()
    return query or ""


def allow(response: Response, origin: str | None) -> Response:
    """The page's site was checked already; a page cannot read the answer without this."""
    if origin:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"
    response.headers["Vary"] = "Origin"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def preflight(request: Request, methods: str) -> Response:
    """The answer to OPTIONS, for a site that was checked."""
    allowed = {"Access-Control-Allow-Methods": methods, "Access-Control-Max-Age": "600"}
    allowed["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    return allow(Response(status_code=204, headers=allowed), request.headers.get("origin"))


async def answered(request: Request, answer: Awaitable[Response]) -> Response:
    """The answer, or why there is none, both so that the page can read them."""
    try:
        response = await answer
    except Refused as error:
        response = http.problem(error.status, error.slug, error.message, field=error.field, hint=error.hint)
        if isinstance(error, TooMany):
            response.headers["Retry-After"] = str(max(1, round(error.retry_after)))
    return allow(response, request.headers.get("origin"))
