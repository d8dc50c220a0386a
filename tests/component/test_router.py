"""The router on real Postgres: log, state and decisions together or not at all; one writer; nothing lost in a restart."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from asyncpg import UniqueViolationError
from pydantic_core import from_json

from runtime import http
from runtime.clock import SystemClock
from runtime.errors import NotOwner
from runtime.keys import new_id
from runtime.service import Kit, Service
from runtime.settings import Settings
from schemas.base import EventData
from schemas.commands import (
    AcceptOffer,
    ApplyPolicy,
    ConfigureAgent,
    ConfigureQueue,
    RejectOffer,
    ResolveWork,
    SetPresence,
)
from schemas.decisions import AgentChanged, CommandRefused, OfferMade, WorkAssigned, WorkQueued
from schemas.envelope import Envelope, Event
from schemas.interactions import InteractionIdentified, InteractionReceived
from schemas.topics import PAYLOADS
from schemas.values import AgentPresence, Contact, Identifier, IdentifierType, Sender
from services.router import app
from services.router.adapters import forms
from services.router.adapters import http as router_http
from services.router.adapters.ownership import Ownership
from services.router.adapters.policy_yaml import read_policy
from services.router.adapters.postgres import PostgresLedger
from services.router.adapters.states import States
from services.router.domain.machine import replay
from services.router.domain.model import Phase
from services.router.domain.values import Terms
from services.router.handlers import Router
from tests.conftest import MakeKit, PausedRelay


class TurnedClock(SystemClock):
    """The machine's clock, turned forward by the test."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


class Owned:
    """A router that owns the log, on a kit without a broker."""

    def __init__(self, kit: Kit, clock: TurnedClock, terms: Terms, domain: str) -> None:
        self.kit = kit
        self.clock = clock
        self.router = Router(PostgresLedger(read_policy, domain), read_policy, terms, domain)
        self.ownership = Ownership(self.router, kit.database, kit.transaction)

    async def tell(self, *data: EventData, fail: bool = False) -> None:
        async with self.kit.transaction() as unit:
            await self.router.handle(unit, [event(one) for one in data])
            if fail:
                raise ConnectionError("the connection broke just before the commit")

    async def wait(self, seconds: float) -> None:
        self.clock.ahead += timedelta(seconds=seconds)
        async with self.kit.transaction() as unit:
            await self.router.fire(unit)

    async def decisions(self) -> list[Any]:
        async with self.kit.reading() as unit:
            rows = await unit.rows("SELECT headers, payloads FROM router.outbox ORDER BY id")
        pairs = [pair for row in rows for pair in zip(row.headers, row.payloads, strict=True)]
        return [PAYLOADS[dict(from_json(headers))["ce_type"]].read(payload) for headers, payload in pairs]

    async def told(self, kind: type[EventData]) -> list[Any]:
        return [decision for decision in await self.decisions() if isinstance(decision, kind)]

    async def rows(self, sql: str) -> Sequence[Any]:
        async with self.kit.reading() as unit:
            return await unit.rows(sql)


def event(data: EventData) -> Event[Any]:
    id = new_id()
    envelope = Envelope(id=str(id), source="payvand/test", type=data.type, time=datetime.now(UTC), event_id=id)
    return Event(envelope, "main", data)


def arrival(conversation: UUID, channel: str = "webchat", **more: Any) -> InteractionIdentified:
    sender = Sender(identifiers=(Identifier(type=IdentifierType.VISITOR, value="secret-visitor"),))
    now = datetime.now(UTC)
    said = InteractionReceived(inbox="web", channel=channel, sender=sender, occurred_at=now, text="a private word", **more)
    contact = Contact(contact_id=uuid4(), version=1, display_name="Private Name")
    return InteractionIdentified(
        interaction_id=uuid4(), conversation_id=conversation, opened=True, contact=contact, accepted_at=now, interaction=said
    )


def agent(name: str, *auto: str, **known: Any) -> tuple[EventData, EventData]:
    return (
        ConfigureAgent(agent_id=name, name=name.title(), auto_accept=auto, **known),
        SetPresence(agent_id=name, state=AgentPresence.ONLINE, epoch=1),
    )


MakeOwned = Callable[..., Awaitable[Owned]]


@pytest.fixture
async def take_over(record_settings: Settings) -> AsyncIterator[MakeOwned]:
    """Each call is a new process that takes the log over; all share one clock."""
    kits: list[Kit] = []
    clock = TurnedClock()

    async def make(terms: Terms | None = None, domain: str = "main") -> Owned:
        kit = Kit(record_settings, "router", clock)
        kit.connect(PausedRelay(), "test-epoch")
        kits.append(kit)
        made = Owned(kit, clock, terms or Terms(), domain)
        await made.ownership.take()
        return made

    yield make
    for kit in kits:
        await kit.close()


