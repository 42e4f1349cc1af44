"""Alembic's entry point: runs steps on the connection that `storage.migrate` hands over, in its transaction."""

from alembic import context

from integration.storage.sql.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
