"""Building logs for the machine: by hand in named tests, at random in the properties."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st
from pydantic import BaseModel

from schemas.commands import (
    AcceptOffer,
    CancelWork,
    CompleteWrapUp,
    ConfigureAgent,
    ConfigureQueue,
    FireTimer,
    RejectOffer,
    RequestCallback,
    ResolveWork,
    SetPresence,
    TransferWork,
)
from schemas.decisions import Decision
from schemas.values import AgentPresence
from services.router.domain.calendar import Standing
from services.router.domain.machine import fold
from services.router.domain.plan import PLAIN, AgentChoice, Ordering, OrderKind, Overflow, Plan, QueueRules
from services.router.domain.policy import Facts, Policy, Rule, Step, matcher
from services.router.domain.state import State
from services.router.domain.values import Arrival, Body, Entry, Terms, UsePolicy

START = datetime(2026, 3, 21, 8, 0, tzinfo=UTC)


def item_id(number: int) -> UUID:
    return UUID(int=1_000 + number)


def contact_id(number: int) -> UUID:
    return UUID(int=9_000_000 + number)


class Desk:
    """A machine driven by hand. Time stands still until `wait` moves it; every entry folded is kept in `log`."""

    def __init__(self, policy: Policy | None = None, terms: Terms | None = None) -> None:
        self.state = State(terms=terms or Terms())
        self.now = START
        self.log: list[Entry] = []
        self.decisions: list[Decision] = []
        if policy is not None:
            self.tell(UsePolicy(policy.version, policy.version, policy))

    def tell(self, body: Body) -> list[Decision]:
        entry = Entry(self.state.seq + 1, self.now, UUID(int=self.state.seq + 1), body)
        self.log.append(entry)
        decided = fold(self.state, [entry])
        self.decisions += decided
        return decided

    def wait(self, seconds: float) -> list[Decision]:
        """Let time pass as the service does: one timer command whenever something is due."""
        until = self.now + timedelta(seconds=seconds)
        decided: list[Decision] = []
        while (due := self.state.next_timer()) is not None and due <= until:
            self.now = max(self.now, due)
            decided += self.tell(FireTimer(due=self.now))
        self.now = until
        return decided

    def agent(self, name: str, *, auto: bool = False, online: bool = True, **known: object) -> list[Decision]:
        channels = ("email", "sms", "telegram", "webchat", "call") if auto else ()
        decided = self.tell(ConfigureAgent(agent_id=name, name=name.title(), auto_accept=channels, **known))
        return decided + (self.present(name) if online else [])

    def present(
        self, name: str, state: str = "online", *, epoch: int = 1, lease: float | None = None, session: str = "", **more: object
    ) -> list[Decision]:
        until = None if lease is None else self.now + timedelta(seconds=lease)
        return self.tell(
            SetPresence(agent_id=name, state=AgentPresence(state), epoch=epoch, lease_until=until, session=session, **more)
        )

    def arrive(
        self, number: int, channel: str = "webchat", *, after: float = 0, contact: int | None = None, **facts: object
    ) -> list[Decision]:
        accepted = self.now - timedelta(seconds=after)
        who = None if contact is None else contact_id(contact)
        return self.tell(Arrival(item_id(number), Facts(channel, **facts), accepted, who))

    def accept(self, number: int) -> list[Decision]:
        held = self.held(number)
        return self.tell(AcceptOffer(offer_id=held.offer_id, agent_id=held.agent_id))

    def reject(self, number: int, reason: str = "") -> list[Decision]:
        held = self.held(number)
        return self.tell(RejectOffer(offer_id=held.offer_id, agent_id=held.agent_id, reason=reason))

    def resolve(self, number: int, agent: str | None = None) -> list[Decision]:
        return self.tell(ResolveWork(work_item_id=item_id(number), agent_id=agent))

    def held(self, number: int):
        held = self.state.items[item_id(number)].held
        assert held is not None
        return held

    def holder(self, number: int) -> str | None:
        held = self.state.items[item_id(number)].held
        return held.agent_id if held else None


def of(kind: type[BaseModel], decisions: list[Decision]) -> list:
    return [decision for decision in decisions if isinstance(decision, kind)]


def simple_policy(*steps: Step, version: str = "p1", **options: object) -> Policy:
    return Policy(version, (), Rule("default", matcher({}), "general", 0, steps or (Step(),)), **options)


@dataclass(frozen=True)
class Shifts:
    """A calendar for tests: open and closed by turns, from `START` on."""

    open_for: timedelta
    closed_for: timedelta

    def opening(self, at: datetime) -> Standing:
        round_ = self.open_for + self.closed_for
        within = (at - START) % round_
        if within < self.open_for:
            return Standing(True, at - within + self.open_for)
        return Standing(False, at - within + round_)

    def after(self, at: datetime, worth: timedelta) -> datetime | None:
        while True:
            now = self.opening(at)
            if now.open and now.changes_at - at >= worth:
                return at + worth
            worth -= now.changes_at - at if now.open else timedelta()
            at = now.changes_at


def queue_policy(rules: QueueRules, plan: Plan = PLAIN, version: str = "p1", **options: object) -> Policy:
    """A policy whose one rule sends all to `general`, with rules for that queue and a plan for its work."""
    everything = Rule("default", matcher({}), "general", 0, (Step(),))
    return Policy(version, (), everything, queues={"general": rules}, plans={"general": plan}, **options)


SKILLS = ("lang.fa", "lang.ru", "product")
CHANNELS = ("email", "webchat", "call")
AGENTS = tuple(f"agent-{letter}" for letter in "abcde")
QUEUES = ("general", "sales")
TEAMS = (None, "red", "blue")

POLICIES = (
    Policy(
        "steps",
        (
            Rule("fa-vip", matcher({"language": frozenset({"fa"}), "tier": frozenset({"gold"})}), "general", 3, (Step(),)),
            Rule(
                "ru",
                matcher({"language": frozenset({"ru"})}),
                None,
                0,
                (
                    Step((("lang.ru", 4),), timedelta(seconds=20)),
                    Step((("lang.ru", 2),), timedelta(seconds=40)),
                    Step(language=0, wishes=False),
                ),
            ),
        ),
        Rule("default", matcher({}), "sales", 0, (Step(lasts=timedelta(seconds=50)), Step(language=0))),
        {"gold": timedelta(seconds=90)},
    ),
    simple_policy(version="plain"),
)
SLOPES = (("gold", 3), ("lead", 1))
RICH_POLICIES = tuple(
    Policy(
        f"rich-{place}",
        (Rule("vip", matcher({"tier": frozenset({"gold"})}), None, 2, (Step(),)),),
        Rule("default", matcher({}), "general", 0, (Step((("product", 1),), timedelta(seconds=25)), Step(language=0))),
        {"gold": timedelta(seconds=40)},
        queues={
            "general": QueueRules(
                Ordering(first, slopes=SLOPES, rescue=timedelta(seconds=45)),
                choice,
                Shifts(timedelta(seconds=100), timedelta(seconds=20)) if place % 2 else None,
                {"webchat": timedelta(seconds=9)},
                ("sold", "lost") if place == 1 else (),
                place == 1,
            ),
            "sales": QueueRules(Ordering(second, sla=timedelta(seconds=70), slopes=SLOPES), choice),
        },
        plans={
            "general": Plan(timedelta(seconds=50), timedelta(seconds=20), overflow=(Overflow("blue", timedelta(seconds=35)),)),
            "sales": Plan(
                prefer=timedelta(), overflow=(Overflow("red", when_nobody=True), Overflow("blue", timedelta(seconds=8)))
            ),
        },
    )
    for place, (first, second, choice) in enumerate(
        zip(
            (OrderKind.HEAD_START, OrderKind.DEADLINE, OrderKind.ACCUMULATING, OrderKind.STRICT),
            (OrderKind.STRICT, OrderKind.DEADLINE, OrderKind.HEAD_START, OrderKind.ACCUMULATING),
            AgentChoice,
            strict=True,
        )
    )
)
BY_VERSION = {policy.version: policy for policy in (*POLICIES, *RICH_POLICIES)}
RICH_TERMS = Terms(
    late_grace=timedelta(seconds=120),
    interrupts={"call": frozenset({"email"})},
    caps={"webchat": 3},
    auto_accept=frozenset({"sms"}),
    wrap_up={"call": timedelta(seconds=12)},
    greet_after=timedelta(seconds=15),
    update_every=timedelta(seconds=20),
    remember_most=3,
)

agents = st.sampled_from(AGENTS)
items = st.integers(0, 14)
levels = st.integers(1, 5)
facts = st.builds(
    Facts,
    channel=st.sampled_from(CHANNELS),
    tier=st.sampled_from(("lead", "gold")),
    language=st.sampled_from((None, "fa", "ru")),
    queue=st.sampled_from((None, *QUEUES, "nowhere")),
    requirements=st.sampled_from(((), (("product", 2),), (("product", 4),))),
)
configurations = st.builds(
    ConfigureAgent,
    agent_id=agents,
    name=st.just("Somebody"),
    skills=st.dictionaries(st.sampled_from(SKILLS), levels, max_size=3),
    teams=st.sampled_from(((), ("red",), ("red", "blue"))),
    capacity=st.sampled_from((10, 50, 100, 100, 200)),
    channel_caps=st.sampled_from(({}, {}, {"webchat": 1}, {"email": 2})),
    auto_accept=st.sampled_from(((), (), ("email",), CHANNELS)),
    active=st.sampled_from((True, True, True, True, False)),
)
presences = st.tuples(agents, st.sampled_from(("online", "online", "online", "away", "offline")), st.integers(0, 3))
moves = st.one_of(
    st.tuples(st.just("arrive"), items, facts, st.integers(0, 100)),
    st.tuples(st.just("arrive"), items, facts, st.integers(0, 100)),
    st.tuples(st.just("arrive"), items, facts, st.integers(0, 100)),
    st.tuples(st.just("configure"), configurations),
    st.tuples(st.just("presence"), presences, st.sampled_from((None, None, 15, 45))),
    st.tuples(st.just("presence"), presences, st.sampled_from((None, None, 15, 45))),
    st.tuples(st.sampled_from(("accept", "accept", "reject", "strange")), items),
    st.tuples(st.sampled_from(("accept", "accept", "reject", "strange")), items),
    st.tuples(st.sampled_from(("resolve", "resolve", "cancel")), items),
    st.tuples(st.just("transfer"), items, st.sampled_from((*AGENTS, *QUEUES))),
    st.tuples(st.just("queue"), st.sampled_from(QUEUES), st.sampled_from(TEAMS)),
    st.tuples(st.just("policy"), st.sampled_from(tuple(policy.version for policy in POLICIES))),
    st.tuples(st.just("wait"), st.sampled_from((1, 7, 10, 30, 31, 60, 61))),
    st.tuples(st.just("wait"), st.sampled_from((1, 7, 10, 30, 31, 60, 61))),
)
openings = st.lists(configurations, min_size=2, max_size=5)
stories = st.tuples(openings, st.lists(moves, min_size=5, max_size=60))


def play(desk: Desk, story: tuple, check=lambda desk: None) -> None:
    """Drive a machine through a random story; `check` is called after every command."""
    opening, told = story
    for configure in opening:
        desk.tell(configure)
        desk.present(configure.agent_id)
        check(desk)
    for move in told:
        _make(desk, move)
        check(desk)


def _make(desk: Desk, move: tuple) -> None:
    kind, subject = move[0], move[1]
    if _make_rich(desk, move):
        return
    if kind == "arrive":
        desk.tell(Arrival(item_id(subject), move[2], desk.now - timedelta(seconds=move[3])))
    elif kind in ("configure", "policy"):
        desk.tell(subject if kind == "configure" else UsePolicy(subject, subject, BY_VERSION[subject]))
    elif kind == "presence":
        desk.present(subject[0], subject[1], epoch=subject[2], lease=move[2])
    elif kind == "queue":
        desk.tell(ConfigureQueue(queue_id=subject, name=subject, team=move[2]))
    elif kind == "wait":
        desk.wait(subject)
    else:
        _work(desk, kind, subject, move)


def _work(desk: Desk, kind: str, subject: int, move: tuple) -> None:
    item = desk.state.items.get(item_id(subject))
    holder = item.held.agent_id if item and item.held else None
    offer = item.held.offer_id if item and item.held else UUID(int=subject)
    if kind == "accept":
        desk.tell(AcceptOffer(offer_id=offer, agent_id=holder or AGENTS[0]))
    elif kind == "reject":
        desk.tell(RejectOffer(offer_id=offer, agent_id=holder or AGENTS[0]))
    elif kind == "strange":
        desk.tell(AcceptOffer(offer_id=offer, agent_id="agent-nobody"))
    elif kind == "resolve":
        desk.tell(ResolveWork(work_item_id=item_id(subject), agent_id=holder))
    elif kind == "cancel":
        desk.tell(CancelWork(work_item_id=item_id(subject)))
    else:
        target = {"to_queue": move[2]} if move[2] in QUEUES else {"to_agent": move[2]}
        desk.tell(TransferWork(work_item_id=item_id(subject), **target))


sessions = st.sampled_from(("", "", "tab-1", "tab-2"))
few = st.integers(0, 5)
"""Items of rich stories: few, so that what is told of one meets it in every phase."""
rich_moves = st.one_of(
    moves,
    st.tuples(st.just("arrive"), few, facts, st.integers(0, 100)),
    st.tuples(st.just("contact"), few, facts, st.integers(0, 2)),
    st.tuples(st.just("contact"), few, facts, st.integers(0, 2)),
    st.tuples(st.sampled_from(("accept", "accept", "accept", "reject")), few),
    st.tuples(st.sampled_from(("accept", "accept", "accept", "reject")), few),
    st.tuples(st.just("session"), presences, st.sampled_from((None, 15, 45)), sessions, st.sampled_from((False, False, True))),
    st.tuples(st.just("wrap"), few, st.sampled_from(("", "sold", "sold", "nonsense"))),
    st.tuples(st.just("resolve-as"), few, st.sampled_from(("", "sold", "sold", "nonsense"))),
    st.tuples(st.just("resolve-as"), few, st.sampled_from(("", "sold", "sold", "nonsense"))),
    st.tuples(st.just("hand-over"), few, st.sampled_from(AGENTS), st.sampled_from((0, 25)), st.sampled_from((0, 60, -60))),
    st.tuples(st.just("call-back"), few, st.sampled_from((None, 5, 130))),
    st.tuples(st.just("policy"), st.sampled_from(tuple(BY_VERSION))),
)
rich_stories = st.tuples(
    openings,
    st.builds(
        lambda policy, told: [("policy", policy), *told],
        st.sampled_from(tuple(policy.version for policy in RICH_POLICIES)),
        st.lists(rich_moves, min_size=40, max_size=80),
    ),
)
"""Stories with every command and every rule there is; for a Desk with RICH_TERMS."""


def _make_rich(desk: Desk, move: tuple) -> bool:
    kind, subject = move[0], move[1]
    if kind == "contact":
        desk.tell(Arrival(item_id(subject), move[2], desk.now, contact_id(move[3])))
    elif kind == "session":
        desk.present(subject[0], subject[1], epoch=subject[2], lease=move[2], session=move[3], passive=move[4])
    elif kind == "wrap":
        agents = [agent.id for agent in desk.state.agents.values() if item_id(subject) in agent.wrap_ups]
        holder = agents[0] if agents else AGENTS[0]
        desk.tell(CompleteWrapUp(work_item_id=item_id(subject), agent_id=holder, disposition=move[2]))
    elif kind == "resolve-as":
        item = desk.state.items.get(item_id(subject))
        holder = item.held.agent_id if item and item.held else None
        desk.tell(ResolveWork(work_item_id=item_id(subject), agent_id=holder, disposition=move[2]))
    elif kind == "hand-over":
        desk.tell(
            TransferWork(work_item_id=item_id(subject), to_agent=move[2], wait_seconds=move[3], age_adjust_seconds=move[4])
        )
    elif kind == "call-back":
        when = None if move[2] is None else desk.now + timedelta(seconds=move[2])
        desk.tell(RequestCallback(work_item_id=item_id(subject), not_before=when))
    else:
        return False
    return True


plain_facts = st.builds(Facts, channel=st.sampled_from(CHANNELS))
alike = st.builds(
    ConfigureAgent,
    agent_id=agents,
    name=st.just("Somebody"),
    skills=st.sampled_from(({}, {}, {"product": 2})),
    capacity=st.sampled_from((60, 110, 1_000)),
    auto_accept=st.sampled_from(((), CHANNELS)),
)
plain_moves = st.one_of(
    st.tuples(st.just("arrive"), st.integers(0, 40), plain_facts, st.just(0)),
    st.tuples(st.just("arrive"), st.integers(0, 40), plain_facts, st.just(0)),
    st.tuples(st.sampled_from(("accept", "reject", "resolve", "resolve")), st.integers(0, 40)),
    st.tuples(st.just("presence"), st.tuples(agents, st.sampled_from(("online", "offline")), st.just(9)), st.none()),
)
crowds = st.tuples(
    st.lists(alike, min_size=4, max_size=5, unique_by=lambda configure: configure.agent_id),
    st.lists(plain_moves, min_size=20, max_size=80),
)
"""Stories of agents much alike with room for many items: what tells them apart is who has been idle longest."""
