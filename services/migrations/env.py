"""Run by Alembic: the caller's connection, in the caller's transaction."""

from alembic import context

given = context.config.attributes
context.configure(connection=given["connection"], parts=given["parts"])
with context.begin_transaction():
    context.run_migrations()
