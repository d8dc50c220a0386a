"""Which routing domain an agent, a queue's name and a piece of work come from: what is told of them goes there."""

from alembic import op

revision = "0006"
down_revision = "0005"

_STATEMENTS = (
    "ALTER TABLE desk.work_items ADD COLUMN domain text NOT NULL DEFAULT 'main'",
    "ALTER TABLE desk.queues ADD COLUMN domain text NOT NULL DEFAULT 'main'",
    """
    ALTER TABLE desk.agents
        ADD COLUMN domain text NOT NULL DEFAULT 'main',
        ADD COLUMN told_at timestamptz NOT NULL DEFAULT '-infinity'""",
)


def upgrade() -> None:
    """Add the columns; what is known so far is of the one domain there was."""
    for statement in _STATEMENTS:
        op.execute(statement)
