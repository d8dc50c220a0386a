"""Answers to web visitors: handed as an event to the process that holds the visitor's socket."""

from datetime import UTC, datetime

from pydantic import ValidationError

from channels.base import BadAddress, ContentRefused, OutgoingMessage, Outlet, RetryLater, SendError, Sent
from channels.webchat.settings import WebchatInboxSettings
from runtime.errors import PayvandError
from schemas.replies import ChatMessageSent


class WebchatOutbound:
    """`Sent` means that the message is on the log; the widget's own word (`received`, `read`) comes as a receipt.

    Sending again is safe: the widget and the server know a message by its delivery id.
    """

    def __init__(self, settings: WebchatInboxSettings, outlet: Outlet) -> None:
        self._settings = settings
        self._outlet = outlet

    async def send(self, message: OutgoingMessage) -> Sent:
        """Publish it. Raises BadAddress for a visitor id that is none, ContentRefused for a text over the limit."""
        if not message.to or len(message.to) > 64:
            raise BadAddress("not a visitor id")
        try:
            event = ChatMessageSent(
                delivery_id=message.delivery_id,
                inbox=self._settings.inbox,
                visitor_id=message.to,
                text=message.text,
                author=message.author,
                attachments=message.attachments,
                at=message.at or datetime.now(UTC),
            )
        except ValidationError as error:
            raise ContentRefused("the message breaks a limit of the web chat") from error
        try:
            await self._outlet.publish(event)
        except SendError:
            raise
        except (PayvandError, OSError) as error:
            raise RetryLater("the message could not be published") from error
        return Sent(str(message.delivery_id))

    async def close(self) -> None:
        """Nothing is held."""
