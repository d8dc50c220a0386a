"""The ledger in Postgres: the log is appended, the rows of what changed are written over, one statement per table and batch."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from runtime.errors import NotOwner
from runtime.unit import Unit
from schemas.domains import MAIN
from schemas.values import AgentPresence
from services.router.adapters import extras, forms, writing
from services.router.domain.model import Agent, Held, Known, Phase, Queue, WorkItem, WrapUp
from services.router.domain.policy import BUILT_IN
from services.router.domain.state import Changes, Snapshot, State
from services.router.domain.values import EPOCH, Entry, micros
from services.router.ports import PolicyReader


class PostgresLedger:
    """Keeps log and state of one domain in the schema `router`, whose tables hold all domains side by side.

    The owner's row is locked from `take` or `claim` to the end of the transaction.
    """

    def __init__(self, read_policy: PolicyReader, domain: str = MAIN) -> None:
        self._read_policy = read_policy
        self._domain = domain

    async def take(self, unit: Unit) -> int:
        """See ports.Ledger."""
        sql = """
            INSERT INTO router.owners AS known (domain, epoch) VALUES (:domain, 1)
            ON CONFLICT (domain) DO UPDATE SET epoch = known.epoch + 1 RETURNING epoch"""
        [row] = await unit.rows(sql, domain=self._domain)
        return int(row.epoch)

    async def claim(self, unit: Unit, epoch: int) -> int:
        """See ports.Ledger."""
        rows = await unit.rows(
            "SELECT seq FROM router.owners WHERE domain = :domain AND epoch = :epoch FOR UPDATE",
            domain=self._domain,
            epoch=epoch,
        )
        if not rows:
            raise NotOwner(f"the routing log has passed to an epoch after {epoch}")
        return int(rows[0].seq)

    async def common_policy(self, unit: Unit) -> tuple[str, str] | None:
        """See ports.Ledger."""
        sql = """
            SELECT version, body FROM router.owners JOIN router.policies USING (domain)
            WHERE domain = :main AND version = policy"""
        rows = await unit.rows(sql, main=MAIN)
        return (rows[0].version, rows[0].body) if rows else None

    async def load(self, unit: Unit) -> Snapshot:
        """See ports.Ledger."""
        owners = await self._rows(unit, "SELECT seq, at, policy, terms FROM router.owners WHERE domain = :domain")
        if not owners:
            return Snapshot(0, EPOCH, BUILT_IN, {}, (), (), ())
        [owner] = owners
        texts = await self._rows(unit, "SELECT version, body FROM router.policies WHERE domain = :domain")
        policies = {row.version: row.body for row in texts}
        policy = BUILT_IN if owner.policy is None else self._read_policy(owner.policy, policies[owner.policy])
        terms = None if owner.terms is None else forms.read_terms(owner.terms)
        queues = [
            extras.give_queue(Queue(row.queue_id, row.name, row.team), row.extra)
            for row in await self._rows(unit, "SELECT * FROM router.queues WHERE domain = :domain")
        ]
        agents = [_agent(row) for row in await self._rows(unit, "SELECT * FROM router.agents WHERE domain = :domain")]
        items = [_item(row) for row in await self._rows(unit, _ITEMS)]
        wrap_ups = [_wrap_up(row) for row in await self._rows(unit, "SELECT * FROM router.wrap_ups WHERE domain = :domain")]
        known = [_known(row) for row in await self._rows(unit, "SELECT * FROM router.known_agents WHERE domain = :domain")]
        return Snapshot(owner.seq, owner.at, policy, policies, agents, queues, items, wrap_ups, known, terms)

    async def look(self, unit: Unit) -> Snapshot:
        """See ports.Ledger."""
        await unit.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return await self.load(unit)

    async def record(self, unit: Unit, state: State, entries: Sequence[Entry], changes: Changes) -> None:
        """See ports.Ledger."""
        await writing.append(unit, self._domain, entries)
        await writing.end(unit, self._domain, changes)
        await writing.put_items(
            unit, self._domain, [item for id in sorted(changes.items) if (item := state.items.get(id)) is not None]
        )
        await writing.put_agents(unit, self._domain, [state.agents[id] for id in sorted(changes.agents)])
        await writing.put_queues(unit, self._domain, [state.queues[id] for id in sorted(changes.queues)])
        await writing.put_wrap_ups(unit, self._domain, state, changes)
        await writing.put_known(unit, self._domain, state, changes)
        for version in changes.policies:
            await unit.run(
                "INSERT INTO router.policies (domain, version, body) VALUES (:domain, :version, :body) ON CONFLICT DO NOTHING",
                domain=self._domain,
                version=version,
                body=state.policies[version],
            )
        if changes.terms:
            sql = "UPDATE router.owners SET terms = CAST(:terms AS jsonb) WHERE domain = :domain"
            await unit.run(sql, domain=self._domain, terms=forms.terms_form(state.terms))
        await unit.run(
            "UPDATE router.owners SET seq = :seq, at = :at, policy = :policy WHERE domain = :domain",
            domain=self._domain,
            seq=state.seq,
            at=state.at,
            policy=None if state.policy is BUILT_IN else state.policy.version,
        )

    async def _rows(self, unit: Unit, sql: str) -> Sequence[Any]:
        return await unit.rows(sql, domain=self._domain)


_ITEMS = """
    SELECT i.*, o.offer_id, o.agent_id, o.cost, o.made_at, o.expires_at
    FROM router.work_items i
    LEFT JOIN router.offers o ON o.domain = i.domain AND o.work_item_id = i.work_item_id AND o.state IN ('pending', 'accepted')
    WHERE i.domain = :domain"""


def _agent(row: Any) -> Agent:
    ability, auto_accept = forms.read_ability(row.ability)
    agent = Agent(
        id=row.agent_id,
        name=row.name,
        ability=ability,
        auto_accept=auto_accept,
        active=row.active,
        presence=AgentPresence(row.presence),
        epoch=row.epoch,
        lease_until=row.lease_until,
        requeue_at=row.requeue_at,
        not_responding=row.not_responding,
        idle_seq=row.idle_seq,
        idle_since=row.idle_since,
    )
    return extras.give_agent(agent, row.extra)


def _wrap_up(row: Any) -> WrapUp:
    ids = UUID(bytes=row.offer_id.bytes), UUID(bytes=row.work_item_id.bytes)
    return WrapUp(*ids, row.agent_id, row.queue_id, row.channel, row.cost, row.disposition, row.until)


def _known(row: Any) -> tuple[UUID, Known]:
    return UUID(bytes=row.who.bytes), Known(row.agent_id, row.at, row.seq)


def _item(row: Any) -> WorkItem:
    item = WorkItem(
        id=UUID(bytes=row.work_item_id.bytes),
        facts=forms.read_facts(row.facts),
        queue_id=row.queue_id,
        rule=row.rule,
        policy=row.policy,
        priority=row.priority,
        enqueued_at=row.enqueued_at,
        steps_from=row.steps_from,
        demands=forms.read_demands(row.demands),
        order=(row.position, micros(row.enqueued_at), row.work_item_id.int),
        phase=Phase(row.phase),
        step=row.step,
        held=Held(UUID(bytes=row.offer_id.bytes), row.agent_id, row.cost, row.made_at, row.expires_at)
        if row.offer_id
        else None,
        excluded=forms.read_excluded(row.excluded),
        offers=row.offers,
        interactions=row.interactions,
    )
    return extras.give_item(item, row.extra)
