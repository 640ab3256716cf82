"""Keeping a store: backup, moving it to PostgreSQL, going on after a restore, what is overdue, which processes run on it."""
