"""The machine against a router written a second time, plainly: placement by placement, over random days of a random floor."""

import random
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.oracles.simulation import FIFO, START
from schemas.commands import (
    AcceptOffer,
    CancelWork,
    ConfigureAgent,
    ConfigureQueue,
    FireTimer,
    RejectOffer,
    ResolveWork,
    SetPresence,
    TransferWork,
)
from schemas.decisions import OfferEnded, OfferMade, WorkAssigned, WorkEnded
from schemas.values import AgentPresence
from services.router.domain.machine import fold
from services.router.domain.policy import Facts, Policy, Rule, Step, matcher
from services.router.domain.state import State
from services.router.domain.values import Arrival, Entry, UsePolicy

from .plain import Plain

CHANNELS, SKILLS, QUEUES = ("email", "sms", "telegram"), ("billing", "legal", "technical"), ("general", "sales", "care")
MOVES = (
    ("arrive",) * 6
    + ("accept",) * 3
    + ("resolve",) * 4
    + ("reject", "late", "cancel", "transfer", "presence", "wait", "skills")
)
TO_GENERAL = Policy("wished", (Rule("wish", matcher({"queue": None}), None, 0, (Step(),)),), FIFO.default)


class Both:
    """The machine and the plain router, told the same. After every command they agree, and what must never be is not."""

    def __init__(self, draw, people, policy=TO_GENERAL):
        self.draw, self.state, self.plain = draw, State(), Plain()
        self.seconds, self.came = 0, 0
        self.offers: dict[UUID, UUID] = {}
        self.waited = 0
        fold(self.state, [Entry(1, START, UUID(int=1), UsePolicy(policy.version, "", policy))])
        for queue in QUEUES:
            self.tell(ConfigureQueue(queue_id=queue, name=queue, team="red" if queue == "care" else None))
        for number in range(people):
            self.hire(f"agent-{number:02}")
            self.tell(SetPresence(agent_id=f"agent-{number:02}", state=AgentPresence.ONLINE, epoch=1))

    def hire(self, name):
        pick = self.draw.choice
        skills = {skill: self.draw.randint(1, 5) for skill in SKILLS if self.draw.random() < 0.6}
        self.tell(
            ConfigureAgent(
                agent_id=name,
                name=name,
                skills=skills,
                teams=pick(((), ("red",))),
                capacity=pick((10, 35, 60, 100)),
                channel_caps=pick(({}, {}, {"sms": 1})),
                auto_accept=pick(((), (), CHANNELS)),
            )
        )

    def tell(self, body):
        seq = self.state.seq + 1
        entry = Entry(seq, START + timedelta(seconds=self.seconds), UUID(int=seq), body)
        decisions = fold(self.state, [entry])
        self.plain.follow(entry, decisions)
        placed = [
            (made.work_item_id, made.agent_id, isinstance(made, WorkAssigned))
            for made in decisions
            if isinstance(made, OfferMade | WorkAssigned)
        ]
        assert placed == self.plain.told
        self.never(decisions)

    def never(self, decisions):
        """Two live offers for one item, more units than an agent has, an idle eligible agent beside what could be theirs."""
        for decision in decisions:
            if isinstance(decision, OfferMade):
                assert self.offers.setdefault(decision.work_item_id, decision.offer_id) == decision.offer_id
            elif isinstance(decision, OfferEnded | WorkEnded) or (isinstance(decision, WorkAssigned) and not decision.auto):
                self.offers.pop(decision.work_item_id, None)
        for name, person in self.plain.people.items():
            used = sum(map(self.plain.cost, person.work))
            assert self.state.agents[name].used == used >= 0
        waiting = [piece for piece in self.plain.pieces.values() if piece.holder is None]
        self.waited += len(waiting)
        for piece in waiting:
            assert not any(self.plain.could(person, piece) for person in self.plain.people.values())

    def moves(self, number):
        for _ in range(number):
            getattr(self, self.draw.choice(MOVES))()

    def arrive(self):
        needs = tuple((skill, self.draw.randint(1, 4)) for skill in SKILLS if self.draw.random() < 0.3)
        facts = Facts(self.draw.choice(CHANNELS), queue=self.draw.choice((None, *QUEUES)), requirements=needs)
        self.came += 1
        accepted = START + timedelta(seconds=self.seconds - self.draw.choice((0, 0, 0, 30)))
        self.tell(Arrival(UUID(int=self.draw.getrandbits(96)), facts, accepted))

    def some(self, *, offered):
        pieces = [piece for piece in self.plain.pieces.values() if piece.holder and (piece.expires is not None) is offered]
        return self.draw.choice(pieces) if pieces else None

    def answer(self, command):
        piece = self.some(offered=True)
        if piece is not None:
            self.tell(command(offer_id=piece.offer, agent_id=piece.holder.known.agent_id))

    def accept(self):
        self.answer(AcceptOffer)

    def reject(self):
        self.answer(RejectOffer)

    def late(self):
        self.tell(self.draw.choice((AcceptOffer, RejectOffer))(offer_id=UUID(int=7), agent_id="agent-00"))

    def resolve(self):
        piece = self.some(offered=False)
        if piece is not None:
            self.tell(ResolveWork(work_item_id=piece.id))

    def cancel(self):
        if self.plain.pieces:
            self.tell(CancelWork(work_item_id=self.draw.choice(list(self.plain.pieces))))

    def transfer(self):
        if self.plain.pieces:
            self.tell(TransferWork(work_item_id=self.draw.choice(list(self.plain.pieces)), to_queue=self.draw.choice(QUEUES)))

    def presence(self):
        name = self.draw.choice(list(self.plain.people))
        state = self.draw.choice((AgentPresence.ONLINE,) * 4 + (AgentPresence.AWAY, AgentPresence.OFFLINE))
        if self.plain.people[name].silent and state is AgentPresence.AWAY:
            state = AgentPresence.OFFLINE  # away while not responding has a test of its own
        self.tell(SetPresence(agent_id=name, state=state, epoch=1))

    def skills(self):
        self.hire(self.draw.choice(list(self.plain.people)))

    def wait(self):
        until = self.seconds + self.draw.choice((1, 7, 15, 31))
        while (due := self.state.next_timer()) is not None and due <= START + timedelta(seconds=until):
            self.seconds = (due - START) // timedelta(seconds=1)
            self.tell(FireTimer(due=due))
        self.seconds = until


