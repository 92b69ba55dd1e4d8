"""Alembic's entry: runs the migrations on the connection that it is handed."""

from alembic import context

from fairlead.ledger.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite alters a table by making it anew
    transactional_ddl=True,  # a migration that fails leaves the ledger as it was
)
context.run_migrations()
