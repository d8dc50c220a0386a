"""How fast the router's machine decides, alone: no database, no broker.

Run: python -m bench.router_match [throughput] [decisions] [memory]; without a word, all three.

`decisions` prints for each decision what the match itself takes (`Floor.best_item` for a freed agent, `Pool.choose` for new
work) and what the whole command takes: the fold with the records of all that was decided, reasons included. It is processor
time of this thread, less what reading that clock takes, so that other work on the machine does not count. The collector runs
as it does in the service (runtime.service): what was made before the measurement is frozen, the thresholds are the same.
"""

import argparse
import gc
import random
import resource
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product as product_of
from uuid import UUID

from schemas.commands import CancelWork, ConfigureAgent, ConfigureQueue, ResolveWork, SetPresence
from schemas.decisions import OfferMade, WorkAssigned
from schemas.values import AgentPresence
from services.router.domain.floor import Floor
from services.router.domain.machine import fold
from services.router.domain.policy import Facts, Policy, Rule, Step, matcher
from services.router.domain.pool import Pool
from services.router.domain.state import State
from services.router.domain.values import Arrival, Body, Entry, UsePolicy

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

    def now(self) -> datetime:
        return START + timedelta(microseconds=50 * self.seq)

    def entry(self, body: Body) -> Entry:
        self.seq += 1
        return Entry(self.seq, self.now(), UUID(int=self.seq), body)

    def arrival(self) -> Arrival:
        pick = self.random.choice
        facts = Facts(pick(CHANNELS), pick(("lead", "gold")), pick(LANGUAGES), queue=pick(QUEUES))
        return Arrival(UUID(int=self.random.getrandbits(128)), facts, self.now())

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


def _clock() -> int:
    """Nanoseconds that go into reading the clock: the middle of many tries."""
    return sorted(-(time.thread_time_ns() - time.thread_time_ns()) for _ in range(2_001))[1_000]


CLOCK = _clock()
PROFILES = 400
PRODUCTS = 20
TURNS = 2_000
WARMING = 300


