"""The desk's projection of the events, its users and sessions, and the live feed."""

from alembic import op

from runtime.migrations import create_service_tables

revision = "0001"
down_revision = None

_PROJECTION = (
    """
    CREATE TABLE desk.contacts (
        contact_id uuid PRIMARY KEY,
        version int NOT NULL,
        display_name text,
        handle text,
        tier text NOT NULL,
        language text,
        preferred_channel text,
        identifiers jsonb NOT NULL
    )""",
    """
    CREATE TABLE desk.conversations (
        conversation_id uuid PRIMARY KEY,
        contact_id uuid NOT NULL,
        live_at timestamptz NOT NULL,
        live_id uuid NOT NULL,
        replied_at timestamptz,
        replied_id uuid,
        last_at timestamptz GENERATED ALWAYS AS (greatest(live_at, replied_at)) STORED,
        read_at timestamptz
    ) WITH (fillfactor = 80)""",
    "CREATE INDEX conversations_last ON desk.conversations (last_at, conversation_id)",
    "CREATE INDEX conversations_contact ON desk.conversations (contact_id)",
    """
    CREATE TABLE desk.items (
        item_id uuid PRIMARY KEY,
        conversation_id uuid NOT NULL,
        at timestamptz NOT NULL,
        kind text NOT NULL CHECK (kind IN ('message', 'call', 'missed_call', 'reply', 'note')),
        channel text,
        inbox text,
        author text NOT NULL,
        body text NOT NULL,
        language text,
        extra jsonb
    )""",
    "CREATE INDEX items_conversation ON desk.items (conversation_id, at)",
    """
    CREATE TABLE desk.work_items (
        work_item_id uuid PRIMARY KEY,
        placed bigint NOT NULL,
        state text NOT NULL CHECK (state IN ('waiting', 'offered', 'assigned', 'resolved')),
        queue_id text,
        agent_id text,
        offer_id uuid,
        expires_at timestamptz,
        enqueued_at timestamptz
    ) WITH (fillfactor = 70)""",
    "CREATE INDEX work_items_held ON desk.work_items (agent_id) WHERE state IN ('offered', 'assigned')",
    """
    CREATE INDEX work_items_waiting ON desk.work_items (queue_id, enqueued_at)
        WHERE state IN ('waiting', 'offered')""",
    """
    CREATE TABLE desk.decisions (
        work_item_id uuid NOT NULL,
        placed bigint NOT NULL,
        at timestamptz NOT NULL,
        code text NOT NULL,
        agent_id text,
        queue_id text,
        reason text,
        PRIMARY KEY (work_item_id, placed)
    )""",
    """
    CREATE TABLE desk.deliveries (
        delivery_id uuid PRIMARY KEY,
        reply_id uuid NOT NULL,
        conversation_id uuid NOT NULL,
        channel text NOT NULL,
        state text NOT NULL,
        why text NOT NULL,
        at timestamptz NOT NULL,
        progress int NOT NULL
    )""",
    "CREATE INDEX deliveries_reply ON desk.deliveries (reply_id)",
    """
    CREATE TABLE desk.agents (
        agent_id text PRIMARY KEY,
        seq bigint NOT NULL,
        name text NOT NULL,
        presence text NOT NULL,
        used int NOT NULL,
        capacity int NOT NULL
    ) WITH (fillfactor = 50)""",
    """
    CREATE TABLE desk.queues (
        queue_id text PRIMARY KEY,
        seq bigint NOT NULL DEFAULT -1,
        name text NOT NULL DEFAULT '',
        waiting bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 50)""",
)

_LIVE = (
    """
    CREATE TABLE desk.live_head (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        cursor bigint NOT NULL DEFAULT 0,
        floor bigint NOT NULL DEFAULT 0,
        second bigint NOT NULL DEFAULT 0,
        spent int NOT NULL DEFAULT 0
    ) WITH (fillfactor = 20)""",
    "INSERT INTO desk.live_head DEFAULT VALUES",
    """
    CREATE TABLE desk.live_events (
        cursor bigint PRIMARY KEY,
        at timestamptz NOT NULL,
        audience text,
        kind text NOT NULL,
        data jsonb NOT NULL
    )""",
    "CREATE TABLE desk.listeners (agent_id text PRIMARY KEY, seen_at timestamptz NOT NULL) WITH (fillfactor = 50)",
)

_PEOPLE = (
    """
    CREATE TABLE desk.users (
        agent_id text PRIMARY KEY,
        name text NOT NULL,
        role text NOT NULL CHECK (role IN ('agent', 'supervisor', 'administrator')),
        password_hash text NOT NULL,
        locale text NOT NULL DEFAULT 'en' CHECK (locale IN ('en', 'fa', 'ru')),
        color_scheme text NOT NULL DEFAULT 'auto' CHECK (color_scheme IN ('light', 'dark', 'auto')),
        active boolean NOT NULL DEFAULT true,
        wanted text NOT NULL DEFAULT 'offline' CHECK (wanted IN ('online', 'away', 'offline')),
        epoch int NOT NULL DEFAULT 0,
        renewed_at timestamptz
    )""",
    """
    CREATE TABLE desk.sessions (
        token_hash bytea PRIMARY KEY,
        agent_id text NOT NULL REFERENCES desk.users ON DELETE CASCADE,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL
    )""",
    "CREATE INDEX sessions_expires ON desk.sessions (expires_at)",
    """
    CREATE TABLE desk.login_failures (
        subject bytea PRIMARY KEY,
        failures int NOT NULL,
        since timestamptz NOT NULL
    )""",
)


def upgrade() -> None:
    """Create the schema's tables."""
    create_service_tables("desk")
    for statement in (*_PROJECTION, *_LIVE, *_PEOPLE):
        op.execute(statement)
