"""The revisions, each in a file."""