@dataclass
class Times:
    """Nanoseconds of each decision: the match, and the whole command."""

    match: list[int] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)

    def line(self) -> str:
        """Microseconds: mean, p50 and p99 of both."""
        return "   ".join(
            " ".join(
                f"{taken / 1e3:>7.1f}" for taken in (sum(times) / len(times), times[len(times) // 2], times[-len(times) // 100])
            )
            for times in (sorted(self.match), sorted(self.whole))
        )


class Stopwatch:
    """Stands in for a method of a class and adds up what its calls take."""

    def __init__(self, of: type, name: str) -> None:
        self.spent, self.read = 0, 0
        self.of, self.name, self.method = of, name, getattr(of, name)

    def __enter__(self) -> "Stopwatch":
        method = self.method

        def timed(*args: object) -> object:
            began = time.thread_time_ns()
            found = method(*args)
            self.read += 2 * CLOCK
            self.spent += max(0, time.thread_time_ns() - began - CLOCK)
            return found

        setattr(self.of, self.name, timed)
        return self

    def __exit__(self, *_: object) -> None:
        setattr(self.of, self.name, self.method)


class Hall(Log):
    """Agents of 400 profiles: two languages and four of 20 products, each at a level. One call at a time for each of them."""

    def __init__(self, agents: int) -> None:
        super().__init__()
        wish, rest = (
            Rule("wish", matcher({"queue": None}), None, 0, (Step(),)),
            Rule("rest", matcher({}), "general", 0, (Step(),)),
        )
        policy = Policy("bench", (wish,), rest)
        fold(self.state, [self.entry(UsePolicy("bench", "bench", policy))])
        for queue in QUEUES:
            fold(self.state, [self.entry(ConfigureQueue(queue_id=queue, name=queue))])
        self.abilities = [self.ability() for _ in range(PROFILES)]
        self.names = [f"agent-{number:05}" for number in range(agents)]
        for number, name in enumerate(self.names):
            skills = self.abilities[number % PROFILES]
            fold(self.state, [self.entry(ConfigureAgent(agent_id=name, name=name, skills=skills, auto_accept=("call",)))])

    def ability(self) -> dict[str, int]:
        """One profile."""
        languages, products = self.random.sample(LANGUAGES, 2), self.random.sample(range(PRODUCTS), 4)
        names = [f"lang.{name}" for name in languages] + [f"product.{number}" for number in products]
        return {name: self.random.randint(1, 5) for name in names}

    def call(self) -> Arrival:
        """Work that one of the profiles could do."""
        skills = self.random.choice(self.abilities)
        language = self.random.choice([name for name in skills if name.startswith("lang.")])
        product = self.random.choice([name for name in skills if name.startswith("product.")])
        return self.of(language[5:], product, self.random.randint(1, min(3, skills[product])), self.random.choice(QUEUES))

    def of(self, language: str, product: str, level: int, queue: str) -> Arrival:
        """Work of one kind."""
        facts = Facts("call", "lead", language, queue=queue, requirements=((product, level),))
        return Arrival(UUID(int=self.random.getrandbits(128)), facts, self.now())

    def meet(self) -> float:
        """See every kind of work once, while nobody is there. Returns the mean microseconds for a kind never seen before."""
        took = []
        for language, product, level in product_of(LANGUAGES, range(PRODUCTS), (1, 2, 3)):
            for queue in QUEUES:
                call = self.of(language, f"product.{product}", level, queue)
                took += [self.tell(call)[0]] if queue == QUEUES[0] else []
                self.tell(CancelWork(work_item_id=call.work_item_id))
        return sum(took) / len(took) / 1e3

    def tell(self, body: Body) -> tuple[int, list[UUID]]:
        """Fold one command: the nanoseconds, and the work that was placed."""
        entry = self.entry(body)
        began = time.thread_time_ns()
        decisions = fold(self.state, (entry,))
        took = max(0, time.thread_time_ns() - began - CLOCK)
        return took, [decision.work_item_id for decision in decisions if isinstance(decision, WorkAssigned)]

    def come(self) -> None:
        """Everybody is there."""
        for name in self.names:
            self.tell(SetPresence(agent_id=name, state=AgentPresence.ONLINE, epoch=1))

    def fill(self, waiting: int) -> None:
        """Everybody busy or away, and exactly so many waiting."""
        for _ in range(waiting + len(self.names)):
            self.tell(self.call())
        self.come()
        for name in self.names:
            if not self.state.agents[name].items:
                self.tell(SetPresence(agent_id=name, state=AgentPresence.AWAY, epoch=1))
        for item in [item for item in self.state.items.values() if item.held is None][waiting:]:
            self.tell(CancelWork(work_item_id=item.id))
        while sum(queue.waiting for queue in self.state.queues.values()) < waiting:
            self.tell(self.call())
        self.settle()

    def settle(self) -> None:
        """What stands now is as good as for ever to the collector."""
        self.state.take_changes()
        gc.collect()
        gc.freeze()

    def rest(self, turn: int) -> None:
        """Drop what a batch would have recorded by now."""
        if turn % BATCH == 0:
            self.state.take_changes()


def freed(hall: Hall) -> Times:
    """Agents end a call, one by one, and get the next that waits; for each a new call joins those who wait."""
    times = Times()
    held = [item.id for item in hall.state.offers.values()]
    hall.random.shuffle(held)
    talking = deque(held)
    with Stopwatch(Floor, "best_item") as match:
        for turn in range(TURNS + WARMING):
            match.spent = match.read = 0
            took, placed = hall.tell(ResolveWork(work_item_id=talking.popleft()))
            talking.extend(placed)
            if placed and turn >= WARMING:
                times.match.append(match.spent)
                times.whole.append(took - match.read)
            hall.tell(hall.call())
            hall.rest(turn)
    return times


def found_free(hall: Hall) -> Times:
    """Calls that find free agents; each is ended at once, so that all stay free."""
    times = Times()
    with Stopwatch(Pool, "choose") as match:
        for turn in range(TURNS + WARMING):
            call = hall.call()
            match.spent = match.read = 0
            took, placed = hall.tell(call)
            if placed and turn >= WARMING:
                times.match.append(match.spent)
                times.whole.append(took - match.read)
            hall.tell(ResolveWork(work_item_id=call.work_item_id))
            hall.rest(turn)
    return times


SIZES = (*((10**n, 10_000) for n in (2, 3, 4, 5)), *((10_000, 10**n) for n in (1, 2, 3)))


def decisions() -> None:
    """Both ways to a decision, over the numbers waiting and the numbers of agents."""
    columns = f"{'mean':>7} {'p50':>7} {'p99':>7}   "
    heading = (
        f"{'waiting':>8} {'agents':>7}   {columns}{columns}{'first':>8}   us: the match, the whole, a kind of work never seen"
    )
    print(f"\nan agent of one of {PROFILES} profiles becomes free and gets what waits\n{heading}")
    means = []
    for waiting, agents in SIZES:
        hall = Hall(agents)
        new = hall.meet()
        hall.fill(waiting)
        times = freed(hall)
        means.append(sum(times.match) / len(times.match))
        print(f"{waiting:>8,} {agents:>7,}   {times.line()}   {new:>8,.0f}", flush=True)
    print(f"growth of the match from 100 to 100,000 waiting: x {means[3] / means[0]:.1f}")
    print(f"\na call comes and finds agents free\n{heading}")
    for agents in (10, 100, 1_000, 10_000):
        hall = Hall(agents)
        new = hall.meet()
        hall.come()
        hall.settle()
        print(f"{0:>8,} {agents:>7,}   {found_free(hall).line()}   {new:>8,.0f}", flush=True)


def memory() -> None:
    """What a waiting item adds to the process."""
    hall = Hall(400)
    counts = (10_000, 110_000)
    sizes = []
    for count in counts:
        while len(hall.state.items) < count:
            hall.tell(hall.call())
        hall.state.take_changes()
        gc.collect()
        with open("/proc/self/statm") as own:  # noqa: PTH123
            sizes.append(int(own.read().split()[1]) * resource.getpagesize())
    print(f"\nmemory per waiting item: {(sizes[1] - sizes[0]) / (counts[1] - counts[0]):,.0f} bytes (resident, 100,000 items)")


def throughput() -> None:
    """One line per scenario: how many commands a second."""
    print(f"2,000 agents in few profiles, 1,000,000 units:  {assigned_at_once(alike=True, capacity=1_000_000, count=40_000)}")
    print(f"2,000 agents, all different, 1,000,000 units:   {assigned_at_once(alike=False, capacity=1_000_000, count=40_000)}")
    for line in waiting(100_000):
        print(f"2,000 agents, all different, 100 units:         {line}")


COLLECTOR = (50_000, 20, 50)
PARTS: dict[str, Callable[[], None]] = {"throughput": throughput, "decisions": decisions, "memory": memory}


def main() -> None:
    """Print the parts asked for, after a line that tells how fast the machine is just now."""
    parser = argparse.ArgumentParser(prog="python -m bench.router_match", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    given = parser.parse_args()
    gc.set_threshold(*COLLECTOR)
    began = time.process_time()
    for _ in range(1_000_000):
        pass
    print(f"yardstick: an empty loop of 1,000,000 takes {(time.process_time() - began) * 1_000:.0f} ms")
    for part in given.parts or PARTS:
        PARTS[part]()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
