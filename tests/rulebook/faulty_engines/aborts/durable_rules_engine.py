"""Stands in for durable_rules in the child that tries a ruleset out: it takes the whole process down, as a bad pointer would."""

import os


def create_ruleset(name: str, definition: str) -> int:
    """Ends the process with a signal."""
    os.abort()
