"""The log under another policy: the same policy changes nothing, another one changes what it should."""

from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random

import pytest

from schemas.commands import AcceptOffer, CancelWork, RejectOffer, ResolveWork, TransferWork
from schemas.decisions import OfferMade, WorkAssigned, WorkQueued
from services.router.adapters.policy_yaml import read_policy
from services.router.domain.comparison import CAVEAT, Comparing
from services.router.domain.rehearsal import Rehearsal, rehearse
from services.router.domain.values import Arrival, Facts, Terms

from .logs import START, Desk, item_id

POLICY = """
rules: [{name: fa, when: {language: fa}, queue: persian, steps: [{all: {lang.fa: 3}, for: 30s}, {all: {lang.fa: 1}}]}]
default: {queue: general, steps: [{for: 1m}, {language: 0}]}
"""
LOOSER = POLICY.replace("lang.fa: 3", "lang.fa: 1")


class Centre:
    """A support centre for some hours: people answer, refuse, miss, hand over and finish at random; customers give up."""

    def __init__(self, seed: int, arrivals: int) -> None:
        self.random = Random(seed)
        self.desk = Desk(read_policy("p1", POLICY))
        self.due: list[tuple[datetime, int, object]] = []
        self.count = self.seen = 0
        for number in range(12):
            skills = {"lang.fa": 1 + number % 5} if number % 2 else {"lang.ru": 3, "lang.en": 2}
            self.desk.agent(f"agent-{number:02}", skills=skills)
        at = START
        for number in range(arrivals):
            at += timedelta(seconds=self.random.expovariate(1 / 5))
            self.plan(at, number)
        while self.due:
            at, _, what = heappop(self.due)
            self.desk.wait(max(0.0, (at - self.desk.now).total_seconds()))
            self.follow(what)

    def plan(self, at: datetime, what: object) -> None:
        self.count += 1
        heappush(self.due, (at, self.count, what))

    def follow(self, what: object) -> None:
        if isinstance(what, int):
            facts = Facts(self.random.choice(("webchat", "email")), language=self.random.choice(("fa", "ru", "en")))
            self.desk.tell(Arrival(item_id(what), facts, self.desk.now))
        elif isinstance(what, str):
            self.desk.present(what, epoch=self.count)
        else:
            self.desk.tell(what)
        for decision in self.desk.decisions[self.seen :]:
            self.react(decision)
        self.seen = len(self.desk.decisions)

    def react(self, decision: object) -> None:
        soon = timedelta(seconds=self.random.uniform(1, 8))
        luck = self.random.random()
        if isinstance(decision, OfferMade):
            answer = AcceptOffer if luck < 0.9 else RejectOffer
            if luck < 0.97:
                self.plan(decision.at + soon, answer(offer_id=decision.offer_id, agent_id=decision.agent_id))
            else:
                self.plan(decision.at + timedelta(seconds=50), decision.agent_id)
        elif isinstance(decision, WorkAssigned):
            done = decision.at + timedelta(seconds=self.random.expovariate(1 / 200))
            one = {"work_item_id": decision.work_item_id, "agent_id": decision.agent_id}
            self.plan(done, TransferWork(**one, to_queue="general") if luck < 0.05 else ResolveWork(**one))
        elif isinstance(decision, WorkQueued) and luck < 0.1:
            self.plan(decision.at + 4 * soon, CancelWork(work_item_id=decision.work_item_id))


@pytest.fixture(scope="module")
def centre() -> Centre:
    return Centre(seed=7, arrivals=400)


def compared(centre: Centre, policy: str, since: datetime | None = None) -> tuple[Comparing, Rehearsal]:
    comparing = Comparing(timedelta(seconds=20))
    _, rehearsal = rehearse(centre.desk.log, read_policy("new", policy), Terms(), since, comparing)
    return comparing, rehearsal


@pytest.mark.parametrize("hours", [None, 0.2])
def test_under_the_same_policy_everything_goes_as_it_went(centre: Centre, hours: float | None) -> None:
    since = None if hours is None else START + timedelta(hours=hours)
    comparing, rehearsal = compared(centre, POLICY, since)
    assert (comparing.changes, rehearsal.merged) == ({}, 0)
    assert comparing.recorded.figures() == comparing.rehearsed.figures()
    assert comparing.recorded.arrived == (400 if since is None else sum(
        1 for entry in centre.desk.log if isinstance(entry.body, Arrival) and entry.at >= since
    ))  # fmt: skip


def test_the_recorded_side_is_what_the_decisions_say(centre: Centre) -> None:
    comparing, _ = compared(centre, LOOSER)
    first: dict = {}
    for decision in centre.desk.decisions:
        if isinstance(decision, WorkAssigned):
            first.setdefault(decision.work_item_id, (decision.at - decision.enqueued_at).total_seconds())
    assert sorted(comparing.recorded.waits) == sorted(first.values())


def test_asking_less_of_agents_shortens_the_waits(centre: Centre) -> None:
    comparing, _ = compared(centre, LOOSER)
    before, after = comparing.recorded.figures(), comparing.rehearsed.figures()
    assert after.arrived == before.arrived == 400
    assert after.wait_mean is not None
    assert before.wait_mean is not None
    assert after.wait_mean < before.wait_mean
    assert comparing.changes["different"] >= len(comparing.differences()) > 0
    assert all(difference.recorded.rule == "fa" for difference in comparing.differences()[:1])


def test_a_rehearsal_is_the_same_each_time(centre: Centre) -> None:
    one, other = compared(centre, LOOSER)[0], compared(centre, LOOSER)[0]
    assert (one.differences(), one.rehearsed.figures()) == (other.differences(), other.rehearsed.figures())


def test_it_says_plainly_what_is_counterfactual() -> None:
    assert "counterfactual" in CAVEAT