@pytest.fixture
async def owned(take_over: MakeOwned) -> Owned:
    return await take_over()


async def test_log_state_and_decisions_stand_together(owned: Owned) -> None:
    work = uuid4()
    await owned.tell(*agent("ali", "webchat"), arrival(work))
    assert [given.work_item_id for given in await owned.told(WorkAssigned)] == [work]
    log = await owned.rows("SELECT seq, type FROM router.log ORDER BY seq")
    assert [(row.seq, row.type) for row in log] == [
        (1, forms.TERMS), (2, ConfigureAgent.type), (3, SetPresence.type), (4, forms.ARRIVAL),
    ]  # fmt: skip
    [offer] = await owned.rows("SELECT agent_id, state FROM router.offers")
    assert (offer.agent_id, offer.state) == ("ali", "accepted")


async def test_the_log_holds_no_text_and_no_address(owned: Owned) -> None:
    await owned.tell(arrival(uuid4()))
    [_, row] = await owned.rows("SELECT CAST(data AS text) AS data FROM router.log ORDER BY seq")
    assert not any(private in row.data for private in ("private", "Private", "secret-visitor"))


async def test_a_transaction_that_fails_leaves_no_trace_in_memory_either(owned: Owned) -> None:
    await owned.tell(*agent("ali", "webchat", capacity=25))
    lost, kept = uuid4(), uuid4()
    with pytest.raises(ConnectionError):
        await owned.tell(arrival(lost), fail=True)
    await owned.tell(arrival(kept))
    assert [given.work_item_id for given in await owned.told(WorkAssigned)] == [kept]
    assert set(owned.router.state.items) == {kept}


async def test_a_stale_owner_writes_nothing(owned: Owned, take_over: MakeOwned) -> None:
    newer = await take_over()
    with pytest.raises(NotOwner):
        await owned.tell(arrival(uuid4()))
    with pytest.raises(NotOwner):
        await owned.wait(0)
    await newer.tell(arrival(uuid4()))
    assert [row.type for row in await newer.rows("SELECT type FROM router.log ORDER BY seq")] == [forms.TERMS, forms.ARRIVAL]


async def test_a_new_owner_goes_on_exactly_where_the_old_one_stopped(owned: Owned, take_over: MakeOwned) -> None:
    works = [uuid4() for _ in range(6)]
    await owned.tell(ApplyPolicy(version="v1", text=POLICY), ConfigureQueue(queue_id="sales", name="Sales"))
    await owned.tell(*agent("ali", capacity=25, skills={"lang.fa": 2}), *agent("bita", "email", skills={"lang.fa": 5}))
    await owned.tell(*(arrival(work, language="fa", queue="sales") for work in works[:4]), arrival(works[4], "email"))
    [first, *_] = await owned.told(OfferMade)
    await owned.tell(RejectOffer(offer_id=first.offer_id, agent_id=first.agent_id))
    await owned.wait(20)
    newer = await take_over()
    assert picture(newer.router) == picture(owned.router)
    await newer.wait(300)
    await newer.tell(ResolveWork(work_item_id=works[4]), arrival(works[5]))
    assert [decision.write() for decision in await newer.decisions() if not isinstance(decision, AgentChanged)] == [
        decision.write() for decision in await replayed(newer) if not isinstance(decision, AgentChanged)
    ]


def picture(router: Router) -> dict[str, Any]:
    state = router.state
    agents = {
        agent.id: (agent.ability, agent.auto_accept, agent.presence, agent.epoch, agent.lease_until, agent.requeue_at,
                   agent.not_responding, agent.idle_seq, agent.idle_since, agent.used, set(agent.items))
        for agent in state.agents.values()
    }  # fmt: skip
    items = {
        item.id: (item.facts, item.queue_id, item.rule, item.policy, item.order, item.phase, item.step, item.step_due,
                  item.held, item.excluded, item.demands, item.steps_from, item.enqueued_at, item.offers, item.interactions)
        for item in state.items.values()
    }  # fmt: skip
    return {
        "agents": agents, "items": items, "queues": state.queues, "policy": state.policy.version, "seq": state.seq,
        "at": state.at, "timer": state.next_timer(),
    }  # fmt: skip


