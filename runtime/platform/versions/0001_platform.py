"""What all services share: progress on the log, API keys."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables of the platform."""
    op.execute("""
        CREATE TABLE platform.applied (
            consumer text NOT NULL,
            epoch text NOT NULL,
            topic text NOT NULL,
            partition int NOT NULL,
            next_offset bigint NOT NULL,
            PRIMARY KEY (consumer, epoch, topic, partition)
        ) WITH (fillfactor = 50)""")
    op.execute("""
        CREATE TABLE platform.api_keys (
            id uuid PRIMARY KEY,
            name text NOT NULL UNIQUE,
            hash bytea NOT NULL UNIQUE,
            scopes text[] NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            revoked_at timestamptz
        )""")
