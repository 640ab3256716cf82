"""Every table, one file a subject; Alembic's migrations build them."""
