"""What the notifier lends to the channels' outbound sides."""

from channels.base import ContentRefused, Outlet
from runtime.errors import Refused
from runtime.keys import keyed_hash
from runtime.objects import Objects
from schemas.envelope import derived_id
from schemas.replies import ChatMessageSent
from schemas.topics import WEBCHAT_OUTGOING
from services.notifier.adapters.sender import Transaction


def outlet(transaction: Transaction, secret: str, objects: Objects, max_file: int, public_url: str | None = None) -> Outlet:
    """An outlet whose `publish` returns once the message is committed to the outbox; doing it again repeats the same event.

    The key orders a visitor's messages without naming the visitor. `read_file` gives files of up to `max_file` bytes.
    """

    async def publish(message: ChatMessageSent) -> None:
        key = keyed_hash(secret, message.inbox, message.visitor_id)
        async with transaction() as unit:
            unit.emit(WEBCHAT_OUTGOING, key, message, id=derived_id(message.delivery_id, message.type))

    async def read_file(ref: str) -> bytes:
        try:
            return await objects.get(ref, max_file)
        except Refused as error:
            raise ContentRefused(f"an attached file cannot be sent: {error.message}") from error

    return Outlet(publish, read_file, public_url)
