"""The built front end: its files, and its one page for every address that is not the API's."""

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, HTMLResponse, Response

from runtime.errors import NotFound

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "media-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_FOREVER = "public, max-age=31536000, immutable"
_NOT_OURS = ("api", "v1", "channels", "chat", "health", "metrics", "docs", "openapi.json", "asyncapi", "asyncapi.json")
_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Payvand</title>
<body style="font: 16px/1.5 system-ui; max-width: 40rem; margin: 4rem auto; padding: 0 1rem">
<h1>The desk's pages are not built yet</h1>
<p>The server runs. Build the front end once, then load this page again:</p>
<pre>make setup</pre>
<p>It needs no system Node: the build brings its own.</p></body></html>"""


class FrontRoutes:
    """`/` and everything below it that nobody else serves. Must be included last."""

    def __init__(self, web: Path) -> None:
        self._web = web.resolve()
        self.router = APIRouter(include_in_schema=False)
        self.router.get("/{path:path}")(self.serve)

    async def serve(self, path: str) -> Response:
        """A file of the front end, or its page."""
        first = path.split("/", 1)[0]
        if first in _NOT_OURS:
            raise NotFound("there is nothing at this address")
        found = self._file(path)
        if found is not None:
            cache = _FOREVER if first == "assets" else "no-cache"
            return FileResponse(found, headers=_HEADERS | {"Cache-Control": cache})
        if first == "assets":
            raise NotFound("there is no such file")
        page = self._web / "index.html"
        if not page.is_file():
            return HTMLResponse(_NOT_BUILT, status_code=503, headers=_HEADERS)
        return FileResponse(page, headers=_HEADERS | {"Cache-Control": "no-cache"})

    def _file(self, path: str) -> Path | None:
        if not path or "\x00" in path:
            return None
        wanted = (self._web / path).resolve()
        inside = wanted.is_relative_to(self._web)
        return wanted if inside and wanted.is_file() else None
