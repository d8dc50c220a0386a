"""What agents finish after contacts, and agents who let offers run out."""

from alembic import op

revision = "0003"
down_revision = "0002"

_STATEMENTS = (
    "ALTER TABLE desk.agents ADD COLUMN not_responding boolean NOT NULL DEFAULT false",
    """
    CREATE TABLE desk.wrap_ups (
        work_item_id uuid NOT NULL,
        agent_id text NOT NULL,
        placed bigint NOT NULL,
        at timestamptz NOT NULL,
        queue_id text NOT NULL,
        until timestamptz,
        PRIMARY KEY (work_item_id, agent_id)
    )""",
    "CREATE INDEX wrap_ups_running ON desk.wrap_ups (agent_id) WHERE until IS NOT NULL",
    "CREATE INDEX wrap_ups_age ON desk.wrap_ups (at)",
)


def upgrade() -> None:
    """Add the column and the table."""
    for statement in _STATEMENTS:
        op.execute(statement)
