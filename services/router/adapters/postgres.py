"""The ledger in Postgres: the log is appended, the rows of what changed are written over, one statement per table and batch."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from runtime.unit import Unit
from schemas.values import AgentPresence
from services.router.adapters import extras, forms
from services.router.domain.model import Agent, Held, Known, Phase, Queue, WorkItem, WrapUp
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
        rows = await unit.rows("SELECT * FROM router.queues")
        queues = [extras.give_queue(Queue(row.queue_id, row.name, row.team), row.extra) for row in rows]
        agents = [_agent(row) for row in await unit.rows("SELECT * FROM router.agents")]
        items = [_item(row) for row in await unit.rows(_ITEMS)]
        wrap_ups = [_wrap_up(row) for row in await unit.rows("SELECT * FROM router.wrap_ups")]
        known = [_known(row) for row in await unit.rows("SELECT * FROM router.known_agents")]
        return Snapshot(owner.seq, owner.at, policy, policies, agents, queues, items, wrap_ups, known)

    async def record(self, unit: Unit, state: State, entries: Sequence[Entry], changes: Changes) -> None:
        """See ports.Ledger."""
        await _append(unit, entries)
        await _end(unit, changes)
        await _put_items(unit, [item for id in sorted(changes.items) if (item := state.items.get(id)) is not None])
        await _put_agents(unit, [state.agents[id] for id in sorted(changes.agents)])
        await _put_queues(unit, [state.queues[id] for id in sorted(changes.queues)])
        await _put_wrap_ups(unit, state, changes)
        await _put_known(unit, state, changes)
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
            demands, position, step, excluded, offers, interactions, extra)
        SELECT id, queue, phase, CAST(facts AS jsonb), rule, policy, priority, enqueued, steps_from,
            CAST(demands AS jsonb), position, step, CAST(excluded AS jsonb), offers, interactions, CAST(extra AS jsonb)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:queues AS text[]), CAST(:phases AS text[]), CAST(:facts AS text[]),
            CAST(:rules AS text[]), CAST(:policies AS text[]), CAST(:priorities AS int[]), CAST(:enqueued AS timestamptz[]),
            CAST(:steps_from AS timestamptz[]), CAST(:demands AS text[]), CAST(:positions AS bigint[]), CAST(:steps AS int[]),
            CAST(:excluded AS text[]), CAST(:offers AS int[]), CAST(:interactions AS int[]), CAST(:extra AS text[]))
            AS t (id, queue, phase, facts, rule, policy, priority, enqueued, steps_from,
            demands, position, step, excluded, offers, interactions, extra)
        ON CONFLICT (work_item_id) DO UPDATE SET
            queue_id = excluded.queue_id, phase = excluded.phase, steps_from = excluded.steps_from, demands = excluded.demands,
            step = excluded.step, excluded = excluded.excluded, offers = excluded.offers, facts = excluded.facts,
            position = excluded.position, interactions = excluded.interactions, extra = excluded.extra""",
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
        extra=[extras.item_extra(item) for item in items],
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
            not_responding, idle_seq, idle_since, extra)
        SELECT id, name, CAST(ability AS jsonb), active, presence, epoch, lease_until, requeue_at,
            not_responding, idle_seq, idle_since, CAST(extra AS jsonb)
        FROM unnest(CAST(:ids AS text[]), CAST(:names AS text[]), CAST(:abilities AS text[]), CAST(:active AS boolean[]),
            CAST(:presences AS text[]), CAST(:epochs AS bigint[]), CAST(:leases AS timestamptz[]),
            CAST(:requeues AS timestamptz[]), CAST(:silent AS boolean[]), CAST(:idle_seqs AS bigint[]),
            CAST(:idle_sinces AS timestamptz[]), CAST(:extra AS text[]))
            AS t (id, name, ability, active, presence, epoch, lease_until, requeue_at, not_responding, idle_seq, idle_since,
            extra)
        ON CONFLICT (agent_id) DO UPDATE SET
            name = excluded.name, ability = excluded.ability, active = excluded.active, presence = excluded.presence,
            epoch = excluded.epoch, lease_until = excluded.lease_until, requeue_at = excluded.requeue_at,
            not_responding = excluded.not_responding, idle_seq = excluded.idle_seq, idle_since = excluded.idle_since,
            extra = excluded.extra""",
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
        extra=[extras.agent_extra(agent) for agent in agents],
    )


async def _put_queues(unit: Unit, queues: Sequence[Queue]) -> None:
    if queues:
        await unit.run(
            """
            INSERT INTO router.queues (queue_id, name, team, extra)
            SELECT id, name, team, CAST(extra AS jsonb)
            FROM unnest(CAST(:ids AS text[]), CAST(:names AS text[]), CAST(:teams AS text[]), CAST(:extra AS text[]))
                AS t (id, name, team, extra)
            ON CONFLICT (queue_id) DO UPDATE SET name = excluded.name, team = excluded.team, extra = excluded.extra""",
            ids=[queue.id for queue in queues],
            names=[queue.name for queue in queues],
            teams=[queue.team for queue in queues],
            extra=[extras.queue_extra(queue) for queue in queues],
        )


async def _put_wrap_ups(unit: Unit, state: State, changes: Changes) -> None:
    ids = sorted(changes.wrap_ups)
    if not ids:
        return
    await unit.run("DELETE FROM router.wrap_ups WHERE offer_id = ANY(CAST(:ids AS uuid[]))", ids=ids)
    running = [state.wrap_ups[id] for id in ids if id in state.wrap_ups]
    await unit.run(
        """
        INSERT INTO router.wrap_ups (offer_id, work_item_id, agent_id, queue_id, channel, cost, disposition, until)
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:items AS uuid[]), CAST(:agents AS text[]), CAST(:queues AS text[]),
            CAST(:channels AS text[]), CAST(:costs AS int[]), CAST(:dispositions AS text[]), CAST(:untils AS timestamptz[]))""",
        ids=[wrap_up.id for wrap_up in running],
        items=[wrap_up.work_item_id for wrap_up in running],
        agents=[wrap_up.agent_id for wrap_up in running],
        queues=[wrap_up.queue_id for wrap_up in running],
        channels=[wrap_up.channel for wrap_up in running],
        costs=[wrap_up.cost for wrap_up in running],
        dispositions=[wrap_up.disposition for wrap_up in running],
        untils=[wrap_up.until for wrap_up in running],
    )


async def _put_known(unit: Unit, state: State, changes: Changes) -> None:
    ids = sorted(changes.known)
    if not ids:
        return
    gone = [id for id in ids if id not in state.known]
    await unit.run("DELETE FROM router.known_agents WHERE who = ANY(CAST(:ids AS uuid[]))", ids=gone)
    known = [(id, state.known[id]) for id in ids if id in state.known]
    await unit.run(
        """
        INSERT INTO router.known_agents (who, agent_id, at, seq)
        SELECT * FROM unnest(
            CAST(:ids AS uuid[]), CAST(:agents AS text[]), CAST(:ats AS timestamptz[]), CAST(:seqs AS bigint[]))
        ON CONFLICT (who) DO UPDATE SET agent_id = excluded.agent_id, at = excluded.at, seq = excluded.seq""",
        ids=[id for id, _ in known],
        agents=[one.agent_id for _, one in known],
        ats=[one.at for _, one in known],
        seqs=[one.seq for _, one in known],
    )
