"""Alembic's entry: runs the migrations on the connection that `app.store.database.engine.upgrade` hands over, in its transaction."""

from alembic import context
from sqlmodel import SQLModel

from app.store.tables import main as tables  # noqa: F401 - fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
