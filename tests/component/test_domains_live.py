"""Two routing domains on two router processes, each at home in one: both at work, one killed, the other takes over."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hub.nursery import Nursery, Starter
from hub.process import Child, open_log, send
from runtime.database import Database
from runtime.settings import Settings
from schemas.commands import ConfigureAgent, ResolveWork, SetPresence
from schemas.decisions import WorkAssigned
from schemas.topics import INTERACTIONS_IDENTIFIED, ROUTING_COMMANDS
from schemas.values import AgentPresence
from tests.component.test_router_live import Wire, healthy, interaction, start_router

DOMAINS = {"sales": {"inboxes": ["shop"], "teams": ["sellers"]}}
TEAMS: dict[str, tuple[str, ...]] = {"main": (), "sales": ("sellers",)}
AGENTS = {"main": "ali", "sales": "bita"}


@dataclass
class Two:
    """The two processes and the line to them."""

    starter: Starter
    settings: Settings
    wire: Wire
    logs: Path
    routers: dict[str, Child] = field(default_factory=dict)
    told: list[WorkAssigned] = field(default_factory=list)

    async def start(self, name: str, home: str) -> int:
        """A router at home in a domain; it leaves the others alone for ten seconds."""
        more = {
            "PAYVAND_ROUTING_DOMAINS": json.dumps(DOMAINS),
            "PAYVAND_ROUTER_HOME": json.dumps([home]),
            "PAYVAND_ROUTER_AWAY_SECONDS": "10",
        }
        self.routers[name], port = await start_router(self.starter, self.settings, name, **more)
        return port

    def owned(self, name: str) -> list[str]:
        """The domains that a process said it owns, in their order."""
        lines = [json.loads(line) for line in (self.logs / f"{name}.log").read_text().splitlines()]
        return [line["domain"] for line in lines if line["event"] == "routing log owned"]

    async def until_owned(self, name: str, *domains: str) -> None:
        async with asyncio.timeout(90):
            while self.owned(name) != list(domains):  # noqa: ASYNC110 - the process tells by its log
                await asyncio.sleep(0.1)

    async def staff(self) -> None:
        """An agent in each domain, with room for everything."""
        for domain, agent in AGENTS.items():
            known = ConfigureAgent(agent_id=agent, name=agent, teams=TEAMS[domain], capacity=10_000, auto_accept=("webchat",))
            await self.wire.say(ROUTING_COMMANDS, domain, known)
            await self.wire.say(ROUTING_COMMANDS, domain, SetPresence(agent_id=agent, state=AgentPresence.ONLINE, epoch=1))

    async def write(self, domain: str) -> UUID:
        """A customer writes to an inbox of the domain."""
        work = uuid4()
        said = interaction(work).model_copy(update={"domain": domain})
        await self.wire.say(INTERACTIONS_IDENTIFIED, str(work), said)
        return work

    async def until_assigned(self, wanted: Iterable[UUID]) -> None:
        """Return when all this work was given to somebody; `told` keeps what was heard."""
        while not set(wanted) <= {one.work_item_id for one in self.told}:
            self.told.append(await self.wire.hear(WorkAssigned))


@pytest.fixture
async def two(settings: Settings, tmp_path: Path) -> AsyncIterator[Two]:
    nursery = Nursery(open_log(tmp_path, "nursery"))
    made = Two(Starter(tmp_path, nursery), settings, Wire(settings), tmp_path)
    try:
        first, second = [await made.start(f"at-{domain}", domain) for domain in AGENTS]
        await made.until_owned("at-main", "main")
        await made.until_owned("at-sales", "sales")
        await healthy(first, "standing by")
        await healthy(second, "standing by")
        await made.wire.open()
        await made.staff()
        yield made
    finally:
        with suppress(Exception):
            await made.wire.close()
        for child in made.routers.values():
            send(child, signal.SIGKILL)
            await child.wait()
        await nursery.stop()


async def rows(settings: Settings, sql: str) -> Sequence[tuple[object, ...]]:
    database = Database(settings, "test")
    try:
        async with database.reading() as connection:
            return [tuple(row) for row in await connection.rows(sql)]
    finally:
        await database.close()


@pytest.mark.timeout(300)
async def test_two_domains_on_two_processes_one_of_which_is_killed(two: Two, settings: Settings) -> None:
    sent: dict[UUID, str] = {}
    for _ in range(20):
        sent |= {await two.write(domain): domain for domain in AGENTS}
    await two.until_assigned(sent)

    send(two.routers["at-sales"], signal.SIGKILL)
    await two.routers["at-sales"].wait()
    waiting = {await two.write("sales"): "sales" for _ in range(10)}
    going_on = {await two.write("main"): "main" for _ in range(10)}
    await two.until_assigned(going_on)
    assert two.owned("at-main") == ["main"], "it left the other domain to the process at home there"
    await two.until_assigned(waiting)
    await two.until_owned("at-main", "main", "sales")
    await two.start("back", "sales")
    sent |= waiting | going_on
    last = {await two.write(domain): domain for domain in AGENTS}
    for work in sent:
        await two.wire.say(ROUTING_COMMANDS, sent[work], ResolveWork(work_item_id=work))
    await two.until_assigned(last)
    sent |= last

    offers = {(one.work_item_id, one.offer_id) for one in two.told}  # a decision may be published again, but is the same one
    assert Counter(work for work, _ in offers) == Counter(list(sent)), "each was given once"
    assert {(one.domain, one.agent_id) for one in two.told} == {("main", "ali"), ("sales", "bita")}
    assert all(one.domain == sent[one.work_item_id] for one in two.told)
    assert two.owned("back") == []
    async with asyncio.timeout(60):
        while await rows(settings, "SELECT 1 FROM router.work_items OFFSET 2"):  # noqa: ASYNC110 - the record has no event
            await asyncio.sleep(0.1)
    assert await rows(settings, "SELECT domain, max(seq) = count(*) FROM router.log GROUP BY 1 ORDER BY 1") == [
        ("main", True),
        ("sales", True),
    ]
    assert await rows(settings, "SELECT command_id FROM router.log GROUP BY 1 HAVING count(*) > 1") == []
    assert await rows(settings, "SELECT 1 FROM router.dead_letters") == []
    assert await rows(
        settings, "SELECT consumer FROM platform.applied WHERE topic = 'routing.commands' GROUP BY 1 ORDER BY 1"
    ) == [("router",), ("router.sales",)]


async def test_a_command_for_no_domain_is_set_aside_and_both_go_on(two: Two, settings: Settings) -> None:
    await two.wire.say(ROUTING_COMMANDS, "elsewhere", SetPresence(agent_id="ali", state=AgentPresence.OFFLINE, epoch=9))
    for domain, agent in AGENTS.items():
        await two.until_assigned([await two.write(domain)])
        assert two.told[-1].agent_id == agent
    found = await rows(settings, "SELECT stage, reason FROM router.dead_letters")
    assert [(stage, "'elsewhere'" in str(reason)) for stage, reason in found] == [("router", True)]
