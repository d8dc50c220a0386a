"""The log of the routing domain, and the state that follows from it."""

from alembic import op

from runtime.migrations import create_service_tables

revision = "0001"
down_revision = None

_TABLES = (
    """
    CREATE TABLE router.owners (
        domain text PRIMARY KEY,
        epoch bigint NOT NULL DEFAULT 0,
        seq bigint NOT NULL DEFAULT 0,
        at timestamptz NOT NULL DEFAULT '1970-01-01 00:00:00+00',
        policy text
    )""",
    "INSERT INTO router.owners (domain) VALUES ('main')",
    """
    CREATE TABLE router.log (
        seq bigint PRIMARY KEY,
        at timestamptz NOT NULL,
        command_id uuid NOT NULL,
        type text NOT NULL,
        data jsonb NOT NULL
    )""",
    "CREATE TABLE router.policies (version text PRIMARY KEY, body text NOT NULL)",
    "CREATE TABLE router.queues (queue_id text PRIMARY KEY, name text NOT NULL, team text)",
    """
    CREATE TABLE router.agents (
        agent_id text PRIMARY KEY,
        name text NOT NULL,
        ability jsonb NOT NULL,
        active boolean NOT NULL,
        presence text NOT NULL,
        epoch bigint NOT NULL,
        lease_until timestamptz,
        requeue_at timestamptz,
        not_responding boolean NOT NULL,
        idle_seq bigint NOT NULL,
        idle_since timestamptz NOT NULL
    ) WITH (fillfactor = 50)""",
    """
    CREATE TABLE router.work_items (
        work_item_id uuid PRIMARY KEY,
        queue_id text NOT NULL,
        phase text NOT NULL CHECK (phase IN ('waiting', 'offered', 'assigned')),
        facts jsonb NOT NULL,
        rule text NOT NULL,
        policy text NOT NULL,
        priority int NOT NULL,
        enqueued_at timestamptz NOT NULL,
        steps_from timestamptz NOT NULL,
        demands jsonb NOT NULL,
        position bigint NOT NULL,
        step int NOT NULL,
        excluded jsonb,
        offers int NOT NULL,
        interactions int NOT NULL
    ) WITH (fillfactor = 80)""",
    """
    CREATE TABLE router.offers (
        offer_id uuid PRIMARY KEY,
        work_item_id uuid NOT NULL,
        agent_id text NOT NULL,
        state text NOT NULL CHECK (state IN ('pending', 'accepted', 'rejected', 'expired', 'cancelled')),
        cost int NOT NULL CHECK (cost >= 0),
        made_at timestamptz NOT NULL,
        expires_at timestamptz
    )""",
    "CREATE UNIQUE INDEX offers_one_live ON router.offers (work_item_id) WHERE state IN ('pending', 'accepted')",
    "CREATE INDEX offers_work_item ON router.offers (work_item_id)",
)


def upgrade() -> None:
    """Forward only."""
    create_service_tables("router")
    for table in _TABLES:
        op.execute(table)
