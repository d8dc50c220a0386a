"""Ten routers over one database and one log, what is done to them, and what they leave behind."""

import asyncio
import json
import random
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

from hub.nursery import Starter
from hub.parts.part import Launch
from hub.process import Child, send
from runtime.database import Database
from runtime.settings import Settings
from schemas.decisions import Decision
from schemas.envelope import derived_id
from services.router.adapters import forms
from services.router.adapters.policy_yaml import read_policy
from services.router.domain.machine import fold, replay
from services.router.domain.state import State
from services.router.domain.values import Entry
from services.router.settings import RouterSettings
from tests.local_parts import free_port
from tests.reliability.routing_checker import AgentRow, Hold, Story, WaitingRow
from tests.reliability.routing_desk import CHANNELS, SKILL, Desk

COUNT = 10
ROUTING = {"offer_seconds": 2, "refusal_rest_seconds": 2, "grace_seconds": 2, "wrap_up_seconds": {"telegram": 0.3}}
"""Short times, so that offers expire, refusals rest and graces end while routers die."""
TERMS = RouterSettings.model_validate(ROUTING).terms()
_FROZEN_SECONDS = 1.5


@dataclass(slots=True)
class Life:
    """One process, from its start to its end."""

    name: str
    child: Child
    path: Path
    killed: bool = False

    def owned(self) -> list[tuple[int, int]]:
        """The epochs it says it owned, with the log place each began at."""
        told = [json.loads(line) for line in self.path.read_text().splitlines() if '"routing log owned"' in line]
        return [(line["epoch"], line["seq"]) for line in told]


class Routers:
    """`payvand service router`, ten times. A killed one comes back after a moment."""

    def __init__(self, starter: Starter, settings: Settings, database: Database, chance: random.Random) -> None:
        self._starter = starter
        self._settings = settings
        self._database = database
        self._chance = chance
        self.lives: list[Life] = []
        self.slots: dict[int, Life] = {}
        self.kills = self.cuts = 0
        self.owner_kills: list[tuple[float, int]] = []
        """When an owner was killed, and the last place of the log then."""

    async def start(self, slot: int) -> None:
        """Start a router in a slot."""
        name = f"router-{slot}-{len(self.lives)}"
        child = await self._starter.start(name, Launch(("service", "router"), env=self._env(), payvand=True))
        self.slots[slot] = Life(name, child, self._starter.logs / f"{name}.log")
        self.lives.append(self.slots[slot])

    def _env(self) -> dict[str, str]:
        given = self._settings
        return {
            "PAYVAND_DATABASE_URL": given.database_url.get_secret_value(),
            "PAYVAND_KAFKA_BOOTSTRAP_SERVERS": given.kafka_bootstrap_servers,
            "PAYVAND_KAFKA_GROUPS": "false",
            "PAYVAND_KAFKA_IDEMPOTENT": "false",
            "PAYVAND_KAFKA_PARTITIONS": str(given.kafka_partitions),
            "PAYVAND_HTTP_PORT": str(free_port()),
            **{
                f"PAYVAND_ROUTER_{name.upper()}": json.dumps(value) if isinstance(value, dict) else str(value)
                for name, value in ROUTING.items()
            },
        }

    def owners(self) -> list[tuple[int, int]]:
        """The epochs of all lives with the places they began at, by epoch."""
        return sorted(owned for life in self.lives for owned in life.owned())

    async def owner(self) -> int | None:
        """The slot of the owner on record, while it lives."""
        [row] = await self.rows("SELECT epoch FROM router.owners")
        return next((slot for slot, life in self.slots.items() if (row.epoch in dict(life.owned())) and not life.killed), None)

    async def kill(self, slot: int, *, owner: bool) -> None:
        """Kill -9."""
        life = self.slots[slot]
        life.killed = True
        send(life.child, signal.SIGKILL)
        await life.child.wait()
        self.kills += 1
        if owner:
            await self._note_loss()

    async def cut(self, slot: int) -> None:
        """Freeze the owner and take its lock away; when it goes on it is stale, and does not know yet."""
        life = self.slots[slot]
        self.cuts += 1
        send(life.child, signal.SIGSTOP)
        await self.rows("""
            SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
            WHERE locktype = 'advisory' AND granted AND datname = current_database()
        """)
        await asyncio.sleep(_FROZEN_SECONDS)
        send(life.child, signal.SIGCONT)

    async def _note_loss(self) -> None:
        began = time.monotonic()
        [row] = await self.rows("SELECT seq FROM router.owners")
        self.owner_kills.append((began, row.seq))

    async def harm(self, seconds: float) -> None:
        """Kill at random, the owner most of the time, and start again, for so long; all ten live in the end.

        Now and then the owner is frozen and loses its lock instead.
        """
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < until:
                await asyncio.sleep(self._chance.uniform(0.2, 1.2))
                dice = self._chance.random()
                owner = await self.owner()
                if dice < 0.15 and owner is not None:
                    await self.cut(owner)
                    continue
                living = sorted(slot for slot, life in self.slots.items() if not life.killed)
                slot = owner if owner is not None and dice < 0.8 else self._chance.choice(living)
                await self.kill(slot, owner=slot == owner)
                group.create_task(self._back(slot, self._chance.uniform(0, 1.5)))

    async def _back(self, slot: int, after: float) -> None:
        await asyncio.sleep(after)
        await self.start(slot)

    async def stop(self) -> None:
        """End them all."""
        for life in self.slots.values():
            send(life.child, signal.SIGKILL)
        for life in self.slots.values():
            await life.child.wait()

    async def set_aside(self) -> int:
        """Events that no router could follow."""
        return len(await self.rows("SELECT 1 FROM router.dead_letters"))

    def crashed(self) -> list[str]:
        """Those that ended though nobody killed them."""
        return [life.name for life in self.lives if life.child.returncode is not None and not life.killed]

    async def rows(self, sql: str, **params: Any) -> Sequence[Any]:
        """Read from the record."""
        async with self._database.reading() as connection:
            return await connection.rows(sql, **params)


