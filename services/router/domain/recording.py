"""The log as it was, and what people did in it: how soon and how an agent answered an offer, what they did after taking the
work, when a customer gave up."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID

from schemas.base import EventData
from schemas.commands import CancelWork, CompleteWrapUp, RequestCallback, ResolveWork, TransferWork
from schemas.decisions import Decision, OfferEnded, OfferMade, WorkAssigned, WorkEnded
from services.router.domain.comparison import Outcome
from services.router.domain.machine import fold
from services.router.domain.model import Phase
from services.router.domain.state import State
from services.router.domain.values import Arrival, Entry, Terms

MAX_SAMPLES = 2_000
ON_WORK = (ResolveWork, TransferWork, CancelWork, CompleteWrapUp, RequestCallback)
Action = tuple[timedelta, EventData]


@dataclass(slots=True)
class Sample:
    """Times of which the median is wanted: thinned evenly once there are MAX_SAMPLES, so the same log gives the same."""

    kept: list[timedelta] = field(default_factory=list)
    stride: int = 1
    seen: int = 0

    def add(self, value: timedelta) -> None:
        """Note one."""
        if self.seen % self.stride == 0:
            self.kept.append(value)
            if len(self.kept) >= MAX_SAMPLES:
                del self.kept[1::2]
                self.stride *= 2
        self.seen += 1

    def typical(self, otherwise: timedelta) -> timedelta:
        """The median."""
        return median(self.kept) if self.kept else otherwise  # type: ignore[type-var]


@dataclass(slots=True)
class Life:
    """One piece of work from its arrival to its end, and what people did to it.

    `answers` by agent: how long after the offer, and whether it was taken (None: no answer). `after` lists, by assignment, what
    was done how long after it; `waiting` what was done how long after the arrival, while nobody had it.
    """

    seq: int
    arrived_at: datetime
    enqueued_at: datetime
    channel: str
    outcome: Outcome
    answers: dict[str, list[tuple[timedelta, bool | None]]] = field(default_factory=dict)
    after: list[list[Action]] = field(default_factory=list)
    waiting: list[Action] = field(default_factory=list)
    assigned_at: datetime | None = None
    ended: bool = False
    taken_after: timedelta | None = None


@dataclass(slots=True)
class Recording:
    """The run as it was. `lives` grows with the work that arrived: a few hundred bytes each."""

    terms: Terms
    state: State = field(init=False)
    lives: dict[UUID, deque[Life]] = field(default_factory=dict)
    offered: dict[UUID, tuple[datetime, str]] = field(default_factory=dict)
    taking: dict[str, Sample] = field(default_factory=dict)
    handling: dict[str, Sample] = field(default_factory=dict)
    entries: int = 0
    pieces: int = 0

    def __post_init__(self) -> None:
        self.state = State(terms=self.terms)

    def follow(self, entry: Entry) -> None:
        """Fold one entry of the log, and note what it shows."""
        self.entries += 1
        body = entry.body
        opens = isinstance(body, Arrival) and body.work_item_id not in self.state.items
        if isinstance(body, ON_WORK):
            self._done(entry.at, body)
        decisions = fold(self.state, (entry,))
        self.state.take_changes()
        if opens and isinstance(body, Arrival):
            self._open(entry, body)
        for decision in decisions:
            self._decided(decision)

    def rest(self) -> None:
        """The run is over: its state is needed no longer."""
        self.state = State(terms=self.terms)
        self.offered.clear()

    def life(self, work_item_id: UUID) -> Life | None:
        """The latest life of a piece of work."""
        lives = self.lives.get(work_item_id)
        return lives[-1] if lives else None

    def _open(self, entry: Entry, body: Arrival) -> None:
        self.pieces += 1
        item = self.state.items.get(body.work_item_id)
        outcome = Outcome(item.queue_id, item.rule) if item else Outcome()
        enqueued = item.enqueued_at if item else min(body.accepted_at, entry.at)
        life = Life(entry.seq, entry.at, enqueued, body.facts.channel, outcome)
        self.lives.setdefault(body.work_item_id, deque()).append(life)

    def _done(self, at: datetime, body: Any) -> None:
        life = self.life(body.work_item_id)
        item = self.state.items.get(body.work_item_id)
        if life is None:
            return
        if life.assigned_at is not None and life.after and (item is None or item.phase is Phase.ASSIGNED):
            life.after[-1].append((at - life.assigned_at, body))
            if isinstance(body, ResolveWork):
                self.handling.setdefault(life.channel, Sample()).add(at - life.assigned_at)
        elif item is not None and not isinstance(body, CompleteWrapUp):
            life.waiting.append((at - life.arrived_at, body))

    def _decided(self, decision: Decision) -> None:
        if isinstance(decision, OfferMade):
            self.offered[decision.offer_id] = (decision.at, decision.agent_id)
        elif isinstance(decision, OfferEnded):
            self._answered(decision.work_item_id, decision.offer_id, decision.at, decision.outcome)
        elif isinstance(decision, WorkAssigned):
            self._answered(decision.work_item_id, decision.offer_id, decision.at, "accepted")
            life = self.life(decision.work_item_id)
            if life is not None:
                note_assigned(life.outcome, life, decision)
                life.assigned_at = decision.at
                life.after.append([])
        elif isinstance(decision, WorkEnded):
            life = self.life(decision.work_item_id)
            if life is not None:
                note_ended(life.outcome, life, decision)
                life.ended = True

    def _answered(self, work_item_id: UUID, offer_id: UUID, at: datetime, outcome: str) -> None:
        made = self.offered.pop(offer_id, None)
        life = self.life(work_item_id)
        if made is None or life is None:
            return
        said = {"accepted": True, "rejected": False}.get(outcome)
        life.answers.setdefault(made[1], []).append((at - made[0], said))
        if said:
            life.taken_after = at - made[0]
            self.taking.setdefault(life.channel, Sample()).add(at - made[0])


def note_assigned(outcome: Outcome, life: Life, decision: WorkAssigned) -> None:
    """The first assignment is the answer."""
    if outcome.wait is None:
        outcome.agent = decision.agent_id
        outcome.queue = decision.queue_id
        outcome.wait = max(decision.at - life.enqueued_at, timedelta())


def note_ended(outcome: Outcome, life: Life, decision: WorkEnded) -> None:
    """Work that ends unanswered was abandoned."""
    if outcome.wait is None:
        outcome.abandoned = max(decision.at - life.enqueued_at, timedelta())
