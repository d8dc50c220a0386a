"""Several routing domains side by side, each with its own log; and the terms in force, with what a deployment has set."""

from alembic import op

revision = "0003"
down_revision = "0002"

_KEYS = {
    "log": "seq",
    "policies": "version",
    "queues": "queue_id",
    "agents": "agent_id",
    "work_items": "work_item_id",
    "offers": "offer_id",
    "wrap_ups": "offer_id",
    "known_agents": "who",
}
_INDEXES = (
    """
    CREATE UNIQUE INDEX offers_one_live ON router.offers (domain, work_item_id)
        WHERE state IN ('pending', 'accepted')""",
    "CREATE INDEX offers_work_item ON router.offers (domain, work_item_id)",
)


def upgrade() -> None:
    """Forward only."""
    op.execute("ALTER TABLE router.owners ADD COLUMN terms jsonb")
    op.execute("DROP INDEX router.offers_one_live, router.offers_work_item")
    for table, key in _KEYS.items():
        op.execute(f"ALTER TABLE router.{table} ADD COLUMN domain text NOT NULL DEFAULT 'main'")
        op.execute(f"ALTER TABLE router.{table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (domain, {key})")
    for index in _INDEXES:
        op.execute(index)
