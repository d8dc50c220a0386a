"""Every topic, once: what it carries, what orders it, how long it is kept, who consumes it.

Partition counts are fixed for life, because a key's order hangs on them. `consumers` are the services whose progress decides
when an outbox row may go.
"""

from dataclasses import dataclass
from datetime import timedelta

from schemas import commands, decisions, interactions, replies
from schemas.base import EventData
from schemas.domains import MAIN, Domains

PARTITIONS = 12


@dataclass(frozen=True, slots=True)
class Topic:
    """`key` says in words what orders the topic's records; `version` counts breaking changes of its payloads."""

    name: str
    key: str
    payloads: tuple[type[EventData], ...]
    consumers: tuple[str, ...]
    version: int = 1
    retention: timedelta = timedelta(days=7)
    compacted: bool = False


INTERACTIONS_RECEIVED = Topic(
    "interactions.received", "keyed hash of the sender", (interactions.InteractionReceived,), ("profile",)
)
INTERACTIONS_IDENTIFIED = Topic(
    "interactions.identified", "conversation id", (interactions.InteractionIdentified,), ("router", "desk")
)
INTERACTIONS_AMENDED = Topic(
    "interactions.amended",
    "interaction id",
    (interactions.InteractionAmended, interactions.AttachmentSettled),
    ("desk",),
)
CONTACTS_CHANGED = Topic("contacts.changed", "contact id", (interactions.ContactChanged,), ("notifier", "desk"), compacted=True)
ROUTING_COMMANDS = Topic(
    "routing.commands",
    "routing domain",
    (
        commands.ConfigureAgent,
        commands.ConfigureQueue,
        commands.ApplyPolicy,
        commands.SetPresence,
        commands.AcceptOffer,
        commands.RejectOffer,
        commands.ResolveWork,
        commands.TransferWork,
        commands.CompleteWrapUp,
        commands.RequestCallback,
        commands.CancelWork,
        commands.FireTimer,
    ),
    ("router",),
)
ROUTING_DECISIONS = Topic(
    "routing.decisions",
    "work item id, or agent or queue id",
    (
        decisions.WorkQueued,
        decisions.WaitingUpdated,
        decisions.GreetingDue,
        decisions.SlaBreached,
        decisions.OfferMade,
        decisions.WorkAssigned,
        decisions.OfferEnded,
        decisions.WorkEnded,
        decisions.WrapUpStarted,
        decisions.WrapUpEnded,
        decisions.AgentChanged,
        decisions.QueueChanged,
        decisions.CommandRefused,
    ),
    ("profile", "desk"),
)
REPLIES_REQUESTED = Topic("replies.requested", "conversation id", (replies.ReplyRequested,), ("notifier",))
DELIVERIES_UPDATED = Topic("deliveries.updated", "conversation id", (replies.DeliveryUpdated,), ("desk",))
DELIVERIES_RECEIPTS = Topic("deliveries.receipts", "delivery id", (replies.ReceiptReceived,), ("notifier",))
CONSENTS_KEYWORDS = Topic("consents.keywords", "keyed hash of the address", (replies.KeywordReceived,), ("notifier",))
WEBCHAT_OUTGOING = Topic("webchat.outgoing", "keyed hash of the visitor", (replies.ChatMessageSent,), ("ingest",))
DEAD_LETTERS = Topic("dead-letters", "service", (replies.EventRefused,), (), retention=timedelta(days=30))

ALL = (
    INTERACTIONS_RECEIVED,
    INTERACTIONS_IDENTIFIED,
    INTERACTIONS_AMENDED,
    CONTACTS_CHANGED,
    ROUTING_COMMANDS,
    ROUTING_DECISIONS,
    REPLIES_REQUESTED,
    DELIVERIES_UPDATED,
    DELIVERIES_RECEIPTS,
    CONSENTS_KEYWORDS,
    WEBCHAT_OUTGOING,
    DEAD_LETTERS,
)
ROUTER = "router"
BY_NAME = {topic.name: topic for topic in ALL}
PAYLOADS: dict[str, type[EventData]] = {payload.type: payload for topic in ALL for payload in topic.payloads}


def router_reader(domain: str) -> str:
    """Under which name the router of a domain tells how far it has applied a topic."""
    return ROUTER if domain == MAIN else f"{ROUTER}.{domain}"


def readers(domains: Domains) -> list[tuple[str, str]]:
    """(topic, reader): who must have applied what stands on a topic before it may go. The router reads once per domain."""
    routers = [router_reader(domain) for domain in domains.names]
    return [
        (topic.name, reader)
        for topic in ALL
        for consumer in topic.consumers
        for reader in (routers if consumer == ROUTER else [consumer])
    ]
