"""The orders inside a queue. Policies are compared part by part, at decision time, and only between the heads of classes."""

from typing import NamedTuple

from services.router.domain.line import Key, Line
from services.router.domain.model import Queue, WorkItem
from services.router.domain.plan import Ordering, OrderKind
from services.router.domain.values import MICROSECOND

Class = tuple[int, ...]
"""Items of one class keep their order among themselves for ever, so that only heads need to be compared."""
FIRST: Class = ()


class Sort(NamedTuple):
    """An item's class, and its key within the class."""

    of: Class
    key: Key


def sort(ordering: Ordering, item: WorkItem) -> Sort:
    """Where an item stands as long as its queue has this order. Slopes are at least 1."""
    if ordering.kind is OrderKind.HEAD_START:
        return Sort(FIRST, item.order)
    if ordering.kind is OrderKind.DEADLINE:
        due = item.aged + (item.plan.sla or ordering.sla) // MICROSECOND
        return Sort(FIRST, (due, item.aged, item.id.int))
    if ordering.kind is OrderKind.ACCUMULATING:
        return Sort((dict(ordering.slopes).get(item.facts.tier, 1),), (item.aged, item.order[1], item.id.int))
    rank = dict(ordering.ranks).get(item.facts.tier, 0)
    return Sort((item.priority, rank), (item.aged, item.order[1], item.id.int))


def standing(ordering: Ordering, sorted_as: Sort, now: int) -> tuple[int, ...]:
    """What compares the heads of classes at `now` (microseconds): the smallest is served first."""
    class_, key = sorted_as
    if ordering.kind is OrderKind.ACCUMULATING:
        return (-class_[0] * (now - key[0]), *key)
    if ordering.kind is OrderKind.STRICT:
        rescued = ordering.rescue is not None and now - key[0] >= ordering.rescue // MICROSECOND
        return (0, *key) if rescued else (1, -class_[0], -class_[1], *key)
    return key


def position(queue: Queue, item: WorkItem, now: int) -> int:
    """The place of a waiting item among all that wait in its queue, from 1; who came at the same microsecond shares it."""
    ordering = queue.rules.ordering
    class_, number = item.lined or _counted(ordering, item)
    own = queue.lines.get(class_)
    ahead = own.before(number) if own is not None else 0
    if ordering.kind is OrderKind.ACCUMULATING:
        ahead += _sooner(queue, class_, number, now)
    elif ordering.kind is OrderKind.STRICT:
        ahead += _strictly_ahead(queue, ordering, class_, number, now)
    return ahead + 1


def _sooner(queue: Queue, own: Class, number: int, now: int) -> int:
    """Of other classes: who has more of slope times wait, or as much with the longer wait."""
    worth = own[0] * (now - number)
    ahead = 0
    for class_, line in queue.lines.items():
        if class_ != own:
            wait, rest = divmod(worth, class_[0])
            equal = now - wait
            ahead += line.before(equal + (rest == 0 and equal < number))
    return ahead


def _strictly_ahead(queue: Queue, ordering: Ordering, own: Class, number: int, now: int) -> int:
    """Of other classes: all of a higher one who are not overtaken by rescue, and the rescued."""
    bound = None if ordering.rescue is None else now - ordering.rescue // MICROSECOND
    ahead = 0
    for class_, line in queue.lines.items():
        if class_ == own:
            continue
        if bound is not None and number <= bound:
            ahead += line.before(number)
        elif class_ > own:
            ahead += line.size
        elif bound is not None:
            ahead += line.before(bound + 1)
    return ahead


def _counted(ordering: Ordering, item: WorkItem) -> tuple[Class, int]:
    if ordering.kind is OrderKind.HEAD_START:
        return FIRST, item.order[0]
    class_, key = sort(ordering, item)
    return class_, key[0]


def line_up(queue: Queue, item: WorkItem) -> None:
    """Count an item among those that wait."""
    class_, number = item.lined = _counted(queue.rules.ordering, item)
    line = queue.lines.get(class_)
    if line is None:
        line = queue.lines[class_] = Line()
    line.add(number)


def step_out(queue: Queue, item: WorkItem) -> None:
    """Count an item no longer."""
    if item.lined is not None:
        class_, number = item.lined
        line = queue.lines[class_]
        line.remove(number)
        if not line.size:
            del queue.lines[class_]
        item.lined = None
