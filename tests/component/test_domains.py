"""Several routing domains: who owns which, how each begins, what their HTTP face tells, and to whom work and commands go."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic_core import from_json

from runtime import http
from runtime.bells import Bell
from runtime.errors import Misconfigured
from runtime.outbox import Relay
from runtime.service import Kit, Service
from runtime.settings import Settings
from schemas.commands import AcceptOffer, ApplyPolicy, ConfigureAgent, ResolveWork, SetPresence
from schemas.decisions import AgentChanged, QueueChanged, WorkQueued
from schemas.domains import MAIN, Domains, domains_of
from schemas.envelope import Envelope, Event
from schemas.interactions import InteractionReceived
from schemas.values import AgentPresence, ThreadRef
from services.desk.adapters.postgres.commanding import PostgresCommands
from services.desk.adapters.seeding.organisation import Organisation, Person
from services.desk.adapters.seeding.seed import seed_demo
from services.profile.adapters.postgres import PostgresRecord
from services.router.adapters import forms, http_policies
from services.router.adapters import http as router_http
from services.router.adapters.ownership import Ownership
from services.router.adapters.replay_process import Replays
from services.router.adapters.sharing import leave_nothing_behind
from services.router.adapters.states import States
from tests.component.test_desk_projection import project
from tests.component.test_policies import LOOSE, STRICT
from tests.component.test_router import MakeOwned, Owned, agent, arrival, owned, take_over
from tests.component.test_seen_only import NOW, identify, said
from tests.conftest import MakeKit
from tests.unit.desk.events import CONVERSATION, Story

__all__ = ("owned", "take_over")

DOMAINS = domains_of({"sales": (["shop"], ["sellers"])})


@pytest.fixture
async def sales(take_over: MakeOwned) -> Owned:
    return await take_over(domain="sales")


@asynccontextmanager
async def face(*owners: Owned) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the process that all these routers run in."""
    kit = owners[0].kit
    states = States([one.router for one in owners], kit.transaction)
    routers = router_http.router(states), http_policies.router(states, Replays(kit.database.url))
    key = await kit.keys.create("test", ("routing:read", "routing:write"))
    transport = httpx.ASGITransport(http.build(kit, Service("router", routers=routers)))
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://router", headers=headers, timeout=120) as made:
        yield made


async def commands(kit: Kit) -> list[tuple[str, str]]:
    """Key and type of every command in the outbox."""
    async with kit.reading() as unit:
        rows = await unit.rows(f"SELECT topics, keys, headers FROM {kit.name}.outbox ORDER BY id")
    parts = [one for row in rows for one in zip(row.topics, row["keys"], row.headers, strict=True)]
    return [(key.decode(), dict(from_json(head))["ce_type"]) for topic, key, head in parts if topic == "routing.commands"]


# ── the router ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_decisions_tell_their_domain_and_those_of_main_say_nothing_new(owned: Owned, sales: Owned) -> None:
    await owned.tell(arrival(uuid4()))
    await sales.tell(arrival(uuid4()))
    assert [decision.domain for decision in await owned.told(WorkQueued)] == [MAIN, "sales"]
    assert b"domain" not in (await owned.told(WorkQueued))[0].write()


async def test_a_new_domain_begins_with_the_policy_in_force_and_an_old_one_keeps_its_own(
    owned: Owned, take_over: MakeOwned
) -> None:
    await owned.tell(ApplyPolicy(version="p1", text=LOOSE))
    sales = await take_over(domain="sales")
    assert sales.router.state.policy.version == "p1"
    await owned.tell(ApplyPolicy(version="p2", text=STRICT))
    again = await take_over(domain="sales")
    assert again.router.state.policy.version == "p1"
    log = await owned.rows("SELECT type FROM router.log WHERE domain = 'sales' ORDER BY seq")
    assert [row.type for row in log] == [forms.TERMS, ApplyPolicy.type]


async def test_with_no_policy_anywhere_a_new_domain_begins_with_the_built_in_one(sales: Owned) -> None:
    assert sales.router.state.policy.version == "built-in"


