"""The database: its tables, one writer, the outbox, the audit trail; no other room writes SQL."""
