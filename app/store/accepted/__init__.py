"""Releases accepted, followed up and lifted: decision, messages, history and work items in one transaction."""