async def test_a_domain_at_home_elsewhere_is_left_alone_until_it_was_free_for_long(owned: Owned, take_over: MakeOwned) -> None:
    guest = (await take_over(domain="sales")).ownership
    patient = Ownership(guest._router, owned.kit.database, owned.kit.transaction, patience=3)
    async with owned.kit.database.session() as here, owned.kit.database.session() as there:
        assert await guest._locked(there)
        assert not await patient._wanted(here)
        await there.rows("SELECT pg_advisory_unlock_all()")
        waiting = asyncio.create_task(patient._wanted(here))
        await asyncio.sleep(0.15)
        assert not waiting.done()
        while not await guest._locked(there):  # noqa: ASYNC110 - the one who looks holds it for a moment each time
            await asyncio.sleep(0.01)
        assert not await waiting, "the one at home came first"
        await there.rows("SELECT pg_advisory_unlock_all()")
        assert await patient._wanted(here)
        assert await patient._locked(here)


async def test_work_of_a_domain_without_a_name_keeps_the_router_from_starting(sales: Owned) -> None:
    await leave_nothing_behind(sales.kit.database, Domains())
    await sales.tell(arrival(uuid4()))
    with pytest.raises(Misconfigured, match=r"'sales' \(1 open\)"):
        await leave_nothing_behind(sales.kit.database, Domains())
    await leave_nothing_behind(sales.kit.database, DOMAINS)


# ── its HTTP face ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_lists_and_reasons_cover_all_domains_page_by_page(owned: Owned, sales: Owned) -> None:
    work = uuid4()
    await owned.tell(*agent("ali"), *agent("eve"))
    await sales.tell(*agent("bita"), *agent("eve"), arrival(work, language="fa"))
    async with face(owned, sales) as client:
        seen, cursor = [], ""
        while cursor is not None:
            page = (await client.get("/v1/agents", params={"limit": 1, "cursor": cursor})).json()
            seen += [(one["agent_id"], one["domain"]) for one in page["items"]]
            cursor = page["next_cursor"]
        assert seen == [("ali", "main"), ("bita", "sales"), ("eve", "main"), ("eve", "sales")]
        [queue] = (await client.get("/v1/queues")).json()["items"]
        assert (queue["queue_id"], queue["domain"]) == ("general", "sales")
        assert (await client.get(f"/v1/conversations/{work}/explain")).json()["work_item_id"] == str(work)


async def test_a_domain_that_nobody_has_owned_yet_is_empty_and_not_an_error(owned: Owned, take_over: MakeOwned) -> None:
    unborn = Owned(owned.kit, owned.clock, owned.router.state.terms, "unborn")
    async with face(owned, unborn) as client:
        assert (await client.get("/v1/agents")).json() == {"items": [], "next_cursor": None}


async def test_presence_by_http_goes_to_the_agents_domain(owned: Owned, sales: Owned) -> None:
    await sales.tell(*agent("bita"))
    async with face(owned, sales) as client:
        assert (await client.put("/v1/agents/bita/presence", json={"state": "away"})).status_code == 202
    assert await commands(owned.kit) == [("sales", SetPresence.type)]


async def test_a_policy_is_sent_to_every_domain_and_in_force_when_all_have_it(owned: Owned, sales: Owned) -> None:
    async with face(owned, sales) as client:
        assert (await client.put("/v1/policies/p1", json={"text": LOOSE})).status_code == 202
        assert await commands(owned.kit) == [("main", ApplyPolicy.type), ("sales", ApplyPolicy.type)]
        async with owned.kit.reading() as unit:
            [parcel] = await unit.rows("SELECT headers FROM router.outbox")
        assert len({dict(from_json(head))["ce_id"] for head in parcel.headers}) == 2
        command = ApplyPolicy(version="p1", text=LOOSE)
        for owner, in_force in ((owned, False), (sales, True)):
            await owner.tell(command)
            listed = {one["version"]: one["in_force"] for one in (await client.get("/v1/policies")).json()["items"]}
            assert listed == {"built-in": False, "p1": in_force}


async def test_a_replay_takes_one_domains_log(owned: Owned, sales: Owned) -> None:
    await sales.tell(arrival(uuid4()), arrival(uuid4()))
    async with face(owned, sales) as client:
        found = {
            domain: (await client.post("/v1/replay", json={"policy": LOOSE, "domain": domain})).json()
            for domain in ("main", "sales", "elsewhere")
        }
    assert [found[domain]["total"]["recorded"]["arrived"] for domain in ("main", "sales")] == [0, 2]
    assert (found["elsewhere"]["field"], found["elsewhere"]["hint"]) == ("domain", "one of main, sales")