async def test_two_domains_in_one_record_do_not_touch_one_another(owned: Owned, take_over: MakeOwned) -> None:
    work = uuid4()
    other = await take_over(domain="sales")
    for one in (owned, other):
        await one.tell(ApplyPolicy(version="v1", text=POLICY), *agent("ali", "webchat"), arrival(work), arrival(uuid4()))
        await one.tell(*agent(f"ali-{one.router.domain}", "email", capacity=10), arrival(uuid4(), "email"))
    seen = picture(owned.router)
    newer = await take_over(domain="sales")
    assert picture(newer.router) == picture(other.router)
    with pytest.raises(NotOwner):
        await other.tell(arrival(uuid4()))
    assert owned.router.epoch is not None, "its own domain was not taken over"
    await newer.tell(ResolveWork(work_item_id=work))
    await newer.wait(1_000)
    assert set(newer.router.state.items) & set(owned.router.state.items) == set()
    again = await take_over()
    assert picture(again.router) == seen
    assert work in again.router.state.items
    both = await again.rows("SELECT domain, max(seq) = count(*) AS whole FROM router.log GROUP BY domain ORDER BY domain")
    assert [(row.domain, row.whole) for row in both] == [("main", True), ("sales", True)]


async def test_one_domain_is_locked_while_another_is_free(owned: Owned, take_over: MakeOwned) -> None:
    other = await take_over(domain="sales")
    async with owned.kit.database.session() as first, owned.kit.database.session() as second:
        assert await owned.ownership._locked(first)
        assert not await owned.ownership._locked(second)
        assert await other.ownership._locked(second)


async def test_other_settings_go_into_the_log_so_that_a_replay_decides_by_what_was_in_force(take_over: MakeOwned) -> None:
    first = await take_over(Terms(costs={"webchat": 50}, offer_for=timedelta(seconds=20)))
    works = [uuid4() for _ in range(5)]
    await first.tell(*agent("ali", capacity=100), *agent("bita", "webchat", capacity=40))
    await first.tell(*(arrival(work) for work in works))
    assert len(await first.told(OfferMade)) == 2
    second = await take_over(Terms(costs={"webchat": 20}, offer_for=timedelta(seconds=90), caps={"webchat": 3}))
    assert len(await second.told(OfferMade)) == 2
    assert [given.agent_id for given in await second.told(WorkAssigned)] == ["bita", "bita"], "there is room for them now"
    await second.wait(25)
    await second.tell(*agent("ali", capacity=100)[1:], arrival(uuid4()))
    third = await take_over(Terms(costs={"webchat": 20}, offer_for=timedelta(seconds=90), caps={"webchat": 3}))
    assert picture(third.router) == picture(second.router)
    types = [row.type for row in await third.rows("SELECT type FROM router.log ORDER BY seq")]
    assert types.count(forms.TERMS) == 2, "the same terms again are not told again"
    assert [decision.write() for decision in await third.decisions() if not isinstance(decision, AgentChanged)] == [
        decision.write() for decision in await replayed(third) if not isinstance(decision, AgentChanged)
    ]


async def replayed(owned: Owned) -> list[Any]:
    rows = await owned.rows("SELECT seq, at, command_id, type, CAST(data AS text) AS data FROM router.log ORDER BY seq")
    return replay(forms.read_entry(row.seq, row.at, row.command_id, (row.type, row.data), read_policy) for row in rows)


POLICY = """
head_start: {gold: 5m}
rules:
  - name: sales-in-persian
    when: {language: fa, queue: sales}
    queue: sales
    steps:
      - {all: {lang.fa: 4}, for: 60s}
      - {all: {lang.fa: 1}}
default: {queue: general}
"""


async def test_an_offer_that_nobody_answers_expires_by_the_clock(owned: Owned) -> None:
    await owned.tell(*agent("ali"), arrival(uuid4()))
    await owned.wait(29)
    assert await owned.told(WorkQueued) == []
    await owned.wait(2)
    assert [queued.cause for queued in await owned.told(WorkQueued)] == ["expired"]


async def test_what_is_due_happens_before_a_command_that_comes_later(owned: Owned) -> None:
    await owned.tell(*agent("ali"), arrival(uuid4()))
    [made] = await owned.told(OfferMade)
    owned.clock.ahead += timedelta(seconds=31)
    await owned.tell(AcceptOffer(offer_id=made.offer_id, agent_id="ali"))
    assert [refused.code for refused in await owned.told(CommandRefused)] == ["gone"]


