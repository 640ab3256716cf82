"""A release in, a decision out: facts, outcome, notices as text; pure."""