# ── profile: to whom work goes ───────────────────────────────────────────────────────────────────────────────────────────────


def written(n: int, inbox: str, answers: UUID | None = None, *, needs_answer: bool = True) -> Event[InteractionReceived]:
    event = said(n, needs_answer)
    references = (f"conversation:{answers}",) if answers else ()
    return event._replace(data=event.data.model_copy(update={"inbox": inbox, "thread": ThreadRef(references=references)}))


async def end(kit: Kit, conversation: UUID, n: int) -> None:
    async with kit.transaction() as unit:
        await PostgresRecord(DOMAINS).end(unit, [(conversation, NOW + timedelta(seconds=n))])


async def test_a_conversation_is_of_the_domain_of_the_inbox_that_opened_it(make_kit: MakeKit) -> None:
    kit = make_kit("profile")
    [first] = await identify(kit, written(1, "shop"), domains=DOMAINS)
    [second] = await identify(kit, written(2, "support"), domains=DOMAINS)
    assert [(one.domain, one.conversation_id) for one in (first, second)] == [("sales", first.conversation_id)] * 2
    await end(kit, first.conversation_id, 3)
    [third] = await identify(kit, written(4, "support"), domains=DOMAINS)
    assert (third.domain, third.opened) == ("main", True)


async def test_what_is_only_to_be_seen_tells_the_domain_of_its_conversation_too(make_kit: MakeKit) -> None:
    kit = make_kit("profile")
    [alone] = await identify(kit, written(1, "shop", needs_answer=False), domains=DOMAINS)
    [again] = await identify(kit, written(2, "support", needs_answer=False), domains=DOMAINS)
    assert (alone.domain, again.domain, again.conversation_id) == ("sales", "sales", alone.conversation_id)


async def test_an_answer_opens_a_conversation_again_in_its_domain_as_long_as_there_is_one(make_kit: MakeKit) -> None:
    kit = make_kit("profile")
    [first] = await identify(kit, written(1, "shop"), domains=DOMAINS)
    await end(kit, first.conversation_id, 2)
    [again] = await identify(kit, written(3, "support", first.conversation_id), domains=DOMAINS)
    assert (again.conversation_id, again.domain) == (first.conversation_id, "sales")
    await end(kit, first.conversation_id, 4)
    [new] = await identify(kit, written(5, "support", first.conversation_id))
    assert (new.conversation_id == first.conversation_id, new.domain) == (False, "main")


async def test_a_conversation_still_open_when_its_domain_goes_is_mains(make_kit: MakeKit) -> None:
    kit = make_kit("profile")
    [first] = await identify(kit, written(1, "shop"), domains=DOMAINS)
    [going_on] = await identify(kit, written(2, "shop"))
    assert (going_on.conversation_id, going_on.domain) == (first.conversation_id, "main")


# ── the desk: where commands go ──────────────────────────────────────────────────────────────────────────────────────────────


def told(seq: int, domain: str, at: datetime, **changed: Any) -> Event[Any]:
    standing = {"name": "Sara", "presence": AgentPresence.ONLINE, "epoch": 1, "capacity": 100, "used": 0}
    data = AgentChanged(seq=seq, at=at, domain=domain, agent_id="sara", **standing | changed)
    return event(data)


def named(seq: int, domain: str, name: str) -> Event[Any]:
    return event(QueueChanged(seq=seq, at=NOW, domain=domain, queue_id="support", name=name))


def event(data: Any) -> Event[Any]:
    return Event(Envelope("1", "test", data.type, datetime.now(UTC), uuid4()), "key", data)


async def the(kit: Kit, sql: str) -> Any:
    async with kit.reading() as unit:
        [row] = await unit.rows(sql)
    return row


