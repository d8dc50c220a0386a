"""What came in: interactions, refused input, and what web visitors were sent."""

from alembic import op

from runtime.migrations import create_service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the schema's tables."""
    create_service_tables("ingest")
    op.execute("""
        CREATE TABLE ingest.interactions (
            interaction_id uuid PRIMARY KEY,
            source text NOT NULL,
            inbox text NOT NULL,
            channel text NOT NULL,
            accepted_at timestamptz NOT NULL DEFAULT now(),
            payload jsonb NOT NULL
        )""")
    op.execute("CREATE INDEX interactions_accepted_at ON ingest.interactions USING brin (accepted_at)")
    op.execute("""
        CREATE TABLE ingest.refused_inputs (
            id uuid PRIMARY KEY,
            inbox text NOT NULL,
            channel text NOT NULL,
            code text NOT NULL,
            reason text NOT NULL,
            headers jsonb NOT NULL,
            body bytea NOT NULL,
            received_at timestamptz NOT NULL DEFAULT now()
        )""")
    op.execute("""
        CREATE TABLE ingest.chat_messages (
            visitor_id text NOT NULL,
            inbox text NOT NULL,
            seq bigint GENERATED ALWAYS AS IDENTITY,
            message_id uuid NOT NULL UNIQUE,
            direction text NOT NULL CHECK (direction IN ('in', 'out')),
            author text,
            body text NOT NULL,
            at timestamptz NOT NULL,
            received_at timestamptz,
            read_at timestamptz,
            PRIMARY KEY (inbox, visitor_id, seq)
        )""")
