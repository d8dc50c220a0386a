"""How fast the router's machine decides, alone: no database, no broker. Run: python -m bench.router_match"""

import gc
import random
import resource
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from schemas.commands import ConfigureAgent, ConfigureQueue, ResolveWork, SetPresence
from schemas.decisions import OfferMade, WorkAssigned
from schemas.values import AgentPresence
from services.router.domain.machine import fold
from services.router.domain.policy import Facts
from services.router.domain.state import State
from services.router.domain.values import Arrival, Body, Entry

START = datetime(2026, 1, 1, tzinfo=UTC)
CHANNELS = ("email", "sms", "telegram", "webchat", "call")
LANGUAGES = ("en", "fa", "ru", "de")
QUEUES = ("general", "sales", "support")
BATCH = 500


class Log:
    """Numbers entries and times the folding of them."""

    def __init__(self) -> None:
        self.state = State()
        self.random = random.Random(7)  # noqa: S311
        self.seq = 0

    def entry(self, body: Body) -> Entry:
        self.seq += 1
        return Entry(self.seq, START + timedelta(microseconds=50 * self.seq), UUID(int=self.seq), body)

    def arrival(self) -> Arrival:
        pick = self.random.choice
        facts = Facts(pick(CHANNELS), pick(("lead", "gold")), pick(LANGUAGES), queue=pick(QUEUES))
        return Arrival(UUID(int=self.random.getrandbits(128)), facts, START)

    def staff(self, agents: int, capacity: int, *, alike: bool) -> None:
        for queue in QUEUES:
            fold(self.state, [self.entry(ConfigureQueue(queue_id=queue, name=queue))])
        for number in range(agents):
            known = self.random.sample(LANGUAGES, 2)
            skills = {f"lang.{name}": 3 if alike else self.random.randint(1, 5) for name in known}
            if not alike:
                skills[f"product.{number % 400}"] = 3
            name = f"agent-{number:05}"
            configure = ConfigureAgent(agent_id=name, name=name, skills=skills, capacity=capacity, auto_accept=CHANNELS)
            present = SetPresence(agent_id=name, state=AgentPresence.ONLINE, epoch=1)
            fold(self.state, [self.entry(configure), self.entry(present)])

    def timed(self, entries: list[Entry]) -> tuple[float, int]:
        gc.collect()
        gc.freeze()
        began, placed = time.process_time(), 0
        for first in range(0, len(entries), BATCH):
            decisions = fold(self.state, entries[first : first + BATCH])
            placed += sum(isinstance(decision, WorkAssigned | OfferMade) for decision in decisions)
            self.state.take_changes()
        return time.process_time() - began, placed


def assigned_at_once(*, alike: bool, capacity: int, count: int) -> str:
    """Arrivals that find a free agent: configuration, presence and building the log are not timed."""
    log = Log()
    log.staff(2_000, capacity, alike=alike)
    warm, entries = [log.entry(log.arrival()) for _ in range(2_000)], [log.entry(log.arrival()) for _ in range(count)]
    log.timed(warm)
    seconds, placed = log.timed(entries)
    return f"{count / seconds:>10,.0f} arrivals/s  {placed:,} of {count:,} placed at once"


def waiting(count: int) -> Iterator[str]:
    """Nobody is free: `count` items pile up; then agents finish one by one and the queue is served."""
    log = Log()
    log.staff(2_000, 100, alike=False)
    seconds, _ = log.timed([log.entry(log.arrival()) for _ in range(count + 20_000)])
    still = sum(queue.waiting for queue in log.state.queues.values())
    yield f"{(count + 20_000) / seconds:>10,.0f} arrivals/s  while {still:,} pile up"
    for left in (20_000, 20_000):
        held = list(log.state.offers.values())[:left]
        log.random.shuffle(held)
        ends = [log.entry(ResolveWork(work_item_id=item.id)) for item in held]
        still = sum(queue.waiting for queue in log.state.queues.values())
        seconds, placed = log.timed(ends)
        yield f"{len(ends) / seconds:>10,.0f} completions/s  {placed:,} served from {still:,} waiting"


def main() -> None:
    """Print one line per scenario, after a line that tells how fast the machine is just now."""
    began = time.process_time()
    for _ in range(1_000_000):
        pass
    print(f"yardstick: an empty loop of 1,000,000 takes {(time.process_time() - began) * 1_000:.0f} ms")
    print(f"2,000 agents in few profiles, 1,000,000 units:  {assigned_at_once(alike=True, capacity=1_000_000, count=40_000)}")
    print(f"2,000 agents, all different, 1,000,000 units:   {assigned_at_once(alike=False, capacity=1_000_000, count=40_000)}")
    for line in waiting(100_000):
        print(f"2,000 agents, all different, 100 units:         {line}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