async def test_commands_go_to_the_domain_of_the_agent_or_of_the_work(make_kit: MakeKit) -> None:
    kit, story = make_kit("desk"), Story()
    queued = story.queued()
    placed = queued._replace(data=queued.data.model_copy(update={"domain": "sales"}))
    await project(kit, [told(1, "sales", NOW), story.identified(), placed])
    way = PostgresCommands(DOMAINS)
    async with kit.transaction() as unit:
        await way.of_agent(unit, "sara", AcceptOffer(offer_id=uuid4(), agent_id="sara"))
        await way.of_agent(unit, "nobody", AcceptOffer(offer_id=uuid4(), agent_id="nobody"))
        await way.on_work(unit, CONVERSATION, ResolveWork(work_item_id=CONVERSATION))
        await way.on_work(unit, uuid4(), ResolveWork(work_item_id=uuid4()))
    assert [key for key, _ in await commands(kit)] == ["sales", "main", "sales", "main"]


@pytest.mark.parametrize("together", [True, False])
async def test_an_agent_who_moved_to_a_younger_domain_is_shown_as_that_one_tells(make_kit: MakeKit, *, together: bool) -> None:
    kit = make_kit("desk")
    later, last = NOW + timedelta(seconds=1), NOW + timedelta(seconds=2)
    events = [told(900, "main", NOW, presence="offline"), told(3, "sales", last, used=25), told(2, "sales", later)]
    events.append(told(899, "main", NOW))
    for batch in [events] if together else [[one] for one in events]:
        await project(kit, batch)
    row = await the(kit, "SELECT domain, seq, presence, used FROM desk.agents")
    assert tuple(row) == ("sales", 3, "online", 25)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("together", [True, False])
async def test_a_queue_that_a_domain_made_up_for_a_rule_does_not_lose_its_name(
    make_kit: MakeKit, order: Sequence[int], *, together: bool
) -> None:
    kit = make_kit("desk")
    events = [named(5, "main", "Support"), named(90, "sales", "support"), named(6, "main", "Support line")]
    for batch in [[events[place] for place in order]] if together else [[events[place]] for place in order]:
        await project(kit, batch)
    assert (await the(kit, "SELECT name FROM desk.queues")).name == "Support line"


async def test_the_seed_tells_every_domain_of_queues_and_policy_and_one_of_each_agent(record_settings: Settings) -> None:
    people = (Person("ali", "Ali"), Person("bita", "Bita", teams=("sellers",)))
    organisation = Organisation("Test", people, {"support": "Support"}, "v1", LOOSE)
    domains = {"sales": {"inboxes": ["shop"], "teams": ["sellers"]}}
    kit = Kit(Settings.model_validate(record_settings.model_dump() | {"routing_domains": domains}), "desk")
    try:
        await seed_demo(kit, organisation)
        found = await commands(kit)
        async with kit.reading() as unit:
            rows = await unit.rows("SELECT headers FROM desk.outbox")
    finally:
        await kit.close()
    assert [key for key, _ in found] == ["main", "main", "sales", "sales", "main", "sales"]
    assert [type for _, type in found].count(ConfigureAgent.type) == 2
    ids = [dict(from_json(head))["ce_id"] for row in rows for head in row.headers]
    assert len(set(ids)) == len(ids), "one id for two domains would be taken by one of them only"


# ── outboxes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_parcel_stays_until_the_slower_domain_has_applied_it(make_kit: MakeKit) -> None:
    kit = make_kit("profile")
    relay = Relay(kit.database, "profile", None, "two", Bell(None), DOMAINS)
    async with kit.transaction() as unit:
        await unit.run("""
            INSERT INTO profile.outbox (topics, keys, headers, payloads, epoch, positions) VALUES (
                '{interactions.identified}', '{k}', '{[]}', '{v}', 'two',
                '[{"topic": "interactions.identified", "partition": 0, "offset": 5}]')""")
    left = []
    for reader, place in (("desk", 6), ("router", 6), ("router.sales", 5), ("router.sales", 6)):
        async with kit.transaction() as unit:
            await unit.run(
                """
                INSERT INTO platform.applied VALUES (:reader, 'two', 'interactions.identified', 0, :place)
                ON CONFLICT (consumer, epoch, topic, partition) DO UPDATE SET next_offset = excluded.next_offset""",
                reader=reader,
                place=place,
            )
        await relay._clear()
        left.append(int((await the(kit, "SELECT count(*) AS left FROM profile.outbox")).left))
    assert left == [1, 1, 1, 0]
