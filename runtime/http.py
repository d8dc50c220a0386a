"""The HTTP face every service has: health, metrics, and errors as RFC 9457 problem details."""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime import logs, metrics, tracing
from runtime.database import passes_by_itself
from runtime.errors import PayvandError, Refused, TooLarge, TooMany

if TYPE_CHECKING:
    from runtime.service import Kit, Service

_log = logs.get(__name__)
PROBLEM = "application/problem+json"
TYPES = "https://payvand.dev/problems/"


def problem(status: int, slug: str, detail: str, **more: Any) -> JSONResponse:
    """An RFC 9457 answer. `type` is stable; `field` and `hint` say what is at fault and what would be right."""
    content = {"type": TYPES + slug, "title": slug.replace("-", " "), "status": status, "detail": detail}
    content |= {name: value for name, value in more.items() if value is not None}
    return JSONResponse(content, status_code=status, media_type=PROBLEM)


def build(kit: "Kit", service: "Service") -> FastAPI:
    """The service's application: its routers under the common rules."""
    app = FastAPI(title=f"Payvand {service.name}", version="0.1.0", docs_url=None, redoc_url=None)
    app.state.kit = kit
    _add_health(app, kit, service)
    _add_errors(app)
    for router in service.routers:
        app.include_router(router)
    for path, mounted in service.mounts.items():
        app.mount(path, mounted)
    app.add_middleware(Guard, max_body_bytes=kit.settings.max_body_bytes, larger=service.larger_bodies)
    return app


def _add_health(app: FastAPI, kit: "Kit", service: "Service") -> None:
    @app.get("/health/live", include_in_schema=False)
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.get("/health/ready", include_in_schema=False)
    async def ready() -> JSONResponse:
        trouble = await kit.trouble()
        status = "standing by" if any(stage.standing_by for stage in service.stages) else "ready"
        return JSONResponse({"status": "not ready" if trouble else status, "trouble": trouble}, 503 if trouble else 200)

    @app.get("/metrics", include_in_schema=False)
    async def show_metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(PayvandError)
    async def refused(request: Request, error: PayvandError) -> JSONResponse:
        if isinstance(error, Refused):
            answer = problem(error.status, error.slug, error.message, field=error.field, hint=error.hint)
            if isinstance(error, TooMany):
                answer.headers["Retry-After"] = str(max(1, round(error.retry_after)))
            return answer
        return _unexpected(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [
            {"field": ".".join(str(part) for part in fault["loc"] if part != "body"), "wrong": fault["msg"]}
            for fault in error.errors()
        ]
        first = faults[0]
        return problem(422, "invalid", f"{first['field']}: {first['wrong']}", field=first["field"], errors=faults)

    @app.exception_handler(StarletteHTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        slug = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "refused")
        return problem(error.status_code, slug, str(error.detail))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        return _unexpected(request, error)


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    if passes_by_itself(error) or (isinstance(error, PayvandError) and error.retryable):
        answer = problem(503, "unavailable", "a part of the hub is not available just now", hint="try again")
        answer.headers["Retry-After"] = "1"
        return answer
    _log.error("request failed", path=request.scope.get("route_path", request.url.path), exc_info=error)
    return problem(500, "internal", "the hub failed on this request; it is logged")


class Guard:
    """Bounds every request body, measures every request, and opens its span. Plain ASGI, because it stands before all else."""

    def __init__(self, app: ASGIApp, max_body_bytes: int, larger: Mapping[str, int] = MappingProxyType({})) -> None:
        self._app = app
        self._max = max_body_bytes
        self._larger = tuple(larger.items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, within the limit."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        most = self._limit(scope["path"])
        if not length.isdigit() or int(length) > most:
            await self._too_large(most)(scope, receive, send)
            return
        await self._measured(scope, self._bounded(receive, most), send, headers.get(b"traceparent"))

    def _limit(self, path: str) -> int:
        return max((most for prefix, most in self._larger if path.startswith(prefix)), default=self._max)

    async def _measured(self, scope: Scope, receive: Receive, send: Send, parent: bytes | None) -> None:
        started = time.perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with tracing.span(f"{scope['method']}", parent.decode("latin-1") if parent else None):
            try:
                await self._app(scope, receive, noting)
            finally:
                route = getattr(scope.get("route"), "path", "other")
                metrics.HTTP_SECONDS.labels(scope["method"], route, status).observe(time.perf_counter() - started)

    def _bounded(self, receive: Receive, most: int) -> Receive:
        seen = 0

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise TooLarge(f"the body is over {most} bytes", hint="send less at once")
            return message

        return counting

    def _too_large(self, most: int) -> Response:
        return problem(413, "too-large", f"the body is over {most} bytes", hint="send less at once")
