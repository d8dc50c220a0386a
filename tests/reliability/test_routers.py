"""Ten routers share one log and one record; they are killed at random, the owner most of the time, while work flows."""

import asyncio
import random
import statistics
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hub.nursery import Nursery, Starter
from hub.process import open_log
from runtime.database import Database, passes_by_itself
from runtime.errors import NotOwner
from runtime.settings import Settings
from runtime.unit import Unit
from schemas.commands import ConfigureAgent, ResolveWork, SetPresence, TransferWork
from schemas.decisions import AgentChanged, Decision, OfferEnded, OfferMade, Reason, WorkAssigned, WorkEnded, WorkQueued
from schemas.envelope import Envelope, Event, derived_id
from schemas.values import AgentPresence
from services.router.adapters.policy_yaml import read_policy
from services.router.adapters.postgres import PostgresLedger
from services.router.domain.machine import replay
from services.router.domain.policy import Facts
from services.router.domain.values import Arrival, Body, Entry
from services.router.handlers import Router
from tests.reliability.faults import PATIENCE, SEED, until
from tests.reliability.routers import COUNT, TERMS, Routers, seconds_to_next, story
from tests.reliability.routing_checker import AgentRow, Hold, Story, WaitingRow, judge
from tests.reliability.routing_desk import AGENTS, CAPACITY, KEPT_CHANNEL, Desk

HARM_SECONDS = 25.0
ITEMS_PER_SECOND = 50.0
KEPT = CAPACITY // TERMS.cost(KEPT_CHANNEL) * AGENTS + 12

pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("reliability")]


