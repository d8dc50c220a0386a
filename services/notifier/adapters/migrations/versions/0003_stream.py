"""The public stream, the subscriptions of webhooks, and what became of what was sent to them."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Forward only."""
    _stream()
    _webhooks()
    _deliveries()


def _stream() -> None:
    # `kept_from` is the smallest cursor after which nothing is missing; `writer` is the one feed that may write.
    op.execute("""
        CREATE TABLE notifier.stream (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            event_id uuid NOT NULL UNIQUE,
            at timestamptz NOT NULL,
            type text NOT NULL,
            head text NOT NULL,
            value bytea NOT NULL
        )""")
    op.execute("ALTER TABLE notifier.stream ALTER COLUMN value SET STORAGE EXTERNAL")
    op.execute("""
        CREATE TABLE notifier.stream_state (
            single boolean PRIMARY KEY DEFAULT true CHECK (single),
            writer uuid,
            since timestamptz,
            kept_from bigint NOT NULL DEFAULT 0
        )""")
    op.execute("INSERT INTO notifier.stream_state DEFAULT VALUES")


def _webhooks() -> None:
    # `turn` grows with every change from outside: who drives the subscription under an older one records nothing.
    op.execute("""
        CREATE TABLE notifier.webhooks (
            id uuid PRIMARY KEY,
            url text NOT NULL,
            types text[] NOT NULL,
            description text NOT NULL,
            contact_data boolean NOT NULL,
            enabled boolean NOT NULL DEFAULT true,
            disabled_because text,
            secret text NOT NULL,
            old_secret text,
            old_secret_until timestamptz,
            cursor bigint NOT NULL,
            turn int NOT NULL DEFAULT 0,
            failures int NOT NULL DEFAULT 0,
            failing_since timestamptz,
            rest_until timestamptz,
            missed_at timestamptz,
            delivered_at timestamptz,
            lease_by uuid,
            lease_until timestamptz,
            created_at timestamptz NOT NULL
        )""")


def _deliveries() -> None:
    op.execute("""
        CREATE TABLE notifier.webhook_deliveries (
            id uuid PRIMARY KEY,
            webhook_id uuid NOT NULL REFERENCES notifier.webhooks ON DELETE CASCADE,
            cursor bigint NOT NULL,
            event_id text NOT NULL,
            type text NOT NULL,
            state text NOT NULL CHECK (state IN ('delivered', 'waiting', 'dead')),
            attempts int NOT NULL,
            status int,
            trouble text,
            first_at timestamptz NOT NULL,
            at timestamptz NOT NULL,
            next_at timestamptz,
            body bytea
        )""")
    op.execute("CREATE INDEX webhook_deliveries_list ON notifier.webhook_deliveries (webhook_id, id)")
    op.execute("""
        CREATE INDEX webhook_deliveries_waiting ON notifier.webhook_deliveries (webhook_id, cursor)
        WHERE state = 'waiting'""")
    op.execute("CREATE INDEX webhook_deliveries_done ON notifier.webhook_deliveries (at) WHERE state <> 'waiting'")
    op.execute("CREATE INDEX webhook_deliveries_dead ON notifier.webhook_deliveries (webhook_id) WHERE state = 'dead'")
