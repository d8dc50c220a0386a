"""Which routing domain has the work of a conversation."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; what is known so far is of the one domain there was."""
    op.execute("ALTER TABLE profile.conversations ADD COLUMN domain text NOT NULL DEFAULT 'main'")
