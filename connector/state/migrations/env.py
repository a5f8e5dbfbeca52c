"""Alembic's environment: the connection comes from `connector.state.schema`, its transaction as well."""

from alembic import context

from connector.state.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
