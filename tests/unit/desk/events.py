"""Events as the desk gets them, for one conversation or several."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from schemas import decisions
from schemas.base import EventData
from schemas.envelope import Envelope, Event
from schemas.interactions import ContactChanged, InteractionIdentified, InteractionReceived
from schemas.replies import DeliveryUpdated
from schemas.values import Attachment, Contact, Identifier, Sender, ThreadRef

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def uuid(name: str) -> UUID:
    """The same id for the same name."""
    return uuid5(NAMESPACE_URL, name)


CONVERSATION = uuid("conversation")
CONTACT = uuid("contact")
REASON = decisions.Reason(rule="default", policy="v1", sentence="Because.")


def event(data: EventData, id: UUID | None = None) -> Event[Any]:
    """The event around a payload; its id hangs on the content."""
    id = id or uuid(f"{data.type}{data.model_dump_json()}")
    return Event(Envelope(id=str(id), source="payvand/test", type=data.type, time=NOW, event_id=id), "key", data)


class Story:
    """One conversation: each call gives the next event in time."""

    def __init__(self, conversation: UUID = CONVERSATION, start: int = 0) -> None:
        self.conversation = conversation
        self.seq = start * 100
        self.offer = uuid(f"offer {conversation}")
        self.reply = uuid(f"reply {conversation}")

    def _next(self) -> datetime:
        self.seq += 1
        return NOW + timedelta(seconds=self.seq)

    def contact(self, version: int = 1, name: str = "Мария") -> Contact:
        email = Identifier(type="email", value="a@example.com")
        return Contact(contact_id=CONTACT, version=version, display_name=name, language="ru", identifiers=(email,))

    def identified(
        self, text: str = "Hello", name: str = "Мария", subject: str | None = None, attachment: str | None = None
    ) -> Event[Any]:
        at = self._next()
        files = (Attachment(ref="r", name=attachment, media_type="text/plain", size=1),) if attachment else ()
        interaction = InteractionReceived(
            inbox="support",
            channel="email",
            sender=Sender(identifiers=(Identifier(type="email", value="a@example.com"),), display_name=name),
            occurred_at=at,
            text=text,
            thread=ThreadRef(references=(f"<{self.seq}@example.com>",), subject=subject),
            attachments=files,
        )
        id = uuid(f"{self.conversation} {self.seq}")
        return event(
            InteractionIdentified(
                interaction_id=id,
                conversation_id=self.conversation,
                opened=self.seq == 1,
                contact=self.contact(name=name),
                accepted_at=at,
                interaction=interaction,
            ),
            id,
        )

    def changed(self, version: int, name: str) -> Event[Any]:
        return event(ContactChanged(contact=self.contact(version, name)))

    def queued(self, cause: str = "arrived") -> Event[Any]:
        at = self._next()
        placed: dict[str, Any] = {"seq": self.seq, "at": at, "work_item_id": self.conversation, "enqueued_at": at}
        return event(decisions.WorkQueued(**placed, queue_id="support", channel="email", cause=cause, reason=REASON))

    def requeued(self) -> Event[Any]:
        return self.queued("rejected")

    def offered(self, agent: str) -> Event[Any]:
        at = self._next()
        placed: dict[str, Any] = {"seq": self.seq, "at": at, "work_item_id": self.conversation, "enqueued_at": at}
        return event(
            decisions.OfferMade(
                **placed,
                offer_id=self.offer,
                agent_id=agent,
                queue_id="support",
                channel="email",
                expires_at=NOW + timedelta(minutes=10),
                reason=REASON,
            )
        )

    def ended_offer(self, outcome: str, agent: str = "sara") -> Event[Any]:
        placed: dict[str, Any] = {"at": self._next(), "seq": self.seq, "work_item_id": self.conversation}
        return event(decisions.OfferEnded(**placed, offer_id=self.offer, agent_id=agent, outcome=outcome))

    def assigned(self, agent: str, auto: bool = False) -> Event[Any]:
        at = self._next()
        placed: dict[str, Any] = {"seq": self.seq, "at": at, "work_item_id": self.conversation, "enqueued_at": at}
        return event(
            decisions.WorkAssigned(
                **placed, agent_id=agent, queue_id="support", offer_id=self.offer, channel="email", auto=auto, reason=REASON
            )
        )

    def ended(self, agent: str | None = "sara") -> Event[Any]:
        placed: dict[str, Any] = {"at": self._next(), "seq": self.seq, "work_item_id": self.conversation}
        return event(decisions.WorkEnded(**placed, outcome="resolved", agent_id=agent))

    def agent(self, agent: str, used: int) -> Event[Any]:
        at = self._next()
        load: dict[str, Any] = {"presence": "online", "epoch": 1, "capacity": 100, "used": used}
        return event(decisions.AgentChanged(seq=self.seq, at=at, agent_id=agent, name=agent.title(), **load))

    def queue(self, name: str) -> Event[Any]:
        at = self._next()
        return event(decisions.QueueChanged(seq=self.seq, at=at, queue_id="support", name=name))

    def refused(self, agent: str) -> Event[Any]:
        at = self._next()
        return event(
            decisions.CommandRefused(
                seq=self.seq, at=at, command_id=uuid("command"), code="gone", message="Somebody else has it.", agent_id=agent
            )
        )

    def delivery(self, state: str, attempt: int = 1) -> Event[Any]:
        at = self._next()
        return event(
            DeliveryUpdated(
                delivery_id=uuid("delivery"),
                reply_id=self.reply,
                conversation_id=self.conversation,
                contact_id=CONTACT,
                channel="email",
                inbox="support",
                state=state,
                attempt=attempt,
                at=at,
            )
        )

    def whole(self) -> list[Event[Any]]:
        """A conversation from its first message to its second round."""
        return [
            self.queue("Support"),
            self.agent("sara", 0),
            self.identified("Hello"),
            self.queued(),
            self.offered("sara"),
            self.agent("sara", 10),
            self.ended_offer("rejected"),
            self.requeued(),
            self.identified("Anybody there?"),
            self.changed(2, "Maria P."),
            self.assigned("reza"),
            self.agent("sara", 0),
            self.delivery("queued"),
            self.delivery("sending"),
            self.delivery("sent"),
            self.ended("reza"),
            self.queue("Support desk"),
            self.identified("One more thing"),
            self.queued(),
            self.changed(3, "Maria Petrova"),
            self.refused("sara"),
        ]
