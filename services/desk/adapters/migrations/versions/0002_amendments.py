"""What customers changed afterwards, files that came later, and files that agents attach."""

from alembic import op

revision = "0002"
down_revision = "0001"

_STATEMENTS = (
    "ALTER TABLE desk.items ADD COLUMN edited_at timestamptz, ADD COLUMN deleted_at timestamptz",
    """
    CREATE TABLE desk.amendments (
        item_id uuid PRIMARY KEY,
        at timestamptz NOT NULL,
        change text NOT NULL CHECK (change IN ('edited', 'deleted')),
        body text NOT NULL,
        applied boolean NOT NULL DEFAULT false,
        noted_at timestamptz NOT NULL DEFAULT now()
    )""",
    "CREATE INDEX amendments_waiting ON desk.amendments (noted_at) WHERE NOT applied",
    "CREATE INDEX amendments_age ON desk.amendments (noted_at)",
    """
    CREATE TABLE desk.files (
        item_id uuid NOT NULL,
        ref text NOT NULL,
        state text NOT NULL CHECK (state IN ('stored', 'gone')),
        media_type text NOT NULL,
        size bigint NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (item_id, ref)
    )""",
    """
    CREATE TABLE desk.uploads (
        upload_id uuid PRIMARY KEY,
        agent_id text NOT NULL,
        ref text NOT NULL,
        name text NOT NULL,
        media_type text NOT NULL,
        size bigint NOT NULL,
        uploaded_at timestamptz NOT NULL,
        used_at timestamptz
    )""",
    "CREATE INDEX uploads_age ON desk.uploads (uploaded_at)",
)


def upgrade() -> None:
    """Create the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
