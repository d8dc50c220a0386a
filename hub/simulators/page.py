"""What the simulated provider has received, as a page and as JSON; the other simulated providers stand beside it."""

from collections.abc import Sequence
from dataclasses import asdict
from html import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from hub.simulators.mailbox import Mailbox

_STYLE = (
    "body{font:15px/1.6 system-ui;max-width:860px;margin:2em auto;padding:0 1em}"
    "article{border-top:1px solid #ccc;padding:.8em 0}p{white-space:pre-wrap}"
)
_TITLE = "Simulated mailboxes"
_HEAD = f"<!doctype html><meta charset=utf-8><title>{_TITLE}</title><style>{_STYLE}</style><h1>{_TITLE}</h1>"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(mailbox: Mailbox, mounts: Sequence[BaseRoute] = ()) -> Starlette:
    """`GET /` for people, `GET /mails?to=` for programs, `/health/…`, and the HTTP APIs in `mounts`."""

    async def mails(request: Request) -> Response:
        found = mailbox.to(request.query_params.get("to", ""))
        return JSONResponse([{**asdict(mail), "at": mail.at.isoformat()} for mail in found])

    async def people(request: Request) -> Response:
        rows = "".join(
            f"<article dir=auto><strong>{escape(mail.subject)}</strong><br><small>{escape(mail.sender)} → {escape(mail.to)}, "
            f"{mail.at:%H:%M:%S} UTC</small><p>{escape(mail.text[:2_000])}</p></article>"
            for mail in reversed(mailbox.mails)
        )
        html = f"{_HEAD}{rows or 'No mail yet.'}"
        return HTMLResponse(html, headers={"content-security-policy": _POLICY})

    async def health(request: Request) -> Response:
        return PlainTextResponse("ok")

    routes = [Route("/", people), Route("/mails", mails), Route("/health/live", health), Route("/health/ready", health)]
    return Starlette(routes=[*routes, *mounts])
