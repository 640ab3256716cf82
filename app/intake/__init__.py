"""Releases accepted, followed up, held back and let go: decided, stored and queued in one transaction."""
