"""Parked items, wrap-ups, the agents whom contacts know, and what agents, queues and items hold beyond their columns."""

from alembic import op

revision = "0002"
down_revision = "0001"

_CHANGES = (
    "ALTER TABLE router.work_items DROP CONSTRAINT work_items_phase_check",
    """
    ALTER TABLE router.work_items
        ADD CONSTRAINT work_items_phase_check CHECK (phase IN ('waiting', 'parked', 'offered', 'assigned'))""",
    "ALTER TABLE router.work_items ADD COLUMN extra jsonb",
    "ALTER TABLE router.agents ADD COLUMN extra jsonb",
    "ALTER TABLE router.queues ADD COLUMN extra jsonb",
    """
    CREATE TABLE router.wrap_ups (
        offer_id uuid PRIMARY KEY,
        work_item_id uuid NOT NULL,
        agent_id text NOT NULL,
        queue_id text NOT NULL,
        channel text NOT NULL,
        cost int NOT NULL CHECK (cost >= 0),
        disposition text NOT NULL,
        until timestamptz NOT NULL
    )""",
    """
    CREATE TABLE router.known_agents (
        who uuid PRIMARY KEY,
        agent_id text NOT NULL,
        at timestamptz NOT NULL,
        seq bigint NOT NULL
    )""",
)


def upgrade() -> None:
    """Forward only."""
    for change in _CHANGES:
        op.execute(change)
