"""Reads that change nothing: reconciliation, what waits, what the last hour brought, totals; each costs what it shows."""
