"""One kind of work in one queue: its waiting items in order.

All items of a signature are alike in who may take them, so a match looks at the heads of signatures, never at every item.
"""

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from services.router.domain.line import Key
from services.router.domain.model import Phase, WorkItem
from services.router.domain.orders import FIRST, Class, Sort, sort, standing
from services.router.domain.plan import HEAD_START, Ordering, OrderKind
from services.router.domain.pool import SLACK, Pool


@dataclass(slots=True, eq=False)
class Heap:
    """The waiting items of one class, with lazy deletion: an item's ticket tells its live entry from those it left behind."""

    entries: list[tuple[Key, int, WorkItem]] = field(default_factory=list)
    waiting: int = 0

    def add(self, item: WorkItem, key: Key) -> None:
        """Let an item wait here."""
        item.ticket += 1
        self.waiting += 1
        heappush(self.entries, (key, item.ticket, item))
        if len(self.entries) > 2 * self.waiting + SLACK:
            self.entries = [entry for entry in self.entries if _live(entry)]
            heapify(self.entries)

    def first(self, agent_id: str) -> tuple[Key, WorkItem] | None:
        """The first item in order that `agent_id` is not kept away from."""
        entries = self.entries
        aside = []
        found = None
        while entries:
            entry = entries[0]
            if not _live(entry):
                heappop(entries)
            elif agent_id in entry[2].excluded:
                aside.append(heappop(entries))
            else:
                found = entry[0], entry[2]
                break
        for entry in aside:
            heappush(entries, entry)
        return found


class Head(NamedTuple):
    """The first item of a signature for somebody, and what it is compared by within its queue's order."""

    standing: tuple[int, ...]
    item: WorkItem


@dataclass(slots=True, eq=False)
class Signature:
    """Same queue, channel, requirements and teams. One heap per class of the queue's order; most orders know one class."""

    queue_id: str
    pool: Pool
    ordering: Ordering = HEAD_START
    heaps: dict[Class, Heap] = field(default_factory=dict)
    only: Heap = field(default_factory=Heap)
    plain: bool = field(init=False)
    waiting: int = 0

    def __post_init__(self) -> None:
        self.heaps[FIRST] = self.only
        self.plain = self.ordering.kind is OrderKind.HEAD_START

    def add(self, item: WorkItem) -> None:
        """Let an item wait here."""
        self.waiting += 1
        if self.plain:
            self.only.add(item, item.order)
            return
        class_, key = sort(self.ordering, item)
        heap = self.heaps.get(class_)
        if heap is None:
            heap = self.heaps[class_] = Heap()
        heap.add(item, key)

    def remove(self, item: WorkItem) -> None:
        """Let an item wait here no longer; its place in the heap is dropped when it surfaces."""
        item.ticket += 1
        self.waiting -= 1
        if self.plain:
            self.only.waiting -= 1
        else:
            self.heaps[sort(self.ordering, item).of].waiting -= 1

    def peek(self) -> WorkItem | None:
        """The first item of all, for an order with one class."""
        entries = self.only.entries
        while entries:
            _, ticket, item = entries[0]
            if ticket == item.ticket and item.phase is Phase.WAITING:
                return item
            heappop(entries)
        return None

    def first(self, agent_id: str) -> WorkItem | None:
        """The first item that `agent_id` is not kept away from, for an order with one class."""
        found = self.only.first(agent_id)
        return found[1] if found is not None else None

    def head(self, agent_id: str, now: int) -> Head | None:
        """The first item at `now` (microseconds) that `agent_id` is not kept away from: only heads of classes are compared."""
        best: Head | None = None
        for class_, heap in self.heaps.items():
            found = heap.first(agent_id)
            if found is not None:
                place = standing(self.ordering, Sort(class_, found[0]), now)
                if best is None or place < best.standing:
                    best = Head(place, found[1])
        return best

    def items(self) -> list[WorkItem]:
        """All that wait here, in no order."""
        return [entry[2] for heap in self.heaps.values() for entry in heap.entries if _live(entry)]


def _live(entry: tuple[Key, int, WorkItem]) -> bool:
    return entry[1] == entry[2].ticket and entry[2].phase is Phase.WAITING
