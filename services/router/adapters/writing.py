"""What the ledger writes over: the rows of one domain, one statement per table and batch, ids sorted."""

from collections.abc import Sequence

from runtime.unit import Unit
from services.router.adapters import extras, forms
from services.router.domain.model import Agent, Phase, Queue, WorkItem
from services.router.domain.state import Changes, State
from services.router.domain.values import Entry

_ENDED_OFFERS = "DELETE FROM router.offers WHERE domain = :domain AND work_item_id = ANY(CAST(:ids AS uuid[]))"
_FORGOTTEN = "DELETE FROM router.known_agents WHERE domain = :domain AND who = ANY(CAST(:ids AS uuid[]))"
_ENDED_WRAP_UPS = "DELETE FROM router.wrap_ups WHERE domain = :domain AND offer_id = ANY(CAST(:ids AS uuid[]))"
_ENDED_ITEMS = "DELETE FROM router.work_items WHERE domain = :domain AND work_item_id = ANY(CAST(:ids AS uuid[]))"


async def append(unit: Unit, domain: str, entries: Sequence[Entry]) -> None:
    """Append entries to the log."""
    written = [forms.entry_form(entry) for entry in entries]
    await unit.run(
        """
        INSERT INTO router.log (domain, seq, at, command_id, type, data)
        SELECT CAST(:domain AS text), seq, at, id, type, CAST(data AS jsonb) FROM unnest(
            CAST(:seqs AS bigint[]), CAST(:ats AS timestamptz[]), CAST(:ids AS uuid[]), CAST(:types AS text[]),
            CAST(:data AS text[])) AS t (seq, at, id, type, data)""",
        domain=domain,
        seqs=[entry.seq for entry in entries],
        ats=[entry.at for entry in entries],
        ids=[entry.id for entry in entries],
        types=[type_ for type_, _ in written],
        data=[data for _, data in written],
    )


async def end(unit: Unit, domain: str, changes: Changes) -> None:
    """Take out what is over: items with all that they led to, then mark the other offers with their outcome."""
    if changes.ended_items:
        ids = sorted(changes.ended_items)
        await unit.run(_ENDED_OFFERS, domain=domain, ids=ids)
        await unit.run(_ENDED_ITEMS, domain=domain, ids=ids)
    if changes.ended_offers:
        await unit.run(
            """
            UPDATE router.offers SET state = t.state
            FROM unnest(CAST(:ids AS uuid[]), CAST(:states AS text[])) AS t (id, state)
            WHERE domain = :domain AND offer_id = t.id""",
            domain=domain,
            ids=list(changes.ended_offers),
            states=list(changes.ended_offers.values()),
        )


