"""What the hub itself answers on HTTP, behind the gateway: health of the whole, everybody's metrics, and the API's description.

Small on purpose: the process that supervises must stay light and must not hang on a framework. GET only.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from hub.description import merged
from hub.parts.gateway import PROBLEM, TYPES
from hub.parts.part import get
from hub.parts.services import SERVICES
from hub.plan import ROOT
from hub.supervisor import Supervisor

_JSON = "application/json"
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_HEAD_LIMIT = 16_384
_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})?(?= )")

Reply = tuple[int, str, bytes]
REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


def merged_metrics(pages: Mapping[str, str]) -> str:
    """One Prometheus text page from several: each sample has the label `service` once, each family stands once."""
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for service, page in pages.items():
        family = ""
        for line in page.splitlines():
            if line.startswith("# "):
                family = line.split(" ", 3)[2]
                known = heads.setdefault(family, [])
                if line.split(" ", 2)[1] not in {head.split(" ", 2)[1] for head in known}:
                    known.append(line)
            elif found := _SAMPLE.match(line):
                name, labels = found.group(1), found.group(2)
                inner = labels[1:-1] if labels else ""
                if 'service="' not in inner:
                    inner = ",".join(filter(None, (f'service="{service}"', inner)))
                samples.setdefault(family or name, []).append(f"{name}{{{inner}}}{line[found.end() :]}")
    lines = [line for family in samples for line in (*heads.get(family, ()), *samples[family])]
    return "\n".join(lines) + "\n"


class Face:
    """The hub's own loopback HTTP server. `services` maps service names to their ports."""

    def __init__(self, supervisor: Supervisor, services: Mapping[str, int], url: str) -> None:
        self._supervisor = supervisor
        self._services = services
        self._url = url
        self._routes: dict[str, Callable[[], Awaitable[Reply]]] = {
            "/health": self._health,
            "/health/live": self._live,
            "/health/ready": self._health,
            "/metrics": self._metrics,
            "/openapi.json": self._openapi,
            "/docs": self._reference,
            "/asyncapi.json": self._asyncapi,
            "/asyncapi": self._reference,
        }

    async def serve(self, port: int) -> asyncio.Server:
        """Listen on the loopback port; the caller closes the server."""
        return await asyncio.start_server(self._answer, "127.0.0.1", port, limit=_HEAD_LIMIT)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            async with asyncio.timeout(15):
                head = await reader.readuntil(b"\r\n\r\n")
                status, kind, body = await self._reply(head)
                writer.write(
                    f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                    "Cache-Control: no-store\r\nConnection: close\r\n\r\n".encode()
                )
                writer.write(b"" if head.startswith(b"HEAD ") else body)
                await writer.drain()
        writer.close()

    async def _reply(self, head: bytes) -> Reply:
        words = head.split(b" ", 2)
        if len(words) < 3:
            return _problem(400, "bad-request", "not an HTTP request")
        if words[0] not in {b"GET", b"HEAD"}:
            return _problem(405, "method-not-allowed", "only GET is answered here")
        path = words[1].split(b"?", 1)[0].decode("latin-1")
        if route := self._routes.get(path):
            return await route()
        return _problem(404, "not-found", "there is no such page")

    async def _live(self) -> Reply:
        return 200, _JSON, b'{"status":"live"}'

    async def _health(self) -> Reply:
        parts = {state.name: {"state": state.state, "restarts": state.restarts} for state in self._supervisor.states}
        ready = self._supervisor.ready
        body = json.dumps({"status": "ready" if ready else "not-ready", "parts": parts}).encode()
        return 200 if ready else 503, _JSON, body

    async def _metrics(self) -> Reply:
        pages = {}
        for name, port in self._services.items():
            with suppress(OSError):
                answer = await get(port, "/metrics")
                if answer.status == 200:
                    pages[name] = answer.body.decode(errors="replace")
        own = [
            "# HELP payvand_part_up Whether a part of the embedded hub is ready.",
            "# TYPE payvand_part_up gauge",
            *(f'payvand_part_up{{part="{state.name}"}} {int(state.state == "ready")}' for state in self._supervisor.states),
            "# HELP payvand_part_restarts_total Restarts of a part of the embedded hub.",
            "# TYPE payvand_part_restarts_total counter",
            *(f'payvand_part_restarts_total{{part="{state.name}"}} {state.restarts}' for state in self._supervisor.states),
        ]
        return 200, _TEXT, ("\n".join(own) + "\n" + merged_metrics(pages)).encode()

    async def _openapi(self) -> Reply:
        """The public API of all services; those that are down just now are left out."""
        pages = {}
        for name, port in self._services.items():
            if name not in SERVICES:
                continue
            with suppress(OSError, ValueError):
                answer = await get(port, "/openapi.json", seconds=10)
                if answer.status == 200:
                    pages[name] = json.loads(answer.body)
        if not pages:
            return _problem(503, "unavailable", "no service has described itself yet")
        return 200, _JSON, json.dumps(merged(pages, self._url)).encode()

    async def _asyncapi(self) -> Reply:
        return await _file(ROOT / "schemas" / "published" / "asyncapi.json", _JSON)

    async def _reference(self) -> Reply:
        return await _file(ROOT / "hub" / "pages" / "reference.html", "text/html; charset=utf-8")


async def _file(path: Path, kind: str) -> Reply:
    try:
        return 200, kind, await asyncio.to_thread(path.read_bytes)
    except FileNotFoundError:
        return _problem(404, "not-found", f"{path.name} is not part of this installation")


def _problem(status: int, slug: str, detail: str) -> Reply:
    body = {"type": f"{TYPES}{slug}", "title": REASONS[status], "status": status, "detail": detail}
    return status, PROBLEM, json.dumps(body).encode()