def seconds_to_next(losses: Iterable[tuple[float, int]], heard: Iterable[tuple[float, Decision]]) -> list[float]:
    """For each loss of an owner the seconds until a decision came that was taken after it."""
    moments = sorted((moment, decision.seq) for moment, decision in heard)
    nexts = (next((at - began for at, place in moments if place > seq and at > began), None) for began, seq in losses)
    return sorted(one for one in nexts if one is not None)


async def story(routers: Routers, desk: Desk) -> Story:
    """Everything as it stands now; what was told of later places than the log's end as read is left out."""
    rows = await routers.rows("""
        SELECT seq, at, command_id, type, CAST(data AS text) AS data, CAST(xmin AS text) AS batch
        FROM router.log ORDER BY seq""")
    batches = [
        [forms.read_entry(row.seq, row.at, row.command_id, (row.type, row.data), read_policy) for row in batch]
        for _, batch in groupby(rows, key=lambda row: row.batch)
    ]
    entries = [entry for batch in batches for entry in batch]
    last = entries[-1].seq
    waiting = await routers.rows("SELECT * FROM router.work_items WHERE phase IN ('waiting', 'parked')")
    held = await routers.rows("SELECT * FROM router.offers WHERE state IN ('pending', 'accepted')")
    sums = await routers.rows("""
        SELECT a.agent_id, a.ability, a.presence = 'online' AND NOT a.not_responding AND a.active AS routable,
            CAST(coalesce((SELECT sum(cost) FROM router.offers o
                           WHERE o.agent_id = a.agent_id AND o.state IN ('pending', 'accepted')), 0)
               + coalesce((SELECT sum(cost) FROM router.wrap_ups w WHERE w.agent_id = a.agent_id), 0) AS int) AS held
        FROM router.agents a""")
    return Story(
        sent=frozenset(desk.sent),
        items=tuple(desk.items),
        log=entries,
        told={id: decision for id, (_, decision) in desk.heard.items() if decision.seq <= last},
        folded=_folded(batches),
        replayed=replay(entries, terms=TERMS),
        owners=routers.owners(),
        waiting={_id(row.work_item_id): _waiting(row) for row in waiting},
        holds={_id(row.work_item_id): Hold(_id(row.offer_id), row.agent_id, row.state == "accepted") for row in held},
        agents={
            row.agent_id: AgentRow(row.held, row.ability["capacity"], row.routable, frozenset(row.ability["skills"]))
            for row in sums
        },
        costs={channel: TERMS.cost(channel) for channel in CHANNELS},
    )


def _waiting(row: Any) -> WaitingRow:
    skills = frozenset([SKILL]) if row.facts.get("language") else frozenset[str]()
    return WaitingRow(row.facts["channel"], skills, frozenset(forms.read_excluded(row.excluded)))


def _id(known: Any) -> UUID:
    return UUID(bytes=known.bytes)


def _folded(batches: Iterable[Sequence[Entry]]) -> dict[UUID, Decision]:
    """One continuous state over the log, in the batches in which it was written: the rows of one have one transaction."""
    state, decisions = State(terms=TERMS), dict[UUID, Decision]()
    for batch in batches:
        ids, places = {entry.seq: entry.id for entry in batch}, dict.fromkeys((entry.seq for entry in batch), 0)
        for decision in fold(state, batch):
            places[decision.seq] += 1
            decisions[derived_id(ids[decision.seq], f"{decision.type}:{places[decision.seq]}")] = decision
        state.take_changes()
    return decisions
