"""Sending by Twilio's Programmable Messaging API: SMS, and WhatsApp where the conversation is there."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from channels.base import Ambiguous, BadAddress, OutgoingMessage, Outlet, SendError, Sent
from channels.sms.addresses import e164
from channels.sms.outbound import callback_url, fitting, without_files
from channels.sms.settings import WHATSAPP, SmsInboxSettings, TwilioSettings

if TYPE_CHECKING:
    from channels.sms.twilio_rest import HttpxClient

MAX_CHARACTERS = 1_600
_LOOKED_AT = 50
_SKEW = timedelta(seconds=30)
LOOK_AGAIN_SECONDS = 1.0
_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
_REFERENCE = re.compile(r"(.{1,64})/(?:SM|MM)[0-9a-fA-F]{32}")
_NOT_MADE = frozenset({"failed", "canceled"})


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
        without_files(message)
        number = e164(message.to, self._settings.region)
        if number is None:
            raise BadAddress("not a phone number")
        sender = self._sender(message)
        whatsapp = sender is not None and sender.startswith(WHATSAPP)
        to = WHATSAPP + number if whatsapp else number
        text, note = fitting(message.text, self._settings, MAX_CHARACTERS)
        note = "WhatsApp" if whatsapp else note
        if message.attempt > 1 and (found := await self._find(to, text, message)) is not None:
            return Sent(found, f"{note}; an earlier attempt had arrived")
        try:
            return Sent(await self._create(to, sender, text, message), note)
        except Ambiguous as trouble:
            await asyncio.sleep(self.look_again_seconds)
            if (found := await self._find_or_none(to, text, message)) is not None:
                return Sent(found, note)
            raise trouble

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

    async def _create(self, to: str, sender: str | None, text: str, message: OutgoingMessage) -> str:
        from channels.sms.twilio_rest import translated  # noqa: PLC0415 - as above

        values: dict[str, Any] = {"from_": sender} if sender else {"messaging_service_sid": self._twilio.messaging_service}
        if callback := callback_url(self._settings, self._outlet, message):
            values["status_callback"] = callback
        try:
            made = await self._api().messages.create_async(to=to, body=text, **values)
        except Exception as error:
            raise translated(error) from error
        if not isinstance(made.sid, str) or not _SID.fullmatch(made.sid):
            raise Ambiguous("the answer of Twilio names no message")
        return made.sid

    async def _find(self, to: str, text: str, message: OutgoingMessage) -> str | None:
        """The message as Twilio has it, newest first, made since the reply was asked for. Raises a SendError."""
        from channels.sms.twilio_rest import translated  # noqa: PLC0415 - as above

        since = (message.at or datetime.now(UTC) - timedelta(hours=1)) - _SKEW
        try:
            listed = await self._api().messages.list_async(to=to, date_sent_after=since - timedelta(days=1), limit=_LOOKED_AT)
        except Exception as error:
            raise translated(error) from error
        for one in listed:
            if one.body == text and one.status not in _NOT_MADE and one.date_created and one.date_created >= since:
                return str(one.sid)
        return None

    async def _find_or_none(self, to: str, text: str, message: OutgoingMessage) -> str | None:
        try:
            return await self._find(to, text, message)
        except SendError:
            return None
