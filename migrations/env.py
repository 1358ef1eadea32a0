"""Alembic's entry: migrates the ledger over the connection that `ledger upgrade` opens."""

from alembic import context

from connector.ledger.schema import meta

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=meta, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
