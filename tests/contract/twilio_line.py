"""An SMS inbox and the simulated Twilio it speaks to, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.base import (
    OutgoingMessage,
    Outlet,
)
from channels.sms.outbound import outbound
from channels.sms.settings import SmsInboxSettings, TwilioSettings
from channels.sms.twilio_outbound import TwilioOutbound
from hub.simulators.twilio.part import PATH, SimulatedTwilio
from hub.simulators.twilio.world import Message, World
from schemas.replies import ChatMessageSent
from tests.contract import twilio_requests as twilio
from tests.contract.loopback import served

MOBILE = "+14155550142"
OURS = "+12125550123"
WHATSAPP = "whatsapp:+14155238886"
SERVICE = "MG" + "0" * 32


async def publish(event: ChatMessageSent) -> None:
    """Text messages go to no widget."""
    raise AssertionError


async def read_file(ref: str) -> bytes:
    """Twilio fetches files itself."""
    raise AssertionError


def lent(url: str) -> Outlet:
    """What the notifier lends; a file's link has its ref."""
    return Outlet(publish, read_file, url, lambda file: f"{url}/files/{file.ref}")


@dataclass
class Line:
    """One inbox and the Twilio it speaks to. `calls` is what came back to the hub, `files` what its links give, by ref."""

    world: World
    files: dict[str, tuple[str, bytes]]
    part: SimulatedTwilio
    settings: SmsInboxSettings
    outbound: TwilioOutbound
    calls: list[tuple[str, dict[str, str], str]]
    url: str
    others: list[TwilioOutbound] = field(default_factory=list)

    def sent(self) -> list[Message]:
        """What went out by the API, oldest first."""
        return [one for one in self.world.messages if one.direction == "outbound-api"]

    async def settled(self, made: Message) -> str:
        """The state that a message ends in, with its error."""
        async with asyncio.timeout(20):
            while made.status not in ("delivered", "read", "undelivered", "failed"):  # noqa: ASYNC110 - waits for another side
                await asyncio.sleep(0.02)
        return f"{made.status} {made.error_code}" if made.error_code else made.status

    def wait(self, count: int) -> Any:
        """Until so many callbacks came."""

        async def waiting() -> None:
            async with asyncio.timeout(20):
                while len(self.calls) < count:  # noqa: ASYNC110 - waits for another side
                    await asyncio.sleep(0.02)

        return waiting()

    def with_provider(self, **changes: Any) -> TwilioOutbound:
        """Another outbound side of the same account."""
        provider = self.settings.provider.model_copy(update=changes)
        made = outbound(self.settings.model_copy(update={"provider": provider}), lent(self.url))
        assert isinstance(made, TwilioOutbound)
        self.others.append(made)
        return made


@asynccontextmanager
async def opened(service: str | None = None, **changes: Any) -> AsyncIterator[Line]:
    world = World(twilio.ACCOUNT, twilio.TOKEN, (OURS, WHATSAPP, "+15005550007", "+15005550008"), service)
    part = SimulatedTwilio(world)
    calls: list[tuple[str, dict[str, str], str]] = []

    files: dict[str, tuple[str, bytes]] = {}

    async def file(request: Request) -> Response:
        kind, content = files.get(request.path_params["name"], ("", b""))
        return Response(content, media_type=kind) if content else Response(status_code=404)

    async def hook(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        calls.append((str(request.url), form, request.headers["x-twilio-signature"]))
        return Response(status_code=204)

    own = [Route("/channels/{rest:path}", hook, methods=["POST"]), Route("/files/{name:path}", file)]
    app = Starlette(routes=[part.mount(), *own])
    async with served(app) as url:
        part._api_url = f"{url}{PATH}"
        world.hook = f"{url}/channels/line"
        provider = {"account_sid": twilio.ACCOUNT, "auth_token": SecretStr(twilio.TOKEN), "numbers": (OURS, WHATSAPP)}
        provider |= {"base_url": f"{url}{PATH}", **changes}
        settings = SmsInboxSettings(inbox="line", provider=TwilioSettings(**provider))
        made = outbound(settings, lent(url))
        assert isinstance(made, TwilioOutbound)
        line = Line(world, files, part, settings, made, calls, url)
        try:
            yield line
        finally:
            for outbound_side in (made, *line.others):
                await outbound_side.close()
            await part.stop()


def message(to: str = MOBILE, text: str = "hello", **changes: Any) -> OutgoingMessage:
    return replace(OutgoingMessage(uuid4(), uuid4(), to, text, at=datetime.now(UTC)), **changes)
