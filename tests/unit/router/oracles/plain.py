"""A second router, written as plainly as its promises read: it looks at everybody and everything, every time.

It shares no code with the machine beyond the commands and the costs. Work of channels that may wait with its agent only.
"""

from collections import Counter
from dataclasses import dataclass, field

from schemas.commands import ConfigureAgent
from schemas.decisions import OfferMade, WorkAssigned
from schemas.values import AgentPresence
from services.router.domain.values import Terms


@dataclass(eq=False)
class Person:
    """`idle` is the place in the log at which the idle clock started."""

    known: ConfigureAgent
    presence: AgentPresence = AgentPresence.OFFLINE
    silent: bool = False
    idle: int = 0
    work: list["Piece"] = field(default_factory=list)


@dataclass(eq=False)
class Piece:
    """A work item. `offer` is that of the machine; `expires` None once accepted."""

    id: object
    channel: str
    needs: dict[str, int]
    queue: str
    enqueued: object
    holder: Person | None = None
    offer: object = None
    expires: object = None
    rests: dict[str, object] = field(default_factory=dict)


class Plain:
    """`told` are the placements of the last command: (work item, agent, accepted already)."""

    def __init__(self):
        self.terms = Terms()
        self.people: dict[str, Person] = {}
        self.pieces: dict[object, Piece] = {}
        self.teams: dict[str, str | None] = {}
        self.told: list[tuple[object, str, bool]] = []
        self.seq, self.at = 0, None

    def follow(self, entry, decisions):
        """Decide as one has to, then note the names that the machine gave to its offers."""
        self.seq, self.at, self.told = entry.seq, entry.at, []
        getattr(self, "on_" + type(entry.body).__name__)(entry.body)
        for decision in decisions:
            if isinstance(decision, OfferMade | WorkAssigned) and decision.work_item_id in self.pieces:
                self.pieces[decision.work_item_id].offer = decision.offer_id

    def cost(self, piece):
        return self.terms.cost(piece.channel)

    def could(self, person, piece):
        """Every promise about who may get a piece, one after the other."""
        known, team = person.known, self.teams.get(piece.queue)
        cap = known.channel_caps.get(piece.channel)
        return (
            known.active
            and person.presence is AgentPresence.ONLINE
            and not person.silent
            and (team is None or team in known.teams)
            and all(known.skills.get(skill, 0) >= least for skill, least in piece.needs.items())
            and sum(map(self.cost, person.work)) + self.cost(piece) <= known.capacity
            and (cap is None or Counter(other.channel for other in person.work)[piece.channel] < cap)
            and known.agent_id not in piece.rests
        )

    def seek(self, piece):
        able = [person for person in self.people.values() if self.could(person, piece)]
        if able:
            fit = {person: sum(person.known.skills[skill] for skill in piece.needs) for person in able}
            self.place(piece, min(able, key=lambda person: (-fit[person], person.idle, person.known.agent_id)))

    def serve(self, person):
        while True:
            able = [piece for piece in self.pieces.values() if piece.holder is None and self.could(person, piece)]
            if not able:
                return
            self.place(min(able, key=lambda piece: (piece.enqueued, piece.id.int)), person)

    def place(self, piece, person):
        auto = piece.channel in person.known.auto_accept
        piece.holder, piece.expires = person, None if auto else self.at + self.terms.offer_for
        person.work.append(piece)
        person.idle = self.seq
        self.told.append((piece.id, person.known.agent_id, auto))

    def take_back(self, piece):
        person, offered = piece.holder, piece.expires is not None
        person.work.remove(piece)
        piece.holder = piece.expires = piece.offer = None
        if offered or not person.work:
            person.idle = self.seq
        return person

    def on_ConfigureAgent(self, body):  # noqa: N802
        person = self.people.setdefault(body.agent_id, Person(body))
        person.known = body
        self.serve(person)

    def on_ConfigureQueue(self, body):  # noqa: N802
        self.teams[body.queue_id] = body.team

    def on_SetPresence(self, body):  # noqa: N802
        person = self.people[body.agent_id]
        routable = person.presence is AgentPresence.ONLINE and not person.silent
        changed, person.presence = body.state is not person.presence, body.state
        if body.state is AgentPresence.ONLINE:
            person.silent = person.silent and not changed
            if not routable and not person.silent:
                person.idle = self.seq
                self.serve(person)
        elif changed:
            for piece in sorted(person.work, key=lambda piece: (piece.enqueued, piece.id.int)):
                if piece.expires is not None:
                    self.take_back(piece)
                    self.seek(piece)

    def on_Arrival(self, body):  # noqa: N802
        if body.work_item_id not in self.pieces:
            facts = body.facts
            queue = facts.queue if facts.queue in self.teams else "general"
            piece = Piece(body.work_item_id, facts.channel, dict(facts.requirements), queue, body.accepted_at)
            self.pieces[piece.id] = piece
            self.seek(piece)

    def offered(self, body):
        for piece in self.pieces.values():
            if piece.offer == body.offer_id and piece.holder is self.people[body.agent_id]:
                return piece if piece.expires is not None else None
        return None

    def on_AcceptOffer(self, body):  # noqa: N802
        piece = self.offered(body)
        if piece is not None:
            piece.expires = None
            piece.holder.idle = self.seq
            self.told.append((piece.id, body.agent_id, True))

    def on_RejectOffer(self, body):  # noqa: N802
        piece = self.offered(body)
        if piece is not None:
            piece.rests[body.agent_id] = self.at + self.terms.refusal_rest
            person = self.take_back(piece)
            self.seek(piece)
            self.serve(person)

    def on_ResolveWork(self, body):  # noqa: N802
        piece = self.pieces.pop(body.work_item_id, None)
        if piece is not None and piece.holder is not None:
            self.serve(self.take_back(piece))

    on_CancelWork = on_ResolveWork  # noqa: N815

    def on_TransferWork(self, body):  # noqa: N802
        piece = self.pieces.get(body.work_item_id)
        if piece is None:
            return
        person = self.take_back(piece) if piece.holder is not None else None
        if person is not None:
            piece.rests[person.known.agent_id] = self.at + self.terms.refusal_rest
        piece.queue = body.to_queue
        self.seek(piece)
        if person is not None:
            self.serve(person)

    def on_FireTimer(self, body):  # noqa: N802
        due = [(piece.expires, 0, str(piece.offer), "", piece) for piece in self.pieces.values() if piece.expires]
        due += [(at, 1, str(piece.id), name, piece) for piece in self.pieces.values() for name, at in piece.rests.items()]
        for when, kind, _, name, piece in sorted(due, key=lambda one: one[:4]):
            if when <= body.due and kind:
                del piece.rests[name]
                if piece.holder is None:
                    self.serve(self.people[name])
            elif when <= body.due:
                piece.holder.silent = True
                self.take_back(piece)
                self.seek(piece)
