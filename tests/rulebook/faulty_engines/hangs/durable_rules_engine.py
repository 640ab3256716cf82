"""Stands in for durable_rules in the child that tries a ruleset out: it never answers."""

import threading


def create_ruleset(name: str, definition: str) -> int:
    """Waits for ever."""
    threading.Event().wait()
    return 0