@dataclass(frozen=True, slots=True)
class Run:
    """Ten routers, and those who keep them busy."""

    routers: Routers
    desk: Desk
    database: Database

    async def drained(self) -> bool:
        """Whether all that was written is followed and over."""
        [row] = await self.routers.rows("SELECT count(*) AS open FROM router.work_items")
        return row.open == 0 and await self.followed()

    async def followed(self) -> bool:
        """Whether every command stands in the log, and every parcel of decisions is published."""
        sql = """
            SELECT count(*) AS found, (SELECT count(*) FROM router.outbox WHERE epoch IS NULL) AS waiting
            FROM router.log WHERE command_id = ANY(CAST(:ids AS uuid[]))"""
        [row] = await self.routers.rows(sql, ids=list(self.desk.sent))
        return bool(row.found >= len(self.desk.sent) and row.waiting == 0)

    async def placed(self) -> bool:
        """Whether all agents are full of what nobody resolves, so that some of it must wait."""
        [row] = await self.routers.rows("SELECT count(*) AS held FROM router.offers WHERE state = 'accepted'")
        return row.held == KEPT - 12 and await self.followed()

    async def lose_owner(self) -> None:
        """Kill the owner, and start that router again."""
        deadline = time.monotonic() + PATIENCE
        while (slot := await self.routers.owner()) is None:
            assert time.monotonic() < deadline, "nobody owns the log"
            await asyncio.sleep(0.1)
        await self.routers.kill(slot, owner=True)
        await self.routers.start(slot)

    async def faults(self) -> dict[str, list[str]]:
        """What is wrong once all is through, or when patience ends."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = judge(await story(self.routers, self.desk))
            if not found or time.monotonic() > deadline:
                return found
            await asyncio.sleep(1)


@pytest.fixture
async def run(settings: Settings, tmp_path: Path) -> AsyncIterator[Run]:
    """Ten routers with agents at work; nobody writes yet."""
    chance = random.Random(SEED)
    database = Database(settings, "reliability")
    logs = tmp_path / "routers"
    logs.mkdir()
    nursery = Nursery(open_log(logs, "nursery"))
    routers = Routers(Starter(logs, nursery), settings, database, random.Random(chance.random()))
    desk = Desk(settings, random.Random(chance.random()))
    made = Run(routers, desk, database)
    try:
        await asyncio.gather(*(routers.start(slot) for slot in range(COUNT)))
        desk.configure()
        await until(lambda: _owned(routers), "an owner")
        async with _going(desk.pump()), _going(desk.listen()):
            await until(made.followed, "the agents to be known")
            yield made
    finally:
        await routers.stop()
        await nursery.stop()
        await database.close()


async def _owned(routers: Routers) -> bool:
    return await routers.owner() is not None


@asynccontextmanager
async def _going(what: object) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(what)  # type: ignore[arg-type]
        yield
        task.cancel()


async def test_ten_routers_killed_at_random_under_load(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    routers, desk = run.routers, run.desk
    began = time.monotonic()
    async with _going(desk.customers(ITEMS_PER_SECOND)), _going(desk.comings_and_goings()):
        await routers.harm(HARM_SECONDS)
    under_load = tuple(routers.owner_kills)
    desk.calm = True
    for agent in desk.agents:
        desk.show(agent, AgentPresence.ONLINE)
    written = len(desk.items)
    await until(run.drained, "all work to end")
    drained = time.monotonic()
    desk.kept = {uuid4() for _ in range(KEPT)}
    for item in desk.kept:
        desk.write(item, KEPT_CHANNEL)
    await run.lose_owner()
    await until(run.placed, "the agents to be full")
    await run.lose_owner()
    faults = await run.faults()
    owners = routers.owners()
    waits = seconds_to_next(under_load, desk.heard.values())
    with capsys.disabled():
        print(
            f"\nseed {SEED}: {routers.kills} kills, {len(routers.owner_kills)} of them of the owner,"
            f" {routers.cuts} owners frozen and cut off, {len(owners) - 1} takeovers; {written} items and {KEPT} kept,"
            f" {len(desk.sent)} commands, {_count(desk, OfferMade)} offers, {_count(desk, WorkAssigned)} assignments,"
            f" {len(desk.heard)} decisions; seconds from the owner's end to the next decision"
            f" p50 {statistics.median(waits):.2f}, max {waits[-1]:.2f};"
            f" {drained - began:.0f} s to the last item's end, {time.monotonic() - began:.0f} s in all;"
            f" found wrong: { {name: (len(seen), seen[:3]) for name, seen in faults.items()} or 'nothing' }"
        )
    assert faults == {}
    assert desk.contradictions == []
    assert routers.crashed() == []
    assert await routers.set_aside() == 0
    assert under_load
    assert len(owners) > len(routers.owner_kills)
    assert set(desk.items) - desk.ended() == desk.kept
    await _assert_fenced(run.database, owners[0][0])


def _count(desk: Desk, kind: type[Decision]) -> int:
    return sum(isinstance(decision, kind) for _, decision in desk.heard.values())


@pytest.mark.parametrize("turns", range(4))
async def test_a_session_that_ends_while_the_process_sleeps_is_trouble_that_passes(
    record_settings: Settings, turns: int
) -> None:
    database = Database(record_settings, "reliability")
    async with database.session() as connection:
        [row] = await connection.rows("SELECT pg_backend_pid() AS pid")
        sleeper = threading.Thread(target=asyncio.run, args=(_end_session(record_settings, row.pid),))
        sleeper.start()
        sleeper.join()  # the whole loop stands still meanwhile
        for _ in range(turns):  # what the driver makes of it hangs on how much of it the loop has read
            await asyncio.sleep(0)
        with pytest.raises(Exception) as trouble:  # noqa: PT011
            await connection.rows("SELECT 1")
    assert passes_by_itself(trouble.value)


async def _end_session(settings: Settings, pid: int) -> None:
    database = Database(settings, "reliability")
    async with database.session() as connection:
        assert (await connection.rows("SELECT pg_terminate_backend(:pid, 30000)", pid=pid))[0][0]  # waits for its end


async def _assert_fenced(database: Database, old_epoch: int) -> None:
    """Whoever still believes in an old epoch writes nothing."""
    router = Router(PostgresLedger(read_policy), read_policy, TERMS)
    router.epoch = old_epoch
    id = uuid4()
    command = ConfigureAgent(agent_id="late", name="Late")
    event = Event(Envelope(str(id), "payvand/test", command.type, datetime.now(UTC), id), "main", command)
    with pytest.raises(NotOwner):
        async with database.transaction() as connection:
            await router.handle(Unit("router", connection, datetime.now(UTC)), [event])
    async with database.reading() as connection:
        written = (
            "SELECT 1 FROM router.log WHERE command_id = :id UNION ALL SELECT 1 FROM router.agents WHERE agent_id = 'late'"
        )
        assert await connection.rows(written, id=id) == []


# ── the checker is checked: each fault, planted, must be found ───────────────────────────────────────────────────────────────

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)


def entry(seq: int, body: Body) -> Entry:
    return Entry(seq, NOW + timedelta(seconds=seq), UUID(int=1_000 + seq), body)


def arrival(item: UUID) -> Arrival:
    return Arrival(item, Facts(channel="webchat", tier="lead"), NOW)


LOG = [
    entry(1, ConfigureAgent(agent_id="ali", name="Ali", capacity=25)),
    entry(2, ConfigureAgent(agent_id="eve", name="Eve", capacity=25, auto_accept=("webchat",))),
    entry(3, arrival(ONE)),
    entry(4, SetPresence(agent_id="ali", state=AgentPresence.ONLINE, epoch=1)),
    entry(5, SetPresence(agent_id="ali", state=AgentPresence.OFFLINE, epoch=2)),
    entry(6, SetPresence(agent_id="eve", state=AgentPresence.ONLINE, epoch=1)),
    entry(7, arrival(TWO)),
]


def with_ids(decisions: list[Decision]) -> dict[UUID, Decision]:
    places: dict[int, int] = {}
    told = {}
    for one in decisions:
        places[one.seq] = places.get(one.seq, 0) + 1
        told[derived_id(UUID(int=1_000 + one.seq), f"{one.type}:{places[one.seq]}")] = one
    return told


def sound(log: list[Entry] | None = None) -> Story:
    log = log or LOG
    decisions = replay(log, terms=TERMS)
    [assigned] = [one for one in decisions if isinstance(one, WorkAssigned)]
    return Story(
        sent=[one.id for one in log],
        items=[ONE, TWO],
        log=log,
        told=with_ids(decisions),
        folded=with_ids(decisions),
        replayed=decisions,
        owners=[(1, 0), (2, 4)],
        waiting={TWO: WaitingRow("webchat")},
        holds={ONE: Hold(assigned.offer_id, "eve", assigned=True)},
        agents={"ali": AgentRow(0, 25, routable=False), "eve": AgentRow(25, 25, routable=True)},
        costs={"webchat": 25},
    )


def retold(story: Story, change: Callable[[list[Decision]], list[Decision]]) -> Story:
    """The same log, told and recorded otherwise: only what the decisions say of the floor can be wrong then."""
    decisions = change(list(story.replayed))
    return replace(story, told=with_ids(decisions), folded=with_ids(decisions), replayed=decisions)


def also(decision: Callable[[Story], Decision]) -> Callable[[Story], Story]:
    return lambda story: retold(story, lambda told: [*told, decision(story)])


def without(kind: type[Decision], story: Story) -> Story:
    return retold(story, lambda told: [one for one in told if not isinstance(one, kind)])


def offer(item: UUID, agent: str, seq: int) -> OfferMade:
    return OfferMade(
        seq=seq, at=NOW, offer_id=uuid4(), work_item_id=item, agent_id=agent, queue_id="general", channel="webchat",
        enqueued_at=NOW, expires_at=NOW, reason=Reason(rule="r", policy="p"),
    )  # fmt: skip


def assigned_again(story: Story) -> WorkAssigned:
    [first] = [one for one in story.replayed if isinstance(one, WorkAssigned)]
    return first.model_copy(update={"seq": 7, "agent_id": "ali", "offer_id": uuid4()})


def ended(item: UUID, agent: str | None) -> WorkEnded:
    return WorkEnded(seq=7, at=NOW, work_item_id=item, outcome="resolved", agent_id=agent)


def without_offer_end(story: Story) -> Story:
    return retold(story, lambda told: [one for one in told if not isinstance(one, OfferEnded | AgentChanged)])


def without_queueing_again(story: Story) -> Story:
    return retold(story, lambda told: [one for one in told if not (isinstance(one, WorkQueued) and one.seq >= 5)])


def test_a_sound_history_has_no_faults() -> None:
    assert judge(sound()) == {}
    kinds = {type(one) for one in sound().replayed}
    assert {OfferMade, OfferEnded, WorkQueued, WorkAssigned, AgentChanged} <= kinds


def test_a_transfer_and_an_end_are_no_faults() -> None:
    more = [entry(8, TransferWork(work_item_id=ONE, agent_id="eve", to_queue="general"))]
    log = [*LOG, *more, entry(9, ResolveWork(work_item_id=TWO))]
    known = {"double_offer", "assigned_twice", "offered_twice", "over_capacity", "negative_capacity", "miscounted", "lost"}
    assigned = [one for one in replay(log, terms=TERMS) if isinstance(one, WorkAssigned)]
    assert len(assigned) >= 2
    story = replace(sound(), log=log, told=with_ids(replay(log, terms=TERMS)))
    assert not known & (judge(story).keys() - {"miscounted"})


@pytest.mark.parametrize(
    ("fault", "plant"),
    [
        ("offered_twice", without_offer_end),
        ("assigned_twice", also(assigned_again)),
        ("assigned_twice", also(lambda _: offer(ONE, "ali", 7))),
        ("over_capacity", also(lambda _: offer(TWO, "eve", 7))),
        ("ended_twice", also(lambda story: ended(uuid4(), None))),
        ("ended_unassigned", also(lambda story: ended(ONE, "ali"))),
        ("lost", without_queueing_again),
        ("lost", lambda story: replace(story, items=[ONE, TWO, uuid4()])),
        ("lost_commands", lambda story: replace(story, sent=[*story.sent, uuid4()])),
        ("doubled_commands", lambda story: replace(story, log=[*story.log, replace(story.log[-1], seq=8)])),
        ("log_gaps", lambda story: replace(story, log=[*story.log, entry(9, LOG[0].body)])),
        ("log_back_in_time", lambda story: replace(story, log=[*story.log[:-1], replace(story.log[-1], at=NOW)])),
        ("epochs", lambda story: replace(story, owners=[(1, 0), (1, 4)])),
        ("epochs", lambda story: replace(story, owners=[(1, 4), (2, 3)])),
        ("untold", lambda story: replace(story, told=dict(list(story.told.items())[:-1]))),
        ("foreign", lambda story: replace(story, told={**story.told, uuid4(): ended(TWO, None)})),
        (
            "altered",
            lambda story: replace(story, told={id: one.model_copy(update={"at": NOW}) for id, one in story.told.items()}),
        ),
        ("replayed_otherwise", lambda story: replace(story, replayed=story.replayed[:-2])),
        ("record_differs", lambda story: replace(story, holds={})),
        ("record_differs", lambda story: replace(story, waiting={})),
        ("miscounted", lambda story: replace(story, agents={**story.agents, "ali": AgentRow(25, 25, routable=False)})),
        ("idle_beside_waiting", lambda story: replace(story, agents={**story.agents, "ali": AgentRow(0, 25, routable=True)})),
    ],
)
def test_a_planted_fault_of_routing_is_found(fault: str, plant: Callable[[Story], Story]) -> None:
    assert fault in judge(plant(sound()))
