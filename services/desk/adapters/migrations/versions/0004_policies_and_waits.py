"""Who put which routing policy in force at the desk, and how the waits of customers stand."""

from alembic import op

revision = "0004"
down_revision = "0003"

_STATEMENTS = (
    """
    CREATE TABLE desk.policy_changes (
        change_id uuid PRIMARY KEY,
        version text NOT NULL,
        at timestamptz NOT NULL,
        agent_id text NOT NULL
    )""",
    "CREATE INDEX policy_changes_version ON desk.policy_changes (version, at DESC)",
    """
    CREATE TABLE desk.waits (
        work_item_id uuid PRIMARY KEY,
        seq bigint NOT NULL DEFAULT 0,
        told_at timestamptz,
        position int,
        estimate_seconds float8,
        breached_wait timestamptz,
        due timestamptz,
        at timestamptz NOT NULL
    )""",
    "CREATE INDEX waits_age ON desk.waits (at)",
)


def upgrade() -> None:
    """Add the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
