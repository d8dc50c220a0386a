"""One kind of work in one queue: its waiting items in order.

All items of a signature are alike in who may take them, so a match looks at the heads of signatures, never at every item.
"""

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from services.router.domain.model import Order, Phase, WorkItem
from services.router.domain.pool import SLACK, Pool


@dataclass(slots=True, eq=False)
class Signature:
    """Same queue, channel and requirements."""

    queue_id: str
    pool: Pool
    heap: list[tuple[Order, int, WorkItem]] = field(default_factory=list)
    waiting: int = 0

    def add(self, item: WorkItem) -> None:
        """Let an item wait here."""
        item.ticket += 1
        self.waiting += 1
        heappush(self.heap, (item.order, item.ticket, item))
        if len(self.heap) > 2 * self.waiting + SLACK:
            self.heap = [entry for entry in self.heap if self._live(entry)]
            heapify(self.heap)

    def remove(self, item: WorkItem) -> None:
        """Let an item wait here no longer; its place in the heap is dropped when it surfaces."""
        item.ticket += 1
        self.waiting -= 1

    def first(self, agent_id: str) -> WorkItem | None:
        """The first item in order that `agent_id` is not kept away from."""
        aside = []
        found = None
        while self.heap:
            entry = self.heap[0]
            if not self._live(entry):
                heappop(self.heap)
            elif agent_id in entry[2].excluded:
                aside.append(heappop(self.heap))
            else:
                found = entry[2]
                break
        for entry in aside:
            heappush(self.heap, entry)
        return found

    def items(self) -> list[WorkItem]:
        """All that wait here, in no order."""
        return [entry[2] for entry in self.heap if self._live(entry)]

    @staticmethod
    def _live(entry: tuple[Order, int, WorkItem]) -> bool:
        return entry[1] == entry[2].ticket and entry[2].phase is Phase.WAITING
