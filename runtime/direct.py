"""A route without FastAPI's dependency machinery, for the few that are called hundreds of times a second."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute


class DirectRoute(APIRoute):
    """Calls its endpoint with the request and nothing else; it answers with a Response.

    What callers see stays the same: errors become problem details, and the route stands in the OpenAPI document with what
    `openapi_extra` and `dependencies` say. Checks of its own (`runtime.access.caller_of`) the endpoint makes itself.
    """

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """The endpoint itself."""
        endpoint: Any = self.endpoint
        return endpoint  # type: ignore[no-any-return]
