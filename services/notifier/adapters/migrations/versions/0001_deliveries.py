"""Contacts, replies, deliveries and suppressions."""

from alembic import op

from runtime.migrations import create_service_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Forward only."""
    create_service_tables("notifier")
    op.execute("""
        CREATE TABLE notifier.contacts (
            contact_id uuid PRIMARY KEY,
            version int NOT NULL,
            contact json NOT NULL
        )""")
    op.execute("""
        CREATE TABLE notifier.replies (
            reply_id uuid PRIMARY KEY,
            place bigint GENERATED ALWAYS AS IDENTITY,
            digest bytea NOT NULL,
            request json NOT NULL,
            correlation text,
            traceparent text
        )""")
    op.execute("""
        CREATE TABLE notifier.deliveries (
            delivery_id uuid PRIMARY KEY,
            reply_id uuid NOT NULL REFERENCES notifier.replies,
            ordinal int NOT NULL,
            place bigint NOT NULL,
            conversation_id uuid NOT NULL,
            contact_id uuid NOT NULL,
            channel text NOT NULL,
            inbox text NOT NULL,
            address text NOT NULL,
            state text NOT NULL,
            message_class text NOT NULL,
            attempt int NOT NULL,
            lease_until timestamptz,
            next_at timestamptz,
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            provider_id text,
            why text NOT NULL,
            correlation text,
            traceparent text,
            UNIQUE (reply_id, ordinal)
        )""")
    op.execute("CREATE INDEX deliveries_due ON notifier.deliveries (inbox, next_at, place) WHERE next_at IS NOT NULL")
    op.execute("CREATE INDEX deliveries_next ON notifier.deliveries (next_at) WHERE next_at IS NOT NULL")
    op.execute("CREATE INDEX deliveries_leased ON notifier.deliveries (lease_until) WHERE lease_until IS NOT NULL")
    op.execute("""
        CREATE INDEX deliveries_waiting ON notifier.deliveries (expires_at)
        WHERE state IN ('accepted', 'deferred', 'queued', 'retry_wait')""")
    op.execute("CREATE INDEX deliveries_deferred ON notifier.deliveries (contact_id) WHERE state = 'deferred'")
    op.execute("""
        CREATE INDEX deliveries_in_order ON notifier.deliveries (conversation_id, channel, place)
        WHERE state IN ('accepted', 'deferred', 'queued', 'sending', 'retry_wait', 'unknown')""")
    op.execute("""
        CREATE TABLE notifier.suppressions (
            channel text NOT NULL,
            digest text NOT NULL,
            scope text NOT NULL,
            delivery_id uuid NOT NULL,
            since timestamptz NOT NULL,
            PRIMARY KEY (digest, channel, scope)
        )""")
