"""The simulated Twilio as the simulators run it: the API, what happens to messages, and the customers who text."""

import asyncio
import hashlib
from collections.abc import Coroutine
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from hub.simulators.script import Conversation
from hub.simulators.twilio.api import Api
from hub.simulators.twilio.calling import call
from hub.simulators.twilio.media import fetch
from hub.simulators.twilio.rules import lost_by
from hub.simulators.twilio.world import Message, World
from runtime.settings import Settings

PATH = "/twilio"
_LOOPBACK = ("http://127.0.0.1", "http://localhost")
_STEP_SECONDS = 0.2


class SimulatedTwilio:
    """One account; its inbox names us in `base_url`."""

    def __init__(self, world: World, answer_seconds: float = 6.0, api_url: str = "") -> None:
        self.world = world
        self._answer_seconds = answer_seconds
        self._api_url = api_url
        self._waiting: dict[str, Conversation] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def mount(self) -> Mount:
        """The API and the customers' side, under PATH."""
        api = Api(self.world, self._made)
        own = [Route("/simulated/messages", self._shown), Route("/simulated/say", self._asked_to_say, methods=["POST"])]
        return Mount(PATH, routes=[*api.routes(), *own])

    def expect(self, conversation: Conversation) -> None:
        """The customer has written before, and still waits for a reply."""
        self._waiting[conversation.address] = conversation

    async def begin(self, conversation: Conversation) -> None:
        """Write the first message; returns once the hub has taken it."""
        self.expect(conversation)
        # The same over restarts, so that a message that was taken is known again.
        await self.says(conversation.address, conversation.text, sid="SM" + conversation.key.hex)

    async def says(self, theirs: str, text: str, sid: str = "", media: tuple[str, bytes] | None = None, ours: str = "") -> int:
        """A customer texts; gives the HTTP status of the hub's answer."""
        ours = ours or next(one for one in self.world.numbers if one.startswith("whatsapp:") == theirs.startswith("whatsapp:"))
        sid = sid or self.world.sid("MM" if media else "SM")
        message = Message(sid, ours, theirs, text, "inbound", "received", 1)
        if self.world.find(sid) is None:
            self.world.messages.append(message)
        answered = self.world.hears(theirs, ours, text)
        if answered:
            self.world.messages.append(Message(self.world.sid("SM"), theirs, ours, answered, "outbound-reply", "sent", 1))
        return await call(self.world.token, self.world.hook, self._fields(message, media))

    async def stop(self) -> None:
        """Say and report nothing more."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _fields(self, message: Message, media: tuple[str, bytes] | None) -> dict[str, str]:
        fields = {
            "ToCountry": "US",
            "SmsMessageSid": message.sid,
            "NumMedia": "1" if media else "0",
            "SmsSid": message.sid,
            "SmsStatus": "received",
            "Body": message.body,
            "To": message.to,
            "NumSegments": "1",
            "MessageSid": message.sid,
            "AccountSid": self.world.account,
            "From": message.sender,
            "ApiVersion": "2010-04-01",
        }
        if media:
            own = self.world.sid("ME")
            self.world.media[own] = media
            path = f"/2010-04-01/Accounts/{self.world.account}/Messages/{message.sid}/Media/{own}"
            fields |= {"MediaContentType0": media[0], "MediaUrl0": self._api_url + path}
        if message.sender.startswith("whatsapp:"):
            fields |= {"ProfileName": "Customer", "WaId": message.sender.removeprefix("whatsapp:+"), "MessageType": "text"}
        return fields

    def _made(self, message: Message) -> None:
        self._start(self._carry(message))
        conversation = self._waiting.pop(message.to, None)
        if conversation is not None:
            self._start(self._answer(conversation))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, conversation: Conversation) -> None:
        await asyncio.sleep(self._answer_seconds)
        await self.says(conversation.address, conversation.answer)

    async def _carry(self, message: Message) -> None:
        """What happens to a message after it was taken, told by status callbacks."""
        refused = await self._refusal(message)
        error = refused or lost_by(message.to)
        steps = ["failed"] if refused else ["sent", "undelivered" if error else "delivered"]
        if message.by_whatsapp and not error:
            steps.append("read")
        for status in steps:
            await asyncio.sleep(_STEP_SECONDS)
            message.status, message.sent = status, message.sent or message.created
            message.error_code = error if status in ("undelivered", "failed") else None
            if message.callback:
                await call(self.world.token, message.callback, self._report(message))

    async def _refusal(self, message: Message) -> int | None:
        """What keeps it from leaving Twilio: WhatsApp's window, or files that cannot be fetched."""
        if message.by_whatsapp and not message.template and not self.world.hears_freely(message):
            return 63016
        return await fetch(self.world, message)

    def _report(self, message: Message) -> dict[str, str]:
        fields = {
            "SmsSid": message.sid,
            "SmsStatus": message.status,
            "MessageStatus": message.status,
            "To": message.to,
            "MessageSid": message.sid,
            "AccountSid": self.world.account,
            "From": message.sender or self.world.numbers[0],
            "ApiVersion": "2010-04-01",
        }
        if message.error_code:
            fields["ErrorCode"] = str(message.error_code)
        return fields

    async def _shown(self, request: Request) -> Response:
        to = request.query_params.get("to", "")
        found = [one for one in self.world.messages if to in ("", one.to)]
        return JSONResponse(
            [{**asdict(one), "created": one.created.isoformat(), "sent": None, "files": self._files(one)} for one in found]
        )

    def _files(self, message: Message) -> list[dict[str, Any]]:
        """What was fetched for it."""
        found = [self.world.media[own] for own in message.media if own in self.world.media]
        return [{"type": kind, "sha256": hashlib.sha256(content).hexdigest()} for kind, content in found]

    async def _asked_to_say(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        status = await self.says(form["from"], form["text"], ours=form.get("to", ""), sid=form.get("sid", ""))
        return JSONResponse({"status": status})


def simulated_twilio(hub: Settings, answer_seconds: float) -> SimulatedTwilio | None:
    """For the first SMS inbox whose Twilio is on loopback; None when there is none."""
    for inbox in hub.inboxes:
        provider = inbox.settings.get("provider", {})
        base = str(provider.get("base_url", ""))
        if inbox.channel == "sms" and base.startswith(_LOOPBACK) and urlsplit(base).path == PATH:
            numbers = tuple(str(one) for one in provider.get("numbers", ()))
            world = World(str(provider["account_sid"]), str(provider["auth_token"]), numbers, provider.get("messaging_service"))
            world.templates = {str(one["sid"]): _worded(one) for one in provider.get("templates", {}).values()}
            world.hook = f"{hub.public_url.rstrip('/')}/channels/{inbox.name}"
            return SimulatedTwilio(world, answer_seconds, base)
    return None


def _worded(template: dict[str, Any]) -> str:
    """The approved text of a template: what a company might say around the answer."""
    names = template.get("variables", {"1": ""})
    return "Your answer: " + " ".join(f"{{{{{name}}}}}" for name in names)
