"""One kind of work in one queue: its waiting items in order.

All items of a signature are alike in who may take them, so a match looks at the heads of signatures, never at every item.
"""

from collections import deque
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from services.router.domain.line import Key
from services.router.domain.model import WAITING, WorkItem
from services.router.domain.orders import FIRST, Class, Sort, sort, standing
from services.router.domain.plan import HEAD_START, Ordering, OrderKind
from services.router.domain.pool import NEVER, SLACK, Pool

Entry = tuple[Key, int, WorkItem]


@dataclass(slots=True, eq=False)
class Heap:
    """The waiting items of one class, with lazy deletion: an item's ticket tells its live entry from those it left behind.

    What comes in order stands in `run`; only what does not goes to the heap.
    """

    entries: list[Entry] = field(default_factory=list)
    run: deque[Entry] = field(default_factory=deque)
    waiting: int = 0

    def add(self, item: WorkItem, key: Key) -> None:
        """Let an item wait here."""
        item.ticket += 1
        self.waiting += 1
        run, entry = self.run, (key, item.ticket, item)
        if not run or run[-1][0] < key:
            run.append(entry)
        else:
            heappush(self.entries, entry)
        if len(self.entries) + len(run) > 2 * self.waiting + SLACK:
            self.entries = [entry for entry in self.entries if _live(entry)]
            heapify(self.entries)
            self.run = deque(entry for entry in run if _live(entry))

    def head(self) -> Entry | None:
        """The first live entry."""
        entries, run = self.entries, self.run
        while run and not _live(run[0]):
            run.popleft()
        while entries and not _live(entries[0]):
            heappop(entries)
        if run and not (entries and entries[0] < run[0]):
            return run[0]
        return entries[0] if entries else None

    def first(self, agent_id: str) -> tuple[Key, WorkItem] | None:
        """The first item in order that `agent_id` is not kept away from."""
        head = self.head()
        if head is not None and agent_id in head[2].excluded:
            head = min(filter(None, (self._first_of_run(agent_id), self._first_of_heap(agent_id))), default=None)
        return None if head is None else (head[0], head[2])

    def _first_of_run(self, agent_id: str) -> Entry | None:
        return next((entry for entry in self.run if _live(entry) and agent_id not in entry[2].excluded), None)

    def _first_of_heap(self, agent_id: str) -> Entry | None:
        entries = self.entries
        aside = []
        while entries and (not _live(entries[0]) or agent_id in entries[0][2].excluded):
            entry = heappop(entries)
            if _live(entry):
                aside.append(entry)
        found = entries[0] if entries else None
        for entry in aside:
            heappush(entries, entry)
        return found

    def items(self) -> list[WorkItem]:
        """All that wait here, in no order."""
        return [entry[2] for part in (self.run, self.entries) for entry in part if _live(entry)]


class Head(NamedTuple):
    """The first item of a signature for somebody, and what it is compared by within its queue's order."""

    standing: tuple[int, ...]
    item: WorkItem


@dataclass(slots=True, eq=False)
class Signature:
    """Same queue, channel, requirements and teams. One heap per class of the queue's order; most orders know one class.

    In the default order (`plain`), `ahead` is the first item and `front` the first number of its order.
    """

    queue_id: str
    pool: Pool
    ordering: Ordering = HEAD_START
    heaps: dict[Class, Heap] = field(default_factory=dict)
    only: Heap = field(default_factory=Heap)
    plain: bool = field(init=False)
    waiting: int = 0
    ahead: WorkItem | None = None
    front: int = NEVER

    def __post_init__(self) -> None:
        self.heaps[FIRST] = self.only
        self.plain = self.ordering.kind is OrderKind.HEAD_START

    def add(self, item: WorkItem) -> None:
        """Let an item wait here."""
        self.waiting += 1
        if self.plain:
            self.only.add(item, item.order)
            if self.ahead is None or item.order < self.ahead.order:
                self.ahead, self.front = item, item.order[0]
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
        if not self.plain:
            self.heaps[sort(self.ordering, item).of].waiting -= 1
            return
        self.only.waiting -= 1
        if item is self.ahead:
            head = self.only.head()
            self.ahead = head[2] if head is not None else None
            self.front = head[0][0] if head is not None else NEVER

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
        return [item for heap in self.heaps.values() for item in heap.items()]


def _live(entry: Entry) -> bool:
    return entry[1] == entry[2].ticket and entry[2].phase is WAITING