async def put_items(unit: Unit, domain: str, items: Sequence[WorkItem]) -> None:
    """Write items over, with the offers and assignments in force."""
    if not items:
        return
    await unit.run(
        """
        INSERT INTO router.work_items (domain, work_item_id, queue_id, phase, facts, rule, policy, priority, enqueued_at,
            steps_from, demands, position, step, excluded, offers, interactions, extra)
        SELECT CAST(:domain AS text), id, queue, phase, CAST(facts AS jsonb), rule, policy, priority, enqueued, steps_from,
            CAST(demands AS jsonb), position, step, CAST(excluded AS jsonb), offers, interactions, CAST(extra AS jsonb)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:queues AS text[]), CAST(:phases AS text[]), CAST(:facts AS text[]),
            CAST(:rules AS text[]), CAST(:policies AS text[]), CAST(:priorities AS int[]), CAST(:enqueued AS timestamptz[]),
            CAST(:steps_from AS timestamptz[]), CAST(:demands AS text[]), CAST(:positions AS bigint[]), CAST(:steps AS int[]),
            CAST(:excluded AS text[]), CAST(:offers AS int[]), CAST(:interactions AS int[]), CAST(:extra AS text[]))
            AS t (id, queue, phase, facts, rule, policy, priority, enqueued, steps_from,
            demands, position, step, excluded, offers, interactions, extra)
        ON CONFLICT (domain, work_item_id) DO UPDATE SET
            queue_id = excluded.queue_id, phase = excluded.phase, steps_from = excluded.steps_from, demands = excluded.demands,
            step = excluded.step, excluded = excluded.excluded, offers = excluded.offers, facts = excluded.facts,
            position = excluded.position, interactions = excluded.interactions, extra = excluded.extra""",
        domain=domain,
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
    await _put_offers(unit, domain, [item for item in items if item.held is not None])


async def _put_offers(unit: Unit, domain: str, items: Sequence[WorkItem]) -> None:
    pairs = sorted(((item.held, item) for item in items if item.held), key=lambda pair: pair[0].offer_id)
    if not pairs:
        return
    await unit.run(
        """
        INSERT INTO router.offers (domain, offer_id, work_item_id, agent_id, state, cost, made_at, expires_at)
        SELECT CAST(:domain AS text), * FROM unnest(CAST(:ids AS uuid[]), CAST(:items AS uuid[]), CAST(:agents AS text[]),
            CAST(:states AS text[]), CAST(:costs AS int[]), CAST(:made AS timestamptz[]), CAST(:expires AS timestamptz[]))
        ON CONFLICT (domain, offer_id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at
        WHERE offers.state <> excluded.state""",
        domain=domain,
        ids=[held.offer_id for held, _ in pairs],
        items=[item.id for _, item in pairs],
        agents=[held.agent_id for held, _ in pairs],
        states=["accepted" if item.phase is Phase.ASSIGNED else "pending" for _, item in pairs],
        costs=[held.cost for held, _ in pairs],
        made=[held.made_at for held, _ in pairs],
        expires=[held.expires_at for held, _ in pairs],
    )


async def put_agents(unit: Unit, domain: str, agents: Sequence[Agent]) -> None:
    """Write agents over."""
    if not agents:
        return
    await unit.run(
        """
        INSERT INTO router.agents AS known (domain, agent_id, name, ability, active, presence, epoch, lease_until, requeue_at,
            not_responding, idle_seq, idle_since, extra)
        SELECT CAST(:domain AS text), id, name, CAST(ability AS jsonb), active, presence, epoch, lease_until, requeue_at,
            not_responding, idle_seq, idle_since, CAST(extra AS jsonb)
        FROM unnest(CAST(:ids AS text[]), CAST(:names AS text[]), CAST(:abilities AS text[]), CAST(:active AS boolean[]),
            CAST(:presences AS text[]), CAST(:epochs AS bigint[]), CAST(:leases AS timestamptz[]),
            CAST(:requeues AS timestamptz[]), CAST(:silent AS boolean[]), CAST(:idle_seqs AS bigint[]),
            CAST(:idle_sinces AS timestamptz[]), CAST(:extra AS text[]))
            AS t (id, name, ability, active, presence, epoch, lease_until, requeue_at, not_responding, idle_seq, idle_since,
            extra)
        ON CONFLICT (domain, agent_id) DO UPDATE SET
            name = excluded.name, ability = excluded.ability, active = excluded.active, presence = excluded.presence,
            epoch = excluded.epoch, lease_until = excluded.lease_until, requeue_at = excluded.requeue_at,
            not_responding = excluded.not_responding, idle_seq = excluded.idle_seq, idle_since = excluded.idle_since,
            extra = excluded.extra""",
        domain=domain,
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


async def put_queues(unit: Unit, domain: str, queues: Sequence[Queue]) -> None:
    """Write queues over."""
    if queues:
        await unit.run(
            """
            INSERT INTO router.queues (domain, queue_id, name, team, extra)
            SELECT CAST(:domain AS text), id, name, team, CAST(extra AS jsonb)
            FROM unnest(CAST(:ids AS text[]), CAST(:names AS text[]), CAST(:teams AS text[]), CAST(:extra AS text[]))
                AS t (id, name, team, extra)
            ON CONFLICT (domain, queue_id) DO UPDATE SET name = excluded.name, team = excluded.team, extra = excluded.extra""",
            domain=domain,
            ids=[queue.id for queue in queues],
            names=[queue.name for queue in queues],
            teams=[queue.team for queue in queues],
            extra=[extras.queue_extra(queue) for queue in queues],
        )


async def put_wrap_ups(unit: Unit, domain: str, state: State, changes: Changes) -> None:
    """Bring the wrap-ups that changed up to the state."""
    ids = sorted(changes.wrap_ups)
    if not ids:
        return
    await unit.run(_ENDED_WRAP_UPS, domain=domain, ids=ids)
    running = [state.wrap_ups[id] for id in ids if id in state.wrap_ups]
    await unit.run(
        """
        INSERT INTO router.wrap_ups (domain, offer_id, work_item_id, agent_id, queue_id, channel, cost, disposition, until)
        SELECT CAST(:domain AS text), * FROM unnest(CAST(:ids AS uuid[]), CAST(:items AS uuid[]), CAST(:agents AS text[]),
            CAST(:queues AS text[]), CAST(:channels AS text[]), CAST(:costs AS int[]), CAST(:dispositions AS text[]),
            CAST(:untils AS timestamptz[]))""",
        domain=domain,
        ids=[wrap_up.id for wrap_up in running],
        items=[wrap_up.work_item_id for wrap_up in running],
        agents=[wrap_up.agent_id for wrap_up in running],
        queues=[wrap_up.queue_id for wrap_up in running],
        channels=[wrap_up.channel for wrap_up in running],
        costs=[wrap_up.cost for wrap_up in running],
        dispositions=[wrap_up.disposition for wrap_up in running],
        untils=[wrap_up.until for wrap_up in running],
    )


async def put_known(unit: Unit, domain: str, state: State, changes: Changes) -> None:
    """Bring the agents whom contacts know up to the state."""
    ids = sorted(changes.known)
    if not ids:
        return
    gone = [id for id in ids if id not in state.known]
    await unit.run(_FORGOTTEN, domain=domain, ids=gone)
    known = [(id, state.known[id]) for id in ids if id in state.known]
    await unit.run(
        """
        INSERT INTO router.known_agents (domain, who, agent_id, at, seq)
        SELECT CAST(:domain AS text), * FROM unnest(
            CAST(:ids AS uuid[]), CAST(:agents AS text[]), CAST(:ats AS timestamptz[]), CAST(:seqs AS bigint[]))
        ON CONFLICT (domain, who) DO UPDATE SET agent_id = excluded.agent_id, at = excluded.at, seq = excluded.seq""",
        domain=domain,
        ids=[id for id, _ in known],
        agents=[one.agent_id for _, one in known],
        ats=[one.at for _, one in known],
        seqs=[one.seq for _, one in known],
    )
