"""Folds the router's decisions anew, by rules of its own, and holds them against its log and its record."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

from schemas.commands import ConfigureAgent, FireTimer, TransferWork
from schemas.decisions import (
    AgentChanged,
    Decision,
    OfferEnded,
    OfferMade,
    WorkAssigned,
    WorkEnded,
    WorkQueued,
    WrapUpEnded,
    WrapUpStarted,
)
from schemas.envelope import derived_id
from schemas.values import AgentPresence
from services.router.domain.values import Entry


@dataclass(frozen=True, slots=True)
class Hold:
    """An item's live offer or assignment."""

    offer_id: UUID
    agent_id: str
    assigned: bool


@dataclass(frozen=True, slots=True)
class AgentRow:
    """What the record says of an agent: units that offers and wrap-ups hold, and whether work may come."""

    held: int
    capacity: int
    routable: bool
    skills: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """What the record says of an item that waits: the skills asked for at first, and who refused it a moment ago."""

    channel: str
    skills: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is judged.

    `sent` and `items` are the ids that went onto the log; `told` the decisions as read from the topic, by event id; `folded`
    the decisions that the recorded log gives, batch by batch, and `replayed` those that it gives entry by entry; `owners` the
    epochs as their owners told them, with the log place each began at; `costs` the units of an item by channel.
    """

    sent: Collection[UUID]
    items: Collection[UUID]
    log: Sequence[Entry]
    told: Mapping[UUID, Decision]
    folded: Mapping[UUID, Decision]
    replayed: Sequence[Decision]
    owners: Sequence[tuple[int, int]]
    waiting: Mapping[UUID, WaitingRow]
    holds: Mapping[UUID, Hold]
    agents: Mapping[str, AgentRow]
    costs: Mapping[str, int]


@dataclass(slots=True)
class Floor:
    """The floor as the decisions tell it. `faults` maps the name of a fault to what was seen.

    `configured` holds the capacities of agents yet to come into force, by log place, the last first.
    """

    costs: Mapping[str, int]
    log: Mapping[int, Entry]
    configured: list[tuple[int, str, int]] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    waiting: set[UUID] = field(default_factory=set)
    holds: dict[UUID, Hold] = field(default_factory=dict)
    ended: set[UUID] = field(default_factory=set)
    adrift: dict[UUID, int] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)
    capacity: dict[str, int] = field(default_factory=dict)
    presence: dict[str, AgentPresence] = field(default_factory=dict)
    channels: dict[UUID, str] = field(default_factory=dict)
    wraps: dict[tuple[str, UUID], int] = field(default_factory=dict)

    def follow(self, seq: int, decision: Decision) -> None:
        """Apply one decision of log place `seq`; they come in order."""
        while self.configured and self.configured[-1][0] <= seq:
            _, agent_id, capacity = self.configured.pop()
            self.capacity[agent_id] = capacity
        for item, since in list(self.adrift.items()):
            if since < seq:
                self._wrong("lost", seq, f"{item} was taken back at {since} and is nowhere")
                del self.adrift[item]
        if (apply := _FOLLOW.get(type(decision))) is not None:
            apply(self, seq, decision)

    def _queued(self, seq: int, decision: WorkQueued) -> None:
        self._leave(seq, decision.work_item_id)
        self.channels[decision.work_item_id] = decision.channel
        self.waiting.add(decision.work_item_id)

    def _offered(self, seq: int, decision: OfferMade) -> None:
        self._hold(seq, decision, assigned=False)

    def _agent_changed(self, seq: int, decision: AgentChanged) -> None:
        self.presence[decision.agent_id] = decision.presence
        if decision.used != self.used[decision.agent_id]:
            self._wrong("miscounted", seq, f"{decision.agent_id}: {decision.used}, held {self.used[decision.agent_id]}")
        if decision.used < 0:
            self._wrong("negative_capacity", seq, f"{decision.agent_id}: {decision.used}")

    def _hold(self, seq: int, decision: OfferMade | WorkAssigned, *, assigned: bool) -> None:
        item = decision.work_item_id
        self._leave(seq, item)
        self.channels[item] = decision.channel
        self.holds[item] = Hold(decision.offer_id, decision.agent_id, assigned)
        self._use(seq, decision.agent_id, self.costs[decision.channel])

    def _assigned(self, seq: int, decision: WorkAssigned) -> None:
        item = decision.work_item_id
        if decision.auto:
            self._hold(seq, decision, assigned=True)
            return
        held = self.holds.get(item)
        if held != Hold(decision.offer_id, decision.agent_id, assigned=False):
            self._wrong("assigned_twice" if held and held.assigned else "assigned_unoffered", seq, f"{item}: {held}")
            return
        self.holds[item] = Hold(decision.offer_id, decision.agent_id, assigned=True)

    def _offer_ended(self, seq: int, decision: OfferEnded) -> None:
        item = decision.work_item_id
        if self.holds.get(item) != Hold(decision.offer_id, decision.agent_id, assigned=False):
            self._wrong("offer_ended_twice", seq, f"{item}: {self.holds.get(item)}")
            return
        self._release(seq, item)
        self.adrift[item] = seq

    def _ended(self, seq: int, decision: WorkEnded) -> None:
        item = decision.work_item_id
        held = self.holds.get(item)
        if held is None and item not in self.waiting and item not in self.adrift:
            self._wrong("ended_twice", seq, f"{item}")
        if held is not None:
            if not held.assigned or held.agent_id != decision.agent_id:
                self._wrong("ended_unassigned", seq, f"{item}: {held}")
            self._release(seq, item)
        self.waiting.discard(item)
        self.adrift.pop(item, None)
        self.ended.add(item)

    def _wrap_up(self, seq: int, decision: WrapUpStarted | WrapUpEnded) -> None:
        key = (decision.agent_id, decision.work_item_id)
        if isinstance(decision, WrapUpStarted):
            self.wraps[key] = self.costs[self.channels[decision.work_item_id]]
            self._use(seq, decision.agent_id, self.wraps[key])
        elif key in self.wraps:
            self._use(seq, decision.agent_id, -self.wraps.pop(key))
        else:
            self._wrong("wrapped_up_twice", seq, f"{key}")

    def _leave(self, seq: int, item: UUID) -> None:
        """The item goes elsewhere: it must not be held, unless this very entry took an assignment back."""
        self.waiting.discard(item)
        self.adrift.pop(item, None)
        self.ended.discard(item)
        held = self.holds.get(item)
        if held is None:
            return
        if not held.assigned:
            self._wrong("offered_twice", seq, f"{item} is still offered to {held.agent_id}")
        elif not self._returned(seq, item, held):
            self._wrong("assigned_twice", seq, f"{item} is still with {held.agent_id}")
        self._release(seq, item)

    def _returned(self, seq: int, item: UUID, held: Hold) -> bool:
        body = self.log[seq].body if seq in self.log else None
        if isinstance(body, TransferWork):
            return body.work_item_id == item
        return isinstance(body, FireTimer) and self.presence.get(held.agent_id) is AgentPresence.OFFLINE

    def _release(self, seq: int, item: UUID) -> None:
        held = self.holds.pop(item)
        self._use(seq, held.agent_id, -self.costs[self.channels[item]])

    def _use(self, seq: int, agent_id: str, units: int) -> None:
        self.used[agent_id] += units
        if self.used[agent_id] < 0:
            self._wrong("negative_capacity", seq, f"{agent_id}: {self.used[agent_id]}")
        if self.used[agent_id] > self.capacity.get(agent_id, 0):
            self._wrong("over_capacity", seq, f"{agent_id}: {self.used[agent_id]} of {self.capacity.get(agent_id, 0)}")

    def _wrong(self, name: str, seq: int, seen: str) -> None:
        self.faults[name].append(f"at {seq}: {seen}")


_FOLLOW: dict[type[Decision], Callable[[Floor, int, Any], None]] = {
    WorkQueued: Floor._queued,
    OfferMade: Floor._offered,
    WorkAssigned: Floor._assigned,
    OfferEnded: Floor._offer_ended,
    WorkEnded: Floor._ended,
    WrapUpStarted: Floor._wrap_up,
    WrapUpEnded: Floor._wrap_up,
    AgentChanged: Floor._agent_changed,
}


def judge(story: Story) -> dict[str, list[str]]:
    """The faults by name, with what was seen; empty when all is well."""
    bodies = ((entry.seq, entry.body) for entry in reversed(story.log))
    configured = [(seq, body.agent_id, body.capacity) for seq, body in bodies if isinstance(body, ConfigureAgent)]
    floor = Floor(story.costs, {entry.seq: entry for entry in story.log}, configured)
    faults = floor.faults
    for seq, decision in _in_order(story, faults):
        floor.follow(seq, decision)
    faults["lost"] += [f"{item} was taken back at {seq} and is nowhere" for item, seq in floor.adrift.items()]
    _judge_log(story, faults)
    _judge_stream(story, faults)
    _judge_record(story, floor)
    return {name: seen for name, seen in faults.items() if seen}


def _in_order(story: Story, faults: dict[str, list[str]]) -> list[tuple[int, Decision]]:
    """The decisions by log place and, within one, in the order in which they were taken: their ids tell it."""
    by_seq: dict[int, dict[UUID, Decision]] = defaultdict(dict)
    for id, decision in story.told.items():
        by_seq[decision.seq][id] = decision
    ids = {entry.seq: entry.id for entry in story.log}
    ordered: list[tuple[int, int, Decision]] = []
    for seq, decisions in by_seq.items():
        for id, decision in decisions.items():
            tries = range(1, len(decisions) + 1) if seq in ids else ()
            place = next((one for one in tries if derived_id(ids[seq], f"{decision.type}:{one}") == id), None)
            if place is None:
                faults["foreign"].append(f"at {seq}: {decision.type} {id} follows from no entry of the log")
            ordered.append((seq, place or 0, decision))
    ordered.sort(key=lambda one: one[:2])
    return [(seq, decision) for seq, _, decision in ordered]


def _judge_log(story: Story, faults: dict[str, list[str]]) -> None:
    times = Counter(entry.id for entry in story.log)
    faults["lost_commands"] += [str(id) for id in story.sent if not times[id]]
    faults["doubled_commands"] += [str(id) for id, count in times.items() if count > 1]
    faults["log_gaps"] += [f"{one.seq} then {two.seq}" for one, two in pairwise(story.log) if two.seq != one.seq + 1]
    faults["log_back_in_time"] += [f"{two.seq}" for one, two in pairwise(story.log) if two.at < one.at]
    faults["epochs"] += [f"{one} then {two}" for one, two in pairwise(story.owners) if two[0] <= one[0] or two[1] < one[1]]


def _judge_stream(story: Story, faults: dict[str, list[str]]) -> None:
    told, folded = story.told, story.folded
    faults["untold"] += [f"at {one.seq}: {one.type} {id}" for id, one in folded.items() if id not in told]
    faults["foreign"] += [f"at {one.seq}: {one.type} {id}" for id, one in told.items() if id not in folded]
    faults["altered"] += [f"at {one.seq}: {one} not {told[id]}" for id, one in folded.items() if id in told and told[id] != one]
    # An agent's state is told once per batch, so a replay entry by entry tells it more often, but it ends in the same.
    batched, single = ([one for one in run if not isinstance(one, AgentChanged)] for run in (folded.values(), story.replayed))
    if batched != single:
        faults["replayed_otherwise"].append(f"{len(batched)} and {len(single)} decisions")
    if _last_seen(folded.values()) != _last_seen(story.replayed):
        faults["replayed_otherwise"].append("agents end otherwise")


def _last_seen(decisions: Collection[Decision]) -> dict[str, Decision]:
    return {one.agent_id: one for one in decisions if isinstance(one, AgentChanged)}


def _judge_record(story: Story, floor: Floor) -> None:
    faults = floor.faults
    known = floor.waiting | floor.holds.keys() | floor.ended
    faults["lost"] += [f"{item} was never heard of" for item in story.items if item not in known]
    if floor.waiting != story.waiting.keys():
        faults["record_differs"].append(f"waiting: {floor.waiting ^ story.waiting.keys()}")
    if floor.holds != story.holds:
        faults["record_differs"].append(f"held: {dict(floor.holds.items() ^ story.holds.items())}")
    for agent_id, agent in story.agents.items():
        if agent.held != floor.used[agent_id]:
            faults["miscounted"].append(f"{agent_id}: {agent.held} on record, {floor.used[agent_id]} as told")
        for item, row in story.waiting.items():
            able = agent.routable and row.skills <= agent.skills and agent_id not in row.excluded
            if able and agent.held + story.costs[row.channel] <= agent.capacity:
                faults["idle_beside_waiting"].append(f"{agent_id} beside {item}")
