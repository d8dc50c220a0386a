"""The ledger in Postgres: the log is appended, the rows of what changed are written over, one statement per table and batch."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from runtime.unit import Unit
from schemas.values import AgentPresence
from services.router.adapters import forms
from services.router.domain.model import Agent, Held, Phase, Queue, WorkItem
from services.router.domain.policy import BUILT_IN
from services.router.domain.state import Changes, Snapshot, State
from services.router.domain.values import Entry, micros
from services.router.ports import DOMAIN, NotOwner, PolicyReader


class PostgresLedger:
    """Keeps log and state in the schema `router`. The owner's row is locked from `claim` to the end of the transaction."""

    def __init__(self, read_policy: PolicyReader) -> None:
        self._read_policy = read_policy

    async def claim(self, unit: Unit, epoch: int) -> int:
        """See ports.Ledger."""
        rows = await unit.rows(
            "SELECT seq FROM router.owners WHERE domain = :domain AND epoch = :epoch FOR UPDATE", domain=DOMAIN, epoch=epoch
        )
        if not rows:
            raise NotOwner(f"the routing log has passed to an epoch after {epoch}")
        return int(rows[0].seq)

    async def load(self, unit: Unit) -> Snapshot:
        """See ports.Ledger."""
        [owner] = await unit.rows("SELECT seq, at, policy FROM router.owners WHERE domain = :domain", domain=DOMAIN)
        policies = {row.version: row.body for row in await unit.rows("SELECT version, body FROM router.policies")}
        policy = BUILT_IN if owner.policy is None else self._read_policy(owner.policy, policies[owner.policy])
        queues = [Queue(row.queue_id, row.name, row.team) for row in await unit.rows("SELECT * FROM router.queues")]
        agents = [_agent(row) for row in await unit.rows("SELECT * FROM router.agents")]
        items = [_item(row) for row in await unit.rows(_ITEMS)]
        return Snapshot(owner.seq, owner.at, policy, policies, agents, queues, items)

    async def record(self, unit: Unit, state: State, entries: Sequence[Entry], changes: Changes) -> None:
        """See ports.Ledger."""
        await _append(unit, entries)
        await _end(unit, changes)
        await _put_items(unit, [item for id in sorted(changes.items) if (item := state.items.get(id)) is not None])
        await _put_agents(unit, [state.agents[id] for id in sorted(changes.agents)])
        await _put_queues(unit, [state.queues[id] for id in sorted(changes.queues)])
        for version in changes.policies:
            await unit.run(
                "INSERT INTO router.policies (version, body) VALUES (:version, :body) ON CONFLICT DO NOTHING",
                version=version,
                body=state.policies[version],
            )
        await unit.run(
            "UPDATE router.owners SET seq = :seq, at = :at, policy = :policy WHERE domain = :domain",
            domain=DOMAIN,
            seq=state.seq,
            at=state.at,
            policy=None if state.policy is BUILT_IN else state.policy.version,
        )


_ITEMS = """
    SELECT i.*, o.offer_id, o.agent_id, o.cost, o.made_at, o.expires_at
    FROM router.work_items i
    LEFT JOIN router.offers o ON o.work_item_id = i.work_item_id AND o.state IN ('pending', 'accepted')"""


