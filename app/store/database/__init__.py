"""The database itself: SQLite or PostgreSQL, the one writer of a process, reading, and hints between hosts."""
