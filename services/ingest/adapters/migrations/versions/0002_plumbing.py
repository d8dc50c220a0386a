"""What channels need beside interactions: cursors of sources, files to fetch, and refused input that can be tried again."""

from alembic import op

revision = "0002"
down_revision = "0001"

_STATEMENTS = (
    """
    CREATE TABLE ingest.cursors (
        inbox text NOT NULL,
        name text NOT NULL,
        value text NOT NULL,
        changed_at timestamptz NOT NULL,
        PRIMARY KEY (inbox, name)
    )""",
    """
    CREATE TABLE ingest.wanted_files (
        interaction_id uuid NOT NULL,
        ref text NOT NULL,
        inbox text NOT NULL,
        locator text NOT NULL,
        name text NOT NULL,
        media_type text NOT NULL,
        size bigint NOT NULL,
        state text NOT NULL DEFAULT 'wanted' CHECK (state IN ('wanted', 'stored', 'gone')),
        attempts int NOT NULL DEFAULT 0,
        next_at timestamptz NOT NULL DEFAULT now(),
        lease_until timestamptz,
        problem text NOT NULL DEFAULT '',
        settled_at timestamptz,
        PRIMARY KEY (interaction_id, ref)
    )""",
    "CREATE INDEX wanted_files_due ON ingest.wanted_files (next_at) WHERE state = 'wanted'",
    "CREATE INDEX wanted_files_settled ON ingest.wanted_files (settled_at) WHERE state <> 'wanted'",
    """
    ALTER TABLE ingest.refused_inputs
        ADD COLUMN url text NOT NULL DEFAULT '',
        ADD COLUMN peer text NOT NULL DEFAULT '',
        ADD COLUMN state text NOT NULL DEFAULT 'refused' CHECK (state IN ('refused', 'retry', 'resolved')),
        ADD COLUMN attempts int NOT NULL DEFAULT 0,
        ADD COLUMN resolved_at timestamptz""",
    "ALTER TABLE ingest.chat_messages ADD COLUMN attachments jsonb",
    "CREATE INDEX refused_inputs_retry ON ingest.refused_inputs (received_at) WHERE state = 'retry'",
    "CREATE INDEX refused_inputs_resolved ON ingest.refused_inputs (resolved_at) WHERE state = 'resolved'",
)


def upgrade() -> None:
    """Create the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
