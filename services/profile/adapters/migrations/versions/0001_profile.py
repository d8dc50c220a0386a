"""The unified record: contacts, their identifiers, conversations."""

from alembic import op

from runtime.migrations import create_service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the schema's tables."""
    create_service_tables("profile")
    op.execute("""
        CREATE TABLE profile.contacts (
            contact_id uuid PRIMARY KEY,
            version int NOT NULL,
            display_name text,
            tier text NOT NULL DEFAULT 'lead',
            language text,
            preferred_channel text,
            first_seen timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        )""")
    op.execute("""
        CREATE TABLE profile.identifiers (
            type text NOT NULL,
            value text NOT NULL,
            contact_id uuid NOT NULL,
            trust text NOT NULL,
            first_seen timestamptz NOT NULL,
            PRIMARY KEY (type, value)
        )""")
    op.execute("CREATE INDEX identifiers_contact ON profile.identifiers (contact_id)")
    op.execute("""
        CREATE TABLE profile.conversations (
            conversation_id uuid PRIMARY KEY,
            contact_id uuid NOT NULL,
            state text NOT NULL CHECK (state IN ('open', 'ended')),
            opened_at timestamptz NOT NULL,
            last_at timestamptz NOT NULL,
            ended_at timestamptz
        )""")
    op.execute("CREATE UNIQUE INDEX conversations_one_open ON profile.conversations (contact_id) WHERE state = 'open'")
    op.execute("CREATE INDEX conversations_contact ON profile.conversations (contact_id, opened_at DESC)")
    op.execute("""
        CREATE TABLE profile.interactions (
            interaction_id uuid PRIMARY KEY,
            contact_id uuid NOT NULL,
            conversation_id uuid NOT NULL,
            inbox text NOT NULL,
            channel text NOT NULL,
            at timestamptz NOT NULL
        )""")
    op.execute("CREATE INDEX interactions_contact ON profile.interactions (contact_id, at DESC)")
