"""The REST API of the simulated Twilio: Messages, Media, Account, Balance, IncomingPhoneNumbers."""

import asyncio
import base64
import hmac
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from hub.simulators.twilio.rules import AUTHENTICATE, NOT_FOUND, TOO_MANY, Problem, filled, refused
from hub.simulators.twilio.world import Json, Message, World

BASE = "/2010-04-01/Accounts/{account}"
_LOST = "99408"
_LOST_SECONDS = 60
Handler = Callable[[Request], Awaitable[Response]]


class Api:
    """`made` is called with each new message. At most `per_second` requests, else 20429."""

    def __init__(self, world: World, made: Callable[[Message], None], per_second: float = 100) -> None:
        self._world = world
        self._made = made
        self._per_second = per_second
        self._tokens, self._filled = per_second, time.monotonic()

    def routes(self) -> list[Route]:
        """Under the API's root."""
        return [
            Route(f"{BASE}.json", self._guarded(self._account)),
            Route(f"{BASE}/Balance.json", self._guarded(self._balance)),
            Route(f"{BASE}/IncomingPhoneNumbers.json", self._guarded(self._numbers)),
            Route(f"{BASE}/Messages.json", self._guarded(self._create), methods=["POST"]),
            Route(f"{BASE}/Messages.json", self._guarded(self._list), methods=["GET"]),
            Route(f"{BASE}/Messages/{{sid}}.json", self._guarded(self._fetch)),
            Route(f"{BASE}/Messages/{{sid}}/Media/{{media}}", self._guarded(self._media)),
            Route("/content/{media}", self._content),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            if not self._is_known(request):
                return _problem(AUTHENTICATE)
            if not self._may():
                return _problem(TOO_MANY)
            if request.path_params["account"] != self._world.account:
                return _problem(NOT_FOUND)
            return await handler(request)

        return guarded

    def _is_known(self, request: Request) -> bool:
        wanted = base64.b64encode(f"{self._world.account}:{self._world.token}".encode()).decode()
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Basic {wanted}".encode())

    def _may(self) -> bool:
        now = time.monotonic()
        self._tokens = min(self._per_second, self._tokens + (now - self._filled) * self._per_second)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    async def _account(self, request: Request) -> Response:
        account = self._world.account
        return JSONResponse({"sid": account, "status": "active", "type": "Full", "friendly_name": "Simulated"})

    async def _balance(self, request: Request) -> Response:
        return JSONResponse({"account_sid": self._world.account, "balance": "42.50", "currency": "USD"})

    async def _numbers(self, request: Request) -> Response:
        wanted = request.query_params.get("PhoneNumber", "")
        found = [one for one in self._world.numbers if one.startswith("+") and wanted in one]
        shown = [
            {
                "sid": "PN" + one.strip("+").zfill(32),
                "account_sid": self._world.account,
                "phone_number": one,
                "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False},
                "sms_url": self._world.hook,
                "sms_method": "POST",
            }
            for one in found
        ]
        return JSONResponse({"incoming_phone_numbers": shown, "page": 0, "page_size": 50, "next_page_uri": None})

    async def _create(self, request: Request) -> Response:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True)
        form, media = dict(pairs), tuple(value for name, value in pairs if name == "MediaUrl")
        problem = refused(self._world, form, media)
        if problem is not None:
            return _problem(problem)
        message = self._message(form, media)
        self._world.messages.append(message)
        self._made(message)
        if message.to.endswith(_LOST):
            await asyncio.sleep(_LOST_SECONDS)
        return JSONResponse(message.shown(self._world.account), 201)

    def _message(self, form: Mapping[str, str], media: tuple[str, ...]) -> Message:
        """On WhatsApp all files but the first are left out, and a template's text stands for the body."""
        service, template = form.get("MessagingServiceSid"), form.get("ContentSid", "")
        media = media[:1] if form["To"].startswith("whatsapp:") else media
        body = filled(self._world.templates[template], form.get("ContentVariables", "")) if template else form.get("Body", "")
        return Message(
            sid=self._world.sid("MM" if media else "SM"),
            to=form["To"],
            sender=form.get("From") or ("" if service else self._world.numbers[0]),
            body=body or "",
            direction="outbound-api",
            status="accepted" if service else "queued",
            segments=0 if service else _segments(body or ""),
            service=service,
            callback=form.get("StatusCallback", ""),
            media=tuple(self._world.sid("ME") for _ in media),
            urls=media,
            template=template,
        )

    async def _fetch(self, request: Request) -> Response:
        found = self._world.find(request.path_params["sid"])
        return _problem(NOT_FOUND) if found is None else JSONResponse(found.shown(self._world.account))

    async def _list(self, request: Request) -> Response:
        query = request.query_params
        try:
            size, page = int(query.get("PageSize", "50")), int(query.get("Page", "0"))
            found = [one for one in reversed(self._world.messages) if _matches(one, dict(query))]
        except ValueError:
            return _problem(Problem(20001, "Invalid parameter"))
        if not 1 <= size <= 1_000 or page < 0:
            return _problem(Problem(20006, "Page size must be 1 to 1000"))
        shown = found[page * size : (page + 1) * size]
        more = (page + 1) * size < len(found)
        rest = {name: value for name, value in query.items() if name not in ("Page", "PageToken")}
        path = f"/2010-04-01/Accounts/{self._world.account}/Messages.json"
        following = f"{path}?{urlencode({**rest, 'Page': page + 1, 'PageToken': f'PA{shown[-1].sid}'})}" if more else None
        return JSONResponse(
            {
                "messages": [one.shown(self._world.account) for one in shown],
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(len(shown) - 1, 0),
                "uri": path,
                "first_page_uri": f"{path}?{urlencode({**rest, 'Page': 0})}",
                "next_page_uri": following,
                "previous_page_uri": None,
            }
        )

    async def _media(self, request: Request) -> Response:
        """The real one too sends on to a content network."""
        media = request.path_params["media"]
        if media not in self._world.media:
            return _problem(NOT_FOUND)
        root = str(request.url).partition("/2010-04-01/")[0]
        return RedirectResponse(f"{root}/content/{media}", 307)

    async def _content(self, request: Request) -> Response:
        media_type, content = self._world.media.get(request.path_params["media"], ("", b""))
        return Response(content, media_type=media_type) if content else Response(status_code=404)


def _problem(problem: Problem) -> JSONResponse:
    headers = {"retry-after": "1"} if problem.status == 429 else {}
    if problem.status == 401:
        headers["www-authenticate"] = 'Basic realm="Twilio API"'
    return JSONResponse(problem.shown(), problem.status, headers)


def _matches(message: Message, query: Json) -> bool:
    if query.get("To", message.to) != message.to or query.get("From", message.sender) != message.sender:
        return False
    day = (message.sent or message.created).date()
    return (
        _day(query.get("DateSent"), day) == day
        and day >= _day(query.get("DateSent>"), day)
        and day <= _day(query.get("DateSent<"), day)
    )


def _day(given: str | None, otherwise: date) -> date:
    if given is None:
        return otherwise
    return datetime.fromisoformat(given).astimezone(UTC).date() if "T" in given else date.fromisoformat(given)


def _segments(text: str) -> int:
    """Twilio's own count; roughly, for a pretended bill."""
    return max(1, math.ceil(len(text) / (160 if text.isascii() else 70)))
