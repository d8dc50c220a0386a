"""What web visitors said of themselves, and who their site says they are."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.execute("""
        CREATE TABLE ingest.chat_visitors (
            inbox text NOT NULL,
            visitor_id text NOT NULL,
            name text,
            email text,
            external_id text,
            vouched_email text,
            vouched boolean NOT NULL DEFAULT false,
            vouched_name text,
            vouched_until timestamptz,
            changed_at timestamptz NOT NULL,
            PRIMARY KEY (inbox, visitor_id)
        )""")
