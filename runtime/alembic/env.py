"""Alembic's environment: runs the revisions of one schema on the connection it is given."""

from alembic import context

config = context.config
context.configure(
    connection=config.attributes["connection"],
    version_table_schema=config.attributes["schema"],
    transaction_per_migration=False,
)
context.run_migrations()
