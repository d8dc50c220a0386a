"""A typed client of a Payvand hub. `Payvand` blocks, `AsyncPayvand` does not; both say and promise the same.

from payvand_client import Identifier, Interaction, Payvand

with Payvand("https://hub.example", key="pv_…") as hub:
    sara = Identifier("email", "sara@example.org")
    interaction_id = hub.post_interaction(Interaction("shop", "shop", (sara,), text="Where is my order?"))
    print(hub.wait_until(interaction_id, "assigned")["assignee"])
"""

from payvand_client.blocking import Payvand
from payvand_client.errors import PayvandError, Problem, Unreachable
from payvand_client.nonblocking import AsyncPayvand
from payvand_client.results import (
    Agent,
    Contact,
    Conversation,
    Explanation,
    InteractionState,
    Queue,
    Reply,
    State,
    StreamEvent,
    TimelineItem,
)
from payvand_client.retries import Retries
from payvand_client.webhooks import WebhookNotVerified, verify_webhook
from payvand_client.writing import Attachment, Event, Identifier, Interaction

__all__ = [
    "Agent",
    "AsyncPayvand",
    "Attachment",
    "Contact",
    "Conversation",
    "Event",
    "Explanation",
    "Identifier",
    "Interaction",
    "InteractionState",
    "Payvand",
    "PayvandError",
    "Problem",
    "Queue",
    "Reply",
    "Retries",
    "State",
    "StreamEvent",
    "TimelineItem",
    "Unreachable",
    "WebhookNotVerified",
    "verify_webhook",
]
