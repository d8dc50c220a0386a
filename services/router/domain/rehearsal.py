"""The recorded log under another policy.

The same arrivals and presence are folded under the other policy, and people do to the same work what they did then, as long
after the same occasion. What was never recorded is the median of its channel.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any
from uuid import UUID

from schemas.base import EventData
from schemas.commands import AcceptOffer, CompleteWrapUp, FireTimer, RejectOffer, ResolveWork, TransferWork
from schemas.decisions import Decision, OfferEnded, OfferMade, WorkAssigned, WorkEnded
from schemas.envelope import derived_id
from services.router.domain.comparison import Comparing, Outcome
from services.router.domain.machine import fold
from services.router.domain.model import Phase
from services.router.domain.policy import Policy
from services.router.domain.recording import ON_WORK, Life, Recording, Sample, note_assigned, note_ended
from services.router.domain.state import State
from services.router.domain.values import Arrival, Body, Entry, Terms, UsePolicy

_ANSWER, _HANDLING = timedelta(seconds=5), timedelta(minutes=5)
_HELD = (ResolveWork, TransferWork, CompleteWrapUp)


@dataclass(slots=True)
class Current:
    """A life in the rehearsal."""

    life: Life
    outcome: Outcome
    assignments: int = 0
    assigned_at: datetime | None = None


@dataclass(slots=True)
class Rehearsal:
    """The same log, from `since` on under `policy`; before that as it was. Counts what arrives from `since` on."""

    recording: Recording
    policy: Policy
    since: datetime | None
    comparing: Comparing
    state: State = field(init=False)
    live: dict[UUID, Current] = field(default_factory=dict)
    due: list[tuple[datetime, int, EventData, UUID | None]] = field(default_factory=list)
    started: bool = False
    merged: int = 0
    _count: int = 0

    def __post_init__(self) -> None:
        self.state = State(terms=self.recording.terms)

    def follow(self, entry: Entry) -> None:
        """Take the next entry of the log; what falls due before it happens first."""
        if not self.started and (self.since is None or entry.at >= self.since):
            self._start()
        body = entry.body
        if not self.started:
            self._pass(entry.at, body)
            return
        if isinstance(body, (FireTimer, UsePolicy, AcceptOffer, RejectOffer, *ON_WORK)):
            return
        self._until(entry.at)
        if not isinstance(body, Arrival) or self._arrives(entry.seq, body):
            self._pass(entry.at, body, entry.seq)

    def finish(self, at: datetime) -> None:
        """Let time run to the end of the recording, and count what is still open."""
        if not self.started:
            self._start()
        self._until(at)
        for work_item_id in list(self.live):
            self._count_in(work_item_id)
        self.merged += sum(self._counts(life) for lives in self.recording.lives.values() for life in lives)

    def _start(self) -> None:
        """From here on the other policy decides; who is at work goes on as recorded."""
        self.started = True
        state = self.state
        state.policy = self.policy
        for item in list(state.items.values()):
            current = self.live.get(item.id)
            if current is None:
                continue
            self._plan_waiting(current.life)
            held = item.held
            if held is not None and item.phase is Phase.ASSIGNED:
                self._plan_after(item.id, current, held.offer_id, current.assigned_at or held.made_at)
            elif held is not None:
                self._plan_answer(current.life, held.offer_id, held.agent_id, held.made_at)

    def _arrives(self, seq: int, body: Arrival) -> bool:
        lives = self.recording.lives.get(body.work_item_id)
        opens = bool(lives) and any(life.seq == seq for life in lives or ())
        return opens or body.work_item_id in self.state.items

    def _until(self, at: datetime) -> None:
        while True:
            timer = self.state.next_timer()
            planned = self.due[0][0] if self.due else None
            if timer is not None and timer <= at and (planned is None or timer <= planned):
                self._pass(max(timer, self.state.at), FireTimer(due=max(timer, self.state.at)))
            elif planned is not None and planned <= at:
                when, _, body, offer_id = heappop(self.due)
                if self._still(body, offer_id):
                    self._pass(max(when, self.state.at), self._by_holder(body))
            else:
                return

    def _still(self, body: Any, offer_id: UUID | None) -> bool:
        """Whether a planned action still has its occasion."""
        if isinstance(body, CompleteWrapUp):
            return True
        if isinstance(body, (AcceptOffer, RejectOffer)):
            return body.offer_id in self.state.offers
        item = self.state.items.get(body.work_item_id)
        if item is None:
            return False
        if offer_id is not None:
            return item.held is not None and item.held.offer_id == offer_id
        return item.phase is not Phase.ASSIGNED

    def _by_holder(self, body: Any) -> Any:
        """The action of whoever has the work now."""
        if isinstance(body, _HELD) and body.agent_id is not None:
            item = self.state.items.get(body.work_item_id)
            wrapping: Mapping[UUID, Any] = getattr(self.state, "wrap_ups", {})
            holder = item.held if item is not None else wrapping.get(body.work_item_id)
            agent_id = getattr(holder, "agent_id", None)
            if agent_id is not None and agent_id != body.agent_id:
                return body.model_copy(update={"agent_id": agent_id})
        return body

    def _pass(self, at: datetime, body: Body, recorded: int | None = None) -> None:
        seq = self.state.seq + 1
        opens = isinstance(body, Arrival) and body.work_item_id not in self.state.items
        decisions = fold(self.state, (Entry(seq, at, derived_id("rehearsal", str(seq)), body),))
        self.state.take_changes()
        if opens and isinstance(body, Arrival):
            self._opened(body.work_item_id, recorded)
        for decision in decisions:
            self._decided(decision)

    def _opened(self, work_item_id: UUID, recorded: int | None) -> None:
        lives = self.recording.lives.get(work_item_id)
        if not lives:
            return
        while recorded is not None and len(lives) > 1 and lives[0].seq < recorded:
            self.merged += self._counts(lives.popleft())
        life = lives.popleft()
        if not lives:
            del self.recording.lives[work_item_id]
        item = self.state.items.get(work_item_id)
        current = self.live[work_item_id] = Current(life, Outcome(item.queue_id, item.rule) if item else Outcome())
        if self.started:
            self._plan_waiting(current.life)

    def _decided(self, decision: Decision) -> None:
        current = self.live.get(getattr(decision, "work_item_id", None))  # type: ignore[arg-type]
        if current is None:
            return
        if isinstance(decision, OfferMade) and self.started:
            self._plan_answer(current.life, decision.offer_id, decision.agent_id, decision.at)
        elif isinstance(decision, WorkAssigned):
            self._assigned(current, decision)
        elif isinstance(decision, OfferEnded) and not self.started:
            self._answered(current.life, decision.agent_id)
        elif isinstance(decision, WorkEnded):
            note_ended(current.outcome, current.life, decision)
            self._count_in(decision.work_item_id)

    def _assigned(self, current: Current, decision: WorkAssigned) -> None:
        note_assigned(current.outcome, current.life, decision)
        current.assignments += 1
        current.assigned_at = decision.at
        if self.started:
            self._plan_after(decision.work_item_id, current, decision.offer_id, decision.at)
        elif not decision.auto:
            self._answered(current.life, decision.agent_id)

    @staticmethod
    def _answered(life: Life, agent_id: str) -> None:
        """Before the other policy, people answer by themselves."""
        if life.answers.get(agent_id):
            life.answers[agent_id].pop(0)

    def _plan_waiting(self, life: Life) -> None:
        for after, body in life.waiting:
            self._plan(life.arrived_at + after, body, None)

    def _plan_answer(self, life: Life, offer_id: UUID, agent_id: str, at: datetime) -> None:
        known = life.answers.get(agent_id)
        after, said = known.pop(0) if known else (life.taken_after or self._typical(self.recording.taking, life, _ANSWER), True)
        if said is not None:
            body = AcceptOffer if said else RejectOffer
            self._plan(at + after, body(offer_id=offer_id, agent_id=agent_id), offer_id)

    def _plan_after(self, work_item_id: UUID, current: Current, offer_id: UUID, at: datetime) -> None:
        life, place = current.life, current.assignments - 1
        if place < len(life.after):
            for after, body in life.after[place]:
                self._plan(at + after, body, offer_id)
        elif not life.after or life.ended:
            after = self._typical(self.recording.handling, life, _HANDLING)
            self._plan(at + after, ResolveWork(work_item_id=work_item_id), offer_id)

    def _plan(self, at: datetime, body: EventData, offer_id: UUID | None) -> None:
        if self.since is not None and at < self.since:
            return
        self._count += 1
        heappush(self.due, (at, self._count, body, offer_id))

    @staticmethod
    def _typical(samples: Mapping[str, Sample], life: Life, otherwise: timedelta) -> timedelta:
        sample = samples.get(life.channel)
        return sample.typical(otherwise) if sample else otherwise

    def _count_in(self, work_item_id: UUID) -> None:
        current = self.live.pop(work_item_id)
        if self._counts(current.life):
            self.comparing.add(work_item_id, current.life.arrived_at, current.life.outcome, current.outcome)

    def _counts(self, life: Life) -> bool:
        return self.since is None or life.arrived_at >= self.since


def rehearse(
    log: Iterable[Entry], policy: Policy, terms: Terms, since: datetime | None, comparing: Comparing
) -> tuple[Recording, Rehearsal]:
    """Both runs of a log held in memory: for short ones. A long log is fed to the two from a stream."""
    entries = list(log)
    recording = Recording(terms)
    for entry in entries:
        recording.follow(entry)
    rehearsal = Rehearsal(recording, policy, since, comparing)
    for entry in entries:
        rehearsal.follow(entry)
    if entries:
        rehearsal.finish(entries[-1].at)
    return recording, rehearsal
