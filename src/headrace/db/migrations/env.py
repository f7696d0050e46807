"""The Alembic environment: runs migrations on the connection that `headrace.db.migrate` passes."""

from alembic import context

from headrace.db.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
