"""Agents who become free under load: how soon is each given the contact that waits longest?

As many contacts are resolved a second as new ones arrive, so that the line keeps its length and every agent who becomes free
finds somebody waiting.
"""

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from aiokafka.structs import ConsumerRecord

from hub.loadtest.agents import Agents
from hub.loadtest.watching import Watcher
from hub.loadtest.work import QUEUE
from runtime.settings import Settings
from schemas.decisions import WorkAssigned, WorkQueued

_TICK = 0.005
_QUEUED, _ASSIGNED = (kind.type.encode() for kind in (WorkQueued, WorkAssigned))


@dataclass(frozen=True, slots=True)
class Move:
    """One decision, for the count of who should have been first: `seq` is its place in the router's log."""

    seq: int
    arrived: bool
    item: UUID
    enqueued_at: float


class Floor(Watcher):
    """Who holds what. `freed_seconds` is how long each freed agent went without the next contact, while `measuring`."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.freed_seconds: list[float] = []
        self.moves: list[Move] = []
        self.measuring = False
        self._held: deque[tuple[str, UUID]] = deque()
        self._free: dict[str, float] = {}

    def forget(self) -> None:
        """What was seen so far does not count, and nobody holds anything."""
        super().forget()
        self.moves.clear()
        self._held.clear()

    @property
    def held(self) -> int:
        """How many contacts agents hold now."""
        return len(self._held)

    @property
    def unserved(self) -> int:
        """How many freed agents have been given nothing yet."""
        return len(self._free)

    def finish(self, due: float) -> UUID | None:
        """Take the contact that was held longest: its agent is free from `due` on (monotonic seconds). None: nobody has one."""
        if not self._held:
            return None
        agent, item = self._held.popleft()
        if self.measuring:
            self._free[agent] = due
        return item

    def note(self, record: ConsumerRecord, now: float) -> None:
        """Keep who got what, and who waits."""
        super().note(record, now)
        kind = dict(record.headers).get("ce_type")
        if kind == _ASSIGNED:
            assigned = WorkAssigned.read(record.value)
            if assigned.queue_id == QUEUE:
                self._held.append((assigned.agent_id, assigned.work_item_id))
            self._moved(assigned, arrived=False)
            due = self._free.pop(assigned.agent_id, None)
            if due is not None:
                self.freed_seconds.append(now - due)
        elif kind == _QUEUED:
            self._moved(WorkQueued.read(record.value), arrived=True)

    def _moved(self, decision: WorkQueued | WorkAssigned, *, arrived: bool) -> None:
        if decision.queue_id == QUEUE:
            self.moves.append(Move(decision.seq, arrived, decision.work_item_id, decision.enqueued_at.timestamp()))


async def keep_finishing(agents: Agents, floor: Floor, per_second: float) -> None:
    """Resolve a contact at each appointed time, whatever becomes of the earlier ones; until cancelled.

    Those of one tick go out together, as the desk's outbox sends them; each agent is free from the appointed time on.
    """
    started, number = time.monotonic(), 0
    async with asyncio.TaskGroup() as group:
        while True:
            await asyncio.sleep(_TICK)
            items = []
            while (due := started + number / per_second) <= time.monotonic():
                items.append(floor.finish(due))
                number += 1
            group.create_task(agents.resolve([item for item in items if item]))


def out_of_turn(moves: Sequence[Move]) -> int:
    """How many were assigned while somebody waited who had arrived before. Pure; `moves` in any order."""
    ended = set[UUID]()
    line: list[tuple[float, UUID]] = []
    wrong = 0
    for move in sorted(moves, key=lambda move: (move.seq, not move.arrived)):
        if move.arrived:
            heapq.heappush(line, (move.enqueued_at, move.item))
            continue
        ended.add(move.item)
        while line and line[0][1] in ended:
            heapq.heappop(line)
        wrong += bool(line) and line[0][0] < move.enqueued_at
    return wrong
