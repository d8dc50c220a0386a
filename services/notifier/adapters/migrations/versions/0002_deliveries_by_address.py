"""Deliveries by address: a stop word ends what waits for its writer."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Forward only."""
    op.execute("CREATE INDEX deliveries_by_address ON notifier.deliveries (address, channel)")
