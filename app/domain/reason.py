"""Why somebody did something: one line of text, kept in the record."""

REASON_LENGTH = 500
"""Characters of a reason at the most."""