@given(st.integers(0, 10**9), st.integers(1, 6), st.integers(10, 80))
def test_it_places_all_work_as_the_plain_router_does(seed, people, moves):
    Both(random.Random(seed), people).moves(moves)


@pytest.mark.parametrize("seed", [1, 2])
def test_it_places_all_work_as_the_plain_router_does_on_a_long_day_of_many(seed):
    both = Both(random.Random(seed), 25)
    both.moves(1_500)
    assert both.came > 300
    assert both.waited > 1_500, "the day was too quiet to prove anything"


def test_another_order_is_noticed():
    gold_first = Policy("wished", TO_GENERAL.rules, Rule("default", matcher({}), "general", 9, (Step(),)))
    both = Both(random.Random(1), 25, gold_first)
    with pytest.raises(AssertionError):
        both.moves(600)


def test_what_rings_at_one_who_goes_away_goes_on_at_once_even_when_they_were_not_responding():
    both = Both(random.Random(1), 0)
    both.tell(ConfigureAgent(agent_id="agent-00", name="One"))
    both.tell(SetPresence(agent_id="agent-00", state=AgentPresence.ONLINE, epoch=1))
    first, second = UUID(int=1), UUID(int=2)
    both.tell(Arrival(first, Facts("email"), START))
    both.seconds = 15
    both.tell(Arrival(second, Facts("email"), START + timedelta(seconds=15)))
    both.seconds = 30
    both.tell(FireTimer(due=START + timedelta(seconds=30)))
    both.tell(SetPresence(agent_id="agent-00", state=AgentPresence.AWAY, epoch=1))
    assert both.state.items[second].held is None