async def test_a_policy_that_is_none_is_refused_with_the_place(owned: Owned) -> None:
    await owned.tell(ApplyPolicy(version="v1", text="default: {queue: general, steps: [{for: 60s}]}"))
    await owned.tell(ApplyPolicy(version="v2", text="{"))
    first, second = await owned.told(CommandRefused)
    assert (first.code, "default" in first.message, "last step" in first.message) == ("invalid", True, True)
    assert "no YAML" in second.message
    assert owned.router.state.policy.version == "built-in"


async def test_the_database_itself_refuses_a_second_live_offer(owned: Owned) -> None:
    await owned.tell(*agent("ali"), arrival(uuid4()))
    with pytest.raises(UniqueViolationError, match="offers_one_live"):
        async with owned.kit.transaction() as unit:
            await unit.run("""
                INSERT INTO router.offers
                SELECT gen_random_uuid(), work_item_id, 'bita', 'pending', cost, made_at FROM router.offers""")


async def test_finished_work_leaves_the_state_tables(owned: Owned) -> None:
    work = uuid4()
    await owned.tell(*agent("ali", "webchat"), arrival(work))
    await owned.tell(ResolveWork(work_item_id=work, agent_id="ali"), arrival(work))
    [item] = await owned.rows("SELECT phase FROM router.work_items")
    assert item.phase == Phase.ASSIGNED
    assert len(await owned.rows("SELECT 1 FROM router.offers")) == 1


@pytest.fixture
async def client(owned: Owned) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(owned) as made:
        yield made


@asynccontextmanager
async def asking(owned: Owned) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a router's HTTP face."""
    service = Service("router", routers=(router_http.router(States([owned.router], owned.kit.transaction)),))
    key = await owned.kit.keys.create("test", ("routing:read", "routing:write"))
    transport = httpx.ASGITransport(http.build(owned.kit, service))
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://router", headers=headers) as made:
        yield made


async def test_queues_agents_and_reasons_can_be_asked(owned: Owned, client: httpx.AsyncClient) -> None:
    work = uuid4()
    await owned.tell(*agent("ali", skills={"lang.en": 3}), arrival(work, language="fa"))
    [queue] = (await client.get("/v1/queues")).json()["items"]
    assert (queue["queue_id"], queue["waiting"], queue["oldest_enqueued_at"] is None) == ("general", 1, False)
    [shown] = (await client.get("/v1/agents")).json()["items"]
    assert (shown["agent_id"], shown["presence"], shown["used"]) == ("ali", "online", 0)
    reason = (await client.get(f"/v1/conversations/{work}/explain")).json()
    assert (reason["phase"], reason["blocking"]) == ("waiting", "skill:lang.fa>=1")
    assert [(step["able"], step["free"]) for step in reason["steps"]] == [(0, 0), (1, 1)]
    assert (await client.get(f"/v1/conversations/{uuid4()}/explain")).status_code == 404


async def test_presence_set_by_http_becomes_a_command(owned: Owned, client: httpx.AsyncClient) -> None:
    await owned.tell(*agent("ali"))
    answer = await client.put("/v1/agents/ali/presence", json={"state": "away", "lease_seconds": 30})
    assert (answer.status_code, answer.json()["epoch"]) == (202, 2)
    [command] = await owned.told(SetPresence)
    assert (command.agent_id, command.state, command.epoch) == ("ali", AgentPresence.AWAY, 2)
    assert (await client.put("/v1/agents/nobody/presence", json={"state": "away"})).status_code == 404


async def test_a_router_that_stands_by_answers_from_the_record(owned: Owned, take_over: MakeOwned) -> None:
    work = uuid4()
    await owned.tell(*agent("ali", skills={"lang.en": 3}), arrival(work, language="fa"))
    spare = await take_over()
    spare.router.epoch = None
    async with asking(spare) as client:
        [queue] = (await client.get("/v1/queues")).json()["items"]
        assert (queue["queue_id"], queue["waiting"]) == ("general", 1)
        assert (await client.get(f"/v1/conversations/{work}/explain")).json()["phase"] == "waiting"
        assert (await client.put("/v1/agents/ali/presence", json={"state": "away"})).json()["epoch"] == 2
        again = await take_over()
        await again.tell(ResolveWork(work_item_id=work))
        spare.clock.ahead += timedelta(seconds=2)
        assert (await client.get("/v1/queues")).json()["items"][0]["waiting"] == 0
        assert (await client.get(f"/v1/conversations/{work}/explain")).status_code == 404


async def test_the_composition_root_builds(make_kit: MakeKit) -> None:
    service = app.build(make_kit("router"))
    assert service.name == "router"
    assert {topic.name for stage in service.stages for topic in stage.topics} == {"interactions.identified", "routing.commands"}