def _agent(row: Any) -> Agent:
    ability, auto_accept = forms.read_ability(row.ability)
    return Agent(
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


def _item(row: Any) -> WorkItem:
    return WorkItem(
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


async def _append(unit: Unit, entries: Sequence[Entry]) -> None:
    written = [forms.entry_form(entry) for entry in entries]
    await unit.run(
        """
        INSERT INTO router.log (seq, at, command_id, type, data)
        SELECT seq, at, id, type, CAST(data AS jsonb) FROM unnest(
            CAST(:seqs AS bigint[]), CAST(:ats AS timestamptz[]), CAST(:ids AS uuid[]), CAST(:types AS text[]),
            CAST(:data AS text[])) AS t (seq, at, id, type, data)""",
        seqs=[entry.seq for entry in entries],
        ats=[entry.at for entry in entries],
        ids=[entry.id for entry in entries],
        types=[type_ for type_, _ in written],
        data=[data for _, data in written],
    )


async def _end(unit: Unit, changes: Changes) -> None:
    if changes.ended_offers:
        await unit.run(
            """
            UPDATE router.offers SET state = t.state
            FROM unnest(CAST(:ids AS uuid[]), CAST(:states AS text[])) AS t (id, state) WHERE offer_id = t.id""",
            ids=list(changes.ended_offers),
            states=list(changes.ended_offers.values()),
        )
    if changes.ended_items:
        ids = sorted(changes.ended_items)
        await unit.run("DELETE FROM router.offers WHERE work_item_id = ANY(CAST(:ids AS uuid[]))", ids=ids)
        await unit.run("DELETE FROM router.work_items WHERE work_item_id = ANY(CAST(:ids AS uuid[]))", ids=ids)


async def _put_items(unit: Unit, items: Sequence[WorkItem]) -> None:
    if not items:
        return
    await unit.run(
        """
        INSERT INTO router.work_items (work_item_id, queue_id, phase, facts, rule, policy, priority, enqueued_at, steps_from,
            demands, position, step, excluded, offers, interactions)
        SELECT id, queue, phase, CAST(facts AS jsonb), rule, policy, priority, enqueued, steps_from,
            CAST(demands AS jsonb), position, step, CAST(excluded AS jsonb), offers, interactions
        FROM unnest(CAST(:ids AS uuid[]), CAST(:queues AS text[]), CAST(:phases AS text[]), CAST(:facts AS text[]),
            CAST(:rules AS text[]), CAST(:policies AS text[]), CAST(:priorities AS int[]), CAST(:enqueued AS timestamptz[]),
            CAST(:steps_from AS timestamptz[]), CAST(:demands AS text[]), CAST(:positions AS bigint[]), CAST(:steps AS int[]),
            CAST(:excluded AS text[]), CAST(:offers AS int[]), CAST(:interactions AS int[]))
            AS t (id, queue, phase, facts, rule, policy, priority, enqueued, steps_from,
            demands, position, step, excluded, offers, interactions)
        ON CONFLICT (work_item_id) DO UPDATE SET
            queue_id = excluded.queue_id, phase = excluded.phase, steps_from = excluded.steps_from, demands = excluded.demands,
            step = excluded.step, excluded = excluded.excluded, offers = excluded.offers,
            interactions = excluded.interactions""",
        ids=[item.id for item in items],
        queues=[item.queue_id for item in items],
        phases=[item.phase.value for item in items],
        facts=[forms.facts_form(item.facts) for item in items],
        rules=[item.rule for item in items],
        policies=[item.policy for item in items],
        priorities=[item.priority for item in items],
        enqueued=[item.enqueued_at for item in items],
        steps_from=[item.steps_from for item in items],
        demands=[forms.demands_form(item.demands) for item in items],
        positions=[item.order[0] for item in items],
        steps=[item.step for item in items],
        excluded=[forms.excluded_form(item.excluded) for item in items],
        offers=[item.offers for item in items],
        interactions=[item.interactions for item in items],
    )
    await _put_offers(unit, [item for item in items if item.held is not None])


async def _put_offers(unit: Unit, items: Sequence[WorkItem]) -> None:
    pairs = sorted(((item.held, item) for item in items if item.held), key=lambda pair: pair[0].offer_id)
    if not pairs:
        return
    await unit.run(
        """
        INSERT INTO router.offers (offer_id, work_item_id, agent_id, state, cost, made_at, expires_at)
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:items AS uuid[]), CAST(:agents AS text[]), CAST(:states AS text[]),
            CAST(:costs AS int[]), CAST(:made AS timestamptz[]), CAST(:expires AS timestamptz[]))
        ON CONFLICT (offer_id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at
        WHERE offers.state <> excluded.state""",
        ids=[held.offer_id for held, _ in pairs],
        items=[item.id for _, item in pairs],
        agents=[held.agent_id for held, _ in pairs],
        states=["accepted" if item.phase is Phase.ASSIGNED else "pending" for _, item in pairs],
        costs=[held.cost for held, _ in pairs],
        made=[held.made_at for held, _ in pairs],
        expires=[held.expires_at for held, _ in pairs],
    )


async def _put_agents(unit: Unit, agents: Sequence[Agent]) -> None:
    if not agents:
        return
    await unit.run(
        """
        INSERT INTO router.agents AS known (agent_id, name, ability, active, presence, epoch, lease_until, requeue_at,
            not_responding, idle_seq, idle_since)
        SELECT id, name, CAST(ability AS jsonb), active, presence, epoch, lease_until, requeue_at,
            not_responding, idle_seq, idle_since
        FROM unnest(CAST(:ids AS text[]), CAST(:names AS text[]), CAST(:abilities AS text[]), CAST(:active AS boolean[]),
            CAST(:presences AS text[]), CAST(:epochs AS bigint[]), CAST(:leases AS timestamptz[]),
            CAST(:requeues AS timestamptz[]), CAST(:silent AS boolean[]), CAST(:idle_seqs AS bigint[]),
            CAST(:idle_sinces AS timestamptz[]))
            AS t (id, name, ability, active, presence, epoch, lease_until, requeue_at, not_responding, idle_seq, idle_since)
        ON CONFLICT (agent_id) DO UPDATE SET
            name = excluded.name, ability = excluded.ability, active = excluded.active, presence = excluded.presence,
            epoch = excluded.epoch, lease_until = excluded.lease_until, requeue_at = excluded.requeue_at,
            not_responding = excluded.not_responding, idle_seq = excluded.idle_seq, idle_since = excluded.idle_since""",
        ids=[agent.id for agent in agents],
        names=[agent.name for agent in agents],
        abilities=[forms.ability_form(agent) for agent in agents],
        active=[agent.active for agent in agents],
        presences=[agent.presence.value for agent in agents],
        epochs=[agent.epoch for agent in agents],
        leases=[agent.lease_until for agent in agents],
        requeues=[agent.requeue_at for agent in agents],
        silent=[agent.not_responding for agent in agents],
        idle_seqs=[agent.idle_seq for agent in agents],
        idle_sinces=[agent.idle_since for agent in agents],
    )


async def _put_queues(unit: Unit, queues: Sequence[Queue]) -> None:
    if queues:
        await unit.run(
            """
            INSERT INTO router.queues (queue_id, name, team)
            SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:names AS text[]), CAST(:teams AS text[]))
            ON CONFLICT (queue_id) DO UPDATE SET name = excluded.name, team = excluded.team""",
            ids=[queue.id for queue in queues],
            names=[queue.name for queue in queues],
            teams=[queue.team for queue in queues],
        )
