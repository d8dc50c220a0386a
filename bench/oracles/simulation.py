"""Discrete events that drive the router's own fold: callers come, are served, give up. Time is data, in whole microseconds."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import accumulate, count
from uuid import UUID

from schemas.commands import AcceptOffer, CancelWork, ConfigureAgent, FireTimer, ResolveWork, SetPresence
from schemas.decisions import Decision, OfferMade, WorkAssigned
from schemas.values import AgentPresence
from services.router.domain.machine import fold
from services.router.domain.policy import Facts, Policy, Rule, Step, matcher
from services.router.domain.state import State
from services.router.domain.values import Arrival, Body, Entry, UsePolicy

START = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
RECORDED = 1_000
CHANNEL = "call"
PLAIN = Facts(CHANNEL)
FIFO = Policy("fifo", (), Rule("default", matcher({}), "general", 0, (Step(),)))


@dataclass(slots=True, eq=False)
class Call:
    """One caller. `service` None: drawn when the service begins. `begun`, `ended`, `agent`: what the router made of it."""

    number: int
    kind: int
    at: int
    service: int | None
    patience: int | None = None
    begun: int | None = None
    ended: int | None = None
    agent: str = ""
    over: bool = False

    @property
    def wait(self) -> int:
        """Microseconds until the service began or the caller gave up."""
        until = self.begun if self.begun is not None else self.ended
        assert until is not None, f"call {self.number} still waits"
        return until - self.at


@dataclass(frozen=True, slots=True)
class Kind:
    """Callers who are alike: arrivals per second (Poisson), mean seconds of service and patience (both exponential)."""

    rate: float
    service: float
    patience: float | None = None
    facts: Facts = PLAIN


def poisson(kinds: Sequence[Kind], calls: int, seed: int) -> Iterator[Call]:
    """A stream of `calls` callers. The same seed gives the same callers."""
    draw = random.Random(seed)  # noqa: S311
    total, upto = sum(kind.rate for kind in kinds), list(accumulate(kind.rate for kind in kinds))
    at = 0.0
    for number in range(calls):
        at += draw.expovariate(total)
        mark = draw.random() * total
        which = next(place for place, bound in enumerate(upto) if mark < bound)
        kind = kinds[which]
        service = round(draw.expovariate(1 / kind.service) * SECOND)
        patience = None if kind.patience is None else round(draw.expovariate(1 / kind.patience) * SECOND)
        yield Call(number, which, round(at * SECOND), service, patience)


Later = Callable[["Simulation"], None]


@dataclass(eq=False)
class Simulation:
    """The machine, and what is to happen to it. Agents take one call at a time and accept at once.

    `over` is told of each call that was served to its end or given up; `draw` gives the microseconds of a service that begins
    now, where the call does not bring them. `watch` is told of each entry and its decisions.
    """

    facts: Sequence[Facts]
    policy: Policy = FIFO
    over: Callable[[Call], None] = lambda call: None
    draw: Callable[[int], int] | None = None
    watch: Callable[[Entry, list[Decision]], None] | None = None
    state: State = field(default_factory=State)
    now: int = 0
    begun: int = 0
    waiting: int = 0
    due: list[tuple[int, int, Call | Later]] = field(default_factory=list)
    calls: dict[UUID, Call] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.tell(UsePolicy(self.policy.version, self.policy.version, self.policy))

    def agents(self, names: Iterable[str], skills: dict[str, int] | None = None, *, asked: bool = False) -> None:
        """People with these skills, ready to work. `asked`: they get offers, and accept them at once."""
        auto = () if asked else (CHANNEL,)
        for name in names:
            self.tell(ConfigureAgent(agent_id=name, name=name, skills=skills or {}, auto_accept=auto))
            self.present(name)

    def present(self, name: str, state: AgentPresence = AgentPresence.ONLINE) -> None:
        """An agent comes or goes."""
        self.tell(SetPresence(agent_id=name, state=state, epoch=1))

    def later(self, at: int, what: Call | Later) -> None:
        """Something happens to a call (it ends, or the caller gives up) or to the whole at a time."""
        heappush(self.due, (at, next(self.numbers), what))

    def run(self, calls: Iterable[Call]) -> None:
        """Let all calls come, and everything that follows from them happen."""
        for call in calls:
            while self.due and self.due[0][0] <= call.at:
                self._next()
            self.now = call.at
            self._arrive(call)
        while self.due:
            self._next()

    def tell(self, body: Body) -> None:
        """Fold one command at the present time; what the machine decides is followed."""
        state = self.state
        seq = state.seq + 1
        entry = Entry(seq, START + timedelta(microseconds=self.now), UUID(int=seq), body)
        decisions = fold(state, (entry,))
        if self.watch is not None:
            self.watch(entry, decisions)
        if not seq % RECORDED:
            state.take_changes()
        for decision in decisions:
            kind = type(decision)
            if kind is WorkAssigned:
                self._begin(self.calls[decision.work_item_id], decision.agent_id)  # type: ignore[attr-defined]
            elif kind is OfferMade:
                self.tell(AcceptOffer(offer_id=decision.offer_id, agent_id=decision.agent_id))  # type: ignore[attr-defined]

    def _arrive(self, call: Call) -> None:
        self._tick()
        work_item_id = UUID(int=call.number)
        self.calls[work_item_id] = call
        self.waiting += 1
        self.tell(Arrival(work_item_id, self.facts[call.kind], START + timedelta(microseconds=call.at)))
        if call.begun is None and call.patience is not None:
            self.later(call.at + call.patience, call)

    def _begin(self, call: Call, agent: str) -> None:
        assert call.begun is None, f"call {call.number} begins twice"
        call.begun, call.agent = self.now, agent
        if call.service is None:
            assert self.draw is not None
            call.service = self.draw(self.begun)
        self.begun += 1
        self.waiting -= 1
        self.later(self.now + call.service, call)

    def _next(self) -> None:
        at, _, what = heappop(self.due)
        if not isinstance(what, Call):
            self.now = at
            self._tick()
            what(self)
        elif not what.over and (what.begun is None or (what.service is not None and at == what.begun + what.service)):
            self.now = at
            self._tick()
            self._end(what)

    def _end(self, call: Call) -> None:
        work_item_id = UUID(int=call.number)
        call.over, call.ended = True, self.now
        del self.calls[work_item_id]
        if call.begun is None:
            self.waiting -= 1
            self.tell(CancelWork(work_item_id=work_item_id))
        else:
            self.tell(ResolveWork(work_item_id=work_item_id))
        self.over(call)

    def _tick(self) -> None:
        """Tell the machine the time whenever something was due before now, as its owner does."""
        now = START + timedelta(microseconds=self.now)
        while (due := self.state.next_timer()) is not None and due <= now:
            here, self.now = self.now, (due - START) // timedelta(microseconds=1)
            self.tell(FireTimer(due=due))
            self.now = here
