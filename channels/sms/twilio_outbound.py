"""Sending by Twilio's Programmable Messaging API: SMS, MMS, and WhatsApp where the conversation is there."""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from channels.base import Ambiguous, BadAddress, ContentRefused, OutgoingMessage, Outlet, RetryLater, SendError, Sent
from channels.sms.addresses import e164
from channels.sms.outbound import callback_url, fitting
from channels.sms.settings import WHATSAPP, SmsInboxSettings, TwilioSettings
from channels.sms.twilio_parts import Part, parts
from channels.sms.twilio_window import CLOSED, is_open, templated

if TYPE_CHECKING:
    from channels.sms.twilio_rest import HttpxClient

MAX_CHARACTERS = 1_600
_LOOKED_AT = 50
_SKEW = timedelta(seconds=30)
LOOK_AGAIN_SECONDS = 1.0
_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
_REFERENCE = re.compile(r"(.{1,64})/(?:SM|MM)[0-9a-fA-F]{32}")
_NOT_MADE = frozenset({"failed", "canceled"})


@dataclass(frozen=True, slots=True)
class _Way:
    """To whom, and from which of our senders; None leaves that to the messaging service."""

    to: str
    sender: str | None

    @property
    def whatsapp(self) -> bool:
        return self.to.startswith(WHATSAPP)

    @property
    def by_name(self) -> bool:
        return self.sender is not None and not self.whatsapp and not self.sender.lstrip("+").isdecimal()


class TwilioOutbound:
    """The delivery's id stands in the status callback's URL. A message that was perhaps taken is looked for before it is sent
    again or called unknown: by recipient, text and time, because Twilio keeps no id of ours.
    """

    def __init__(self, settings: SmsInboxSettings, twilio: TwilioSettings, outlet: Outlet) -> None:
        self._settings = settings
        self._twilio = twilio
        self._outlet = outlet
        self._made: tuple[Any, HttpxClient] | None = None
        self.look_again_seconds = LOOK_AGAIN_SECONDS

    async def send(self, message: OutgoingMessage) -> Sent:
        """The provider id is Twilio's MessageSid. A later attempt (`message.attempt` over 1) looks first."""
        number = e164(message.to, self._settings.region)
        if number is None:
            raise BadAddress("not a phone number")
        sender = self._sender(message)
        way = _Way(WHATSAPP + number if sender is not None and sender.startswith(WHATSAPP) else number, sender)
        if way.whatsapp and not await self._may_write_freely(way):
            return await self._templated(way, message)
        if message.attachments and way.by_name:
            raise ContentRefused("a sender that is a name cannot send files")
        text, note = fitting(message.text, self._settings, MAX_CHARACTERS)
        made = parts(message, text, way.whatsapp, (self._outlet, self._twilio))
        try:
            return await self._send(way, made, message, _note(way, note, message))
        except ContentRefused as refused:
            if not (way.whatsapp and self._twilio.templates and str(CLOSED) in refused.message):
                raise
            return await self._templated(way, message)

    async def close(self) -> None:
        """Close the connections."""
        if self._made is not None:
            made, self._made = self._made, None
            await made[1].close()

    def _api(self) -> Any:
        if self._made is None:
            from channels.sms.twilio_rest import client  # noqa: PLC0415 - heavy; only a hub that sends pays for it

            self._made = client(self._twilio)
        return self._made[0]

    def _sender(self, message: OutgoingMessage) -> str | None:
        """The number that the customer wrote to, if it is one of ours; else the first; None leaves it to the service."""
        numbers = self._twilio.numbers
        written_to = [found[1] for one in message.thread.references if (found := _REFERENCE.fullmatch(one))]
        for one in reversed(written_to):
            if one in numbers or (one.startswith(WHATSAPP) and self._twilio.messaging_service):
                return one
        if self._twilio.messaging_service is not None:
            return None
        return numbers[0]

    async def _may_write_freely(self, way: _Way) -> bool:
        """Without templates there is no choice, and Twilio's own word on the delivery is as good."""
        if not self._twilio.templates or way.sender is None:
            return True
        from channels.sms.twilio_rest import translated  # noqa: PLC0415 - heavy, as above

        try:
            return await is_open(self._api(), way.to, way.sender, datetime.now(UTC))
        except Exception as error:
            trouble = translated(error)
            # Nothing was sent yet, so that a broken question is no unknown outcome.
            raise RetryLater(trouble.message) if isinstance(trouble, Ambiguous) else trouble from error

    async def _templated(self, way: _Way, message: OutgoingMessage) -> Sent:
        return await self._send(way, (templated(self._twilio, message),), message, "WhatsApp template")

    async def _send(self, way: _Way, made: tuple[Part, ...], message: OutgoingMessage, note: str) -> Sent:
        """One part after the other; the last one's receipts and id stand for all."""
        known = await self._listed(way, message) if message.attempt > 1 else []
        sids: list[str] = []
        for place, part in enumerate(made, 1):
            found = _among(known, part, sids)
            if found and place == len(made):
                return Sent(found, f"{note}; an earlier attempt had arrived")
            sids.append(found or await self._sent(way, part, (message, sids, place == len(made))))
        return Sent(sids[-1], note)

    async def _sent(self, way: _Way, part: Part, of: tuple[OutgoingMessage, list[str], bool]) -> str:
        message, sids, last = of
        try:
            return await self._create(way, part, callback_url(self._settings, self._outlet, message) if last else None)
        except Ambiguous as trouble:
            await asyncio.sleep(self.look_again_seconds)
            if (found := _among(await self._listed_or_none(way, message), part, sids)) is not None:
                return found
            raise trouble

    async def _create(self, way: _Way, part: Part, callback: str | None) -> str:
        from channels.sms.twilio_rest import translated  # noqa: PLC0415 - as above

        values = part.values()
        values |= {"from_": way.sender} if way.sender else {"messaging_service_sid": self._twilio.messaging_service}
        values |= {"status_callback": callback} if callback else {}
        try:
            made = await self._api().messages.create_async(to=way.to, **values)
        except Exception as error:
            raise translated(error) from error
        if not isinstance(made.sid, str) or not _SID.fullmatch(made.sid):
            raise Ambiguous("the answer of Twilio names no message")
        return made.sid

    async def _listed(self, way: _Way, message: OutgoingMessage) -> list[Any]:
        """What Twilio has for the recipient, newest first, made since the reply was asked for. Raises a SendError."""
        from channels.sms.twilio_rest import translated  # noqa: PLC0415 - as above

        since = (message.at or datetime.now(UTC) - timedelta(hours=1)) - _SKEW
        try:
            found = await self._api().messages.list_async(
                to=way.to, date_sent_after=since - timedelta(days=1), limit=_LOOKED_AT
            )
        except Exception as error:
            raise translated(error) from error
        return [one for one in found if one.status not in _NOT_MADE and one.date_created and one.date_created >= since]

    async def _listed_or_none(self, way: _Way, message: OutgoingMessage) -> list[Any]:
        try:
            return await self._listed(way, message)
        except SendError:
            return []


def _among(known: list[Any], part: Part, taken: list[str]) -> str | None:
    """The newest of these that is like the part and stands for no other part."""
    return next((str(one.sid) for one in known if str(one.sid) not in taken and part.is_like(one)), None)


def _note(way: _Way, note: str, message: OutgoingMessage) -> str:
    files = len(message.attachments)
    by = "WhatsApp" if way.whatsapp else f"MMS: {note}" if files else note
    return f"{by}, {files} file{'' if files == 1 else 's'}" if files else by
