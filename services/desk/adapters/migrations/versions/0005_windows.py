"""In which login sessions an agent's presence was chosen: these keep the lease, the others look on."""

from alembic import op

revision = "0005"
down_revision = "0004"

_STATEMENTS = (
    """
    ALTER TABLE desk.sessions
        ADD COLUMN session_id uuid NOT NULL DEFAULT gen_random_uuid(),
        ADD COLUMN present boolean NOT NULL DEFAULT false,
        ADD COLUMN renewed_at timestamptz""",
    "CREATE UNIQUE INDEX sessions_id ON desk.sessions (session_id)",
    "CREATE INDEX sessions_agent ON desk.sessions (agent_id)",
    """
    UPDATE desk.sessions s SET present = true
    FROM desk.users u WHERE u.agent_id = s.agent_id AND u.wanted <> 'offline'""",
)


def upgrade() -> None:
    """Add the columns. Who is present stays so, in every session they have."""
    for statement in _STATEMENTS:
        op.execute(statement)
