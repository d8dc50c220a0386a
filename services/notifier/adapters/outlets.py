"""What the notifier lends to the channels' outbound sides."""

from channels.base import ContentRefused, Outlet
from runtime.keys import keyed_hash
from schemas.envelope import derived_id
from schemas.replies import ChatMessageSent
from schemas.topics import WEBCHAT_OUTGOING
from services.notifier.adapters.sender import Transaction


def outlet(transaction: Transaction, secret: str) -> Outlet:
    """An outlet whose `publish` returns once the message is committed to the outbox; doing it again repeats the same event.

    The key orders a visitor's messages without naming the visitor.
    """

    async def publish(message: ChatMessageSent) -> None:
        key = keyed_hash(secret, message.inbox, message.visitor_id)
        async with transaction() as unit:
            unit.emit(WEBCHAT_OUTGOING, key, message, id=derived_id(message.delivery_id, message.type))

    return Outlet(publish, _read_file)


async def _read_file(ref: str) -> bytes:
    raise ContentRefused("files cannot be attached to replies yet", hint=f"send a link instead of {ref!r}")
